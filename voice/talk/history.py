"""The items of a conversation, in order. Tells of every change."""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import BadRequest
from engines.base import Message
from voice.talk import events as tell
from voice.talk.items import Item, messages
from voice.talk.scene import Scene

MOST_ITEMS = 2000
"""Kept in memory; older ones are forgotten here, and stay where they are stored."""


class History:
    """Of one conversation."""

    def __init__(self, scene: Scene, items: Sequence[Item]):
        self._scene = scene
        self._items = list(items)[-MOST_ITEMS:]

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(self._items)

    def messages(self, *more: Item) -> tuple[Message, ...]:
        """As a language model reads them, with `more` behind them."""
        return messages((*self._items, *more))

    def last(self, role: str) -> Item | None:
        return next((item for item in reversed(self._items) if item.role == role), None)

    def add(self, item: Item, after: str = "") -> None:
        """At the end, or behind another. Raises BadRequest where its id is taken or `after` is not there."""
        if any(item.id == own.id for own in self._items):
            raise BadRequest(f"There is an item {item.id[:80]!r} already.", param="id")
        at = self._index(after) + 1 if after else len(self._items)
        before = self._items[at - 1].id if at else ""
        self._items.insert(at, item)
        del self._items[:-MOST_ITEMS]
        self._scene.emit(tell.ItemAdded(item, before))
        self._scene.emit(tell.ItemDone(item))

    def replace(self, item: Item) -> None:
        """The same item, otherwise. Raises BadRequest where it is not there."""
        self._items[self._index(item.id)] = item
        self._scene.emit(tell.ItemDone(item))

    def delete(self, id: str) -> None:
        """Raises BadRequest where it is not there."""
        del self._items[self._index(id)]
        self._scene.emit(tell.ItemDeleted(id))

    def _index(self, id: str) -> int:
        for index, item in enumerate(self._items):
            if item.id == id:
                return index
        raise BadRequest(f"There is no item {id[:80]!r}.", param="id")
