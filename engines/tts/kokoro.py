"""Kokoro: natural voices of six languages from a small ONNX model, on a processor alone.

Its phonemes come from espeak-ng, which is GPL-3 and not safe for threads, so the library is loaded in a worker only.
"""

from __future__ import annotations

import ctypes
import importlib.util
import re
import threading
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from audio.value import Audio
from engines.base import Chunk, EngineConfig, EngineSpec, Stop, SynthesisRequest, Voice, engine

RATE = 24000
LONGEST = 510
"""Phonemes of one run: the network's 512 places without the two at the ends."""
SLOWEST, FASTEST = 0.25, 4.0
"""The network divides the lengths of its phonemes by the speed; it was made for 0.5 to 2."""
PORTION = 2000
"""Characters that are read at once, so that a text without end can be begun."""
SLICE = 2 * RATE
"""Samples of a chunk."""

FILES = {"fp32": "kokoro-v1.0.onnx", "fp16": "kokoro-v1.0.fp16.onnx", "int8": "kokoro-v1.0.int8.onnx"}
"""The sizes, best first, and their names in the releases of github.com/thewh1teagle/kokoro-onnx."""
STYLES = "voices-v1.0.bin"
"""An npz of every voice's styles, float32 (510, 1, 256): one for each number of phonemes."""


class _Language(NamedTuple):
    tag: str
    speaker: str
    """espeak-ng's file of it."""
    woman: str
    man: str
    voices: str
    """By their published grade, best first, else in their published order."""


LANGUAGES = {
    "a": _Language(
        "en-US",
        "gmw/en-US",
        "American woman",
        "American man",
        "af_heart af_bella af_nicole af_aoede af_kore af_sarah am_fenrir am_michael am_puck af_alloy af_nova af_sky "
        "af_jessica af_river am_echo am_eric am_liam am_onyx am_santa am_adam",
    ),
    "b": _Language(
        "en-GB",
        "gmw/en",
        "British woman",
        "British man",
        "bf_emma bf_isabella bm_fable bm_george bm_lewis bf_alice bf_lily bm_daniel",
    ),
    "e": _Language("es-ES", "roa/es", "Spanish woman", "Spanish man", "ef_dora em_alex em_santa"),
    "f": _Language("fr-FR", "roa/fr", "Frenchwoman", "Frenchman", "ff_siwis"),
    "h": _Language("hi-IN", "inc/hi", "Woman speaking Hindi", "Man speaking Hindi", "hf_alpha hf_beta hm_omega hm_psi"),
    "i": _Language("it-IT", "roa/it", "Italian woman", "Italian man", "if_sara im_nicola"),
    "p": _Language("pt-BR", "roa/pt-BR", "Brazilian woman", "Brazilian man", "pf_dora pm_alex pm_santa"),
    "j": _Language(
        "ja-JP",
        "jpx/ja",
        "Woman speaking Japanese, of kana only",
        "Man speaking Japanese, of kana only",
        "jf_alpha jf_gongitsune jf_nezumi jf_tebukuro jm_kumo",
    ),
    "z": _Language(
        "zh-CN",
        "sit/cmn",
        "Woman speaking Chinese, without its tones",
        "Man speaking Chinese, without its tones",
        "zf_xiaobei zf_xiaoni zf_xiaoxiao zf_xiaoyi zm_yunjian zm_yunxi zm_yunxia zm_yunyang",
    ),
}
"""By the first letter of a voice's name (huggingface.co/hexgrad/Kokoro-82M, VOICES.md)."""
NAMES = tuple(name for language in LANGUAGES.values() for name in language.voices.split())
POOR = "jz"
"""Languages of which espeak-ng's phonemes are far from those that the network learned: it speaks them when it is asked
by name, and neither its card nor its list of voices offers them."""

_RUNS = (
    (1, ";:,.!?"), (9, "—…\"()“” \u0303ʣʥʦʨᵝꭧAI"), (31, "O"), (33, "Q"), (35, "ST"), (39, "W"), (41, "Yᵊabcdef"),
    (50, "hijklmnopqrstuvwxyzɑɐɒæ"), (75, "βɔɕç"), (80, "ɖðʤə"), (85, "ɚɛɜ"), (90, "ɟ"), (92, "ɡ"), (99, "ɥ"),
    (101, "ɨɪʝ"), (110, "ɯɰŋɳɲɴø"), (118, "ɸθœ"), (123, "ɹ"), (125, "ɾɻ"), (128, "ʁɽʂʃʈʧ"), (135, "ʊʋ"),
    (138, "ʌɣɤ"), (142, "χʎ"), (147, "ʒʔ"), (156, "ˈˌː"), (162, "ʰ"), (164, "ʲ"), (169, "↓"), (171, "→↗↘"), (177, "ᵻ"),
)  # fmt: skip
VOCABULARY = {symbol: first + place for first, symbols in _RUNS for place, symbol in enumerate(symbols)}
"""114 symbols and their tokens (huggingface.co/hexgrad/Kokoro-82M, config.json)."""

