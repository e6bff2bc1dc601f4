"""Audio as one value that travels whole. Knows numpy and nothing else of the house."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Audio:
    """One channel of sound: `samples` float32, shape (n,), in [-1, 1]; `rate` in Hz.

    The samples are shared, not copied; treat them as read-only.
    """

    samples: np.ndarray
    rate: int

    def __post_init__(self):
        if self.samples.ndim != 1 or self.samples.dtype != np.float32:
            raise TypeError(f"Audio takes float32 of shape (n,), not {self.samples.dtype} of {self.samples.shape}")

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate

    def cut(self, start: float, end: float) -> Audio:
        """The part between two times in seconds, clamped to what is there."""
        return Audio(self.samples[max(0, round(start * self.rate)) : max(0, round(end * self.rate))], self.rate)

    def pcm16(self) -> bytes:
        """Signed 16-bit little-endian PCM; values beyond [-1, 1] are clipped."""
        return (np.clip(self.samples, -1.0, 1.0) * 32767.0).round().astype("<i2").tobytes()

    @classmethod
    def from_pcm16(cls, data: bytes | memoryview, rate: int) -> Audio:
        """The inverse of `pcm16`, full scale at 32768 as in every codec's own decoder."""
        return cls(np.frombuffer(data, "<i2").astype(np.float32) / 32768.0, rate)

    @classmethod
    def silence(cls, seconds: float, rate: int) -> Audio:
        return cls(np.zeros(round(seconds * rate), np.float32), rate)

    @classmethod
    def join(cls, parts: Iterable[Audio]) -> Audio:
        """One after the other; all of one rate, at least one part."""
        pieces = list(parts)
        rates = {piece.rate for piece in pieces}
        if len(rates) != 1:
            raise ValueError(f"Audio.join takes parts of one rate, not {sorted(rates)}")
        return cls(np.concatenate([piece.samples for piece in pieces]), rates.pop())
