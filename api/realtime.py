"""`/v1/realtime`: OpenAI's realtime protocol, spoken by this house; docs/realtime.md tells of every event.

A part of the media role: nothing here imports Gradio.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import APIRouter, FastAPI, WebSocket

from api import client_secrets
from api._realtime.calls import Calls
from api._realtime.connection import Connection
from api._realtime.rooms import Rooms

ROLE = "media"
"""The role of a process that serves it."""


@asynccontextmanager
async def _life(app: FastAPI) -> AsyncIterator[None]:
    """Within the Studio's life: sessions end before their engines and their database do."""
    app.state.realtime = rooms = Rooms(app.state.studio)
    app.state.calls = calls = Calls(rooms)
    try:
        yield
    finally:
        await calls.close()
        await rooms.close()


router = APIRouter(lifespan=_life)


@router.websocket("/v1/realtime")
async def realtime(websocket: WebSocket) -> None:
    state = websocket.app.state
    redeem = getattr(state, "redeem_client_secret", None) or partial(client_secrets.redeem, state.studio)
    await Connection(state.realtime, state.calls, websocket, redeem).run()
