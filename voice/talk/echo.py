"""How much of what is heard is our own voice coming back, from what was played. Knows no conversation."""

from __future__ import annotations

import numpy as np

RATE = 4000
"""Samples a second at which the comparison is made: most of a voice's energy lies under 2 kHz."""
REACH = 0.6
"""Seconds of delay at most."""
SPAN = 0.064
"""Seconds of what is heard that are compared at a time."""
TAPS = 32
"""Of the filter from what was played to what came back, 8 ms: the loudspeaker, and the first reflections."""
AHEAD = 8
"""Taps before the delay at which both are most alike."""
BEHIND = 0.06
"""Seconds that playing may lag behind hearing before the gap counts as silence."""
FLOOR = 1e-9
"""Power under which there is nothing to explain, -90 dBFS."""
KEEPS = 0.95
"""Of what is known of the delay, from one window to the next: it is an average over 0.6 seconds."""
CLEAR = 4.5
"""How far the likeness at one delay stands out from that at the others, in their deviations, before it is an echo."""
FOLLOWS = 0.7
"""Of what is known of the filter, from one window to the next."""


class EchoGuard:
    """One conversation's. It keeps the last 0.7 s of what was played and 64 ms of what was heard.

    First the delay: at each window the whitened cross-correlation of what is heard with what was played is added to
    those before, for the delay of an echo stays while the voices change. Only where one delay stands out there is an
    echo. Then a short filter at that delay, by least squares over the last windows, says how much of the energy it
    explains.
    """

    def __init__(self, rate: int = 16000):
        if rate % RATE:
            raise ValueError(f"The echo guard takes a multiple of {RATE} Hz, not {rate}.")
        span = round(SPAN * RATE)
        self._low_played, self._low_heard = _Low(rate // RATE), _Low(rate // RATE)
        self._reference = np.zeros(round(REACH * RATE) + span, np.float32)
        self._heard = np.zeros(span, np.float32)
        self._size = 1 << (len(self._reference) + TAPS - 1).bit_length()
        self._lead = self._leading = 0
        """Samples at the low rate played more than heard, now and when the likeness was last added to."""
        self._likeness = np.zeros(len(self._reference) - span + 1)
        """By delay in samples, counted back from the last one played."""
        self._delay = -1
        """At which the filter was learned, counted from the last one heard; -1 where there is none."""
        self._square, self._wanted = np.zeros((TAPS, TAPS)), np.zeros(TAPS)

    def played(self, samples: np.ndarray) -> None:
        """What leaves now, float32 (n,) at the input's rate, any length."""
        low = self._low_played(samples)
        self._lead += len(low)
        _push(self._reference, low)

    def share(self, window: np.ndarray) -> float:
        """Of the energy of the last 64 ms, the share that what was played explains; `window` is the next one heard."""
        low = self._low_heard(window)
        _push(self._heard, low)
        self._lead = min(self._lead - len(low), round(REACH * RATE))
        if (missing := -self._lead - round(BEHIND * RATE)) > 0:
            self._lead += missing
            _push(self._reference, np.zeros(missing, np.float32))
        power = float(self._heard @ self._heard)
        if power < FLOOR * len(self._heard) or float(self._reference @ self._reference) < FLOOR * len(self._reference):
            return 0.0
        self._compare()
        delay = int(np.argmax(self._likeness))
        if self._likeness[delay] < CLEAR * float(np.sqrt(np.mean(np.square(self._likeness)))):
            return 0.0
        return self._explained(delay, len(low), power)

    def _compare(self) -> None:
        """Add this window's likeness by delay."""
        moved, self._leading = self._lead - self._leading, self._lead
        likeness = KEEPS * _moved(self._likeness, moved)
        played, heard = np.fft.rfft(self._reference, self._size), np.fft.rfft(self._heard, self._size)
        cross = played * np.conj(heard)
        weight = np.abs(cross)
        cross /= weight + 0.01 * float(weight.max()) + 1e-12
        self._likeness = likeness + np.fft.irfft(cross, self._size)[: len(likeness)][::-1]

    def _explained(self, delay: int, fresh: int, power: float) -> float:
        """The share that the filter around `delay` explains, after it has learned from the `fresh` new samples."""
        if abs(delay - self._lead - self._delay) > 2 or self._delay < 0:
            self._square[:], self._wanted[:] = 0, 0
            self._delay, fresh = delay - self._lead, len(self._heard)
        rows = self._delayed(self._delay + self._lead)
        self._square = FOLLOWS * self._square + rows[:, -fresh:] @ rows[:, -fresh:].T
        self._wanted = FOLLOWS * self._wanted + rows[:, -fresh:] @ self._heard[-fresh:]
        steady = self._square + np.eye(TAPS) * (2e-3 * float(np.trace(self._square)) / TAPS + FLOOR)
        rest = self._heard - np.linalg.solve(steady, self._wanted) @ rows
        return min(1.0, max(0.0, 1.0 - float(rest @ rest) / power))

    def _delayed(self, delay: int) -> np.ndarray:
        """What was played around `delay`, a row for each tap; silence where nothing was."""
        padded = np.pad(self._reference, TAPS)
        begin = len(self._reference) - len(self._heard) - delay + AHEAD + TAPS
        starts = np.clip(begin - np.arange(TAPS), 0, len(padded) - len(self._heard))
        return np.stack([padded[start : start + len(self._heard)] for start in starts]).astype(np.float64)


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
        if not len(samples):
            return samples
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
        line[len(line) - len(samples) :] = samples


def _moved(line: np.ndarray, by: int) -> np.ndarray:
    """A copy, later by so many samples; zeros come in."""
    moved = np.zeros_like(line)
    if by >= 0:
        moved[by:] = line[: max(0, len(line) - by)]
    else:
        moved[:by] = line[-by:]
    return moved
