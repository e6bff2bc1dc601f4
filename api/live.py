"""The conversations that are held at the moment, on `/ws` and `/v1/realtime`: one's own, and with the scope `keys`
everybody's. What is said in one is shown to nobody but its owner.

A process shows those that it holds itself.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from accounts.principal import Principal
from api._shapes import listed
from api._wiring import House
from api.auth import KnownCaller
from core.errors import NotFound
from studio import Studio
from voice.talk.live import Line, Seen

ROLE = "media"
"""The role of a process that serves it: where sessions are."""

router = APIRouter(prefix="/v1/live", tags=["conversations"])

SCOPE, EVERYBODY = "conversation", "keys"
MOST = 100
"""Sessions in one answer; the newest."""

Id = Annotated[str, Path(max_length=64)]


class Asked(BaseModel):
    after: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """`now` of the answer before, for only what is new since."""


@router.get("")
async def list_live(studio: House, caller: KnownCaller, asked: Annotated[Asked, Query()]) -> dict[str, Any]:
    """Your sessions that are being held by this process, the newest first, each with its latest events; cheap enough to
    ask every second, with `after`. Of several processes one answers: that which the caller's address leads to, or
    `?line=`, as at `/ws`."""
    return live(studio, caller, asked.after)


@router.delete("/{session_id}")
async def end_live(session_id: Id, studio: House, caller: KnownCaller) -> dict[str, Any]:
    """End one. Its client is told, and what it came to is settled."""
    return await ended(studio, caller, session_id)


def live(studio: Studio, caller: Principal, after: float) -> dict[str, Any]:
    now, found = studio.live.clock(), studio.live.of(_whose(caller))
    newest = found[: -MOST - 1 : -1]
    rows = [shown(seen, caller, after, now) for seen in newest]
    return listed(rows, has_more=len(found) > MOST, total=len(found), now=now, everybody=caller.may(EVERYBODY))


async def ended(studio: Studio, caller: Principal, id: str) -> dict[str, Any]:
    """Raises NotFound."""
    seen = studio.live.find(id, _whose(caller))
    if seen is None:
        raise NotFound(f"No session {id[:40]!r} of yours is being held here.", param="session_id")
    owns = seen.owner == caller.id
    await studio.live.end(id, "You have ended it elsewhere." if owns else "An administrator has ended it.")
    return {"object": "live_session", "id": id, "ended": True}


def shown(seen: Seen, caller: Principal, after: float, now: float) -> dict[str, Any]:
    sound, own, seconds = seen.sound(), seen.owner == caller.id, now - seen.began
    cost = seen.costs(seconds)
    return {
        "object": "live_session",
        "id": seen.id,
        "kind": seen.kind,
        "own": own,
        "key": seen.name,
        "started_at": datetime.fromtimestamp(seen.started_at, UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "state": seen.state,
        "heard_seconds": round(sound.heard, 1),
        "said_seconds": round(sound.said, 1),
        "input_tokens": seen.input_tokens,
        "output_tokens": seen.output_tokens,
        "cost_usd": None if cost is None else round(cost, 6),
        "voice": seen.voice,
        "models": dict(seen.models),
        "events": [_line(line, seen, own) for line in seen.lines(after)],
    }


def _line(line: Line, seen: Seen, own: bool) -> dict[str, Any]:
    """`words` are there for the session's owner alone."""
    told: dict[str, Any] = {
        "number": line.number,
        "ms": round(1000 * (line.at - seen.began)),
        "type": line.type,
        "from": "client" if line.asked else "server",
        "about": line.about,
        "times": line.times,
    }
    return told | {"words": line.words} if own and line.words else told


def _whose(caller: Principal) -> str | None:
    """Raises Forbidden for who may neither hold conversations nor see everybody's."""
    if caller.may(EVERYBODY):
        return None
    caller.need(SCOPE)
    return caller.id
