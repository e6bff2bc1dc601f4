"""scripted-tts: a quiet tone in the time it is told to take, for load tests and demonstrations. No model, no speech."""

from collections.abc import Iterator

import numpy as np

from audio.value import Audio
from engines.base import Chunk, EngineConfig, EngineSpec, Stop, SynthesisRequest, Voice, Word, engine

RATE = 24000
CHUNK = RATE // 10
LEVEL = 0.05
HERTZ = {"tone": 220.0, "tone-high": 330.0}
SECONDS_PER_CHARACTER = 0.06


@engine(
    EngineSpec(
        name="scripted-tts",
        kind="tts",
        summary="A tone instead of speech, for load tests and demonstrations.",
        licence="Apache-2.0",
        rate=RATE,
        capabilities=frozenset({"words", "speed", "streaming"}),
        memory_mb=48,
        concurrency=64,
        quality=-1,
    )
)
class Scripted:
    """Options, all in seconds: `first` before the first chunk, `step` before every other one, and
    `seconds_per_character`, how long the tone is."""

    @classmethod
    def missing(cls) -> str:
        return ""

    @classmethod
    def voices(cls) -> list[Voice]:
        male = Voice("scripted-tts/tone", "scripted-tts", "tone", ("*",), "male", "A quiet tone.")
        return [male, Voice("scripted-tts/tone-high", "scripted-tts", "tone-high", ("*",), "female", "A higher tone.")]

    @classmethod
    def downloaded(cls, config: EngineConfig) -> bool:
        return True

    def __init__(self, config: EngineConfig):
        self._first = float(config.options.get("first", 0.0))
        self._step = float(config.options.get("step", 0.0))
        self._per_character = float(config.options.get("seconds_per_character", SECONDS_PER_CHARACTER))
        # Both pitches fill a chunk with whole periods, so every chunk is the same and they join without a click.
        times = np.arange(CHUNK) / RATE
        self._tones = {name: (LEVEL * np.sin(2 * np.pi * hertz * times)).astype("f4") for name, hertz in HERTZ.items()}

    def synthesize(self, request: SynthesisRequest, stop: Stop) -> Iterator[Chunk]:
        if request.voice and request.voice not in self._tones:
            raise ValueError(f"The engine scripted-tts has no voice {request.voice}.")
        tone = self._tones[request.voice or "tone"]
        per_character = self._per_character / request.speed
        left = round(len(request.text) * per_character * RATE)
        words = spoken(request.text, per_character)
        word = next(words, None)
        delay, played = self._first, 0
        while left > 0 and not (delay and stop.wait(delay)):
            size = min(CHUNK, left)
            played += size
            left -= size
            begun = []
            while word and (not left or word.start * RATE < played):
                begun.append(word)
                word = next(words, None)
            yield Chunk(Audio(tone[:size], RATE), tuple(begun))
            delay = self._step


def spoken(text: str, per_character: float) -> Iterator[Word]:
    """The text's words at a steady pace."""
    at = 0
    for word in text.split():
        at = text.index(word, at)
        yield Word(word, at * per_character, (at + len(word)) * per_character)
        at += len(word)
