"""Two voices at a time: the other side's sounds while we have the floor, without what is our own echo."""

from __future__ import annotations

import numpy as np

from voice.talk.echo import ECHO, EchoGuard
from voice.talk.interruption import WINDOW, Floor, Overlap, Verdict, seen

DIES = 0.3
"""Seconds after the echo's delay in which it dies away once we are silent: the room, and a delay that has changed."""
BREATH = 0.2
"""Seconds without a voice after which nobody speaks."""
OWN = "echo"
"""The reason where it was our own voice."""


class Contest:
    """From the moment something is heard while we have the floor, until it is decided what it was.

    Where our voice has come back before and none of this was explained by it, the echo may have got another delay. Then
    an interruption is believed only once we have been silent for so long that it cannot be our echo; until then we are
    silent anyway.
    """

    def __init__(self, floor: Floor, guard: EchoGuard):
        self._floor, self._guard = floor, guard
        self._overlap: Overlap = floor.begin()
        self._explained = False
        """Whether some of it was our own voice."""
        self._silent = -1
        """Windows since we paused; -1 where we have not."""
        self._claim = ""
        """Why it would be an interruption, were it no echo."""
        self._voice = 0
        """Windows since the last of somebody's voice."""
        self.reason = ""

    @property
    def seconds(self) -> float:
        return self._overlap.seconds

    def look(
        self, window: np.ndarray, at: float, probability: float, text: str | None, usual: float | None
    ) -> tuple[Verdict, float]:
        """The verdict on a window that ends at `at`, and how probable it is that somebody else than us speaks. `text`
        is None where no recogniser that can be trusted is at work, `usual` how loud the other side speaks otherwise, in
        dBFS."""
        known = self._guard.delay
        share = self._guard.share(window, at)
        if self._silent >= 0:
            self._silent += 1
        ours = share >= ECHO
        self._voice = 0 if probability >= ECHO and not ours else self._voice + 1
        verdict = self._overlap.feed(seen(window, probability, echo=share, text=text, usual=usual))
        self.reason = self._overlap.reason
        if ours and not self._explained and self._guard.delay != known:
            verdict = self._anew()
        self._explained = self._explained or ours
        return self._believed(verdict), 0.0 if ours else probability

    def _anew(self) -> Verdict:
        """The delay is found, so what was heard before was the same echo."""
        self._overlap, self._claim, self.reason = self._floor.begin(), "", OWN
        return Verdict.WAIT if self._silent < 0 else Verdict.RESUME

    def _believed(self, verdict: Verdict) -> Verdict:
        doubted = self._in_doubt()
        if verdict is Verdict.INTERRUPT and doubted:
            self._claim = self._claim or self.reason
        if self._claim:
            verdict = self._waits() if doubted else self._settled()
        if verdict is Verdict.PAUSE:
            self._silent = 0
        return verdict

    def _in_doubt(self) -> bool:
        guard = self._guard
        if self._explained or guard.delay is None or not (guard.possible or self._claim):
            return False
        return self._silent * WINDOW < guard.delay + DIES

    def _waits(self) -> Verdict:
        self.reason = self._claim
        return Verdict.PAUSE if self._silent < 0 else Verdict.WAIT

    def _settled(self) -> Verdict:
        """We have been silent for long enough: whoever still speaks is not us."""
        heard = self._voice * WINDOW < BREATH
        self.reason = self._claim if heard else OWN
        return Verdict.INTERRUPT if heard else Verdict.RESUME
