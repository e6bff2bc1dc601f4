"""What was used, one row per request, and the sums of each day. What it costs or who may see it is not known here."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from peewee import Database, SqliteDatabase

from storage.tables import USAGE

DAY = 86_400
_ADD = (
    "INSERT INTO usage (at, day, key_id, op, engine, voice, characters, audio_seconds, milliseconds, input_tokens, "
    "output_tokens, micro_usd, status, request_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
# Each connection to PostgreSQL adds to rows of its own: two that added to the same ones in another order would wait for
# each other until the server ends one of them.
_ADD_TO_DAY = """INSERT INTO usage_days AS kept
    (day, key_id, op, engine, writer, requests, failed, characters, audio_seconds, milliseconds, input_tokens,
    output_tokens, micro_usd)
    VALUES (?, ?, ?, ?, {writer}, 1, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (day, key_id, op, engine, writer) DO UPDATE SET
    requests = kept.requests + 1, failed = kept.failed + excluded.failed,
    characters = kept.characters + excluded.characters, audio_seconds = kept.audio_seconds + excluded.audio_seconds,
    milliseconds = kept.milliseconds + excluded.milliseconds, input_tokens = kept.input_tokens + excluded.input_tokens,
    output_tokens = kept.output_tokens + excluded.output_tokens, micro_usd = kept.micro_usd + excluded.micro_usd"""
_WHOLE = """SELECT {column} AS part, requests, failed, characters, audio_seconds, milliseconds, input_tokens,
    output_tokens, micro_usd FROM usage_days WHERE day >= ? AND day < ?"""
_SINGLE = """SELECT {column} AS part, 1 AS requests, CASE status WHEN 'failed' THEN 1 ELSE 0 END AS failed,
    characters, audio_seconds, milliseconds, input_tokens, output_tokens, micro_usd
    FROM usage WHERE at >= ? AND at < ?"""
_SUMS = """SELECT part, SUM(requests), SUM(failed), SUM(characters), SUM(audio_seconds), SUM(milliseconds),
    SUM(input_tokens), SUM(output_tokens), SUM(micro_usd) FROM ({parts}) AS parts GROUP BY part ORDER BY part"""
GROUPS = ("day", "key", "op", "engine")
_COLUMNS = {"day": "day", "key": "key_id", "op": "op", "engine": "engine"}
_FAR = 2.0**53
"""Seconds, and days too, beyond any that a row has: what is larger than a database's integers is cut to it."""


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
    input_tokens: int = 0
    """Of a language model, where somebody counted them; so is `output_tokens`."""
    output_tokens: int = 0
    micro_usd: int = 0
    """Millionths of a US dollar that others bill for it, by the prices known here."""


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
    input_tokens: int = 0
    output_tokens: int = 0
    micro_usd: int = 0


def add(database: Database, record: UsageRecord) -> None:
    """Written out, because building the query takes 30 times as long as doing it, and every request does it."""
    day, failed = int(record.at // DAY), int(record.status == "failed")
    of, used = (record.key_id, record.op, record.engine), (record.audio_seconds, record.milliseconds)
    billed = (record.input_tokens, record.output_tokens, record.micro_usd)
    row = (record.at, day, *of, record.voice, record.characters, *used, *billed, record.status, record.request_id)
    writer = "0" if isinstance(database, SqliteDatabase) else "pg_backend_pid()"
    _run(database, _ADD, row)
    _run(database, _ADD_TO_DAY.format(writer=writer), (day, *of, failed, record.characters, *used, *billed))


def characters_since(database: Database, key_id: str, since: float) -> int:
    return sum(total.characters for total in sums(database, since, _FAR, "key", key_id))


def sums(database: Database, since: float, until: float, group: str, key_id: str | None = None) -> list[UsageSum]:
    """Over [since, until), in the order of the group; of one key, or with None of all.

    Of whole days the sums are kept, so that it takes as long as there are days and keys; of a day that is cut the rows
    are read.
    """
    since, until = max(-_FAR, since), min(_FAR, until)
    if since >= until:
        return []
    first, last = math.ceil(since / DAY), math.floor(until / DAY)
    newest = _run(database, "SELECT MAX(at) FROM usage").fetchone()[0]
    if newest is None or newest < until:
        last = int(_FAR)  # nothing of the last day is cut off
    head, tail = min(until, first * DAY), max(since, first * DAY, last * DAY)
    own, whose = (" AND key_id = ?", (key_id,)) if key_id is not None else ("", ())
    wanted = ((_WHOLE, first, last), (_SINGLE, since, head), (_SINGLE, tail, until))
    parts = [(part, values) for part, *values in wanted if values[0] < values[1]]
    if not parts:
        return []
    query = " UNION ALL ".join(part.format(column=_COLUMNS[group]) + own for part, _ in parts)
    values = [value for _, span in parts for value in (*span, *whose)]
    shown: Callable[[Any], str] = _date if group == "day" else str
    return [_sum(shown, *row) for row in _run(database, _SUMS.format(parts=query), values).fetchall()]


def recent(database: Database, limit: int, key_id: str | None = None) -> list[UsageRecord]:
    """Newest first."""
    query = _of(USAGE.select(), key_id).order_by(USAGE.c.at.desc(), USAGE.c.id.desc()).limit(limit)
    return [_record(row) for row in query.dicts().execute(database)]


def _run(database: Database, statement: str, values: Sequence[Any] = ()) -> Any:
    return database.execute_sql(statement.replace("?", database.param), values)


def _of(query: Any, key_id: str | None) -> Any:
    return query if key_id is None else query.where(USAGE.c.key_id == key_id)


def _date(day: int) -> str:
    return datetime.fromtimestamp(day * DAY, UTC).date().isoformat()


def _sum(shown: Callable[[Any], str], group: Any, requests: Any, failed: Any, *totals: Any) -> UsageSum:
    characters, audio_seconds, milliseconds, *billed = totals
    # PostgreSQL sums BIGINT as NUMERIC.
    return UsageSum(
        shown(group),
        int(requests),
        int(failed),
        int(characters),
        float(audio_seconds),
        float(milliseconds),
        *map(int, billed),
    )


def _record(row: dict[str, Any]) -> UsageRecord:
    return UsageRecord(**{name: value for name, value in row.items() if name != "day"})
