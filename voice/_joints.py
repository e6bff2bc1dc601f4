"""Pieces of speech made one by one, joined to sound like one: natural pauses, soft edges, word times on one clock.

Works on samples as they come; knows no engine and no text.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from audio.value import Audio
from engines.base import Chunk, Word

PAUSES = {"paragraph": 0.5, "sentence": 0.3, "clause": 0.15, "word": 0.02, "cut": 0.0}
"""Seconds of quiet between two pieces, by what ends the first."""
LEAD = 0.02
"""Seconds of quiet kept before a piece's first sound, so that soft consonants stay whole."""
TAIL = 0.1
"""Seconds of quiet kept, at most, after the last sound of all."""
FADE = 0.005
"""Seconds over which a piece's edges rise from and fall to zero."""
QUIET = 10 ** (-52 / 20)
"""Samples below this count as silence: 52 dB under full scale."""


class Joints:
    """One output clock for many pieces. For each piece: `begin`, `feed` its chunks, `end`."""

    def __init__(self, rate: int):
        self.rate = rate
        self._fade = max(1, round(FADE * rate))
        self._sent = 0
        self._pause = 0
        self._rest = 0
        self._begin()

    def _begin(self) -> None:
        self._held = np.zeros(0, np.float32)
        self._heard_sound = False
        self._faded = 0
        self._dropped = 0
        self._origin = self._sent
        self._words: list[Word] = []

    def feed(self, chunk: Chunk) -> list[Chunk]:
        """What can be played now. Quiet is held back until sound follows it, for it may be the piece's end."""
        self._words += chunk.words
        samples = np.concatenate([self._held, chunk.audio.samples]) if len(self._held) else chunk.audio.samples
        loud = np.flatnonzero(np.abs(samples) > QUIET)
        if not len(loud):
            self._held = samples if self._heard_sound else self._lead(samples, len(samples))
            return []
        parts: list[Chunk] = []
        if not self._heard_sound:
            samples, before = self._lead(samples, int(loud[0])), len(samples)
            loud = loud - (before - len(samples))
            self._heard_sound = True
            parts += self._paused()
        ready = min(int(loud[-1]) + 1, len(samples) - self._fade)
        if ready <= 0:
            self._held = samples
            return parts
        self._held = samples[ready:].copy()
        return parts + self._play(samples[:ready])

    def end(self, ends: str, *, last: bool = False) -> list[Chunk]:
        """The rest of the piece, after which comes a pause by what `ends` it. A piece without any sound leaves none."""
        if not self._heard_sound:
            self._begin()
            return []
        loud = np.flatnonzero(np.abs(self._held) > QUIET)
        sound = (int(loud[-1]) + 1 if len(loud) else 0) + self._fade
        pause = round(PAUSES[ends] * self.rate)
        rest = self._held[: sound + (round(TAIL * self.rate) if last else pause // 3)]
        parts = self._play(self._faded_out(rest), rest_of_words=True)
        self._pause = max(0, pause - max(0, len(rest) - sound))
        self._begin()
        return parts

    def rest(self, seconds: float) -> None:
        """Silence that the text asks for, between what has ended and what comes."""
        self._rest += round(seconds * self.rate)

    def close(self) -> list[Chunk]:
        """The silence that is left at the end of all."""
        length, self._rest = self._rest, 0
        return [Chunk(Audio(np.zeros(length, np.float32), self.rate))] if length else []

    def _lead(self, samples: np.ndarray, quiet: int) -> np.ndarray:
        """Without all but the last bit of the quiet it begins with."""
        drop = max(0, quiet - round(LEAD * self.rate))
        self._dropped += drop
        return samples[drop:]

    def _paused(self) -> list[Chunk]:
        """The pause before this piece, now that it is known to be heard."""
        length, self._pause, self._rest = self._pause + self._rest, 0, 0
        self._sent += length
        self._origin = self._sent
        return [Chunk(Audio(np.zeros(length, np.float32), self.rate))] if length else []

    def _play(self, samples: np.ndarray, *, rest_of_words: bool = False) -> list[Chunk]:
        samples = self._faded_in(samples)
        self._sent += len(samples)
        words = [self._shifted(word) for word in self._words]
        begun = [rest_of_words or word.start * self.rate < self._sent for word in words]
        self._words = [word for word, now in zip(self._words, begun, strict=True) if not now]
        return [Chunk(Audio(samples, self.rate), tuple(word for word, now in zip(words, begun, strict=True) if now))]

    def _shifted(self, word: Word) -> Word:
        """From the piece's own clock, quiet included, to the clock of all that is played."""
        shift = (self._origin - self._dropped) / self.rate
        start = max(word.start + shift, self._origin / self.rate)
        return replace(word, start=start, end=max(word.end + shift, start))

    def _faded_in(self, samples: np.ndarray) -> np.ndarray:
        left = self._fade - self._faded
        if left <= 0:
            return samples
        count = min(left, len(samples))
        ramp = (np.arange(self._faded, self._faded + count, dtype=np.float32) + 1) / (self._fade + 1)
        self._faded += count
        return np.concatenate([samples[:count] * ramp, samples[count:]])

    def _faded_out(self, samples: np.ndarray) -> np.ndarray:
        count = min(self._fade, len(samples))
        ramp = np.arange(count, 0, -1, dtype=np.float32) / (count + 1)
        return np.concatenate([samples[:-count], samples[-count:] * ramp])
