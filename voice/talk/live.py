"""The sessions that are being held, for whoever wants to watch: how long, whose turn it is, what has just happened.

Knows no face and no key: a session tells what it does, and how it is ended. What is said in it stands apart from all
else, so that it can be kept from others than its owner.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from voice.talk import events

KEPT = 60
"""Lines of a session that can still be read."""
WORDS = 200
"""Characters of what was said that one line holds."""

Kind = Literal["chat", "realtime", "relay"]
State = Literal["listening", "thinking", "speaking", "away"]


@dataclass(frozen=True)
class Line:
    """Something that happened."""

    number: int
    """Its place in the session, from 1. A line that happens again at once keeps its place."""
    at: float
    """On the clock of `Live`."""
    type: str
    about: str = ""
    """Figures and reasons; nothing of what people say."""
    words: str = ""
    """What was said."""
    asked: bool = False
    """Whether it came from the client."""
    times: int = 1


@dataclass(frozen=True)
class Sound:
    """Seconds."""

    heard: float
    said: float


@dataclass
class Seen:
    """One session. Whoever holds it calls `tell` with the events of its conversation, and `note` with anything else."""

    kind: Kind
    id: str
    owner: str
    """The id of the caller whose it is."""
    name: str
    """The name of his key."""
    sound: Callable[[], Sound]
    models: dict[str, str] = field(default_factory=dict)
    """`hears`, `thinks` and `speaks`, as far as they are known."""
    voice: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    """US dollars, where somebody else is paid for what he has done."""
    per_second: float = 0.0
    """US dollars, where somebody else is paid by time."""
    away: bool = False
    """Whether its client is waited for."""
    clock: Callable[[], float] = time.monotonic
    turn: State = "listening"
    began: float = 0.0
    """On `clock`."""
    started_at: float = field(default_factory=time.time)
    """Seconds since the epoch."""

    def __post_init__(self):
        self.began = self.clock()
        self._lines: deque[Line] = deque(maxlen=KEPT)
        self._number = 0
        self._asked = False

    @property
    def silent(self) -> bool:
        """Whether nothing has come of its client yet."""
        return not self._asked and not self.sound().heard

    @property
    def state(self) -> State:
        return "away" if self.away else self.turn

    def costs(self, seconds: float) -> float | None:
        """US dollars, after so long; None where nobody is paid, or it is not known what."""
        return (self.cost or 0.0) + self.per_second * seconds if self.per_second else self.cost

    def lines(self, after: float = 0.0) -> list[Line]:
        """Those that happened after that time of `clock`, as far as they are kept."""
        return [line for line in self._lines if line.at > after]

    def note(self, type: str, about: str = "", words: str = "", *, asked: bool = False) -> None:
        """A line. The same one again at once is counted."""
        self._asked = self._asked or asked
        now, last = self.clock(), self._lines[-1] if self._lines else None
        if last and (last.type, last.about, last.asked) == (type, about, asked) and not (words or last.words):
            self._lines[-1] = replace(last, at=now, times=last.times + 1)
            return
        self._number += 1
        self._lines.append(Line(self._number, now, type, about, words.strip()[:WORDS], asked))

    def end(self) -> None:
        """Nothing more will happen in it. Whose figures were asked for is let go of."""
        last = self.sound()
        self.sound = lambda: last

    def tell(self, event: events.Event) -> None:
        """An event of the conversation."""
        if found := _TOLD.get(type(event)):
            found(self, event)

    def spent(self, input_tokens: int, output_tokens: int, cost: float | None = None) -> None:
        self.input_tokens += input_tokens
        self.output_tokens += output_tokens
        if cost is not None:
            self.cost = (self.cost or 0.0) + cost

    # What of an event is worth a line

    def _speech_started(self, event: events.SpeechStarted) -> None:
        self.note("speech_started")

    def _turn_ended(self, event: events.TurnEnded) -> None:
        if event.reason != "backchannel":
            self.turn = "thinking"
        self.note("turn_ended", f"{event.reason}, {_ms(event.waited)} of silence")

    def _item_added(self, event: events.ItemAdded) -> None:
        item = event.item
        if item.role == "user":
            self.note("item", "spoken" if item.spoken else "written", item.text)

    def _response_started(self, event: events.ResponseStarted) -> None:
        self.turn = "thinking"
        self.note("response_started")

    def _speaking(self, event: events.Speaking) -> None:
        self.turn, self.voice = "speaking", event.voice or self.voice
        self.models["speaks"] = event.engine
        self.note("speaking", event.engine)

    def _interrupted(self, event: events.Interrupted) -> None:
        self.note("interrupted", event.reason)

    def _tool_called(self, event: events.ToolCalled) -> None:
        self.note("tool_call", event.call.name, event.call.arguments)

    def _response_done(self, event: events.ResponseDone) -> None:
        turn = event.turn
        self.turn = "listening"
        self.spent(turn.input_tokens, turn.output_tokens)
        told = {"hears": turn.hears, "thinks": turn.thinks, "speaks": turn.speaks}
        self.models |= {name: engine for name, engine in told.items() if engine}
        first = turn.first_frame if turn.first_frame is not None else turn.first_text
        waited = f", first after {_ms(first - turn.ended)}" if first is not None and turn.ended is not None else ""
        self.note("response_done", f"{event.status}{waited}", event.item.text if event.item else "")

    def _failed(self, event: events.Failed) -> None:
        self.note("error", event.code)

    def _idle(self, event: events.Idle) -> None:
        self.note("idle", f"{event.seconds:.0f} s")


class Live:
    """All of a process, in the order in which they began."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self.clock = clock
        self._opening: Counter[str] = Counter()
        self._seen: dict[str, tuple[Seen, Callable[[str], Awaitable[None]]]] = {}

    def add(self, seen: Seen, end: Callable[[str], Awaitable[None]]) -> None:
        """`end` ends the session, for a reason that its client is told."""
        self._seen[seen.id] = seen, end

    def drop(self, id: str) -> None:
        if found := self._seen.pop(id, None):
            found[0].end()

    @contextmanager
    def opening(self, owner: str) -> Iterator[None]:
        """While a session of the owner's is on its way here."""
        self._opening[owner] += 1
        try:
            yield
        finally:
            self._opening[owner] -= 1
            if not self._opening[owner]:
                del self._opening[owner]

    def silent(self, owner: str) -> int:
        """Of an owner's sessions those that are being opened, or to which nothing has come."""
        return self._opening[owner] + sum(seen.silent for seen in self.of(owner))

    def of(self, owner: str | None) -> list[Seen]:
        """A caller's; None is everybody's."""
        return [seen for seen, _ in self._seen.values() if owner in (None, seen.owner)]

    def find(self, id: str, owner: str | None) -> Seen | None:
        return next((seen for seen in self.of(owner) if seen.id == id), None)

    async def end(self, id: str, reason: str) -> None:
        """Returns when it has ended; one that there is not has."""
        if found := self._seen.get(id):
            await found[1](reason)


