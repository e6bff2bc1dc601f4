"""What is written down of a turn while it happens, for its metrics and its picture."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass, field

from engines.agent import Thought
from voice.listening import Understood
from voice.talk.events import Turn

MOST_WINDOWS = 2000
"""A minute of them."""


class Probabilities:
    """What the detector said of the last windows, at least `MOST_WINDOWS` of them, each with its time.

    As plain numbers: pairs would be three thousand objects a second in a hundred conversations, and the collector would
    look at all of them.
    """

    def __init__(self) -> None:
        self._times, self._values = array("d"), array("d")

    def add(self, at: float, probability: float) -> None:
        """Times do not go back."""
        self._times.append(at)
        self._values.append(probability)
        if len(self._times) >= 2 * MOST_WINDOWS:
            del self._times[:MOST_WINDOWS], self._values[:MOST_WINDOWS]

    def since(self, at: float) -> tuple[tuple[float, float], ...]:
        """Pairs of time and probability, the last `MOST_WINDOWS` at most."""
        first = max(bisect_left(self._times, at), len(self._times) - MOST_WINDOWS)
        return tuple(zip(self._times[first:], self._values[first:], strict=True))


@dataclass
class Trace:
    """Seconds on the conversation's clock, None for what has not happened."""

    speech_started: float | None = None
    speech_stopped: float | None = None
    ended: float | None = None
    reason: str = ""
    transcript: float | None = None
    first_text: float | None = None
    first_sound: float | None = None
    first_frame: float | None = None
    drafted: bool = False
    hears: str = ""
    thinks: str = ""
    speaks: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    finish: str = ""
    partials: list[tuple[float, str]] = field(default_factory=list)

    def thought(self, action: Thought) -> None:
        self.thinks, self.finish = action.model, action.finish or self.finish
        self.input_tokens += action.input_tokens
        self.output_tokens += action.output_tokens

    def understood(self, understood: Understood, now: float) -> None:
        self.hears = understood.engine
        if self.transcript is None:
            self.transcript = now

    def turn(
        self, response: str, item: str, heard: float, done: float, probabilities: Probabilities | None = None
    ) -> Turn:
        """All of it as a value. Of the probabilities what lies before the turn is left out."""
        start = (self.speech_started if self.speech_started is not None else done) - 0.5
        return Turn(
            response=response,
            item=item,
            speech_started=self.speech_started,
            speech_stopped=self.speech_stopped,
            ended=self.ended,
            reason=self.reason,
            transcript=self.transcript,
            first_text=self.first_text,
            first_sound=self.first_sound,
            first_frame=self.first_frame,
            done=done,
            heard=heard,
            drafted=self.drafted,
            hears=self.hears,
            thinks=self.thinks,
            speaks=self.speaks,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            probabilities=probabilities.since(start) if probabilities else (),
            partials=tuple(self.partials),
        )
