"""espeak-ng: speaks every language it has a file for, robotically, at a thousandth of real time.

GPL-3 and not safe for threads, so the library is loaded in a worker only; its voices are read from its data files.
"""

import ctypes
import importlib.util
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from audio.value import Audio
from engines.base import Chunk, EngineConfig, EngineSpec, Stop, SynthesisRequest, Voice, Word, engine, pulled

RATE = 22050
DEFAULT = "en-us"
_TAGS = (
    "af am an ar as az ba be bg bn bpy bs ca chr cmn cs cv cy da de el en eo es et eu fa fi fr ga gd gn grc gu "
    "hak haw hbs he hi hr ht hu hy hyw ia id io is it ja jbo ka kk kl kn ko kok ku ky la lb lfn lt ltg lv mi mk "
    "ml mr ms mt mto my nb nci ne nl no nog om or pa pap piqd pl pt py qdb qu quc qya ro ru sd shn si sjn sk sl "
    "smj sq sr sv sw ta te th ti tk tn tr tt ug uk ur uz vi yue zh"
)
LANGUAGES = tuple(_TAGS.split())
FEMALE = ("en-us", "en-gb", "de", "fr-fr", "es", "es-419", "it", "pt-br", "pt", "nl", "pl", "ru", "hi", "ar", "cmn")
"""Voices that are also listed with the female variant f3; every other pair is taken by name."""

# espeak-ng/speak_lib.h
SYNCHRONOUS, DONT_EXIT = 2, 0x8000
SPEAKING_RATE = 1
CHARACTERS, UTF8 = 1, 1
LAST, WORD, CLAUSE_END = 0, 1, 5
BUFFER_MS = 60
WORDS_PER_MINUTE = 175
"""The library's own pace."""
LONGEST_WORD = 2 * RATE
"""Samples after which a word is given out before it has ended: some scripts put no space between words."""
AUDIBLE = 0.01
"""Where the silence after a word begins, of full scale."""


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("request", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("milliseconds", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))

_UNSPEAKABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, some of them commands to the library, and halves of surrogate pairs."""


class _File(NamedTuple):
    """A voice file: what the library calls it, its title for people, its language tags, best first."""

    path: str
    title: str
    tags: tuple[str, ...]


class _Mark(NamedTuple):
    """An event: the sample it falls on, and where in the text its word begins and ends (0, 0 at a clause's end)."""

    sample: int
    begin: int
    end: int


@engine(
    EngineSpec(
        name="espeak-ng",
        kind="tts",
        summary="Robotic, instant, and speaks more than a hundred languages on any machine.",
        licence="GPL-3.0",
        rate=RATE,
        languages=LANGUAGES,
        capabilities=frozenset({"words", "speed", "streaming"}),
        memory_mb=64,
        concurrency=1,
        cancel="chunk",
        quality=10,
    )
)
class Espeak:
    """One library of global state: a request at a time."""

    spec: EngineSpec

    @classmethod
    def missing(cls) -> str:
        if _package() is None:
            return "espeak-ng is not installed here; `pip install espeakng-loader` brings it."
        return ""

    @classmethod
    def voices(cls) -> list[Voice]:
        """All that can speak, the default first."""
        package = _package()
        if package is None:
            return []
        return [voice for name, file in _files(package).items() for voice in _voices(name, file)]

    @classmethod
    def downloaded(cls, config: EngineConfig) -> bool:
        return True

    def __init__(self, config: EngineConfig):
        package = _package()
        if package is None:
            raise ImportError(self.missing())
        self._files = _files(package)
        self._variants = {path.name for path in (package / "espeak-ng-data" / "voices" / "!v").iterdir()}
        self._speakers: dict[str, str] = {}
        for name, file in self._files.items():
            for tag in file.tags:
                self._speakers.setdefault(tag.lower(), name)
        self._take: Callable[[Any], bool] = bool
        self._callback = _Callback(self._called)
        self._lock = threading.Lock()
        self._library = ctypes.CDLL(str(_library(package)))
        data = str(package / "espeak-ng-data").encode()
        if self._library.espeak_Initialize(SYNCHRONOUS, BUFFER_MS, data, DONT_EXIT) != RATE:
            raise OSError("espeak-ng does not start with the voice files it came with.")
        self._library.espeak_SetSynthCallback(self._callback)
        self._speak("ready", self._voice("", ""), WORDS_PER_MINUTE, lambda item: True)

    def synthesize(self, request: SynthesisRequest, stop: Stop) -> Iterator[Chunk]:
        """A chunk is a word with the pause after it. Raises ValueError for a voice or language it does not have.

        The pace follows `speed` from 0.46 on; 80 words a minute is the slowest that the library speaks.
        """
        voice = self._voice(request.voice, request.language)
        text = _UNSPEAKABLE.sub(" ", request.text)
        if not text.strip():
            return
        if not 0.1 <= request.speed <= 10:
            raise ValueError("espeak-ng speaks at speeds from 0.1 to 10.")
        pace = round(WORDS_PER_MINUTE * request.speed)
        pieces = pulled(lambda take: self._speak(text, voice, pace, lambda item: not stop.is_set() and take(item)))
        try:
            for chunk in _chunks(pieces, text):
                if stop.is_set():
                    return
                yield chunk
        finally:
            pieces.close()

    def _speak(self, text: str, voice: str, pace: int, take: Callable[[Any], bool]) -> None:
        data = text.encode() + b"\0"
        with self._lock:
            self._take = take
            self._library.espeak_SetVoiceByName(voice.encode())
            self._library.espeak_SetParameter(SPEAKING_RATE, pace, 0)
            self._library.espeak_Synth(data, ctypes.c_size_t(len(data)), 0, CHARACTERS, 0, UTF8, None, None)

    def _called(self, wave: Any, count: int, events: Any) -> int:
        """The library's callback with up to 60 ms of sound and the events in it; 1 ends the synthesis."""
        marks, index = [], 0
        while (event := events[index]).type != LAST:
            begin = event.text_position - 1
            if event.type == WORD:
                marks.append(_Mark(event.sample, begin, begin + event.length))
            elif event.type == CLAUSE_END:
                marks.append(_Mark(event.sample, 0, 0))
            index += 1
        samples = np.ctypeslib.as_array(wave, (count,)).copy() if wave and count > 0 else np.zeros(0, np.int16)
        return 0 if self._take((samples, marks)) else 1

    def _voice(self, name: str, language: str) -> str:
        """What the library knows a voice by: its file, and a variant after a plus."""
        base, plus, variant = name.partition("+")
        base = base.lower()
        speaker = base if base in self._files else self._speaker(base if name else language)
        if plus and variant not in self._variants:
            raise ValueError(f"espeak-ng has no voice variant {variant!r}.")
        return self._files[speaker].path + plus + variant

    def _speaker(self, language: str) -> str:
        tag = language.lower().replace("_", "-") or DEFAULT
        for known in (tag, tag.partition("-")[0]):
            if known in self._speakers:
                return self._speakers[known]
        raise ValueError(f"espeak-ng has no voice for {language!r}.")


def _chunks(pieces: Iterator[tuple[np.ndarray, list[_Mark]]], text: str) -> Iterator[Chunk]:
    """Holds sound until the word in it has ended, so that a chunk carries whole words."""
    held = np.zeros(0, np.int16)
    start = 0
    word: _Mark | None = None
    for samples, marks in pieces:
        held = np.concatenate([held, samples])
        for mark in marks:
            if word is not None and mark.end and mark.begin < word.end:
                continue  # a number or an emoji is reported once for each word it is read as
            cut = min(max(mark.sample - start, 0), len(held))
            if cut:
                yield _chunk(held[:cut], start, word, text)
                held, start = held[cut:], start + cut
            word = mark if text[mark.begin : mark.end].strip() else None
        if len(held) > (LONGEST_WORD if word else 0):
            yield _chunk(held, start, word, text)
            held, start, word = held[:0], start + len(held), None
    if len(held):
        yield _chunk(held, start, word, text)


def _chunk(samples: np.ndarray, start: int, word: _Mark | None, text: str) -> Chunk:
    audio = Audio(samples.astype(np.float32) / 32768.0, RATE)
    if word is None:
        return Chunk(audio)
    heard = np.flatnonzero(np.abs(audio.samples) > AUDIBLE)
    length = int(heard[-1]) + 1 if len(heard) else len(samples)
    return Chunk(audio, (Word(text[word.begin : word.end].strip(), start / RATE, (start + length) / RATE),))


def _package() -> Path | None:
    """The folder of the espeakng-loader wheel, found without importing it."""
    found = importlib.util.find_spec("espeakng_loader")
    return Path(found.origin).parent if found and found.origin else None


def _library(package: Path) -> Path:
    names = ("libespeak-ng.so", "libespeak-ng.dylib", "espeak-ng.dll")
    return next((package / name for name in names if (package / name).exists()), package / names[0])


def _files(package: Path) -> dict[str, _File]:
    """Each voice that has a dictionary, by the language tag that is its alone; the default first."""
    data = package / "espeak-ng-data"
    files: dict[str, _File] = {}
    paths = (path for path in (data / "lang").rglob("*") if path.is_file())
    for path in sorted(paths, key=lambda path: (len(path.name), path.name)):
        lines = dict(reversed([line.split(None, 1) for line in _lines(path)]))
        tags = tuple(line.split()[1] for line in _lines(path) if line.startswith("language "))
        dictionary = lines.get("dictionary", tags[0].partition("-")[0])
        if (data / f"{dictionary}_dict").exists():
            name = tags[0].lower() if tags[0].lower() not in files else path.name.lower()
            files[name] = _File(path.relative_to(data / "lang").as_posix(), lines["name"], tags)
    return {DEFAULT: files[DEFAULT], **files}


def _lines(path: Path) -> list[str]:
    lines = path.read_text("utf-8", "replace").splitlines()
    return [line.strip() for line in lines if line.startswith(("name ", "language ", "dictionary "))]


def _voices(name: str, file: _File) -> list[Voice]:
    tags = tuple(dict.fromkeys(_tag(tag) for tag in file.tags))
    voices = [Voice(f"espeak-ng/{name}", "espeak-ng", name, tags, "male", file.title)]
    if name in FEMALE:
        voices.append(Voice(f"espeak-ng/{name}+f3", "espeak-ng", f"{name}+f3", tags, "female", f"{file.title}, female"))
    return voices


def _tag(tag: str) -> str:
    """A language tag in its usual spelling: en-us is en-US, fa-latn is fa-Latn."""
    first, *rest = tag.lower().split("-")
    cased = {2: str.upper, 4: str.title}
    private = rest.index("x") if "x" in rest else len(rest)
    return "-".join([first, *(cased.get(len(part), str)(part) for part in rest[:private]), *rest[private:]])
