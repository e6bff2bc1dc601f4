"""A real server on a loopback port, started once for the process that runs these tests."""

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from api import (
    benchmarks,
    captions,
    catalogue,
    chat_completions,
    client_secrets,
    conversations,
    convert,
    downloads,
    errors,
    health,
    keys,
    models,
    pronunciations,
    segments,
    speech,
    status,
    transcriptions,
    usage,
    voice_chat,
    voices,
    ws,
)
from core.settings import Settings
from studio import Studio

ADMIN = "an-admin-key-for-these-tests"


@dataclass(frozen=True)
class Server:
    """A running server and the Studio behind it."""

    url: str
    studio: Studio

    def client(self, key: str | None = ADMIN) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60)

    def busy(self) -> list[str]:
        """What is running or waiting, in the pool and in the accounts."""
        engines = [state.name for state in self.studio.pool.state() if state.running or state.queued]
        return engines + list(self.studio.accounts._running._running)


def build(settings: Settings) -> FastAPI:
    """The HTTP API of app.create_app without the pages, which take seconds to import."""
    studio = Studio.build(settings)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        await studio.start()
        yield
        await studio.close()

    app = FastAPI(lifespan=life)
    app.state.studio = studio
    rooms = (benchmarks, captions, catalogue, chat_completions, conversations, convert, downloads, health, keys, models)
    more = (client_secrets, pronunciations, segments, speech, status, transcriptions, usage, voice_chat, voices, ws)
    for module in (*rooms, *more):
        app.include_router(module.router)
    errors.install(app, settings)
    return app


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Asks for keys, has the scripted engines, and takes uploads of 3 MB and recordings of two minutes."""
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("data"),
        access="key",
        admin_key=ADMIN,
        scripted=True,
        max_upload_mb=3,
        max_audio_minutes=2,
        max_text_chars=100_000,
    )
    app = build(settings)
    runner = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=5))
    thread = threading.Thread(target=runner.run)
    thread.start()
    while not runner.started and thread.is_alive():
        thread.join(0.01)
    port = runner.servers[0].sockets[0].getsockname()[1]
    yield Server(f"http://127.0.0.1:{port}", app.state.studio)
    runner.should_exit = True
    thread.join()


@pytest.fixture(scope="session")
def spoken(server: Server) -> bytes:
    """A wav of somebody saying "hello world", by the house's own espeak-ng."""
    with server.client() as client:
        body = {"model": "espeak-ng", "input": "Hello world. Hello world.", "response_format": "wav"}
        return client.post("/v1/audio/speech", json=body).raise_for_status().content


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    """Calls with every right."""
    with server.client() as client:
        yield client
