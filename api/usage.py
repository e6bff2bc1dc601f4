"""What was used: sums over a time, and the latest requests. A key sees its own rows, an administrator all."""

import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from api._shapes import listed
from api._wiring import House
from api.auth import KnownCaller
from core.errors import BadRequest

router = APIRouter(prefix="/v1/usage", tags=["usage"])

MONTH_SECONDS = 30 * 86_400

Time = Annotated[str, Query(max_length=40, description="A day, a time in ISO 8601, or seconds since 1970.")]


@router.get("")
async def usage(
    studio: House,
    caller: KnownCaller,
    since: Time = "",
    until: Time = "",
    group_by: Literal["day", "key", "op", "engine"] = "day",
) -> dict[str, Any]:
    """Sums by day (UTC), key, operation or engine, over [since, until); the last 30 days where nothing is said."""
    end = seconds(until, "until") if until else time.time()
    begin = seconds(since, "since") if since else end - MONTH_SECONDS
    if begin > end:
        raise BadRequest("since is later than until.", param="since")
    sums = await studio.accounts.usage(caller, since=begin, until=end, group=group_by)
    return listed(map(asdict, sums), since=begin, until=end, group_by=group_by)


@router.get("/recent")
async def recent(
    studio: House, caller: KnownCaller, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> dict[str, Any]:
    """The latest requests, newest first."""
    return listed(map(asdict, await studio.accounts.recent(caller, limit=limit)))


def seconds(text: str, param: str) -> float:
    """Seconds since the epoch, of a number or of ISO 8601, where a time without a zone is UTC. Raises BadRequest."""
    try:
        if text.replace(".", "", 1).isdecimal():
            return float(text)
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        message = f"{param} takes a day like 2026-11-20, a time in ISO 8601, or seconds since 1970."
        raise BadRequest(message, param=param) from None