def _ms(seconds: float) -> str:
    return f"{max(0.0, seconds) * 1000:.0f} ms"


_TOLD: Mapping[type, Callable[[Seen, Any], None]] = {
    events.SpeechStarted: Seen._speech_started,
    events.SpeechStopped: lambda seen, event: seen.note("speech_stopped"),
    events.TurnEnded: Seen._turn_ended,
    events.ItemAdded: Seen._item_added,
    events.ResponseStarted: Seen._response_started,
    events.Speaking: Seen._speaking,
    events.Paused: lambda seen, event: seen.note("pause"),
    events.Resumed: lambda seen, event: seen.note("resume", event.reason),
    events.Interrupted: Seen._interrupted,
    events.Backchannel: lambda seen, event: seen.note("backchannel", _ms(event.seconds), event.text),
    events.ToolCalled: Seen._tool_called,
    events.TransferAsked: lambda seen, event: seen.note("transfer", "", event.to),
    events.DigitsAsked: lambda seen, event: seen.note("digits", "", event.digits),
    events.ResponseDone: Seen._response_done,
    events.Idle: Seen._idle,
    events.Failed: Seen._failed,
    events.Cleared: lambda seen, event: seen.note("cleared"),
}
"""What comes many times a second, as sound and parts of a text, has no line."""
