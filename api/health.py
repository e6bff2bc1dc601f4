"""Whether the app is alive, what it can do at the moment and why not, which version it is, and its figures."""

import asyncio
import platform
import time
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from api._wiring import House
from api.auth import Caller
from core.errors import BadRequest, Unavailable, VoiceForgeError
from studio import Studio

router = APIRouter(tags=["health"])

VERSION: str = tomllib.loads(Path(__file__).parent.with_name("pyproject.toml").read_text())["project"]["version"]


@router.get("/health")
async def health(studio: House) -> dict[str, Any]:
    """Alive. Asks nothing of anybody else in the house."""
    return {"status": "ok", "uptime_seconds": round(time.time() - studio.started_at, 3)}


@router.get("/ready")
async def ready(studio: House, caller: Caller) -> JSONResponse:
    """200 when it can speak, hear and keep what must survive, 503 otherwise. Who has a key also sees the engines."""
    uses = {"speech": _now(studio, "speech"), "transcription": _now(studio, "transcription")}
    uses["storage"] = await _storage(studio)
    works = all(use["ready"] for use in uses.values())
    body: dict[str, Any] = {"status": "ready" if works else "not ready", "uses": uses}
    if caller.id == "visitor":
        body["uses"] = {name: {"ready": use["ready"]} for name, use in uses.items()}
    else:
        body["models"] = [
            {"id": model.id, "kind": model.kind, "ready": not model.why_not, "why_not": model.why_not}
            for model in await asyncio.to_thread(studio.routing.models)
        ]
        # What workers print is for administrators.
        hidden: dict[str, Any] = {} if caller.may("keys") else {"log": ()}
        body["running"] = [asdict(state) | hidden for state in studio.pool.state()]
    return JSONResponse(body, 200 if works else 503)


def _now(studio: Studio, use: str) -> dict[str, Any]:
    """What a request that leaves the choice open would get."""
    try:
        route = studio.routing.speech() if use == "speech" else studio.routing.transcription()
    except (BadRequest, Unavailable) as error:
        return {"ready": False, "why_not": error.message}
    return {"ready": True, "engine": route.engine, "reason": route.reason}


async def _storage(studio: Studio) -> dict[str, Any]:
    try:
        await studio.storage.write(_nothing)
    except VoiceForgeError as error:
        return {"ready": False, "why_not": error.message}
    return {"ready": True}


def _nothing(database: object) -> None:
    """A transaction that changes nothing: it shows that the database can be written to."""


@router.get("/version")
async def version() -> dict[str, str]:
    return {"name": "VoiceForge", "version": VERSION, "python": platform.python_version()}


@router.get("/metrics", response_class=Response)
async def metrics(studio: House, caller: Caller) -> Response:
    """Figures in Prometheus' text format, for who may see the usage."""
    caller.need("usage")
    studio.metrics.gauge("tasks", "Tasks of the event loop.").set(len(asyncio.all_tasks()))
    return Response(await asyncio.to_thread(studio.metrics.text), media_type=studio.metrics.content_type)
