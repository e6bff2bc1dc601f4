"""What happened in a call, in order, as lines of text that are the same each time.

Names of events are those of voice.talk.events, written small: `SpeechStarted` is `speech_started`. Beside them stands
what the caller did and heard.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from voice.talk import events as tell
from voice.talk.items import Item

Value = str | int | float | None

CALLERS = (
    "says", "interrupts", "murmurs", "falls_silent", "types", "commits", "answers_tool", "clears", "cancels",
    "is_gone", "is_back", "hears", "hears_no_more", "gives_up", "hangs_up",
)  # fmt: skip
"""What is written down of the caller."""


@dataclass(frozen=True)
class Entry:
    at: float
    """Seconds since the call began."""
    event: str
    fields: dict[str, Value]

    def __str__(self) -> str:
        told = "".join(f" {name}={_told(value)}" for name, value in self.fields.items())
        return f"{self.at:9.3f} {self.event}{told}"


class Log:
    """Of one call. Of audio and text that comes in pieces the first of each run is written down."""

    def __init__(self, clock: Callable[[], float]):
        self._clock, self._began = clock, clock()
        self.entries: list[Entry] = []
        self.frames = 0
        self._next, self._last = -1, -1.0
        self._writes = ""

    def note(self, event: str, **fields: Value) -> None:
        """Something the caller does or hears."""
        self.entries.append(Entry(self._clock() - self._began, event, fields))

    def add(self, event: tell.Event) -> None:
        if isinstance(event, tell.AudioOut):
            self._audio(event)
        elif isinstance(event, tell.TextDelta) and self._writes == event.response:
            return
        else:
            if isinstance(event, tell.TextDelta):
                self._writes = event.response
            self.note(name_of(type(event)), **_fields(event))

    def _audio(self, event: tell.AudioOut) -> None:
        now = self._clock()
        self.frames += 1
        if event.position != self._next or now - self._last > 0.1:
            self.note("audio_out", response=event.response, position=event.position)
        self._next, self._last = event.position + len(event.samples), now

    def text(self) -> str:
        return "".join(f"{entry}\n" for entry in self.entries)


@cache
def name_of(kind: type) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()


@cache
def names() -> frozenset[str]:
    """Of all events there can be in a log."""
    return frozenset({*CALLERS, *(name_of(kind) for kind in tell.Event.__args__)})


def _fields(event: tell.Event) -> dict[str, Value]:
    """In the order in which the event has them."""
    found: dict[str, Value] = {}
    for name, value in vars(event).items():
        if isinstance(value, Item):
            found |= {"item": value.id} if isinstance(event, tell.ResponseDone) else _item(value)
        elif isinstance(value, tell.Turn):
            found |= _turn(value)
        elif isinstance(value, (str, int, float)):
            found[name] = value
        elif name == "call":
            found |= {"name": value.name, "arguments": value.arguments}
    return found


def _item(item: Item) -> dict[str, Value]:
    found: dict[str, Value] = {"item": item.id, "role": item.role, "text": item.text}
    if item.heard is not None:
        found["heard"] = item.known
    if item.call:
        found["call"] = item.call.name
    return found | {"status": item.status}


def _turn(turn: tell.Turn) -> dict[str, Value]:
    times = ("speech_stopped", "ended", "transcript", "first_text", "first_sound", "first_frame", "done")
    found: dict[str, Value] = {name: getattr(turn, name) for name in times}
    return found | {"reason": turn.reason, "drafted": turn.drafted, "heard_seconds": turn.heard}


def _told(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, str):
        return value if re.fullmatch(r"[\w.:/-]+", value, re.ASCII) else f'"{_shown(value)}"'
    return "-" if value is None else str(value)


def _shown(text: str) -> str:
    """On one line, whatever is in it."""
    return "".join(char if char.isprintable() and char not in '"\\' else f"\\u{ord(char):04x}" for char in text)
