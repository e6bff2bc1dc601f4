"""A journal writes what has changed, once, and is in nobody's way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engines.base import ToolCall
from storage import conversations as rows
from storage.conversations import ConversationRecord
from storage.db import Storage
from voice.talk import journal as journals
from voice.talk.items import Item
from voice.talk.journal import Journal, history, recorded, restored, titled

pytestmark = pytest.mark.integration


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    opened = await asyncio.to_thread(Storage.open, "", tmp_path)
    await opened.write(rows.add, ConversationRecord("c", "a"))
    yield opened
    await asyncio.to_thread(opened.close)


class Counting:
    """Storage that remembers what is written, and may fail."""

    def __init__(self, storage: Storage):
        self._storage = storage
        self.written: list[tuple[list[str], list[str]]] = []

    def write(self, fn: Any, *args: Any) -> Any:
        self.written.append(([record.item for record in args[1]], list(args[2])))
        return self._storage.write(fn, *args)


async def test_what_changed_is_written_once_and_comes_back(storage: Storage):
    items = [Item("a", "user", "Hello"), Item("b", "assistant", "Hi there", spoken=True, heard=2, status="interrupted")]
    counting = Counting(storage)
    journal = Journal(counting, "c", lambda: items)  # type: ignore[arg-type]
    for _ in range(5):
        journal.changed()
    await journal.close()
    assert counting.written == [(["a", "b"], [])]
    assert await history(storage, "c") == items
    items[1] = replace(items[1], heard=5)
    items.append(Item("d", "assistant", call=ToolCall("x", "time", '{"a": 1}')))
    items.append(Item("e", "tool", "noon", call_id="x"))
    journal.changed()
    await journal.close()
    assert counting.written[1] == (["b", "d", "e"], [])
    assert await history(storage, "c") == items
    assert (await storage.read(rows.get, "a", "c")).title == "Hello"


async def test_what_is_deleted_or_moved_is_so_there_too(storage: Storage):
    items = [Item(name, "user", name) for name in "abc"]
    journal = Journal(storage, "c", lambda: items)
    journal.changed()
    await journal.close()
    items[:] = [items[2], items[0], Item("d", "user", "new")]
    journal.changed()
    await journal.close()
    assert [item.id for item in await history(storage, "c")] == ["c", "a", "d"]


async def test_a_journal_that_goes_on_writes_nothing_twice(storage: Storage):
    items = [Item("a", "user", "Hello")]
    first = Journal(storage, "c", lambda: items)
    first.changed()
    await first.close()
    counting = Counting(storage)
    second = Journal(counting, "c", lambda: items, await history(storage, "c"))  # type: ignore[arg-type]
    second.changed()
    await second.close()
    assert counting.written == []


async def test_the_database_failing_is_survived_and_made_up_for(storage: Storage, caplog: pytest.LogCaptureFixture):
    items = [Item("a", "user", "Hello")]
    journal = Journal(storage, "c", lambda: items)
    broken = await asyncio.to_thread(Storage.open, "", Path(f"{storage._database.database}.d"))  # type: ignore[attr-defined]
    await asyncio.to_thread(broken.close)
    journal._storage = broken
    journal.changed()
    await journal.close()
    assert "is not kept" in caplog.text
    journal._storage = storage
    journal.changed()
    await journal.close()
    assert await history(storage, "c") == items


async def test_changes_return_at_once_while_it_is_written(storage: Storage):
    items = [Item("a", "user", "0")]
    journal = Journal(storage, "c", lambda: items)
    for number in range(200):
        items[0] = replace(items[0], text=str(number))
        journal.changed()
        await asyncio.sleep(0)
    await journal.close()
    assert (await history(storage, "c"))[0].text == "199"


async def test_no_more_than_the_last_items_are_kept(storage: Storage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(journals, "MOST", 3)
    items = [Item(str(number), "user", "x") for number in range(5)]
    counting = Counting(storage)
    journal = Journal(counting, "c", lambda: items)  # type: ignore[arg-type]
    journal.changed()
    await journal.close()
    items.append(Item("5", "user", "x"))
    journal.changed()
    await journal.close()
    assert [item.id for item in await history(storage, "c")] == ["3", "4", "5"]
    assert counting.written[1] == (["5"], ["2"])


def test_rows_hold_what_a_database_takes():
    record = recorded(Item("a", "user", "a\0b\ud800"), 0)
    assert record.text == "ab?"
    assert restored(replace(record, status="open")).status == "interrupted"


def test_a_title_is_what_was_said_first():
    items = [Item("a", "assistant", "Hello"), Item("b", "user", ""), Item("c", "user", " One\n two " + "x" * 200)]
    assert titled(items) == "One two " + "x" * 72
    assert titled(items[:2]) == ""


def test_a_title_is_what_every_database_takes():
    assert titled([Item("a", "user", "Good\0 \ud800 morning")]) == "Good ? morning"
