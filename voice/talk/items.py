"""What a conversation consists of: items in order, said, written or done. Plain values, as history, events and storage
take them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from engines.base import Message, ToolCall


@dataclass(frozen=True)
class Item:
    """One turn of one side, or a tool's call or answer."""

    id: str
    role: str
    """`system`, `user`, `assistant` or `tool`."""
    text: str = ""
    """All of it: of an assistant what was made, of which `heard` was heard."""
    spoken: bool = False
    """By voice; else in writing."""
    heard: int | None = None
    """Characters of `text` that reached the other side's ear; None where that does not apply or all did."""
    status: str = "done"
    """`open` while it grows, `done`, or `interrupted`."""
    call: ToolCall | None = None
    call_id: str = ""
    """Of a tool's answer."""

    @property
    def known(self) -> str:
        """The text as the other side knows it."""
        return self.text if self.heard is None else self.text[: self.heard]


def messages(items: Iterable[Item]) -> tuple[Message, ...]:
    """Items as a language model reads them: of what we said, only what was heard."""
    found: list[Message] = []
    for item in items:
        if item.call:
            before = found[-1] if found and found[-1].role == "assistant" else None
            if before:
                found[-1] = replace(before, calls=(*before.calls, item.call))
            else:
                found.append(Message("assistant", calls=(item.call,)))
        elif item.role == "tool":
            found.append(Message("tool", item.text, call_id=item.call_id))
        elif text := item.known.strip():
            found.append(Message(item.role, text))
    return tuple(found)
