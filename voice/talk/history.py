"""The items of a conversation, in order. Tells of every change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core.errors import BadRequest
from engines.base import Message
from voice.talk import events as tell
from voice.talk.items import Item, messages
from voice.talk.scene import Scene

MOST_ITEMS, MOST_CHARACTERS = 2000, 2_000_000
"""Kept in memory, together; older ones are forgotten. More than any language model reads."""

FIRST = "root"
"""In place of an item's id: before all of them."""


class History:
    """Of one conversation."""

    def __init__(self, scene: Scene, items: Sequence[Item]):
        self._scene = scene
        self._items = list(items)
        self._forget()

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(self._items)

    @property
    def end(self) -> str:
        """Where what comes later belongs: the id of the last one, or `FIRST`."""
        return self._items[-1].id if self._items else FIRST

    def place(self, *after: str) -> str:
        """Where something belongs that comes behind all of these: the last of them that is there, empty for none."""
        return next((id for id in reversed(after) if id == FIRST or id in self), "")

    def messages(self, *more: Item) -> tuple[Message, ...]:
        """As a language model reads them, with `more` behind them."""
        return messages((*self._items, *more))

    def last(self, role: str) -> Item | None:
        return next((item for item in reversed(self._items) if item.role == role), None)

    def __contains__(self, id: str) -> bool:
        return any(item.id == id for item in self._items)

    def add(self, item: Item, after: str = "") -> None:
        """At the end, behind another, or with `FIRST` before all. Raises BadRequest where its id is taken or `after` is
        not there."""
        self.check(item)
        at = len(self._items) if not after else 0 if after == FIRST else self._index(after) + 1
        before = self._items[at - 1].id if at else ""
        self._items.insert(at, item)
        self._forget()
        self._scene.emit(tell.ItemAdded(item, before))
        self._scene.emit(tell.ItemDone(item))

    def check(self, item: Item) -> None:
        """Raises BadRequest where its id is taken, or is no name for an item."""
        if item.id == FIRST or item.id in self:
            raise BadRequest(f"There is an item {item.id[:80]!r} already.", param="id")

    def replace(self, item: Item) -> None:
        """The same item, otherwise. Raises BadRequest where it is not there."""
        self._items[self._index(item.id)] = item
        self._scene.emit(tell.ItemDone(item))

    def cut(self, id: str, end: int) -> None:
        """Of an item of ours no more than `end` characters were heard, rounded down to a whole word. Nothing happens
        where it is not there."""
        if id not in self:
            return
        item = self._items[self._index(id)]
        self.replace(replace(item, heard=_whole(item.text, end), status="interrupted"))

    def delete(self, id: str) -> None:
        """Raises BadRequest where it is not there."""
        del self._items[self._index(id)]
        self._scene.emit(tell.ItemDeleted(id))

    def _forget(self) -> None:
        """The oldest, where there is too much; never the last, nor one that is still growing."""
        total = sum(map(_size, self._items))
        while (len(self._items) > MOST_ITEMS or total > MOST_CHARACTERS) and len(self._items) > 1:
            if self._items[0].status == "open":
                break
            total -= _size(self._items.pop(0))

    def _index(self, id: str) -> int:
        for index, item in enumerate(self._items):
            if item.id == id:
                return index
        raise BadRequest(f"There is no item {id[:80]!r}.", param="id")


def _size(item: Item) -> int:
    return len(item.text) + (len(item.call.arguments) if item.call else 0)


def _whole(text: str, end: int) -> int:
    """`end`, or where the word begins that it would tear."""
    end = min(max(end, 0), len(text))
    while 0 < end < len(text) and text[end - 1].isalnum() and text[end].isalnum():
        end -= 1
    return end
