"""How the house stands: engines and their workers, the loop, memory, storage, caches. An administrator also sees what
workers print and what the machine is."""

import asyncio
import time
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse

from accounts.principal import Principal
from api import _standing
from api._shapes import listed
from api._wiring import House
from api.auth import KnownCaller
from api.health import VERSION
from core.errors import StorageError, UnknownModel
from core.log import redact
from core.machine import disk, machine, process_mb
from engines.pool import EngineState, machine_mb
from studio import Studio

router = APIRouter(tags=["status"])

ADMINISTRATOR = "keys"
"""The scope that reveals processes, log lines and the machine."""


@router.get("/v1/status", response_class=JSONResponse)
async def status(studio: House, caller: KnownCaller) -> JSONResponse:
    """Every engine, how it is and why it is not there, and the app's own figures; cheap enough to ask every second.

    With the scope `keys` also the workers' processes, the machine, storage, caches, downloads and benchmarks.
    """
    return JSONResponse(await standing(studio, caller))


@router.get("/v1/status/log/{engine:path}")
async def engine_log(
    engine: Annotated[str, Path(max_length=200)], studio: House, caller: KnownCaller
) -> dict[str, Any]:
    """The last 200 lines that an engine's newest worker printed, for who has the scope `keys`."""
    caller.need(ADMINISTRATOR)
    state = next((state for state in studio.pool.state() if state.name == engine), None)
    if state is None:
        raise UnknownModel(f"There is no engine called {engine[:40]!r}.", param="engine")
    return listed((redact(line) for line in state.log), engine=engine)


@router.delete("/v1/status/cache")
async def clear_cache(studio: House, caller: KnownCaller) -> dict[str, Any]:
    """Remove all speech that is kept, for who has the scope `keys`."""
    caller.need(ADMINISTRATOR)
    return {"object": "cache", "freed_bytes": await studio.cache.clear()}


async def standing(studio: Studio, caller: Principal) -> dict[str, Any]:
    """What `status` answers."""
    every, states = caller.may(ADMINISTRATOR), studio.pool.state()
    answer = {
        "object": "status",
        "version": VERSION,
        "started_at": studio.started_at,
        "uptime_seconds": round(time.time() - studio.started_at, 1),
        "administrator": every,
        "running": 0,
        "waiting": 0,
        "loop": _loop(studio),
        # In a thread: it looks on the disk for weights.
        "engines": await asyncio.to_thread(_engines, studio, states, every),
    }
    answer["running"] = sum(engine["running"] for engine in answer["engines"])
    answer["waiting"] = sum(engine["queued"] for engine in answer["engines"])
    if not every:
        return answer
    fetched = [asdict(state) | {"busy": state.busy} for state in await studio.downloads.states()]
    return answer | await asyncio.to_thread(_house, studio) | {"downloads": fetched}


def _loop(studio: Studio) -> dict[str, Any]:
    """How late the event loop was in the last minute, in milliseconds."""
    lag = studio.lag.now()
    return {name: round(getattr(lag, name) * 1000, 2) for name in ("p50", "p99", "most")} | {"samples": lag.samples}


def _engines(studio: Studio, states: list[EngineState], every: bool) -> list[dict[str, Any]]:
    """The engines that are here, and behind them those that are only published."""
    known, book = studio.voices.engines, studio.voices.catalogue
    rows = [_engine(studio, state, every) for state in states]
    rows.sort(key=lambda row: (row["kind"] != "tts", not row["usable"], -row["quality"], row["name"]))
    absent = [card for card in book.cards.values() if card.name not in known.names()]
    return rows + [
        _row(card.name, card.title, card.kind, card.summary) | _standing.shown(book.standing(card.name))
        for card in absent
    ]


def _engine(studio: Studio, state: EngineState, every: bool) -> dict[str, Any]:
    name, _, model = state.name.partition(":")
    spec, card = studio.voices.engines.spec(name), studio.voices.catalogue.cards.get(name)
    found = studio.voices.catalogue.standing(name)
    why = studio.voices.engines.why_not(name, model)
    row = _row(state.name, card.title if card else name, spec.kind, spec.summary)
    row |= _standing.shown(found) | {"why_not": why, "usable": not why, "quality": spec.quality}
    row |= {name: getattr(state, name) for name in _TOLD}
    return row | ({"pids": list(state.pids), "last_error": redact(state.last_error)} if every else {})


_TOLD = ("loaded", "loading", "running", "queued", "memory_mb", "crashes", "circuit")


def _row(name: str, title: str, kind: str, summary: str) -> dict[str, Any]:
    return {
        "name": name, "title": title, "kind": kind, "summary": summary, "quality": 0,
        "loaded": 0, "loading": False, "running": 0, "queued": 0, "memory_mb": 0, "crashes": 0, "circuit": "closed",
    }  # fmt: skip


def _house(studio: Studio) -> dict[str, Any]:
    """Looks at files."""
    return {
        "process": {"memory_mb": round(process_mb(), 1)},
        "machine": asdict(machine()) | {"memory_mb": round(machine_mb())},
        "storage": _storage(studio),
        "cache": asdict(studio.cache.stats()),
        "benchmarks": _benchmarks(studio),
    }


def _benchmarks(studio: Studio) -> dict[str, Any]:
    return {"names": studio.trials.names, "data": [asdict(trial) for trial in studio.trials.latest()]}


def _storage(studio: Studio) -> dict[str, Any]:
    """Sizes in megabytes. Raises StorageError where the data folder is gone."""
    folder = studio.settings.data_dir
    files = folder.glob("voiceforge.db*")
    try:
        return {
            "kind": "PostgreSQL" if studio.settings.database_url else "SQLite",
            "database_mb": round(sum(file.stat().st_size for file in files) / 1e6, 2),
            **asdict(disk(folder)),
        }
    except OSError as error:
        raise StorageError("The data folder cannot be read.") from error
