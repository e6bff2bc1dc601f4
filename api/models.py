"""The names that a request may give as its model, and whether each can be used now."""

import asyncio
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from fastapi import APIRouter

from api._shapes import listed
from api._wiring import House
from api.auth import KnownCaller
from core.errors import UnknownModel
from studio import Studio
from voice.routing import Model

router = APIRouter(tags=["models"])


@router.get("/v1/models")
async def list_models(studio: House, _: KnownCaller) -> dict[str, Any]:
    """The open names first (`auto`, `tts-1`, `whisper-1` …), then each engine and its sizes."""
    return listed(shown(model, studio) for model in await _models(studio))


@router.get("/v1/audio/models")
async def list_audio_models(studio: House, _: KnownCaller) -> dict[str, Any]:
    """The models that speak."""
    speaking = [model for model in await _models(studio) if model.kind in ("", "tts")]
    # `models` beside `data`: chat front ends fill their menus from it.
    short = [{"id": model.id, "name": model.id} for model in speaking]
    return listed((shown(model, studio) for model in speaking), models=short)


@router.get("/v1/models/{model_id:path}")
async def get_model(model_id: str, studio: House, _: KnownCaller) -> dict[str, Any]:
    models = await _models(studio)
    found = next((model for model in models if model.id == model_id), None)
    if found is None:
        raise _unknown(model_id, [model.id for model in models])
    return shown(found, studio)


async def _models(studio: Studio) -> list[Model]:
    """Looks on the disk for weights, so in a thread. Those of a remote server come last."""
    own, thinking = await asyncio.gather(asyncio.to_thread(studio.routing.models), studio.thinking.models())
    known = {model.id for model in own}
    return [*own, *(model for model in thinking if model.id not in known)]


def shown(model: Model, studio: Studio) -> dict[str, Any]:
    return {
        "id": model.id,
        "object": "model",
        "created": int(studio.started_at),
        "owned_by": model.owned_by,
        "kind": model.kind,
        "ready": not model.why_not,
        "why_not": model.why_not,
        "summary": model.summary,
    }


def _unknown(name: str, known: Iterable[str]) -> UnknownModel:
    near = get_close_matches(name[:60].casefold(), list(known), n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]}?" if near else " GET /v1/models lists them."
    return UnknownModel(f"No model is called {name[:60]!r}.{hint}", param="model")
