"""From one sample rate to another, as a stream with a short constant delay. Knows numpy and `Audio`.

A windowed-sinc low-pass, evaluated only where an output sample stands (polyphase). With rates r and s = min(source,
target) it reaches `REACH / s` seconds to either side, which is also all the delay there is: 2.75 ms where s is 8 kHz.
Kaiser's window of 80 dB (Kaiser 1974, beta = 0.1102 (A - 8.7)) gives a passband to 0.84 of the lower Nyquist frequency
and 80 dB of rejection from 1.08 of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, gcd

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from audio.value import Audio

REACH = 22
ATTENUATION_DB = 80.0
CUTOFF = 0.96
SLICE = 32768  # input samples worked on at once, which bounds the memory of a long feed
DENSE = 1 << 20  # coefficients up to which one matrix holds a whole cycle of phases
FINE = 512  # phases kept of a ratio whose cycle is longer than that; between them the filter is interpolated


class Resampler:
    """One stream of float32 samples from `source` to `target` Hz.

    An output sample is given out as soon as the input it depends on is there, so what has come out lags what went in
    by `delay_seconds`, never more, and carries no shift in time. How the input is cut makes no difference.
    """

    def __init__(self, source: int, target: int):
        if source <= 0 or target <= 0:
            raise ValueError(f"sample rates are positive, not {source} and {target}")
        self.source, self.target = source, target
        self._filter = None if source == target else _design(source, target)
        self._begin()

    @property
    def delay_seconds(self) -> float:
        """At most 3 ms where both rates are 8 kHz or more."""
        return self._filter.half / self.source if self._filter else 0.0

    def feed(self, samples: np.ndarray) -> np.ndarray:
        """The next samples (n,) in, all that is now certain out, float32."""
        if self._filter is None:
            return samples
        parts = [self._push(samples[at : at + SLICE]) for at in range(0, len(samples), SLICE)]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def flush(self) -> np.ndarray:
        """The rest, as if silence followed: all that came out is then round(fed * target / source) samples long.

        The resampler is as new afterwards.
        """
        if self._filter is None:
            return np.zeros(0, np.float32)
        missing = round(self._fed * self.target / self.source) - self._given
        tail = self._push(np.zeros(2 * self._filter.half + self._filter.step, np.float32))[:missing]
        self._begin()
        return tail

    def _begin(self) -> None:
        self._fed = self._given = self._skip = 0
        if self._filter:
            self._waiting = np.zeros(self._filter.half, np.float32)

    def _push(self, samples: np.ndarray) -> np.ndarray:
        """`_waiting` begins where the window of the current cycle's first output does, `_skip` outputs into it."""
        assert self._filter
        design = self._filter
        buffer = np.concatenate((self._waiting, samples))
        self._fed += len(samples)
        ready = design.ready(len(buffer))
        out = design.apply(buffer, self._skip, ready)
        cycles, self._skip = divmod(ready, design.phases)
        self._waiting = buffer[cycles * design.step :].copy()
        self._given += len(out)
        return out


def resample(audio: Audio, rate: int) -> Audio:
    """The whole of it at another rate, round(n * rate / audio.rate) samples long and in step with the original."""
    resampler = Resampler(audio.rate, rate)
    return Audio(np.concatenate((resampler.feed(audio.samples), resampler.flush())), rate)


@dataclass(frozen=True, eq=False)
class _Filter:
    """`phases` outputs stand on `step` inputs; output k of a cycle looks at `taps` inputs from k * step // phases."""

    phases: int
    step: int
    half: int
    bank: np.ndarray
    """Float32 (FINE + 1 or phases, taps)."""
    matrix: np.ndarray | None
    """Float32 (inputs of a cycle, phases), where that is small enough."""

    @property
    def taps(self) -> int:
        return self.bank.shape[1]

    def ready(self, length: int) -> int:
        """Outputs, counted from the cycle's first, whose windows lie within `length` inputs."""
        starts = length - self.taps + 1
        return max(0, -(-starts * self.phases // self.step))

    def apply(self, buffer: np.ndarray, first: int, end: int) -> np.ndarray:
        if end <= first:
            return np.zeros(0, np.float32)
        if self.matrix is None:
            return np.concatenate(list(self._interpolated(buffer, first, end)))
        return self._cycles(buffer, end)[first:end]

    def _cycles(self, buffer: np.ndarray, end: int) -> np.ndarray:
        """Whole cycles in one product; the last one may be fed zeros where only its first outputs are wanted."""
        assert self.matrix is not None
        cycles = ceil(end / self.phases)
        wanted = (cycles - 1) * self.step + len(self.matrix)
        if wanted > len(buffer):
            buffer = np.concatenate((buffer, np.zeros(wanted - len(buffer), np.float32)))
        windows = sliding_window_view(buffer, len(self.matrix))[: cycles * self.step : self.step]
        return (np.ascontiguousarray(windows) @ self.matrix).ravel()

    def _interpolated(self, buffer: np.ndarray, first: int, end: int) -> Iterator[np.ndarray]:
        windows = sliding_window_view(buffer, self.taps)
        for at in range(first, end, 4096):
            start, rest = np.divmod(np.arange(at, min(at + 4096, end)) * self.step, self.phases)
            row, between = np.divmod(rest * FINE, self.phases)
            share = (between / self.phases).astype(np.float32)[:, None]
            coefficients = self.bank[row] * (1 - share) + self.bank[row + 1] * share
            yield np.einsum("ij,ij->i", windows[start], coefficients)


@lru_cache(maxsize=64)
def _design(source: int, target: int) -> _Filter:
    common = gcd(source, target)
    phases, step = target // common, source // common
    half = ceil(REACH * source / min(source, target))
    rows = _reach_of_cycle(phases, step, 2 * half + 1)
    dense = rows * phases <= DENSE
    fractions = np.arange(phases) * step % phases / phases if dense else np.arange(FINE + 1) / FINE
    bank = _bank(fractions, half, min(1.0, target / source) * CUTOFF)
    return _Filter(phases, step, half, bank, _matrix(bank, step, rows) if dense else None)


def _reach_of_cycle(phases: int, step: int, taps: int) -> int:
    """Inputs that one cycle of outputs looks at."""
    return (phases - 1) * step // phases + taps


def _bank(fractions: np.ndarray, half: int, cutoff: float) -> np.ndarray:
    """Row per fraction of an input sample: a Kaiser-windowed sinc about `half + fraction`, its sum exactly one so that
    no phase is louder than another. `cutoff` is in units of the input's Nyquist frequency.
    """
    at = np.arange(2 * half + 1) - half - fractions[:, None]
    beta = 0.1102 * (ATTENUATION_DB - 8.7)
    window = np.i0(beta * np.sqrt(np.clip(1 - (at / half) ** 2, 0, None))) * (np.abs(at) <= half)
    taps = np.sinc(cutoff * at) * window
    return (taps / taps.sum(axis=1, keepdims=True)).astype(np.float32)


def _matrix(bank: np.ndarray, step: int, rows: int) -> np.ndarray:
    """The bank's rows as columns, each from the input its window begins at."""
    phases, taps = bank.shape
    matrix = np.zeros((rows, phases), np.float32)
    for phase in range(phases):
        start = phase * step // phases
        matrix[start : start + taps, phase] = bank[phase]
    return matrix
