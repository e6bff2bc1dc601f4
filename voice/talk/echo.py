"""How much of what is heard is our own voice coming back, from what was played. Knows no conversation."""

from __future__ import annotations

import numpy as np

RATE = 4000
"""Samples a second at which the comparison is made: most of a voice's energy lies under 2 kHz."""
REACH = 0.6
"""Seconds of delay at most."""
SPAN = 0.064
"""Seconds of what is heard that are compared."""
TAPS = 16
"""Of the filter from what was played to what came back, 4 ms: the loudspeaker, and the first reflections."""
BEHIND = 0.1
"""Seconds that playing may lag behind hearing before the gap counts as silence."""
FLOOR = 1e-10
"""Power under which there is nothing to explain."""


class EchoGuard:
    """One conversation's. It keeps the last 0.7 s of what was played, and of what was heard 64 ms."""

    def __init__(self, rate: int = 16000):
        if rate % RATE:
            raise ValueError(f"The echo guard takes a multiple of {RATE} Hz, not {rate}.")
        self._step = rate // RATE
        span = round(SPAN * RATE)
        self._reference = np.zeros(round(REACH * RATE) + span + TAPS, np.float32)
        self._heard = np.zeros(span, np.float32)
        self._low_played, self._low_heard = _Low(self._step), _Low(self._step)
        self._size = 1 << (len(self._reference) - 1).bit_length()
        self._rate, self._lead = rate, 0

    def played(self, samples: np.ndarray) -> None:
        """What leaves now, float32 (n,) at the input's rate, any length."""
        self._lead += len(samples)
        _push(self._reference, self._low_played(samples))

    def share(self, window: np.ndarray) -> float:
        """Of the energy of the last 64 ms, the share that what was played explains; `window` is the next one heard."""
        self._lead = min(self._lead - len(window), round(REACH * self._rate))
        if self._lead < -BEHIND * self._rate:
            self.played(np.zeros(round(-self._lead - BEHIND * self._rate), np.float32))
        _push(self._heard, self._low_heard(window))
        return self._explained(self._heard)

    def _explained(self, heard: np.ndarray) -> float:
        power = float(heard @ heard)
        reference = self._reference
        if power < FLOOR * len(heard) or float(reference @ reference) < FLOOR * len(reference):
            return 0.0
        lag = self._best(heard)
        first = max(0, lag - TAPS // 2)
        rows = np.lib.stride_tricks.sliding_window_view(reference, len(heard))[first : first + TAPS]
        square = rows @ rows.T
        square[np.diag_indices(len(rows))] += 1e-3 * float(np.trace(square)) / len(rows) + FLOOR
        wanted = rows @ heard
        return min(1.0, max(0.0, float(wanted @ np.linalg.solve(square, wanted)) / power))

    def _best(self, heard: np.ndarray) -> int:
        """Where in the reference what is heard begins, by normalized correlation."""
        reference, size = self._reference, self._size
        count = len(reference) - len(heard) + 1
        product = np.fft.irfft(np.fft.rfft(reference, size) * np.conj(np.fft.rfft(heard, size)), size)[:count]
        sums = np.concatenate([[0.0], np.cumsum(reference * reference, dtype=np.float64)])
        energy = sums[len(heard) :] - sums[: -len(heard)]
        return int(np.argmax(product * product / (energy + 0.01 * float(energy.max()) + FLOOR)))


class _Low:
    """A stream filtered to under a quarter of the rate and thinned out by `step`."""

    def __init__(self, step: int):
        length = 8 * step + 1
        spread = np.arange(length) - length // 2
        self._taps = (np.sinc(0.9 * spread / step) * np.hamming(length)).astype(np.float32)
        self._taps /= self._taps.sum()
        self._before = np.zeros(length - 1, np.float32)
        self._step, self._skip = step, 0

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        joined = np.concatenate([self._before, samples])
        self._before = joined[len(samples) :]
        low = np.convolve(joined, self._taps, "valid")[self._skip :: self._step]
        self._skip = (self._skip - len(samples)) % self._step
        return low


def _push(line: np.ndarray, samples: np.ndarray) -> None:
    """Move `line` on by these samples, in place."""
    samples = samples[-len(line) :]
    if len(samples):
        line[: -len(samples)] = line[len(samples) :]
        line[-len(samples) :] = samples
