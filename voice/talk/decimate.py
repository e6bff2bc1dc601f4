"""A stream at a low rate, for looking at and not for listening: cheap to make frame by frame, and to catch up with.

Short filters without a product of matrices: for a large one OpenBLAS wakes a thread for each core, and those spin on
after it is done, which costs a machine of many cores far more than the product itself.
"""

from __future__ import annotations

from math import ceil

import numpy as np

REACH = 4
"""Low samples to either side that the filter looks at, which delays the stream by as many."""
CUTOFF = 0.9
"""Of the low rate's Nyquist frequency."""


class Decimator:
    """Float32 samples from `rate` to `low` Hz, `rate / low` of them for one, which need not be a whole number.

    The filter is a sinc under Hamming's window (Harris 1978). Streams of different rates are delayed by the same time.
    """

    def __init__(self, rate: int, low: int):
        self._step = rate / low
        length = 2 * REACH * ceil(self._step) + 1
        spread = np.arange(length) - length // 2
        taps = np.sinc(CUTOFF * spread / self._step) * np.hamming(length)
        self._taps = (taps / taps.sum()).astype(np.float32)
        self._before = np.zeros(length, np.float32)
        self._next = 0.0
        """Where the next sample out stands, in samples in from the last one that came."""

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """The next samples (n,) in, about n * low / rate out."""
        joined = np.concatenate([self._before, samples])
        self._before = joined[len(samples) :]
        places = np.arange(self._next, len(samples), self._step)
        if not len(places):
            self._next -= len(samples)
            return places.astype(np.float32)
        self._next = float(places[-1]) + self._step - len(samples)
        if self._step.is_integer() and self._next.is_integer():
            stretches = windows(joined, len(self._taps))[int(places[0]) : len(samples) : int(self._step)]
            return np.einsum("ij,j->i", stretches, self._taps)
        smooth = np.convolve(joined, self._taps, "valid")
        return np.interp(places, np.arange(len(smooth)), smooth).astype(np.float32)


def windows(line: np.ndarray, size: int) -> np.ndarray:
    """All stretches of that size in a line without gaps, as a view: numpy's own way to it takes as long as the rest."""
    return np.ndarray((len(line) - size + 1, size), line.dtype, line, strides=(line.itemsize, line.itemsize))
