"""How owners want words to be said, as it is kept: entries by owner, and a number that grows with each change of his.

Knows nothing of what an entry means; `form` and `folded` are made by who does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from peewee import Database, fn

from core.errors import Conflict, NotFound, TooLarge
from storage.tables import PRONUNCIATION_VERSIONS as VERSIONS
from storage.tables import PRONUNCIATIONS as ROWS
from storage.tables import columns

MOST = 100_000
"""Entries of one owner."""
TOGETHER = 1000
"""Rows in one statement; both databases take 32,766 values at least."""
_LAST = "\U0010ffff"
_COLUMNS = ("owner", "form", "folded", "written", "spoken", "ipa", "language", "case_sensitive")


@dataclass(frozen=True)
class PronunciationRecord:
    """One entry. `id` is 0 until it is kept."""

    form: str
    """What it stands for; one owner has one entry of a form and a language."""
    folded: str
    """What it is ordered and found by."""
    written: str
    spoken: str
    ipa: str = ""
    language: str = ""
    case_sensitive: bool = False
    id: int = 0


def version(database: Database, owner: str) -> int:
    """0 where he never had an entry."""
    found = VERSIONS.select(VERSIONS.c.version).where(VERSIONS.c.owner == owner).scalar(database)
    return found or 0


def count(database: Database, owner: str, prefix: str = "") -> int:
    return _begun(ROWS.select(fn.COUNT(ROWS.c.id)), owner, prefix).scalar(database)


def page(database: Database, owner: str, offset: int, limit: int, prefix: str = "") -> list[PronunciationRecord]:
    """In order of `folded`; only those whose `folded` begins with the prefix."""
    query = _begun(ROWS.select(), owner, prefix).order_by(ROWS.c.folded, ROWS.c.id)
    return [_record(row) for row in query.offset(offset).limit(limit).dicts().execute(database)]


def every(database: Database, owner: str) -> tuple[int, list[PronunciationRecord]]:
    """The version, and the entries in order of `folded`. The version is read first, so that it is never too new."""
    return version(database, owner), page(database, owner, 0, MOST)


def get(database: Database, owner: str, entry_id: int) -> PronunciationRecord:
    """Raises NotFound, also where it is another owner's."""
    row = ROWS.select().where((ROWS.c.owner == owner) & (ROWS.c.id == entry_id)).limit(1).dicts().first(database)
    if not row:
        raise _unknown()
    return _record(row)


def add(database: Database, owner: str, entry: PronunciationRecord) -> PronunciationRecord:
    """As it is kept. Raises Conflict where there is one of this form and language, TooLarge where there is no room."""
    _change(database, owner)
    _room(count(database, owner) + 1)
    if _alike(database, owner, entry) is not None:
        raise _taken(entry)
    put(database, owner, [entry])
    kept = _alike(database, owner, entry)
    assert kept is not None
    return kept


def change(database: Database, owner: str, entry_id: int, entry: PronunciationRecord) -> PronunciationRecord:
    """As it is kept now. Raises NotFound, Conflict."""
    _change(database, owner)
    get(database, owner, entry_id)
    alike = _alike(database, owner, entry)
    if alike is not None and alike.id != entry_id:
        raise _taken(entry)
    values = dict(zip(_COLUMNS, _values(owner, entry), strict=True))
    ROWS.update(columns(ROWS, **values)).where((ROWS.c.owner == owner) & (ROWS.c.id == entry_id)).execute(database)
    return get(database, owner, entry_id)


def remove(database: Database, owner: str, entry_id: int) -> PronunciationRecord:
    """What was kept. Raises NotFound."""
    gone = get(database, owner, entry_id)
    _change(database, owner)
    ROWS.delete().where((ROWS.c.owner == owner) & (ROWS.c.id == entry_id)).execute(database)
    return gone


def clear(database: Database, owner: str) -> int:
    """How many there were."""
    gone = ROWS.delete().where(ROWS.c.owner == owner).execute(database)
    if gone:
        _change(database, owner)
    return gone


def load(database: Database, owner: str, entries: Sequence[PronunciationRecord], replace: bool) -> int:
    """Take all of these, no two of them of one form and language; how many there are then.

    With `replace` they are all there is afterwards, else they are put to the others and go before those of their form.
    Raises TooLarge.
    """
    _change(database, owner)
    if replace:
        ROWS.delete().where(ROWS.c.owner == owner).execute(database)
    put(database, owner, entries)
    total = count(database, owner)
    _room(total)
    return total


def copy(database: Database, owner: str, to: str) -> None:
    """Give everything of an owner to a new one, who has nothing yet."""
    _, entries = every(database, owner)
    if entries:
        load(database, to, entries, replace=True)


def put(database: Database, owner: str, entries: Sequence[PronunciationRecord]) -> None:
    """Rows as they are, in place of those of their form and language. Changes no version."""
    one = f"({', '.join([database.param] * len(_COLUMNS))})"
    for begin in range(0, len(entries), TOGETHER):
        some = entries[begin : begin + TOGETHER]
        database.execute_sql(
            f"INSERT INTO pronunciations ({', '.join(_COLUMNS)}) VALUES {', '.join([one] * len(some))} "
            "ON CONFLICT (owner, form, language) DO UPDATE SET folded = excluded.folded, written = excluded.written, "
            "spoken = excluded.spoken, ipa = excluded.ipa, case_sensitive = excluded.case_sensitive",
            [value for entry in some for value in _values(owner, entry)],
        )


def _change(database: Database, owner: str) -> None:
    """The next version. Comes first where entries are added: on PostgreSQL two who add for one owner take turns."""
    one = database.param
    database.execute_sql(
        f"INSERT INTO pronunciation_versions (owner, version) VALUES ({one}, 1) "
        "ON CONFLICT (owner) DO UPDATE SET version = pronunciation_versions.version + 1",
        [owner],
    )


def _begun(query: Any, owner: str, prefix: str) -> Any:
    query = query.where(ROWS.c.owner == owner)
    return query.where((ROWS.c.folded >= prefix) & (ROWS.c.folded < prefix + _LAST)) if prefix else query


def _alike(database: Database, owner: str, entry: PronunciationRecord) -> PronunciationRecord | None:
    here = (ROWS.c.owner == owner) & (ROWS.c.form == entry.form) & (ROWS.c.language == entry.language)
    row = ROWS.select().where(here).limit(1).dicts().first(database)
    return _record(row) if row else None


def _values(owner: str, entry: PronunciationRecord) -> tuple[Any, ...]:
    return (
        owner, entry.form, entry.folded, entry.written, entry.spoken, entry.ipa, entry.language,
        int(entry.case_sensitive),
    )  # fmt: skip


def _record(row: dict[str, Any]) -> PronunciationRecord:
    values: dict[str, Any] = {name: value for name, value in row.items() if name != "owner"}
    values["case_sensitive"] = bool(row["case_sensitive"])
    return PronunciationRecord(**values)


def _room(wanted: int) -> None:
    if wanted > MOST:
        raise TooLarge(f"There is room for {MOST:,} pronunciations; remove some first.", param="entries")


def _taken(entry: PronunciationRecord) -> Conflict:
    where = f" for the language {entry.language}" if entry.language else ""
    return Conflict(f"There is a pronunciation of {entry.written!r}{where} already; change that one.", param="written")


def _unknown() -> NotFound:
    return NotFound("You have no pronunciation by this id.", param="id")
