"""A conversation that says what a test tells it to, and remembers what a face asked of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.errors import BadRequest, Overloaded, UnknownModel
from voice.talk import events
from voice.talk.items import Item
from voice.talk.settings import TalkSettings

FRAME = 0.02


class FakeConversation:
    """Everything it says is a ramp, so that a sample tells its position."""

    def __init__(self, settings: TalkSettings, emit: Callable[[Any], None], history: Sequence[Item], id: str):
        self.settings, self.emit, self.id = settings, emit, id
        self.own = list(history)
        self.asked: list[tuple[Any, ...]] = []
        self.heard: list[np.ndarray] = []
        self.position = 0
        self.over = self.begun = False
        self.attached = True
        self._numbers = itertools.count(1)

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(self.own)

    @property
    def samples(self) -> np.ndarray:
        """All that was heard."""
        return np.concatenate([np.zeros(0, np.float32), *self.heard])

    # what a test has it do

    def say(self, frames: int, response: str = "resp_1") -> None:
        """So many frames of audio."""
        size = round(FRAME * self.settings.output_rate)
        for _ in range(frames):
            if not self.attached:
                return
            self.emit(events.AudioOut(response, ramp(self.position, size), self.position))
            self.position += size

    def tell(self, event: events.Event) -> None:
        self.emit(event)

    # what a face asks of it

    def begin(self) -> None:
        self.begun = True

    def hear(self, samples: np.ndarray) -> bool:
        self.heard.append(samples)
        return True

    def write(self, text: str, id: str = "") -> Item:
        if not text.strip():
            raise BadRequest("There is no text in this message.", param="content")
        item = Item(id or f"item_{next(self._numbers)}", "user", text)
        self.add(item)
        self.add(Item(f"item_{next(self._numbers)}", "assistant", f"You wrote: {text}"))
        return item

    def add(self, item: Item, after: str = "") -> None:
        before = self.own[-1].id if self.own else ""
        self.own.append(item)
        self.emit(events.ItemAdded(item, before))
        self.emit(events.ItemDone(item))

    def delete(self, id: str) -> None:
        self.own = [item for item in self.own if item.id != id]
        self.emit(events.ItemDeleted(id))

    def commit(self) -> None:
        self.asked.append(("commit",))
        if not self.heard:
            raise BadRequest("Nothing was said that could be committed.")

    def clear(self) -> None:
        self.emit(events.Cleared())

    def cancel(self) -> None:
        self.asked.append(("cancel",))

    def interrupt(self) -> None:
        self.asked.append(("interrupt",))

    def played(self, position: int) -> None:
        self.asked.append(("played", position))

    def tool_result(self, call_id: str, output: str) -> None:
        self.asked.append(("tool_result", call_id, output))

    def configure(self, settings: TalkSettings) -> None:
        self.settings = settings

    async def caught_up(self, behind: float = 0.0) -> None:
        """All of it was, always."""

    def hold(self) -> None:
        self.attached = False

    def detach(self) -> None:
        emit = self.emit
        self.attached = False
        self.emit = lambda event: emit(event) if isinstance(event, events.Ended) else None

    def attach(self, emit: Callable[[Any], None], position: int) -> int:
        self.attached, self.emit = True, emit
        self.position = position
        return position

    async def close(self, reason: str = "closed") -> None:
        if not self.over:
            self.over = True
            self.emit(events.Ended(reason))


@dataclass
class FakeTalks:
    """Opens them, and keeps them for the test to look at."""

    most: int = 100
    opened: list[FakeConversation] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(not talk.over for talk in self.opened)

    @property
    def last(self) -> FakeConversation:
        return self.opened[-1]

    def open(
        self,
        settings: TalkSettings,
        emit: Callable[[Any], None],
        *,
        id: str = "",
        history: Sequence[Item] = (),
        dictionary: Any = None,
    ) -> FakeConversation:
        if settings.agent == "nobody":
            raise UnknownModel("There is no agent 'nobody'.", param="agent")
        if self.count >= self.most:
            raise Overloaded("Too many conversations are open.", retry_after=5.0)
        self.opened.append(FakeConversation(settings, emit, history, id))
        return self.opened[-1]

    def find(self, id: str) -> FakeConversation | None:
        return next((talk for talk in self.opened if talk.id == id and not talk.over), None)


def ramp(position: int, count: int) -> np.ndarray:
    """Samples whose PCM16 is their position, modulo 20,000."""
    return ((np.arange(position, position + count) % 20_000) / 32767).astype(np.float32)
