"""When the other side's turn begins and ends, from a detector's probabilities. Knows no audio and no clock but its own:
the windows that were fed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.errors import BadRequest

MODES = ("vad", "manual")
LEAST_IDLE = 1.0
"""Seconds. Who is spoken to again asks a model each time."""


@dataclass(frozen=True)
class TurnRules:
    """Times in seconds. Raises BadRequest on what makes no sense."""

    threshold: float = 0.5
    """Probability from which a window is speech."""
    release: float = 0.35
    """Probability under which speech that has begun pauses."""
    start: float = 0.096
    """Speech that begins a turn; less is a click."""
    stop: float = 0.2
    """Silence after which speech counts as stopped."""
    min_delay: float = 0.5
    """Silence that ends a turn, where what was said seems complete or nothing is known of it."""
    max_delay: float = 2.5
    """Silence that ends a turn, where what was said seems incomplete."""
    prefix: float = 0.3
    """Audio before the start that belongs to the turn too."""
    idle: float = 0.0
    """Quiet after which the other side is spoken to again, a second or more; 0 is never."""
    mode: str = "vad"
    """`manual`: nothing but a commit ends a turn."""
    longest: float = 120.0
    """A turn is ended here, whoever still speaks."""

    def __post_init__(self):
        _check("threshold", self.threshold, 0.01, 0.99)
        _check("release", self.release, 0.005, self.threshold)
        _check("start", self.start, 0, 2)
        _check("stop", self.stop, 0.02, 10)
        _check("min_delay", self.min_delay, 0, 30)
        _check("max_delay", self.max_delay, self.min_delay, 60)
        _check("prefix", self.prefix, 0, 5)
        if self.idle:
            _check("idle", self.idle, LEAST_IDLE, 3600)
        _check("longest", self.longest, 1, 3600)
        if self.mode not in MODES:
            raise BadRequest(f"mode is {self.mode!r}; it is one of {' '.join(MODES)}.", param="mode")


@dataclass(frozen=True)
class Started:
    """Speech begins a turn; told `start` seconds later."""

    at: float


@dataclass(frozen=True)
class Stopped:
    """Speech ended at `at`, perhaps for a breath; told `stop` seconds later."""

    at: float


@dataclass(frozen=True)
class Continued:
    """Speech went on at `at`, in the same turn."""

    at: float


@dataclass(frozen=True)
class Ended:
    """The turn is over, now."""

    at: float
    began: float
    """Where its first speech began, with `manual` where its audio begins: at the end of the turn before."""
    reason: str
    """`silence`, `semantic` (a hint made the silence longer or confirmed it), `longest`, or what commit was told."""
    waited: float
    """Seconds since the last of its speech."""


@dataclass(frozen=True)
class Idle:
    """Nobody has spoken for `seconds`; told again after each `idle` seconds."""

    seconds: float


Event = Started | Stopped | Continued | Ended | Idle


class Turns:
    """One input's turns, a window at a time. Between a Started and the next is an Ended, or a call of clear().

    Silence is counted from the last window of speech. A sound shorter than `start` does not break it, but no turn is
    ended while such a sound may still become speech.
    """

    __slots__ = (
        "_began", "_delay", "_hint", "_idle", "_idled", "_last", "_longest", "_open", "_quiet", "_release", "_run",
        "_since", "_start", "_stop", "_stopped", "_threshold", "_windows", "rules", "window",
    )  # fmt: skip

    def __init__(self, rules: TurnRules | None = None, window: float = 0.032):
        self.window = window
        self._windows = 0
        self._since = 0
        """Window at which the turn before ended."""
        self._open = self._stopped = False
        self._began = self._last = 0
        """Of the open turn: its first window, and the one after its last of speech."""
        self._run = 0
        """Windows of a sound that may become speech."""
        self._quiet, self._idled = False, 0
        self._hint: float | None = None
        self.configure(rules or TurnRules())

    @property
    def speaking(self) -> bool:
        """Whether a turn is open and its speech has not stopped."""
        return self._open and not self._stopped

    @property
    def open(self) -> bool:
        """Whether a turn has started that has not ended."""
        return self._open

    @property
    def clock(self) -> float:
        """Seconds fed."""
        return self._windows * self.window

    @property
    def silence(self) -> float:
        """Seconds since the last of the open turn's speech, 0 where none is open."""
        return (self._windows - self._last) * self.window if self._open else 0.0

    def configure(self, rules: TurnRules) -> None:
        """From now on, for the open turn too."""
        self.rules = rules
        self._threshold, self._release = rules.threshold, rules.release
        self._start = max(1, self._count(rules.start))
        self._stop = max(1, self._count(rules.stop))
        self._longest = max(1, self._count(rules.longest))
        self._idle = self._count(rules.idle)
        self.hint(self._hint)

    def hint(self, complete: float | None) -> None:
        """How probable it is that what was understood so far is a whole turn; None where nobody knows. It holds until
        the next hint or the turn's end."""
        rules = self.rules
        share = 1.0 if complete is None or math.isnan(complete) else min(max(complete, 0.0), 1.0)
        self._hint = complete
        self._delay = max(self._stop, self._count(rules.max_delay + (rules.min_delay - rules.max_delay) * share))

    def quiet(self, counts: bool) -> None:
        """Whether time in which the other side is silent counts as idle; not while we speak or think."""
        self._quiet, self._idled = counts, self._idled if counts else 0

    def feed(self, probability: float) -> tuple[Event, ...]:
        """The next window; a probability that is no number is silence."""
        self._windows += 1
        if self._open:
            return self._within(probability)
        if probability >= (self._release if self._run else self._threshold):
            self._run += 1
            self._idled = 0
            return self._begin() if self._run >= self._start else ()
        self._run = 0
        if self._quiet and self._idle:
            self._idled += 1
            if self._idled % self._idle == 0:
                return (Idle(self._idled * self.window),)
        return ()

    def commit(self, reason: str = "commit") -> tuple[Event, ...]:
        """End the turn now. With `manual`, all audio since the turn before is one, heard as speech or not; else there
        must be speech, and without any nothing is ended."""
        manual = self.rules.mode == "manual" and self._windows > self._since
        if self._open:
            return (self._end(reason),)
        if not (self._run or manual):
            return ()
        at = self._windows - self._run if self._run else self._since
        self._open, self._began, self._last = True, at, self._windows
        return (Started(at * self.window), self._end(reason))

    def clear(self) -> None:
        """Forget the open turn, and what was heard since the one before."""
        self._open = self._stopped = False
        self._run = self._idled = 0
        self._since = self._windows
        self.hint(None)

    def _begin(self) -> tuple[Event, ...]:
        self._open, self._stopped = True, False
        self._began, self._last = self._windows - self._run, self._windows
        self._run = 0
        return (Started(self._began * self.window), *self._too_long())

    def _within(self, probability: float) -> tuple[Event, ...]:
        """A window of an open turn."""
        if self._stopped:
            return self._after(probability)
        if probability >= self._release:
            self._last = self._windows
            return self._too_long()
        if self._windows - self._last < self._stop:
            return self._too_long()
        self._stopped, self._run = True, 0
        return (Stopped(self._last * self.window), *self._over())

    def _after(self, probability: float) -> tuple[Event, ...]:
        """A window after speech has stopped."""
        if not probability >= (self._release if self._run else self._threshold):
            self._run = 0
            return self._over()
        self._run += 1
        if self._run < self._start:
            return self._too_long()
        at, self._run = self._windows - self._run, 0
        self._stopped, self._last = False, self._windows
        return (Continued(at * self.window), *self._too_long())

    def _over(self) -> tuple[Event, ...]:
        """The endpoint, when silence has lasted."""
        if self.rules.mode == "manual" or self._windows - self._last < self._delay:
            return self._too_long()
        return (self._end("silence" if self._hint is None else "semantic"),)

    def _too_long(self) -> tuple[Event, ...]:
        if self.rules.mode == "manual" or self._windows - self._began < self._longest:
            return ()
        return (self._end("longest"),)

    def _end(self, reason: str) -> Ended:
        manual = self.rules.mode == "manual"
        began = self._since if manual else self._began
        waited = (self._windows - self._last) * self.window
        self.clear()
        return Ended(self.clock, began * self.window, reason, waited)

    def _count(self, seconds: float) -> int:
        """Windows that last at least so long."""
        return math.ceil(seconds / self.window - 1e-9)


def _check(name: str, value: float, least: float, most: float) -> None:
    if not (math.isfinite(value) and least <= value <= most):
        raise BadRequest(f"{name} is {value:g}; it takes {least:g} to {most:g}.", param=name)
