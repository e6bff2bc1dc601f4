"""`/ws`: a conversation by voice and in writing on one WebSocket; docs/protocol.md tells of every message.

A part of the media role: nothing here imports Gradio.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, WebSocket

from api._ws.connection import Connection
from api._ws.sessions import Sessions

ROLE = "media"
"""The role of a process that serves it."""

MOST_BYTES = 12_000_000
"""Of one message; what is larger closes the connection with 1009 before it is read."""


@asynccontextmanager
async def _life(app: FastAPI) -> AsyncIterator[None]:
    """Within the Studio's life: conversations end before their engines and their database do."""
    app.state.sessions = sessions = Sessions(app.state.studio)
    try:
        yield
    finally:
        await sessions.close()


router = APIRouter(lifespan=_life)


@router.websocket("/ws")
async def ws(websocket: WebSocket) -> None:
    await Connection(websocket.app.state.sessions, websocket).run()