# What the network writes for espeak-ng's IPA, `^` being its tie (Kokoro's own phonemes: github.com/hexgrad/misaki).
_ENGLISH = (
    ("a^ɪ", "I"), ("a^ʊ", "W"), ("ɔ^ɪ", "Y"), ("e^ə", "ɛː"), ("e^ɪ", "A"), ("e", "A"), ("d^ʒ", "ʤ"), ("t^ʃ", "ʧ"),
    ("ə^l", "ᵊl"), ("ɚ", "əɹ"), ("r", "ɹ"), ("x", "k"), ("ç", "k"), ("ɬ", "l"), ("ɐ", "ə"), ("ʲ", ""), ("\u0303", ""),
    ("ʔn\u0329", "ʔn"), ("n\u0329", "ᵊn"), ("l\u0329", "ᵊl"), ("m\u0329", "ᵊm"), ("ɾ", "T"), ("ʔ", "t"),
)  # fmt: skip
_AMERICAN = (("o^ʊ", "O"), ("^", ""), ("ɜːɹ", "ɜɹ"), ("ɜː", "ɜɹ"), ("ɪə", "iə"), ("o", "ɔ"), ("ː", ""))
_BRITISH = (("ə^ʊ", "Q"), ("^", ""), ("iə", "ɪə"), ("o", "ɔ"))
_OTHERS = (
    ("t^s.", "ꭧ"), ("s.", "ʂ"), ("r.", "ɽ"), ("i.", "ɨ"), ("a^ɪ", "I"), ("a^ʊ", "W"), ("d^z", "ʣ"), ("d^ʒ", "ʤ"),
    ("d^ʑ", "ʥ"), ("e^ɪ", "A"), ("o^ʊ", "O"), ("ə^ʊ", "Q"), ("t^s", "ʦ"), ("t^ʃ", "ʧ"), ("t^ɕ", "ʨ"), ("ɔ^ɪ", "Y"),
    ("^h", "ʰ"), ("^", ""),
)  # fmt: skip
_CHINESE = (*_OTHERS, ("ɜ", ""))
SPELLINGS = {"a": _ENGLISH + _AMERICAN, "b": _ENGLISH + _BRITISH, "z": _CHINESE}

# espeak-ng/speak_lib.h
SYNCHRONOUS, DONT_EXIT, UTF8 = 2, 0x8000, 1
IPA_WITH_TIE = 0x02 | 0x80 | ord("^") << 8
SAMPLE_RATE = 22050

_UNSPEAKABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
"""Control characters, some of them commands to the library, and halves of surrogate pairs."""
_BREAKS = re.compile(r"([\"“”„«»()\[\]{}—–…]|(?<=\w\w\w)\.(?=\s+[a-zß-öø-ÿ]))")
"""Signs that the network knows and espeak-ng loses; it takes no full stop before a small letter for one."""
_AS_BREAK = str.maketrans("„«»[]{}–", "““”()()—")
_CLAUSE_ENDS = str.maketrans(
    {"。": ". ", "．": ". ", "，": ", ", "、": ", ", "；": "; ", "：": ": ", "！": "! ", "？": "? ", "।": ".", "॥": "."}
)
_AGAIN = re.compile(r"([;:,.!?“”()—…])(?:\s*\1)+")
_OPENING = re.compile(r"(^|[\s(])\"")
_TITLE = re.compile(r"\b(Mrs?|Ms|Dr|Prof|St|Sra?|Dra?)\.(?=\s)")
"""espeak-ng takes their full stop for a sentence's."""
_LEADING = re.compile(r"\s*([;:,.!?])[;:,.!?\s]*")
_END = re.compile(r"([;:,.!?])\W*$")
_END_AND_NEXT = re.compile(r"([;:,.!?])\W*\w?\W*$")
"""The library has read one character of the next clause when it hands over this one."""
_SWITCH = re.compile(r"\([a-z^-]+\)")
"""Its note that a word is of another language."""


