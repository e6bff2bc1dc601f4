"""The end of a stream of audio, in one piece, so that it can be handed on without being copied. Knows numpy only."""

from __future__ import annotations

import math

import numpy as np

RATE = 16000
ROOM = 4 * RATE
"""Samples there is room for at first, and again after some were dropped."""


class Recent:
    """The end of a stream of audio, at most so many seconds of it, in one piece."""

    def __init__(self, longest: float):
        self._most = math.ceil(longest * RATE)
        self._kept = np.empty(ROOM, np.float32)
        self._count = 0
        self._dropped = 0

    @property
    def start(self) -> float:
        """Seconds of the stream before what is kept."""
        return self._dropped / RATE

    @property
    def end(self) -> float:
        """Seconds of the stream."""
        return (self._dropped + self._count) / RATE

    @property
    def samples(self) -> np.ndarray:
        """What is kept. Stays as it is, whatever is added or dropped later."""
        return self._kept[: self._count]

    def add(self, samples: np.ndarray) -> None:
        needed = self._count + len(samples)
        if needed > len(self._kept):
            larger = np.empty(max(needed, 2 * len(self._kept)), np.float32)
            larger[: self._count] = self.samples
            self._kept = larger
        self._kept[self._count : needed] = samples
        self._count = needed
        if self._count > self._most:
            self._drop(self._count - self._most // 2)

    def drop(self, before: float) -> None:
        """Forget what lies before a time."""
        self._drop(round(before * RATE) - self._dropped)

    def _drop(self, count: int) -> None:
        count = min(max(0, count), self._count)
        if count:
            self._kept = np.concatenate((self._kept[count : self._count], np.empty(ROOM, np.float32)))
            self._count -= count
            self._dropped += count
