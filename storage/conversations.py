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
MOST_ITEMS = 2000
"""Of one conversation; beyond that the oldest go."""
TITLE = 80
"""Characters of the first of the other side's words, for a list."""

HELD = "This conversation is being held on a socket at the moment. End it there, or wait until it is over."

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
    holder: str = ""
    """The process that holds it live; empty where none does."""
    line: str = ""
    """What its client named, so that several processes' front door leads to that one."""
    held_until: float = 0.0
    """A process that fell holds nothing for longer."""

    def held(self, now: float) -> bool:
        return bool(self.holder) and self.held_until > now


@dataclass(frozen=True)
class Hold:
    """Who holds a conversation, by which line, until when; as in ConversationRecord."""

    holder: str
    line: str
    held_until: float


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
    here = ROWS.select(ROWS.c.id).where((ROWS.c.owner == record.owner) & _free(record.created_at))
    old = here.order_by(ROWS.c.updated_at.desc(), ROWS.c.id.desc()).offset(MOST - 1).limit(100)
    _drop(database, [row["id"] for row in old.dicts().execute(database)])
    ROWS.insert(columns(ROWS, **vars(record))).execute(database)


def get(database: Database, owner: str, conversation: str) -> ConversationRecord:
    """Raises NotFound, also where it is another owner's."""
    # PostgreSQL refuses to be asked for a zero byte.
    row = None if "\0" in conversation else _row(database, conversation)
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
    holder: str | None = None,
) -> bool:
    """Take items as they are now, in the place of those of their id. False where the conversation is gone, or another
    than this `holder` has it, and nothing of it is kept then."""
    mine = ROWS.c.id == conversation if holder is None else (ROWS.c.id == conversation) & (ROWS.c.holder == holder)
    # What is written first keeps others from the row until the commit.
    ROWS.update(columns(ROWS, updated_at=at)).where(mine).execute(database)
    row = ROWS.select().where(mine).limit(1).dicts().first(database)
    if not row:
        return False
    names = [*gone, *(one.item for one in changed)]
    for begin in range(0, len(names), 500):
        some = names[begin : begin + 500]
        ITEMS.delete().where((ITEMS.c.conversation == conversation) & ITEMS.c.item.in_(some)).execute(database)
    for one in changed:
        values = vars(one) | {"spoken": int(one.spoken), "conversation": conversation}
        ITEMS.insert(columns(ITEMS, **values)).execute(database)
    if title and not row["title"]:
        ROWS.update(columns(ROWS, title=title[:TITLE])).where(mine).execute(database)
    return True


def append(
    database: Database,
    owner: str,
    conversation: str,
    fresh: Sequence[ItemRecord],
    at: float,
    title: str = "",
    seen: str | None = None,
) -> None:
    """Items behind all others, whatever their `place` says. Raises NotFound, also where it is another owner's, and
    Conflict where somebody holds it, or the last item is not the one that was `seen` as such; empty is none."""
    mine = (ROWS.c.id == conversation) & (ROWS.c.owner == owner) & _free(at)
    # Whoever held it until now, and did not say so any more, has lost it.
    if not ROWS.update(columns(ROWS, updated_at=at, holder="")).where(mine).execute(database):
        raise _not_free(database, owner, conversation)
    within = ITEMS.c.conversation == conversation
    query = ITEMS.select(ITEMS.c.item, ITEMS.c.place).where(within).order_by(ITEMS.c.place.desc(), ITEMS.c.item.desc())
    last = query.limit(1).dicts().first(database) or {"item": "", "place": -1}
    if seen is not None and last["item"] != seen:
        raise Conflict("Something else was said in this conversation meanwhile. Say it again.")
    first = last["place"] + 1
    save(database, conversation, [replace(one, place=first + n) for n, one in enumerate(fresh)], (), at, title)
    ITEMS.delete().where(within & (ITEMS.c.place < first + len(fresh) - MOST_ITEMS)).execute(database)


def change(database: Database, conversation: str, settings: str) -> None:
    """How it is held from now on."""
    ROWS.update(columns(ROWS, settings=settings)).where(ROWS.c.id == conversation).execute(database)


def remove(database: Database, owner: str, conversation: str, now: float) -> None:
    """Gone with all its items. Raises NotFound, and Conflict where somebody holds it."""
    mine = (ROWS.c.id == conversation) & (ROWS.c.owner == owner) & _free(now)
    if not ROWS.delete().where(mine).execute(database):
        raise _not_free(database, owner, conversation)
    _drop(database, [conversation])


def clear(database: Database, owner: str) -> None:
    """Remove everything of an owner."""
    here = ROWS.select(ROWS.c.id).where(ROWS.c.owner == owner)
    _drop(database, [row["id"] for row in here.dicts().execute(database)])


def move(database: Database, owner: str, to: str) -> None:
    """Give everything of an owner to another."""
    ROWS.update(columns(ROWS, owner=to)).where(ROWS.c.owner == owner).execute(database)


def take(database: Database, owner: str, conversation: str, hold: Hold, now: float) -> ConversationRecord | None:
    """Hold it from now on. What is kept of it where another holds it; None where this one does. Raises NotFound."""
    mine = (ROWS.c.id == conversation) & (ROWS.c.owner == owner) & (_free(now) | (ROWS.c.holder == hold.holder))
    taken = ROWS.update(columns(ROWS, **vars(hold))).where(mine).execute(database)
    return None if taken else get(database, owner, conversation)


def renew(database: Database, holder: str, conversations: Sequence[str], until: float) -> set[str]:
    """Hold them for longer. Those that are still this holder's."""
    found: set[str] = set()
    for begin in range(0, len(conversations), 500):
        mine = (ROWS.c.holder == holder) & ROWS.c.id.in_(conversations[begin : begin + 500])
        ROWS.update(columns(ROWS, held_until=until)).where(mine).execute(database)
        found |= {row["id"] for row in ROWS.select(ROWS.c.id).where(mine).dicts().execute(database)}
    return found


def release(database: Database, holder: str, conversation: str) -> None:
    """Anybody may hold it now."""
    mine = (ROWS.c.id == conversation) & (ROWS.c.holder == holder)
    ROWS.update(columns(ROWS, holder="", line="", held_until=0.0)).where(mine).execute(database)


def _free(now: float) -> Any:
    return (ROWS.c.holder == "") | (ROWS.c.held_until <= now)


def _not_free(database: Database, owner: str, conversation: str) -> Conflict:
    """Raises NotFound."""
    get(database, owner, conversation)
    return Conflict(HELD)


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
