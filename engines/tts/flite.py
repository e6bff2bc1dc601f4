"""flite: clear American and Scottish English from libflite, where the system has it."""

import ctypes
import ctypes.util
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from audio.value import Audio
from engines.base import Chunk, EngineConfig, EngineSpec, Stop, SynthesisRequest, Voice, Word, engine, pulled

RATE = 16000
CHUNK = 1600
"""Samples the library makes between two calls back, about 100 ms."""
PIECE = 300
"""Characters spoken as one utterance; the library plans an utterance whole before its first sample."""
VOICES = {
    "rms": ("male", "en-US", "American man"),
    "slt": ("female", "en-US", "American woman"),
    "awb": ("male", "en-GB", "Scottish man"),
    "kal16": ("male", "en-US", "American man, an older and more mechanical voice"),
}
"""Those of 16 kHz; first the one that is best understood, by far through a telephone (`benchmarks.stt`)."""
CONTINUE, STOP = 0, -1
# Paths from a word through the utterance's structure to the time of its first and last sound, cst_ffeatures.c.
FIRST_SEGMENT = b"R:SylStructure.daughter.daughter.R:Segment.p.end"
LAST_SEGMENT = b"R:SylStructure.daughtern.daughtern.R:Segment.end"
QUOTES = str.maketrans("‘’‚“”„–—−", "'''\"\"\"---")


class _Wave(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_char_p),
        ("rate", ctypes.c_int),
        ("count", ctypes.c_int),
        ("channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(_Wave), ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_void_p
)


class _Stream(ctypes.Structure):
    _fields_ = (
        ("least", ctypes.c_int),
        ("callback", _Callback),
        ("utterance", ctypes.c_void_p),
        ("item", ctypes.c_void_p),
        ("user_data", ctypes.c_void_p),
    )


class _Utterance(ctypes.Structure):
    _fields_ = (("features", ctypes.c_void_p),)


@engine(
    EngineSpec(
        name="flite",
        kind="tts",
        summary="Clear, quick English without downloads, where libflite is installed.",
        licence="BSD-style (CMU)",
        rate=RATE,
        languages=("en",),
        capabilities=frozenset({"words", "speed", "streaming"}),
        memory_mb=64,
        concurrency=4,
        cancel="chunk",
        quality=20,
    )
)
class Flite:
    """What a request changes lies in its own utterance, so requests run side by side."""

    spec: EngineSpec

    @classmethod
    def missing(cls) -> str:
        if not cls.voices():
            return "flite is not installed here; `apt install libflite1` brings it."
        return ""

    @classmethod
    def voices(cls) -> list[Voice]:
        return [
            Voice(f"flite/{name}", "flite", name, (language,), gender, description)
            for name, (gender, language, description) in VOICES.items()
            if ctypes.util.find_library(f"flite_cmu_us_{name}")
        ]

    @classmethod
    def downloaded(cls, config: EngineConfig) -> bool:
        return True

    def __init__(self, config: EngineConfig):
        names = [voice.name for voice in self.voices()]
        if not names:
            raise ImportError(self.missing())
        self._library = _library()
        self._voices = {name: _voice(name) for name in names}
        self._speak("ready", self._voices[names[0]], 1.0, lambda item: True)

    def synthesize(self, request: SynthesisRequest, stop: Stop) -> Iterator[Chunk]:
        """Chunks of 100 ms. Raises ValueError for an unknown voice and for what is not English."""
        voice = self._chosen(request.voice, request.language)
        text = _ascii(request.text)
        if not re.search("[A-Za-z0-9]", text):
            if any(letter.isalpha() for letter in request.text):
                raise ValueError("flite speaks English only, and there is no English in this text.")
            return
        if not 0.1 <= request.speed <= 10:
            raise ValueError("flite speaks at speeds from 0.1 to 10.")
        start = 0
        for piece in _pieces(text):
            parts = pulled(lambda take, piece=piece: self._speak(piece, voice, 1 / request.speed, take))
            try:
                words: list[Word] = []
                begun = start
                for found, samples in parts:
                    if stop.is_set():
                        return
                    words += [Word(word, begun / RATE + begin, begun / RATE + end) for word, begin, end in found]
                    start += len(samples)
                    now = tuple(word for word in words if word.start < start / RATE)
                    words = words[len(now) :]
                    yield Chunk(Audio(samples, RATE), now)
            finally:
                parts.close()

    def _speak(self, text: str, voice: int, stretch: float, take: Callable[[Any], bool]) -> None:
        """One utterance; hands over its words with the first samples, then samples only."""
        library = self._library
        utterance = library.new_utterance()
        words: list[tuple[str, float, float]] | None = None

        def called(wave: Any, begin: int, count: int, last: int, stream: int) -> int:
            nonlocal words
            samples = np.ctypeslib.as_array(wave.contents.samples, (begin + count,))[begin:].astype(np.float32)
            words, found = [], words if words is not None else self._words(utterance)
            return CONTINUE if take((found, samples / 32768.0)) else STOP

        callback = _Callback(called)
        stream = library.new_audio_streaming_info()
        stream.contents.least = CHUNK
        stream.contents.callback = callback
        try:
            library.utt_set_input_text(utterance, text.encode())
            features = _Utterance.from_address(utterance).features
            library.feat_set(features, b"streaming_info", library.audio_streaming_info_val(stream))
            library.feat_set_float(features, b"duration_stretch", stretch)
            library.utt_init(utterance, voice)
            library.utt_synth(utterance)
        finally:
            library.delete_utterance(utterance)

    def _words(self, utterance: int) -> list[tuple[str, float, float]]:
        """What stands between spaces in the text, with the seconds it begins and ends at."""
        library = self._library
        words = []
        token = library.relation_head(library.utt_relation(utterance, b"Token"))
        while token:
            if library.item_daughter(token):
                begin = library.ffeature_float(token, b"daughter." + FIRST_SEGMENT)
                end = library.ffeature_float(token, b"daughtern." + LAST_SEGMENT)
                if end > begin:
                    words.append((library.ffeature_string(token, b"name").decode("ascii", "replace"), begin, end))
            token = library.item_next(token)
        return words

    def _chosen(self, name: str, language: str) -> int:
        if language and language.lower().replace("_", "-").partition("-")[0] != "en":
            raise ValueError("flite speaks English only.")
        if name and name not in self._voices:
            raise ValueError(f"flite has no voice {name!r}.")
        return self._voices[name or next(iter(self._voices))]