@engine(
    EngineSpec(
        name="kokoro",
        kind="tts",
        summary="Natural voices without a GPU, in English and five other languages.",
        licence="Apache-2.0, with espeak-ng (GPL-3.0) for the phonemes",
        rate=RATE,
        languages=("en", "es", "fr", "hi", "it", "pt"),
        capabilities=frozenset({"speed", "streaming"}),
        models=tuple(FILES),
        memory_mb=900,
        concurrency=1,
        cancel="chunk",
        quality=60,
    )
)
class Kokoro:
    """A network that takes tokens and one voice's style, and a library of global state before it."""

    spec: EngineSpec

    @classmethod
    def missing(cls) -> str:
        if any(importlib.util.find_spec(name) is None for name in ("onnxruntime", "espeakng_loader")):
            return "Kokoro is not installed here; `pip install onnxruntime espeakng-loader` brings what it runs on."
        return ""

    @classmethod
    def voices(cls) -> list[Voice]:
        return [_voice(name) for name in NAMES if name[0] not in POOR]

    @classmethod
    def downloaded(cls, config: EngineConfig) -> bool:
        return _weights(config) is not None

    def __init__(self, config: EngineConfig):
        """Raises FileNotFoundError unless the network and the voices' styles are here."""
        if missing := self.missing():
            raise ImportError(missing)
        files = _weights(config)
        if files is None:
            raise FileNotFoundError("Kokoro's files are not here; it needs a network and the styles of its voices.")
        self._session = _session(files[0], config)
        self._tokens = self._session.get_inputs()[0].name
        with np.load(files[1]) as styles:
            self._styles = {name: _style(styles[name]) for name in NAMES if name in styles}
        if not self._styles:
            raise FileNotFoundError("The file of styles holds none of Kokoro's voices.")
        self._phonemes = Phonemes()
        self._run([VOCABULARY["a"]], next(iter(self._styles.values())), 1.0)

    def synthesize(self, request: SynthesisRequest, stop: Stop) -> Iterator[Chunk]:
        """The network speaks up to `LONGEST` phonemes in one run, and `stop` is looked at between runs and chunks.
        Raises ValueError for a voice, a language or a speed that it does not have."""
        name = self._named(request.voice, request.language)
        if not SLOWEST <= request.speed <= FASTEST:
            raise ValueError(f"Kokoro speaks at speeds from {SLOWEST:g} to {FASTEST:g}.")
        for portion in portions(request.text):
            for piece in pieces(self._phonemes.of(portion, name[0])):
                if stop.is_set():
                    return
                samples = self._run([VOCABULARY[symbol] for symbol in piece], self._styles[name], request.speed)
                for first in range(0, len(samples), SLICE):
                    yield Chunk(Audio(samples[first : first + SLICE], RATE))

    def _run(self, tokens: list[int], styles: np.ndarray, speed: float) -> np.ndarray:
        """At most `LONGEST` tokens and a voice's styles (510, 256) to samples (n,)."""
        inputs = {
            self._tokens: np.array([[0, *tokens, 0]], np.int64),
            "style": styles[min(len(tokens), len(styles)) - 1][None],
            "speed": np.array([speed], np.float32),
        }
        return np.clip(np.ravel(self._session.run(None, inputs)[0]), -1.0, 1.0).astype(np.float32, copy=False)

    def _named(self, name: str, language: str) -> str:
        tag = language.lower().replace("_", "-").replace("cmn", "zh")
        if not name:
            able = [own for own in self._styles if not tag or _primary(_tag(own)) == _primary(tag)]
            exact = [own for own in able if _tag(own).lower() == tag]
            name = next(iter(exact or able), "")
            if not name:
                raise ValueError(f"Kokoro has no voice for {language[:40]!r}.")
        if name not in self._styles:
            raise ValueError(f"Kokoro has no voice {name[:40]!r}.")
        if tag and _primary(tag) != _primary(_tag(name)):
            raise ValueError(f"Kokoro's voice {name} speaks {_tag(name)}, not {language[:40]}.")
        return name


