"""Usage as the pages draw it: one bar a day, one row a request."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from storage.usage import UsageRecord, UsageSum


def days_of(sums: Iterable[UsageSum], days: int, now: float) -> list[dict[str, Any]]:
    """Every day (UTC) up to today, those without a request too."""
    by_day = {total.group: total for total in sums}
    today = datetime.fromtimestamp(now, UTC).date()
    shown = [str(today - timedelta(days=back)) for back in reversed(range(days))]
    return [_day(day, by_day.get(day)) for day in shown]


def _day(day: str, total: UsageSum | None) -> dict[str, Any]:
    if total is None:
        return {"day": day, "requests": 0, "failed": 0, "characters": 0, "seconds": 0.0}
    return {
        "day": day,
        "requests": total.requests,
        "failed": total.failed,
        "characters": total.characters,
        "seconds": round(total.audio_seconds, 1),
    }


def recent_of(records: Iterable[UsageRecord]) -> list[dict[str, Any]]:
    return [
        {
            "at": record.at,
            "op": record.op,
            "engine": record.engine,
            "voice": record.voice,
            "amount": _amount(record),
            "ms": round(record.milliseconds),
            "status": record.status,
        }
        for record in records
    ]


def _amount(record: UsageRecord) -> str:
    parts = []
    if record.characters:
        parts.append(f"{record.characters:,} characters")
    if record.audio_seconds:
        parts.append(f"{record.audio_seconds:.1f} s")
    if record.input_tokens or record.output_tokens:
        parts.append(f"{record.input_tokens + record.output_tokens:,} tokens")
    if record.micro_usd:
        parts.append(f"${record.micro_usd / 1_000_000:.4f}")
    return " · ".join(parts)
