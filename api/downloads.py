"""Weights of engines, fetched on request: what is here, what is on its way, what it would take, and deleting it.

For administrators: a download takes gigabytes of disk and of somebody's line.
"""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from api._shapes import listed
from api._wiring import House
from api.auth import KnownCaller
from api.status import ADMINISTRATOR
from voice.downloads import State

router = APIRouter(prefix="/v1/downloads", tags=["status"])

EngineName = Annotated[str, Path(max_length=100)]
ModelName = Annotated[str, Query(max_length=100, description="For an engine that comes in several sizes.")]


@router.get("")
async def list_downloads(studio: House, caller: KnownCaller) -> dict[str, Any]:
    """Everything that can be downloaded and how far each is, with the bytes that each engine takes on disk."""
    caller.need(ADMINISTRATOR)
    return listed((shown(state) for state in await studio.downloads.states()), disk=await studio.downloads.disk())


@router.get("/{engine}")
async def get_download(engine: EngineName, studio: House, caller: KnownCaller, model: ModelName = "") -> dict[str, Any]:
    """How far one is, and what is still to come: bytes, whether the disk has room, seconds where they are known."""
    caller.need(ADMINISTRATOR)
    return shown(await studio.downloads.state(engine, model)) | {
        "need": asdict(await studio.downloads.need(engine, model))
    }


@router.post("/{engine}", status_code=202)
async def start_download(
    engine: EngineName, studio: House, caller: KnownCaller, model: ModelName = ""
) -> dict[str, Any]:
    """Begin, or resume, or follow one that was begun."""
    caller.need(ADMINISTRATOR)
    return shown(await studio.downloads.start(engine, model))


@router.post("/{engine}/cancel")
async def cancel_download(
    engine: EngineName, studio: House, caller: KnownCaller, model: ModelName = ""
) -> dict[str, Any]:
    """Stop one. What has arrived stays, for the next start."""
    caller.need(ADMINISTRATOR)
    return shown(await studio.downloads.cancel(engine, model))


@router.delete("/{engine}")
async def delete_download(
    engine: EngineName, studio: House, caller: KnownCaller, model: ModelName = ""
) -> dict[str, Any]:
    """Remove a model's weights from the disk, and end the workers that use them."""
    caller.need(ADMINISTRATOR)
    freed = await studio.downloads.delete(engine, model)
    if engine in studio.voices.engines.names():
        await studio.pool.unload(f"{engine}:{model}" if model else engine)
    studio.voices.refresh()
    return {"object": "download", "engine": engine, "model": model, "freed_bytes": freed}


def shown(state: State) -> dict[str, Any]:
    return {"object": "download", **asdict(state), "text": state.text, "busy": state.busy}
