"""A real server with `/ws` alone, in the test's own loop, over conversations that a test leads; and its clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import uvicorn
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from accounts.accounts import Accounts
from api import errors, live, ws
from api._wire.protocol import Patient
from api._ws.sessions import Sessions
from core.errors import UnknownVoice
from core.metrics import Metrics
from core.settings import Settings
from storage.db import Storage
from tests.voice.talk.fakes import FakeTalks
from voice.pronunciations import Pronunciations
from voice.talk.live import Live

ADMIN = "an-admin-key-for-these-tests"
KEY = {"Authorization": f"Bearer {ADMIN}"}


class Routes:
    """Who hears, thinks and speaks, as far as a face asks."""

    def speech(self, voice: str = "", model: str = "auto", language: str = "", *_: Any) -> Any:
        if voice == "nobody":
            raise UnknownVoice("There is no voice 'nobody'.", param="voice")
        return SimpleNamespace(engine="tts", voice=voice or "tts/first")

    def transcription(self, model: str = "auto", language: str = "", *_: Any) -> Any:
        return SimpleNamespace(engine="stt")

    def route(self, model: str = "auto") -> Any:
        return SimpleNamespace(engine="llm", reason="")


@dataclass
class House:
    url: str
    studio: Any
    app: FastAPI

    @property
    def talks(self) -> FakeTalks:
        return self.studio.talks

    @property
    def sessions(self) -> Sessions:
        return self.app.state.sessions

    @asynccontextmanager
    async def client(
        self, headers: dict[str, str] | None = None, path: str = "/ws", **more: Any
    ) -> AsyncIterator[Client]:
        async with connect(
            self.url + path, additional_headers=headers or {}, max_size=None, compression=None, proxy=None, **more
        ) as socket:
            yield Client(socket)

    @asynccontextmanager
    async def started(self, **asked: Any) -> AsyncIterator[tuple[Client, dict[str, Any]]]:
        async with self.client() as client:
            await client.send("start", **asked)
            yield client, await client.next("ready")


class Client:
    """Says JSON, and tells sound from messages."""

    def __init__(self, socket: ClientConnection):
        self.socket = socket

    async def send(self, type: str, **values: Any) -> None:
        await self.socket.send(json.dumps({"type": type} | values))

    async def any(self) -> dict[str, Any] | bytes:
        got = await asyncio.wait_for(self.socket.recv(), 10)
        return json.loads(got) if isinstance(got, str) else got

    async def next(self, type: str) -> dict[str, Any]:
        """The next message of this type; others, and sound, are passed over."""
        while True:
            got = await self.any()
            if isinstance(got, dict) and got["type"] == type:
                return got

    async def sound(self, frames: int) -> list[bytes]:
        found: list[bytes] = []
        while len(found) < frames:
            got = await self.any()
            if isinstance(got, bytes):
                found.append(got)
        return found

    async def closed(self) -> tuple[int, str]:
        """The code and the reason; what comes before is passed over."""
        with suppress(ConnectionClosed):
            while True:
                await asyncio.wait_for(self.socket.recv(), 20)
        return self.socket.close_code or 0, self.socket.close_reason or ""

    async def settled(self) -> None:
        """Everything that was sent before has arrived when this returns."""
        await self.send("ping", t=1.0)
        await self.next("pong")


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what is waited for is no event
            await asyncio.sleep(0.001)


@asynccontextmanager
async def house(folder: Path, *, access: str = "open", kind: Any = Patient) -> AsyncIterator[House]:
    settings = Settings(data_dir=folder, access=access, admin_key=ADMIN)
    storage = await asyncio.to_thread(Storage.open, "", folder)
    accounts = Accounts(storage, settings)
    await accounts.start()
    routes = Routes()
    studio = SimpleNamespace(
        settings=settings, storage=storage, accounts=accounts, metrics=Metrics(), talks=FakeTalks(), live=Live(),
        routing=routes, thinking=routes, pronunciations=Pronunciations(storage),
    )  # fmt: skip
    app = FastAPI()
    app.state.studio = studio
    app.include_router(ws.router)
    app.include_router(live.router)
    errors.install(app, settings)
    config = uvicorn.Config(
        app, port=0, log_config=None, lifespan="on", ws_max_size=ws.MOST_BYTES, ws_per_message_deflate=False,
        timeout_graceful_shutdown=1, ws=kind,
    )  # fmt: skip
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield House(f"ws://127.0.0.1:{port}", studio, app)
    finally:
        server.should_exit = True
        await running
        await asyncio.to_thread(storage.close)
