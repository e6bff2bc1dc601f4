"""Stand-ins for the parts that are slow, heavy or random. Each keeps the promises of what it stands for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from audio.value import Audio
from engines.base import Chunk, EngineConfig, EngineSpec, Segment, SynthesisRequest, TranscriptionRequest, Voice
from engines.pool import Priority

Answers = Callable[[Any], Iterable[Any] | AsyncIterable[Any]]


def tone(seconds: float, rate: int = 16000, *, hertz: float = 220.0, loudness: float = 0.5) -> Audio:
    time = np.arange(round(seconds * rate)) / rate
    return Audio((loudness * np.sin(2 * np.pi * hertz * time)).astype(np.float32), rate)


def says(request: SynthesisRequest) -> list[Chunk]:
    """Ten milliseconds of tone for each character, in two chunks."""
    audio = tone(len(request.text) * 0.01)
    half = audio.seconds / 2
    return [Chunk(audio.cut(0, half)), Chunk(audio.cut(half, audio.seconds))]


def hears(request: TranscriptionRequest) -> list[Segment]:
    """A segment for each passage, which tells its length."""
    clips = request.clips or ((0.0, request.audio.seconds),)
    return [Segment(f"{end - start:.2f} seconds", start, end, request.language) for start, end in clips]


@dataclass
class FakePool:
    """Answers from a function, by engine; remembers what it was asked, and what was closed before its end."""

    answers: dict[str, Answers] = field(default_factory=dict)
    default: Answers = says
    requests: list[Any] = field(default_factory=list)
    engines: list[str] = field(default_factory=list)
    priorities: list[Priority] = field(default_factory=list)
    continued: list[bool] = field(default_factory=list)
    open: int = 0
    most_open: int = 0
    cancelled: list[Any] = field(default_factory=list)

    async def stream(
        self,
        engine: str,
        request: Any,
        *,
        priority: Priority = Priority.INTERACTIVE,
        deadline: float | None = None,
        continues: bool = False,
    ) -> AsyncGenerator[Any]:
        self.requests.append(request)
        self.engines.append(engine)
        self.priorities.append(priority)
        self.continued.append(continues)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        done = False
        try:
            answers = self.answers.get(engine, self.default)(request)
            if isinstance(answers, AsyncIterable):
                async for answer in answers:
                    yield answer
            else:
                for answer in answers:
                    await asyncio.sleep(0)
                    yield answer
            done = True
        except Exception:
            done = True
            raise
        finally:
            self.open -= 1
            if not done:
                self.cancelled.append(request)


class LoudIsSpeech:
    """A detector for which any window that is not quiet is speech."""

    spec = EngineSpec("loud-is-speech", "vad", "Takes loudness for speech.", "Apache-2.0", 16000)

    def window(self, rate: int) -> int:
        return rate * 32 // 1000

    def begin(self, rate: int) -> Any:
        return None

    def detect(self, windows: np.ndarray, states: list[Any]) -> np.ndarray:
        return (np.sqrt((windows**2).mean(axis=1)) > 0.01).astype(np.float32)


def engine_class(
    name: str,
    kind: str,
    *,
    voices: Iterable[Voice] = (),
    missing: str = "",
    here: Callable[[str], bool] = lambda model: True,
    **card: Any,
) -> type:
    """An entry of the registry, for an engine that is never loaded. `here` tells which models are downloaded."""
    defaults = {"summary": f"{name} for tests.", "licence": "Apache-2.0", "rate": 16000}
    listed = list(voices)

    class Fake:
        spec = EngineSpec(name=name, kind=kind, **{**defaults, **card})

        @classmethod
        def missing(cls) -> str:
            return missing

        @classmethod
        def voices(cls) -> list[Voice]:
            return listed

        @classmethod
        def downloaded(cls, config: EngineConfig) -> bool:
            return here(config.model)

        def __init__(self, config: EngineConfig):
            raise AssertionError(f"{name} is for cards only and cannot be loaded")

    return Fake


def voice(id: str, *languages: str, gender: str = "") -> Voice:
    engine, _, name = id.partition("/")
    return Voice(id, engine, name, languages or ("en",), gender)


def registry(*, flite: str = "", whisper: Iterable[str] = ("small", "base"), pocketsphinx: str = "") -> dict[str, type]:
    """Engines like those of a laptop. `flite` and `pocketsphinx` say what they miss, `whisper` what is downloaded."""
    downloaded = set(whisper)
    classes = [
        engine_class(
            "espeak-ng",
            "tts",
            voices=[
                voice("espeak-ng/en-029", "en-029", "en", gender="male"),
                voice("espeak-ng/en-gb", "en-gb", "en", gender="male"),
                voice("espeak-ng/en-us", "en-us", "en", gender="male"),
                voice("espeak-ng/en-us+f3", "en-us", "en", gender="female"),
                voice("espeak-ng/hi", "hi", gender="male"),
                voice("espeak-ng/cmn", "cmn", "zh", gender="male"),
            ],
            languages=("en", "en-us", "en-gb", "hi", "cmn"),
            capabilities=frozenset({"words", "speed"}),
            rate=22050,
            quality=10,
        ),
        engine_class(
            "flite",
            "tts",
            voices=[
                voice("flite/slt", "en-us", "en", gender="female"),
                voice("flite/rms", "en-us", "en", gender="male"),
            ],
            missing=flite,
            languages=("en",),
            capabilities=frozenset({"speed"}),
            quality=20,
        ),
        engine_class("scripted-tts", "tts", voices=[voice("scripted-tts/script", "*")], quality=-1),
        engine_class(
            "faster-whisper",
            "stt",
            models=("large-v3", "distil-large-v3", "small", "base"),
            capabilities=frozenset({"words", "translate", "hotwords", "detect", "batch", "partials"}),
            here=lambda model: model in downloaded,
            quality=50,
        ),
        engine_class(
            "pocketsphinx",
            "stt",
            languages=("en",),
            capabilities=frozenset({"words", "grammar"}),
            missing=pocketsphinx,
            quality=10,
            summary="A basic English recogniser.",
        ),
        engine_class("silero", "vad"),
    ]
    return {cls.spec.name: cls for cls in classes}
