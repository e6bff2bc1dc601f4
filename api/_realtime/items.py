"""Items as `/v1/realtime` tells them, beside the conversation's own: a turn that is not understood yet, or one in which
nothing was, is an item for the client and none for the model. Knows no socket."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from api._realtime import events as asked
from api._realtime.events import Mistake
from engines.base import ToolCall
from voice.talk.history import FIRST
from voice.talk.items import Item

MOST, MOST_CHARACTERS = 2000, 2_000_000
"""Items, and characters of all of them; the oldest are forgotten."""
Wire = dict[str, Any]


class Items:
    """Of one session, in order."""

    def __init__(self):
        self._items: OrderedDict[str, Wire] = OrderedDict()
        self._characters = 0

    def __contains__(self, id: str) -> bool:
        return id in self._items

    def __len__(self) -> int:
        return len(self._items)

    @property
    def last(self) -> str | None:
        return next(reversed(self._items), None)

    def get(self, id: str) -> Wire | None:
        return self._items.get(id)

    def put(self, item: Wire, after: str | None = None) -> str | None:
        """A new item, at the end, behind another, or with `root` before all; the same item again stays in its place.
        Gives the id of the one before it."""
        id = item["id"]
        self._characters += _size(item)
        if id in self._items:
            self._characters -= _size(self._items[id])
            self._items[id] = item
            return self._before(id)
        before = self.last
        self._items[id] = item
        if after is not None and after != before:
            self._move(id, after)
            before = None if after == FIRST else after
        self._forget()
        return before

    def _forget(self) -> None:
        while len(self._items) > MOST or (self._characters > MOST_CHARACTERS and len(self._items) > 1):
            self.drop(next(iter(self._items)))

    def drop(self, id: str) -> bool:
        """Whether it was there."""
        item = self._items.pop(id, None)
        self._characters -= _size(item) if item else 0
        return item is not None

    def calls(self, call_id: str) -> bool:
        """Whether a function call of this id is among them."""
        return any(item["type"] == "function_call" and item["call_id"] == call_id for item in self._items.values())

    def place(self, after: str, known: Callable[[str], bool]) -> str:
        """Where the conversation puts an item that is to stand behind another: behind the nearest before it that the
        conversation knows."""
        ids = list(self._items)
        before = [] if after == FIRST else ids[: ids.index(after) + 1]
        return next((id for id in reversed(before) if known(id)), FIRST)

    def _before(self, id: str) -> str | None:
        before = None
        for other in self._items:
            if other == id:
                return before
            before = other
        return None

    def _move(self, id: str, after: str) -> None:
        ids = [other for other in self._items if other != id]
        at = 0 if after == FIRST else ids.index(after) + 1
        for other in ids[at:]:
            self._items.move_to_end(other)


def _size(item: Wire) -> int:
    texts = [part.get(name) for part in item.get("content", ()) for name in ("text", "transcript")]
    return sum(len(text) for text in (*texts, item.get("arguments"), item.get("output")) if text)


def message(id: str, role: str, content: Sequence[Wire], status: str = "completed") -> Wire:
    return {"id": id, "object": "realtime.item", "type": "message", "status": status, "role": role,
            "content": list(content)}  # fmt: skip


def heard(id: str, transcript: str | None = None) -> Wire:
    """A turn by voice."""
    return message(id, "user", [{"type": "input_audio", "transcript": transcript}])


def call(id: str, call: ToolCall, status: str = "completed", arguments: str | None = None) -> Wire:
    return {"id": id, "object": "realtime.item", "type": "function_call", "status": status, "name": call.name,
            "call_id": call.id, "arguments": call.arguments if arguments is None else arguments}  # fmt: skip


def own(item: asked.Message | asked.FunctionCall | asked.FunctionCallOutput, id: str) -> Item:
    """An item that a client made, as the conversation takes it. Raises Mistake."""
    if isinstance(item, asked.FunctionCall):
        return Item(id, "assistant", call=ToolCall(item.call_id or id, item.name, item.arguments))
    if isinstance(item, asked.FunctionCallOutput):
        return Item(id, "tool", item.output, call_id=item.call_id)
    spoken = any("audio" in part.type for part in item.content)
    return Item(id, item.role, " ".join(filter(None, map(_text, item.content))), spoken=spoken)


def _text(part: asked.Part) -> str:
    if part.type == "input_image":
        raise Mistake("No model here sees images.", "invalid_value", "item.content")
    if "audio" in part.type:
        if part.transcript is None:
            raise Mistake("Sound in an item needs its transcript.", "missing_required_parameter", "item.content")
        return part.transcript
    if part.text is None:
        raise Mistake(f"A part of type '{part.type}' needs its text.", "missing_required_parameter", "item.content")
    return part.text


def told(item: asked.Message | asked.FunctionCall | asked.FunctionCallOutput, id: str) -> Wire:
    """An item that a client made, as it is told again; sound is left out."""
    if isinstance(item, asked.FunctionCall):
        return call(id, ToolCall(item.call_id or id, item.name, item.arguments))
    if isinstance(item, asked.FunctionCallOutput):
        return {"id": id, "object": "realtime.item", "type": "function_call_output", "status": "completed",
                "call_id": item.call_id, "output": item.output}  # fmt: skip
    return message(id, item.role, [_part(part, item.role) for part in item.content])


def _part(part: asked.Part, role: str) -> Wire:
    side = "output" if role == "assistant" else "input"
    if "audio" in part.type:
        return {"type": f"{side}_audio", "transcript": part.transcript}
    return {"type": f"{side}_text", "text": part.text}
