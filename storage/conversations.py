"""Conversations as they are kept: who they belong to, how they are held, and their items in order.

What an item means is for voice/ to say, and whose token opens a conversation for who asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from peewee import Database, fn

from core.errors import Conflict, NotFound
from storage.tables import CONVERSATION_ITEMS, CONVERSATIONS, columns

MOST = 1000
"""Conversations of one owner; beyond that the one longest unused goes."""
TITLE = 80
"""Characters of the first of the other side's words, for a list."""

ROWS, ITEMS = CONVERSATIONS, CONVERSATION_ITEMS


@dataclass(frozen=True)
class ConversationRecord:
    """Times are seconds since the epoch."""

    id: str
    owner: str
    """A principal's id."""
    token: str = field(default="", repr=False)
    """The digest of the secret that goes on with it; never the secret itself."""
    settings: str = "{}"
    """JSON."""
    title: str = ""
    created_at: float = 0.0
    updated_at: float = 0.0


@dataclass(frozen=True)
class ItemRecord:
    """One item; `place` orders it among the others."""

    item: str
    place: int
    role: str
    text: str = ""
    spoken: bool = False
    heard: int | None = None
    status: str = "done"
    call: str = ""
    """JSON of a tool's call; empty where there is none."""
    call_id: str = ""


def add(database: Database, record: ConversationRecord) -> None:
    """Raises Conflict where the id is taken. The owner's oldest ones make room."""
    if _row(database, record.id):
        raise Conflict("There is a conversation by this id already.")
    here = ROWS.select(ROWS.c.id).where(ROWS.c.owner == record.owner)
    old = here.order_by(ROWS.c.updated_at.desc(), ROWS.c.id.desc()).offset(MOST - 1).limit(100)
    _drop(database, [row["id"] for row in old.dicts().execute(database)])
    ROWS.insert(columns(ROWS, **vars(record))).execute(database)


def get(database: Database, owner: str, conversation: str) -> ConversationRecord:
    """Raises NotFound, also where it is another owner's."""
    row = _row(database, conversation)
    if not row or row["owner"] != owner:
        raise NotFound("You have no conversation by this id.", param="id")
    return ConversationRecord(**row)


def page(database: Database, owner: str, offset: int, limit: int) -> list[ConversationRecord]:
    """The one used last first."""
    query = ROWS.select().where(ROWS.c.owner == owner).order_by(ROWS.c.updated_at.desc(), ROWS.c.id.desc())
    return [ConversationRecord(**row) for row in query.offset(offset).limit(limit).dicts().execute(database)]


def count(database: Database, owner: str) -> int:
    return ROWS.select(fn.COUNT(ROWS.c.id)).where(ROWS.c.owner == owner).scalar(database) or 0


def items(database: Database, conversation: str) -> list[ItemRecord]:
    """In order."""
    query = ITEMS.select().where(ITEMS.c.conversation == conversation).order_by(ITEMS.c.place, ITEMS.c.item)
    return [_item(row) for row in query.dicts().execute(database)]


def save(
    database: Database,
    conversation: str,
    changed: Sequence[ItemRecord],
    gone: Sequence[str],
    at: float,
    title: str = "",
) -> bool:
    """Take items as they are now, in the place of those of their id. False where the conversation is gone, and nothing
    of it is kept then."""
    row = _row(database, conversation)
    if not row:
        return False
    names = [*gone, *(one.item for one in changed)]
    for begin in range(0, len(names), 500):
        some = names[begin : begin + 500]
        ITEMS.delete().where((ITEMS.c.conversation == conversation) & ITEMS.c.item.in_(some)).execute(database)
    for one in changed:
        values = vars(one) | {"spoken": int(one.spoken), "conversation": conversation}
        ITEMS.insert(columns(ITEMS, **values)).execute(database)
    shown = row["title"] or title[:TITLE]
    ROWS.update(columns(ROWS, updated_at=at, title=shown)).where(ROWS.c.id == conversation).execute(database)
    return True


def append(
    database: Database,
    owner: str,
    conversation: str,
    fresh: Sequence[ItemRecord],
    at: float,
    title: str = "",
    seen: int | None = None,
) -> None:
    """Items behind all others, whatever their `place` says. Raises NotFound, also where it is another owner's, and
    Conflict where there are not as many as were `seen`."""
    get(database, owner, conversation)
    count = ITEMS.select(fn.COUNT(ITEMS.c.item)).where(ITEMS.c.conversation == conversation).scalar(database) or 0
    if seen is not None and count != seen:
        raise Conflict("Something else was said in this conversation meanwhile. Say it again.")
    last = ITEMS.select(fn.MAX(ITEMS.c.place)).where(ITEMS.c.conversation == conversation).scalar(database)
    first = 0 if last is None else last + 1
    save(database, conversation, [replace(one, place=first + n) for n, one in enumerate(fresh)], (), at, title)


def change(database: Database, conversation: str, settings: str) -> None:
    """How it is held from now on."""
    ROWS.update(columns(ROWS, settings=settings)).where(ROWS.c.id == conversation).execute(database)


def remove(database: Database, owner: str, conversation: str) -> ConversationRecord:
    """What was kept, gone with all its items. Raises NotFound."""
    record = get(database, owner, conversation)
    _drop(database, [conversation])
    return record


def clear(database: Database, owner: str) -> None:
    """Remove everything of an owner."""
    here = ROWS.select(ROWS.c.id).where(ROWS.c.owner == owner)
    _drop(database, [row["id"] for row in here.dicts().execute(database)])


def move(database: Database, owner: str, to: str) -> None:
    """Give everything of an owner to another."""
    ROWS.update(columns(ROWS, owner=to)).where(ROWS.c.owner == owner).execute(database)


def _drop(database: Database, names: Sequence[str]) -> None:
    for begin in range(0, len(names), 500):
        some = names[begin : begin + 500]
        ITEMS.delete().where(ITEMS.c.conversation.in_(some)).execute(database)
        ROWS.delete().where(ROWS.c.id.in_(some)).execute(database)


def _row(database: Database, conversation: str) -> dict[str, Any] | None:
    return ROWS.select().where(ROWS.c.id == conversation).limit(1).dicts().first(database)


def _item(row: dict[str, Any]) -> ItemRecord:
    values: dict[str, Any] = {name: value for name, value in row.items() if name != "conversation"}
    values["spoken"] = bool(row["spoken"])
    return ItemRecord(**values)
