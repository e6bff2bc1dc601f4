"""API keys as they are kept: a digest, never the key itself. What a key may do is for accounts/ to say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from peewee import Database, fn

from core.errors import Conflict
from storage.tables import KEYS, columns

_LAST = "\U0010ffff"


@dataclass(frozen=True)
class KeyRecord:
    """One key. Times are seconds since the epoch; a limit of 0 is none."""

    id: str
    name: str
    digest: str = field(repr=False)
    prefix: str
    """The first characters of the key, for its owner to recognise it by."""
    last4: str
    scopes: tuple[str, ...]
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None
    last_used_at: float | None = None
    requests_per_minute: int = 0
    concurrent: int = 0
    characters_per_month: int = 0


def add(database: Database, key: KeyRecord) -> None:
    """Raises Conflict when the id or the digest is taken."""
    row = asdict(key) | {"scopes": " ".join(key.scopes), "folded": key.name.casefold()}
    KEYS.insert(columns(KEYS, **row)).execute(database)


def get(database: Database, key_id: str) -> KeyRecord | None:
    return _one(database, KEYS.c.id == key_id)


def by_digest(database: Database, digests: Iterable[str]) -> KeyRecord | None:
    """The key whose digest is one of these, revoked and expired ones too."""
    return _one(database, KEYS.c.digest.in_(list(digests)))


def page(database: Database, offset: int, limit: int, name_prefix: str = "") -> list[KeyRecord]:
    """Newest first; only those whose name begins with the prefix, whatever its case."""
    query = _named(KEYS.select(), name_prefix).order_by(KEYS.c.created_at.desc(), KEYS.c.id.desc())
    return [_record(row) for row in query.offset(offset).limit(limit).dicts().execute(database)]


def count(database: Database, name_prefix: str = "") -> int:
    return _named(KEYS.select(fn.COUNT(KEYS.c.id)), name_prefix).scalar(database)


def scopes_in_use(database: Database, now: float) -> set[str]:
    """Every scope that some key which is valid now has."""
    valid = KEYS.c.revoked_at.is_null() & (KEYS.c.expires_at.is_null() | (KEYS.c.expires_at > now))
    rows = KEYS.select(KEYS.c.scopes).where(valid).distinct().dicts().execute(database)
    return {scope for row in rows for scope in row["scopes"].split()}


def revoke(database: Database, key_id: str, at: float) -> None:
    """A key revoked before keeps its first time."""
    KEYS.update(columns(KEYS, revoked_at=at)).where((KEYS.c.id == key_id) & KEYS.c.revoked_at.is_null()).execute(
        database
    )


def replace(database: Database, old: KeyRecord, fresh: KeyRecord, ends_at: float) -> None:
    """Add the fresh key; the old one ends at this time, or when it would have ended anyway if that is sooner.

    Raises Conflict when the old one was revoked or given another end since it was read.
    """
    found = get(database, old.id)
    if found is None or (found.revoked_at, found.expires_at) != (old.revoked_at, old.expires_at):
        raise Conflict("This key was changed meanwhile.")
    add(database, fresh)
    if old.expires_at is None or old.expires_at > ends_at:
        KEYS.update(columns(KEYS, expires_at=ends_at)).where(KEYS.c.id == old.id).execute(database)


def touch(database: Database, key_id: str, at: float) -> None:
    """The key was used."""
    KEYS.update(columns(KEYS, last_used_at=at)).where(KEYS.c.id == key_id).execute(database)


def _named(query: Any, prefix: str) -> Any:
    folded = prefix.casefold()
    return query.where((KEYS.c.folded >= folded) & (KEYS.c.folded < folded + _LAST)) if folded else query


def _one(database: Database, condition: Any) -> KeyRecord | None:
    row = KEYS.select().where(condition).limit(1).dicts().first(database)
    return _record(row) if row else None


def _record(row: dict[str, Any]) -> KeyRecord:
    values: dict[str, Any] = {name: value for name, value in row.items() if name != "folded"}
    values["scopes"] = tuple(row["scopes"].split())
    return KeyRecord(**values)
