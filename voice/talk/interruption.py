"""Whether a sound of the other side while we speak is an interruption or a "mm-hmm": first pause, then decide. Knows no
audio and no network; what it is shown of each window is in Sight."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

WINDOW = 0.032
"""Seconds."""


@dataclass(frozen=True)
class Sight:
    """What is known of one window of 32 ms."""

    probability: float
    """Of speech."""
    level: float
    """Root mean square, dBFS."""
    echo: float = 0.0
    """The share of it that is our own voice coming back, 0 to 1."""
    text: str = ""
    """What was understood of the sound so far, only from a recogniser that can be trusted; empty where none."""


class Verdict(StrEnum):
    WAIT = "wait"
    PAUSE = "pause"
    """Stop playing, and keep everything."""
    RESUME = "resume"
    """It was nothing; go on where it stood. The overlap is over."""
    INTERRUPT = "interrupt"
    """The floor is theirs. The overlap is over."""


class Overlap(Protocol):
    """One sound of the other side while we have the floor, from its first window of speech on."""

    reason: str
    """Of the last verdict that was not WAIT."""
    seconds: float
    """Fed so far."""

    def feed(self, sight: Sight) -> Verdict: ...


class Floor(Protocol):
    """A policy."""

    def begin(self) -> Overlap: ...


@dataclass(frozen=True)
class Rules:
    """Times in seconds."""

    threshold: float = 0.5
    echo: float = 0.5
    """Windows with more of our own voice in them do not count as speech."""
    pause: float = 0.096
    """Speech after which we pause."""
    interrupt: float = 0.4
    """Speech after which it is an interruption."""
    gap: float = 0.25
    """Silence after which it was none."""


class PauseFirst:
    """Pauses at the first speech and decides by how long it lasts."""

    def __init__(self, rules: Rules | None = None):
        self.rules = rules or Rules()

    def begin(self) -> Overlap:
        return _PauseFirst(self.rules)


class _PauseFirst:
    def __init__(self, rules: Rules):
        self._rules = rules
        self.reason = ""
        self._windows = self._voiced = self._gap = 0
        self._paused = False

    @property
    def seconds(self) -> float:
        return self._windows * WINDOW

    def feed(self, sight: Sight) -> Verdict:
        self._windows += 1
        voiced = sight.probability >= self._rules.threshold and sight.echo < self._rules.echo
        self._voiced += voiced
        self._gap = 0 if voiced else self._gap + 1
        if self._voiced * WINDOW >= self._rules.interrupt:
            return self._told(Verdict.INTERRUPT, "long")
        if self._gap * WINDOW >= self._rules.gap:
            return self._told(Verdict.RESUME, "short")
        if not self._paused and self._voiced * WINDOW >= self._rules.pause:
            self._paused = True
            return self._told(Verdict.PAUSE, "speech")
        return Verdict.WAIT

    def _told(self, verdict: Verdict, reason: str) -> Verdict:
        self.reason = reason
        return verdict