def _library() -> Any:
    """libflite with the signatures of what is called here. Raises OSError if it cannot be loaded."""
    library = ctypes.CDLL(ctypes.util.find_library("flite") or "libflite.so.1", mode=ctypes.RTLD_GLOBAL)
    pointer, text, stream = ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(_Stream)
    signatures = {
        "new_utterance": (pointer,),
        "delete_utterance": (None, pointer),
        "utt_set_input_text": (ctypes.c_int, pointer, text),
        "utt_init": (pointer, pointer, pointer),
        "utt_synth": (pointer, pointer),
        "utt_relation": (pointer, pointer, text),
        "relation_head": (pointer, pointer),
        "item_next": (pointer, pointer),
        "item_daughter": (pointer, pointer),
        "ffeature_float": (ctypes.c_float, pointer, text),
        "ffeature_string": (text, pointer, text),
        "feat_set": (None, pointer, text, pointer),
        "feat_set_float": (None, pointer, text, ctypes.c_float),
        "new_audio_streaming_info": (stream,),
        "audio_streaming_info_val": (pointer, stream),
    }
    for name, (result, *arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    library.flite_init()
    return library


def _voice(name: str) -> int:
    library = ctypes.CDLL(ctypes.util.find_library(f"flite_cmu_us_{name}") or "")
    register = getattr(library, f"register_cmu_us_{name}")
    register.restype, register.argtypes = ctypes.c_void_p, (ctypes.c_void_p,)
    return register(None)


def _ascii(text: str) -> str:
    """Typographic signs and accents as the library can read them; all other scripts as spaces."""
    plain = unicodedata.normalize("NFKD", text.translate(QUOTES))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.sub(r"[^ -~]+", " ", plain)


def _pieces(text: str) -> Iterator[str]:
    """Parts of at most `PIECE` characters, cut after a sentence, else at a space, else anywhere."""
    while len(text) > PIECE:
        head = text[:PIECE]
        ends = [found.end() for found in re.finditer(r"[.!?;:,]\s", head)]
        cut = ends[-1] if ends else head.rfind(" ") + 1 or PIECE
        yield text[:cut]
        text = text[cut:]
    yield text
