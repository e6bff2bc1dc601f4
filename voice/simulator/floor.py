"""Stands in for the judgement of who has the floor, which knows voices and would take a scripted tone for none."""

from __future__ import annotations

from voice.talk.interruption import WINDOW, Overlap, Sight, Verdict

THRESHOLD = 0.5
PAUSE = 0.096
"""Seconds of sound after which we pause."""
INTERRUPT = 0.4
"""After which it is an interruption."""
GAP = 0.25
"""Of silence after which it was none."""


class ByLength:
    """Pauses first, and decides by how long the sound lasts."""

    def begin(self) -> Overlap:
        return _ByLength()


class _ByLength:
    def __init__(self):
        self.reason = ""
        self._windows = self._voiced = self._gap = 0
        self._paused = False

    @property
    def seconds(self) -> float:
        return self._windows * WINDOW

    def feed(self, sight: Sight) -> Verdict:
        voiced = sight.probability >= THRESHOLD and sight.echo < THRESHOLD
        self._windows += 1
        self._voiced += voiced
        self._gap = 0 if voiced else self._gap + 1
        if self._voiced * WINDOW >= INTERRUPT:
            return self._told(Verdict.INTERRUPT, "long")
        if self._gap * WINDOW >= GAP:
            return self._told(Verdict.RESUME, "short")
        if not self._paused and self._voiced * WINDOW >= PAUSE:
            self._paused = True
            return self._told(Verdict.PAUSE, "speech")
        return Verdict.WAIT

    def _told(self, verdict: Verdict, reason: str) -> Verdict:
        self.reason = reason
        return verdict
