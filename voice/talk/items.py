"""What a conversation consists of: items in order, said, written or done. Plain values, as history, events and storage
take them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from engines.base import Message, ToolCall

PENDING = "The answer has not come yet."
"""In place of what a tool has not answered: models take no call without an answer right behind it."""


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
    """Items as a language model reads them: of what we said, only what was heard. An answer of a tool that came when
    others had spoken is told as a remark."""
    found: list[Message] = []
    names: dict[str, str] = {}
    waiting: dict[str, None] = {}
    """Calls of the last message that asked for any, to which no answer follows yet."""

    def pass_over() -> None:
        found.extend(Message("tool", PENDING, call_id=call) for call in waiting)
        waiting.clear()

    for item in items:
        if call := item.call:
            if found and found[-1].role == "assistant":
                found[-1] = replace(found[-1], calls=(*found[-1].calls, call))
            else:
                pass_over()
                found.append(Message("assistant", calls=(call,)))
            names[call.id] = call.name
            waiting[call.id] = None
        elif item.role == "tool" and item.call_id in waiting:
            del waiting[item.call_id]
            found.append(Message("tool", item.text, call_id=item.call_id))
        elif item.role == "tool":
            pass_over()
            found.append(Message("user", f"[{names.get(item.call_id, 'A tool')} answered: {item.text}]"))
        elif text := item.known.strip():
            pass_over()
            found.append(Message(item.role, text))
    pass_over()
    return tuple(found)
