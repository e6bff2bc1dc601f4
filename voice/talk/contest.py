"""Two voices at a time: the other side's sounds while we have the floor, without what is our own echo."""

from __future__ import annotations

import numpy as np

from audio.resample import Resampler
from voice.talk.echo import EchoGuard
from voice.talk.interruption import Floor, Overlap, Verdict, seen
from voice.talk.settings import INPUT_RATE

ECHO = 0.5
"""Share of our own voice in a window from which it counts as nothing else."""


class Contest:
    """From the moment something is heard while we have the floor, until it is decided what it was."""

    def __init__(self, floor: Floor, rate: int, left: np.ndarray, before: np.ndarray | None):
        """`left` is what we said last, `rate` its rate; `before` the window heard before this began."""
        self._overlap: Overlap = floor.begin()
        self._guard = EchoGuard(INPUT_RATE)
        self._resampler = Resampler(rate, INPUT_RATE)
        self.left(left)
        if before is not None:
            self._guard.share(before)

    @property
    def reason(self) -> str:
        return self._overlap.reason

    @property
    def seconds(self) -> float:
        return self._overlap.seconds

    def left(self, samples: np.ndarray) -> None:
        """What left since."""
        if len(samples):
            self._guard.played(self._resampler.feed(samples))

    def look(
        self, window: np.ndarray, probability: float, text: str | None, usual: float | None
    ) -> tuple[Verdict, float]:
        """The verdict, and how probable it is that somebody else than us speaks. `text` is None where no recogniser
        that can be trusted is at work, `usual` how loud the other side speaks otherwise, in dBFS."""
        share = self._guard.share(window)
        verdict = self._overlap.feed(seen(window, probability, echo=share, text=text, usual=usual))
        return verdict, 0.0 if share >= ECHO else probability
