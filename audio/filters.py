"""Recursive filters on a stream of blocks, in numpy without a loop over samples. Knows sections, not what they are for.

A section is the transfer function (b0 + b1 z⁻¹ + b2 z⁻²) / (1 + a1 z⁻¹ + a2 z⁻²). It is run on blocks of 128 samples as
two matrix products, one for what the block's own samples give and one for what the past gives (a state-space form,
exact but for rounding); only the state goes from block to block one by one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

BLOCK = 128


class Section(NamedTuple):
    """Coefficients with a0 = 1."""

    b0: float
    b1: float
    b2: float
    a1: float
    a2: float


class Filter:
    """Sections one after the other, at rest in the beginning. How the input is cut makes no difference."""

    def __init__(self, sections: Sequence[Section]):
        self._parts = [_matrices(section) for section in sections]
        self._states = [np.zeros(2) for _ in sections]

    def feed(self, samples: np.ndarray) -> np.ndarray:
        """(n,) of any float type to float64 (n,)."""
        signal = np.asarray(samples, np.float64)
        for number, part in enumerate(self._parts):
            signal, self._states[number] = part.run(signal, self._states[number])
        return signal


class _Matrices(NamedTuple):
    own: np.ndarray
    """(BLOCK, BLOCK): a block's samples to its output, transposed."""
    past: np.ndarray
    """(2, BLOCK): the state before a block to its output."""
    kept: np.ndarray
    """(BLOCK, 2): a block's samples to the state after it."""
    powers: np.ndarray
    """(BLOCK + 1, 2, 2): what k samples of silence make of a state."""

    def run(self, signal: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        whole = len(signal) // BLOCK * BLOCK
        blocks = signal[:whole].reshape(-1, BLOCK)
        states, state = self._states(blocks @ self.kept, state)
        out = blocks @ self.own + states @ self.past
        rest = signal[whole:]
        if not len(rest):
            return out.ravel(), state
        count = len(rest)
        last = rest @ self.own[:count, :count] + state @ self.past[:, :count]
        state = rest @ self.kept[BLOCK - count :] + self.powers[count] @ state
        return np.concatenate([out.ravel(), last]), state

    def _states(self, given: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The states before each block, and the one after the last."""
        (a, b), (c, d) = self.powers[BLOCK].tolist()
        first, second = state.tolist()
        states = []
        for one, two in given.tolist():
            states.append((first, second))
            first, second = a * first + b * second + one, c * first + d * second + two
        return np.array(states).reshape(-1, 2), np.array([first, second])


@lru_cache(maxsize=64)
def _matrices(section: Section) -> _Matrices:
    """Of the transposed direct form II: y = b0 x + s1, s1' = b1 x - a1 y + s2, s2' = b2 x - a2 y."""
    b0, b1, b2, a1, a2 = section
    step = np.array([[-a1, 1.0], [-a2, 0.0]])
    entry = np.array([b1 - a1 * b0, b2 - a2 * b0])
    powers = np.empty((BLOCK + 1, 2, 2))
    powers[0] = np.eye(2)
    for k in range(BLOCK):
        powers[k + 1] = step @ powers[k]
    reached = powers[:BLOCK] @ entry  # (BLOCK, 2): the state k samples after an impulse
    response = np.concatenate([[b0], reached[: BLOCK - 1, 0]])
    lag = np.arange(BLOCK) - np.arange(BLOCK)[:, None]
    own = np.where(lag >= 0, response[np.maximum(lag, 0)], 0.0)
    return _Matrices(own, powers[:BLOCK, 0].T.copy(), reached[::-1].copy(), powers)


class OffsetFilter:
    """Takes away what lies below `hertz`, above all a constant offset: a zero at 0 Hz and one pole, no delay.

    One pole is a sum that fades, y(n) = p y(n-1) + x(n), so a running sum of p⁻ⁿ x(n) gives a whole block at once; a
    tenth of the cost of a `Filter`, for what is done to every chunk.
    """

    def __init__(self, hertz: float, rate: int):
        pole = math.exp(-2 * math.pi * hertz / rate)
        # As many samples as p⁻ⁿ may grow over without costing more than a float32's precision.
        powers = np.arange(1.0, 1.0 + min(rate, round(12 / -math.log(pole))))
        self._rise, self._fall = (1 + pole) / 2 * pole**-powers, pole**powers
        self._last, self._out = 0.0, 0.0

    def feed(self, samples: np.ndarray) -> np.ndarray:
        """(n,) of any float type to float64 (n,)."""
        out, size = np.empty(len(samples)), len(self._rise)
        for at in range(0, len(samples), size):
            self._block(samples[at : at + size], out[at : at + size])
        return out

    def _block(self, samples: np.ndarray, out: np.ndarray) -> None:
        out[0] = samples[0] - self._last
        np.subtract(samples[1:], samples[:-1], out=out[1:])
        out *= self._rise[: len(out)]
        out.cumsum(out=out)
        out += self._out
        out *= self._fall[: len(out)]
        self._last, self._out = float(samples[-1]), float(out[-1])


def high_pass(hertz: float, rate: int, q: float = math.sqrt(0.5)) -> Section:
    """This and those below: R. Bristow-Johnson, Cookbook formulae for audio EQ biquad filter coefficients."""
    cosine, alpha = _angle(hertz, rate, q)
    side = (1 + cosine) / 2
    return _normal((side, -2 * side, side), (1 + alpha, -2 * cosine, 1 - alpha))


def peak(hertz: float, rate: int, gain_db: float, q: float) -> Section:
    """A bell of `gain_db` about `hertz`."""
    cosine, alpha = _angle(hertz, rate, q)
    root = 10 ** (gain_db / 40)
    up, down = alpha * root, alpha / root
    return _normal((1 + up, -2 * cosine, 1 - up), (1 + down, -2 * cosine, 1 - down))


def high_shelf(hertz: float, rate: int, gain_db: float, q: float = math.sqrt(0.5)) -> Section:
    """`gain_db` above `hertz`, half of it there."""
    cosine, alpha = _angle(hertz, rate, q)
    a = 10 ** (gain_db / 40)
    slope = 2 * math.sqrt(a) * alpha
    above = (
        a * ((a + 1) + (a - 1) * cosine + slope),
        -2 * a * ((a - 1) + (a + 1) * cosine),
        a * ((a + 1) + (a - 1) * cosine - slope),
    )
    below = ((a + 1) - (a - 1) * cosine + slope, 2 * ((a - 1) - (a + 1) * cosine), (a + 1) - (a - 1) * cosine - slope)
    return _normal(above, below)


def _angle(hertz: float, rate: int, q: float) -> tuple[float, float]:
    if not 0 < hertz < rate / 2:
        raise ValueError(f"a filter at {hertz:g} Hz needs a rate above {2 * hertz:g} Hz, not {rate}")
    angle = 2 * math.pi * hertz / rate
    return math.cos(angle), math.sin(angle) / (2 * q)


def _normal(b: tuple[float, float, float], a: tuple[float, float, float]) -> Section:
    return Section(b[0] / a[0], b[1] / a[0], b[2] / a[0], a[1] / a[0], a[2] / a[0])