class Phonemes:
    """espeak-ng as a reader of text. One for the process, a call at a time."""

    def __init__(self):
        found = importlib.util.find_spec("espeakng_loader")
        package = Path(found.origin).parent if found and found.origin else Path()
        names = ("libespeak-ng.so", "libespeak-ng.dylib", "espeak-ng.dll")
        paths = [package / name for name in names if (package / name).exists()]
        self._library = ctypes.CDLL(str(paths[0] if paths else names[0]))
        self._lock = threading.Lock()
        data = str(package / "espeak-ng-data").encode()
        if self._library.espeak_Initialize(SYNCHRONOUS, 0, data, DONT_EXIT) != SAMPLE_RATE:
            raise OSError("espeak-ng does not start with the voice files it came with.")
        self._read = self._library.espeak_TextToPhonemes
        self._read.restype = ctypes.c_char_p
        self._read.argtypes = (ctypes.POINTER(ctypes.c_void_p), ctypes.c_int, ctypes.c_int)

    def of(self, text: str, letter: str) -> str:
        """The text in symbols of `VOCABULARY`, punctuation and the spaces between words included."""
        text = _OPENING.sub(r"\1“", _UNSPEAKABLE.sub(" ", text)).replace('"', "”").translate(_CLAUSE_ENDS)
        parts = _BREAKS.split(_TITLE.sub(r"\1", text))
        with self._lock:
            self._library.espeak_SetVoiceByName(LANGUAGES[letter].speaker.encode())
            read = [
                part.translate(_AS_BREAK) if place % 2 else self._part(part, letter) for place, part in enumerate(parts)
            ]
        known = "".join(symbol for symbol in "".join(read) if symbol in VOCABULARY)
        spoken = _AGAIN.sub(r"\1", re.sub(r" +", " ", known)).strip()
        return spoken if any(symbol.isalpha() for symbol in spoken) else ""

    def _part(self, text: str, letter: str) -> str:
        """Text between two breaks, with a space where it had one at an end."""
        if not text.strip():
            return " " if text else ""
        lead = _LEADING.match(text)
        begin = f"{lead[1]} " if lead else " " if text[0].isspace() else ""
        clauses = [
            _spelled(ipa, letter) + sign for ipa, sign in self._clauses(text[lead.end() :] if lead else text) if ipa
        ]
        return begin + " ".join(clauses) + (" " if text[-1].isspace() else "")

    def _clauses(self, text: str) -> Iterator[tuple[str, str]]:
        """Each clause as IPA, and the sign that ends it, if one does."""
        data = text.encode()
        buffer = ctypes.create_string_buffer(data)
        begin = ctypes.addressof(buffer)
        at, place = 0, ctypes.c_void_p(begin)
        while place.value and at < len(data):
            ipa = (self._read(ctypes.byref(place), UTF8, IPA_WITH_TIE) or b"").decode("utf-8", "replace")
            end = place.value - begin if place.value else len(data)
            taken = data[at:end].decode("utf-8", "replace")
            sign = (_END_AND_NEXT if place.value else _END).search(taken)
            yield ipa.strip(), sign[1] if sign else ""
            at = max(end, at + 1)


def _spelled(ipa: str, letter: str) -> str:
    """espeak-ng's IPA as Kokoro writes it; what it has no symbol for is left in."""
    text = unicodedata.normalize("NFD", _SWITCH.sub("", ipa)).replace("c\u0327", "ç")
    for theirs, ours in SPELLINGS.get(letter, _OTHERS):
        text = text.replace(theirs, ours)
    return text


def portions(text: str) -> Iterator[str]:
    """Parts of at most `PORTION` characters, cut after a full stop, else at a space, else anywhere."""
    while len(text) > PORTION:
        head = text[:PORTION]
        cut = next((place for place in (head.rfind(". ") + 1, head.rfind(" ")) if place > 0), PORTION)
        yield head[:cut]
        text = text[cut:]
    yield text


def pieces(phonemes: str) -> Iterator[str]:
    """Parts of at most `LONGEST` symbols, cut after a sentence, else after a clause, else at a space, else anywhere."""
    while len(phonemes) > LONGEST:
        head = phonemes[: LONGEST + 1]
        ends = [max(head.rfind(sign + " ") for sign in signs) + 1 for signs in (".!?…", ",;:—")]
        spaces = [*(end for end in ends if end > LONGEST // 4), head.rfind(" ")]
        cut = next((place for place in spaces if place > 0), LONGEST)
        yield phonemes[:cut].strip()
        phonemes = phonemes[cut:].strip()
    if phonemes:
        yield phonemes


def _weights(config: EngineConfig) -> tuple[Path, Path] | None:
    """The network and the styles: of the model that is named, else of the best that is here."""
    named = config.model
    folder = Path(config.models_dir) / "kokoro" if named in ("", *FILES) else Path(named)
    sizes = [named] if named in FILES else list(FILES)
    found = [folder / FILES[size] for size in sizes if (folder / FILES[size]).is_file()]
    return (found[0], folder / STYLES) if found and (folder / STYLES).is_file() else None


def _session(path: Path, config: EngineConfig) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = config.threads
    options.inter_op_num_threads = 1
    wanted = ["CUDAExecutionProvider"] if config.device.startswith("cuda") else []
    here = [name for name in wanted if name in onnxruntime.get_available_providers()]
    return onnxruntime.InferenceSession(str(path), options, providers=[*here, "CPUExecutionProvider"])


def _style(styles: np.ndarray) -> np.ndarray:
    return styles.reshape(-1, 256).astype(np.float32, copy=False)


def _voice(name: str) -> Voice:
    language, female = LANGUAGES[name[0]], name[1] == "f"
    person = language.woman if female else language.man
    return Voice(f"kokoro/{name}", "kokoro", name, (language.tag,), "female" if female else "male", person)


def _tag(name: str) -> str:
    return LANGUAGES[name[0]].tag


def _primary(tag: str) -> str:
    return tag.partition("-")[0].lower()
