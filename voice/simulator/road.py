"""What happens to the caller's voice until it is with us: the room around him, and the way through the network.

The same seed makes the same accidents.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import cache
from random import Random

import numpy as np

from audio.resample import Resampler
from voice.simulator.ear import STEP
from voice.simulator.scenario import Burst, Line
from voice.talk.settings import INPUT_RATE

FRAME = round(INPUT_RATE * STEP)
NOISES = 64
"""Different frames of noise, after which they come again."""
_SILENCE = np.zeros(FRAME, np.float32)


class Room:
    """What the caller's microphone takes up, 20 ms at a time."""

    def __init__(self, line: Line, rate: int, chance: Random):
        self._line, self._chance = line, chance
        self._noise = None if line.noise is None else noises(line.noise)
        self._echo = Returning(line.echo.delay, line.echo.loss, rate) if line.echo else None

    def hears(self, said: np.ndarray | None, played: np.ndarray | None) -> np.ndarray:
        """Float32 at the line's rate: his voice, our own, and the noise."""
        sound = _SILENCE if said is None else said
        if self._echo:
            sound = sound + self._echo.back(played)
        if self._noise is not None:
            sound = sound + self._noise[self._chance.randrange(NOISES)]
        return sound if self._line.rate == INPUT_RATE else misread(sound, self._line.rate)


class Returning:
    """Our voice, later and weaker."""

    def __init__(self, delay: float, loss: float, rate: int):
        self._share = np.float32(10 ** (-loss / 20))
        self._resampler = Resampler(rate, INPUT_RATE)
        self._silence = np.zeros(round(rate * STEP), np.float32)
        self._line: deque[np.ndarray] = deque([_SILENCE] * round(delay / STEP))
        self._left = np.zeros(0, np.float32)

    def back(self, played: np.ndarray | None) -> np.ndarray:
        frame = self._silence
        if played is not None:
            frame = np.concatenate([played, self._silence])[: len(self._silence)]
        self._left = np.concatenate([self._left, self._resampler.feed(frame)])
        while len(self._left) < FRAME:  # The resampler holds back its delay once.
            self._left = np.concatenate([_SILENCE[: FRAME - len(self._left)], self._left])
        self._line.append(self._left[:FRAME])
        self._left = self._left[FRAME:]
        return self._line.popleft() * self._share


class Road:
    """One direction. Nothing overtakes anything."""

    def __init__(self, line: Line, chance: Random):
        self._line, self._chance = line, chance
        self._last = 0.0

    def arrival(self, now: float) -> float:
        """When something that leaves now is there."""
        line = self._line
        at = now + line.delay
        if line.jitter:
            at += self._chance.random() * line.jitter
        for burst in line.bursts:
            at = _held(burst, at)
        self._last = max(self._last, at)
        return self._last

    def lost(self) -> bool:
        return bool(self._line.lost) and self._chance.random() < self._line.lost


class Uplink:
    """The caller's frames on their way to us."""

    def __init__(self, line: Line, chance: Random, hear: Callable[[np.ndarray], bool]):
        self._road, self._hear = Road(line, chance), hear
        self._coming: deque[tuple[float, np.ndarray]] = deque()
        self.refused = 0
        """Frames that were not taken, since too much waited."""

    def send(self, now: float, frame: np.ndarray) -> None:
        if not self._road.lost():
            self._coming.append((self._road.arrival(now), frame))

    def deliver(self, now: float) -> None:
        while self._coming and self._coming[0][0] <= now:
            self.refused += not self._hear(self._coming.popleft()[1])

    def clear(self) -> None:
        self._coming.clear()


@cache
def noises(level: float) -> tuple[np.ndarray, ...]:
    """White noise at a level in dBFS, the same in every process."""
    chance = np.random.default_rng(1)
    loudness = 10 ** (level / 20)
    return tuple((loudness * chance.standard_normal(FRAME)).astype(np.float32) for _ in range(NOISES))


def misread(sound: np.ndarray, rate: int) -> np.ndarray:
    """20 ms as they come from somebody who promised another rate: too few samples, or too many."""
    count = round(rate * STEP)
    return np.interp(np.arange(count) * (len(sound) / count), np.arange(len(sound)), sound).astype(np.float32)


def _held(burst: Burst, at: float) -> float:
    return burst.at + burst.seconds if burst.at <= at < burst.at + burst.seconds else at
