"""Keeps what a conversation consists of, beside it and never in its way. Knows the rows, no audio and no wire.

Only what has changed since the last writing is written, all at once: while the database is slow there is one writing to
come and not one for each change, so a journal holds no more than the conversation does.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict

from core.errors import VoiceForgeError
from engines.base import ToolCall
from storage import conversations as rows
from storage.conversations import ItemRecord
from storage.db import Storage
from voice.talk.items import Item

logger = logging.getLogger(__name__)

MOST = 2000
"""Items that are kept of one conversation: the last of them."""
SETTLE_SECONDS = 0.2
"""Changes that come together are written together."""


class Journal:
    """Of one conversation that is kept under `id`. `items` gives what it consists of now, in order.

    `kept` is what the database has, when the journal begins: an empty conversation's is empty. With a `holder`, nothing
    is kept of one that somebody else holds by then.
    """

    def __init__(
        self,
        storage: Storage,
        id: str,
        items: Callable[[], Sequence[Item]],
        kept: Sequence[Item] = (),
        holder: str | None = None,
    ):
        self._storage, self._id, self._items, self._holder = storage, id, items, holder
        self._kept = {item.id: (place, item) for place, item in enumerate(kept)}
        self._changed = False
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def changed(self) -> None:
        """Something is otherwise than it was. Returns at once."""
        self._changed = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write(), name=f"journal of {self._id}")

    async def close(self) -> None:
        """Returns when all that there was is written, or was refused."""
        self._closing.set()
        while self._task and not self._task.done():
            await asyncio.shield(self._task)

    async def _write(self) -> None:
        while self._changed:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), SETTLE_SECONDS)
            self._changed = False
            await self._save(list(self._items()))

    async def _save(self, items: list[Item]) -> None:
        first = max(0, len(items) - MOST)
        now = {item.id: (place, item) for place, item in enumerate(items[first:], first)}
        changed = [recorded(item, place) for place, item in now.values() if self._kept.get(item.id) != (place, item)]
        gone = [name for name in self._kept if name not in now]
        if not changed and not gone:
            return
        try:
            await self._storage.write(
                rows.save, self._id, changed, gone, time.time(), titled(items), self._holder
            )  # fmt: skip
        except VoiceForgeError as error:
            logger.warning("conversation %s is not kept: %s", self._id, error.message)
            return
        self._kept = now


def titled(items: Sequence[Item]) -> str:
    """What the other side said first."""
    first = next((item.text for item in items if item.role == "user" and item.text), "")
    return " ".join(_plain(first).split())[: rows.TITLE]


async def history(storage: Storage, id: str) -> list[Item]:
    """The items that are kept, in order. One that was still growing when the house fell stays as it was."""
    return [restored(record) for record in await storage.read(rows.items, id)]


def recorded(item: Item, place: int) -> ItemRecord:
    call = json.dumps(asdict(item.call), ensure_ascii=False) if item.call else ""
    return ItemRecord(
        item.id, place, item.role, _plain(item.text), item.spoken, item.heard, item.status, call, item.call_id
    )


def _plain(text: str) -> str:
    """PostgreSQL takes no zero bytes and neither database lone surrogates."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def restored(record: ItemRecord) -> Item:
    call = ToolCall(**json.loads(record.call)) if record.call else None
    status = "interrupted" if record.status == "open" else record.status
    return Item(record.item, record.role, record.text, record.spoken, record.heard, status, call, record.call_id)
