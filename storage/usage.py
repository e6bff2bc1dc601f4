"""What was used, one row per request, and its sums. What it costs or who may see it is not known here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from peewee import Database, fn

from storage.tables import USAGE

DAY = 86_400
_ADD = (
    "INSERT INTO usage (at, day, key_id, op, engine, voice, characters, audio_seconds, milliseconds, status, "
    "request_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
GROUPS = ("day", "key", "op", "engine")


@dataclass(frozen=True)
class UsageRecord:
    """One request. `id` is 0 until it is kept; `at` is seconds since the epoch."""

    at: float
    key_id: str
    """The key's id; `local` and `admin` are what they are."""
    op: str
    engine: str = ""
    voice: str = ""
    characters: int = 0
    audio_seconds: float = 0.0
    milliseconds: float = 0.0
    status: str = "ok"
    """`ok`, `cancelled` or `failed`."""
    request_id: str = ""
    id: int = 0


@dataclass(frozen=True)
class UsageSum:
    """The sums of one group; `group` is a day as 2026-11-20, a key's id, an op or an engine."""

    group: str
    requests: int
    failed: int
    """How many of the requests ended as failed."""
    characters: int
    audio_seconds: float
    milliseconds: float


def add(database: Database, record: UsageRecord) -> None:
    """Written out, because building the query takes 30 times as long as doing it, and every request does it."""
    database.execute_sql(
        _ADD.replace("?", database.param),
        (
            record.at,
            int(record.at // DAY),
            record.key_id,
            record.op,
            record.engine,
            record.voice,
            record.characters,
            record.audio_seconds,
            record.milliseconds,
            record.status,
            record.request_id,
        ),
    )


def characters_since(database: Database, key_id: str, since: float) -> int:
    used = (USAGE.c.key_id == key_id) & (USAGE.c.at >= since)
    return int(USAGE.select(fn.COALESCE(fn.SUM(USAGE.c.characters), 0)).where(used).scalar(database))


def sums(database: Database, since: float, until: float, group: str, key_id: str | None = None) -> list[UsageSum]:
    """Over [since, until), in the order of the group; of one key, or with None of all."""
    column = {"day": USAGE.c.day, "key": USAGE.c.key_id, "op": USAGE.c.op, "engine": USAGE.c.engine}[group]
    shown: Callable[[Any], str] = _date if group == "day" else str
    failed = fn.SUM((USAGE.c.status == "failed").cast("INTEGER"))
    totals = (fn.SUM(item) for item in (USAGE.c.characters, USAGE.c.audio_seconds, USAGE.c.milliseconds))
    query = _of(USAGE.select(column, fn.COUNT(USAGE.c.id), failed, *totals), key_id)
    query = query.where((USAGE.c.at >= since) & (USAGE.c.at < until)).group_by(column).order_by(column)
    return [_sum(shown, *row) for row in query.tuples().execute(database)]


def recent(database: Database, limit: int, key_id: str | None = None) -> list[UsageRecord]:
    """Newest first."""
    query = _of(USAGE.select(), key_id).order_by(USAGE.c.at.desc(), USAGE.c.id.desc()).limit(limit)
    return [_record(row) for row in query.dicts().execute(database)]


def _of(query: Any, key_id: str | None) -> Any:
    return query if key_id is None else query.where(USAGE.c.key_id == key_id)


def _date(day: int) -> str:
    return datetime.fromtimestamp(day * DAY, UTC).date().isoformat()


def _sum(shown: Callable[[Any], str], group: Any, requests: Any, failed: Any, *totals: Any) -> UsageSum:
    characters, audio_seconds, milliseconds = totals
    # PostgreSQL sums BIGINT as NUMERIC.
    return UsageSum(
        shown(group), int(requests), int(failed), int(characters), float(audio_seconds), float(milliseconds)
    )


def _record(row: dict[str, Any]) -> UsageRecord:
    return UsageRecord(**{name: value for name, value in row.items() if name != "day"})
