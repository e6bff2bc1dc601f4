"""How loud sound is to people: integrated loudness after ITU-R BS.1770-4 and EBU R 128, of a whole or of a stream.

One channel only, as all sound in this house: two equal channels would measure 3.01 LU more.
"""

from __future__ import annotations

import math

import numpy as np

from audio.filters import Filter, Section
from audio.value import Audio

STEP = 0.1
"""Seconds from one gating block to the next; a block is four steps, 400 ms with 75 % overlap."""
STEPS = 4
ABSOLUTE_GATE = -70.0
"""LUFS; blocks below it are silence."""
RELATIVE_GATE = -10.0
"""LU under the mean of what passed the first gate; blocks below it are pauses."""
OFFSET = -0.691
"""dB; makes the weighting's gain at 1 kHz one."""


class Meter:
    """Hears a stream and tells how loud it is so far. Remembers eight bytes for each tenth of a second."""

    def __init__(self, rate: int):
        self.rate = rate
        self._step = round(STEP * rate)
        self._filter = Filter(k_weighting(rate))
        self._waiting = np.zeros(0)
        self._steps: list[float] = []

    def feed(self, samples: np.ndarray) -> None:
        """The next samples (n,)."""
        weighted = np.concatenate([self._waiting, self._filter.feed(samples)])
        whole = len(weighted) // self._step * self._step
        self._steps += (weighted[:whole] ** 2).reshape(-1, self._step).mean(axis=1).tolist()
        self._waiting = weighted[whole:]

    def integrated(self) -> float:
        """LUFS over all that was fed; -inf where less than 400 ms was, or nothing was above the gate."""
        return _gated(np.array(self._steps))

    def sounding(self) -> float:
        """Seconds that were above the absolute gate."""
        return float((np.array(self._steps) > _power(ABSOLUTE_GATE)).sum() * STEP)


def loudness(audio: Audio) -> float:
    """Integrated loudness in LUFS; -inf of silence, and of what is shorter than 400 ms."""
    meter = Meter(audio.rate)
    meter.feed(audio.samples)
    return meter.integrated()


def k_weighting(rate: int) -> tuple[Section, Section]:
    """The head's shelf and the low-frequency roll-off.

    BS.1770 tabulates both for 48 kHz only. These are the analogue filters behind the tables, as Brecht De Man derived
    them ("Evaluation of implementations of the EBU R128 loudness measurement", AES 145, 2018), for any rate.
    """
    k = math.tan(math.pi * 1681.974450955533 / rate)
    high = 10 ** (3.999843853973347 / 20)
    band, q = high**0.4996667741545416, 0.7071752369554196
    whole = 1 + k / q + k * k
    shelf = Section(
        (high + band * k / q + k * k) / whole,
        2 * (k * k - high) / whole,
        (high - band * k / q + k * k) / whole,
        2 * (k * k - 1) / whole,
        (1 - k / q + k * k) / whole,
    )
    k, q = math.tan(math.pi * 38.13547087602444 / rate), 0.5003270373238773
    whole = 1 + k / q + k * k
    return shelf, Section(1.0, -2.0, 1.0, 2 * (k * k - 1) / whole, (1 - k / q + k * k) / whole)


def _gated(steps: np.ndarray) -> float:
    """Mean powers of the steps to LUFS, both gates applied to blocks of four."""
    if len(steps) < STEPS:
        return -math.inf
    blocks = np.convolve(steps, np.full(STEPS, 1 / STEPS), "valid")
    heard = blocks[blocks > _power(ABSOLUTE_GATE)]
    if not len(heard):
        return -math.inf
    return _lufs(float(heard[heard > heard.mean() * 10 ** (RELATIVE_GATE / 10)].mean()))


def _lufs(power: float) -> float:
    return OFFSET + 10 * math.log10(power)


def _power(lufs: float) -> float:
    return 10 ** ((lufs - OFFSET) / 10)
