"""The whole app on loopback ports, started once for the process that runs these tests."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from app import create_app
from core.settings import Settings
from studio import Studio

ADMIN = "an-admin-key-for-these-tests"


@dataclass(frozen=True)
class Server:
    """A running app. What is private to it is looked at where no request can tell."""

    url: str
    app: FastAPI

    @property
    def studio(self) -> Studio:
        return self.app.state.studio

    @property
    def demo(self) -> gr.Blocks:
        return self.gradio.get_blocks()

    @property
    def gradio(self) -> Any:
        return next(
            route.app for route in reversed(self.app.routes) if hasattr(getattr(route, "app", None), "get_blocks")
        )

    def http(self, **headers: str) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=headers, timeout=60)


def called(client: httpx.Client, name: str, **data: Any) -> tuple[str, Any]:
    """The last event of a call to an endpoint by its name, and what came with it."""
    answer = client.post(f"/gradio_api/call/v2/{name}", json=data)
    answer.raise_for_status()
    stream = client.get(f"/gradio_api/call/v2/{name}/{answer.json()['event_id']}").text
    last = stream.strip().split("\n\n")[-1]
    lines = dict(line.split(": ", 1) for line in last.split("\n"))
    return lines["event"], json.loads(lines["data"])


def joined(client: httpx.Client, number: int, *data: Any) -> dict[str, Any]:
    """What the page gets when one of its events, by its number, has run."""
    body = {"data": list(data), "fn_index": number, "session_hash": f"page{number}"}
    client.post("/gradio_api/queue/join", json=body).raise_for_status()
    with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": f"page{number}"}) as answer:
        for line in answer.iter_lines():
            message = json.loads(line.removeprefix("data: ")) if line else {}
            if message.get("msg") == "process_completed":
                return message
    raise AssertionError("the event never ended")


@contextmanager
def served(settings: Settings) -> Iterator[Server]:
    """The app in a thread. It is built inside the thread's event loop, as Gradio makes loops where it finds none."""
    began: Future[tuple[uvicorn.Server, FastAPI]] = Future()

    async def serve() -> None:
        app = create_app(settings)
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=1))
        began.set_result((server, app))
        await server.serve()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    server, app = began.result(60)
    while not server.started and thread.is_alive():
        thread.join(0.01)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Server(f"http://127.0.0.1:{port}", app)
    finally:
        server.should_exit = True
        thread.join(30)


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An app that asks this machine for no key."""
    folder: Path = tmp_path_factory.mktemp("open")
    with served(Settings(data_dir=folder, log_level="ERROR", max_upload_mb=2)) as server:
        yield server


@pytest.fixture(scope="session")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An app where everything that spends or reveals needs a key."""
    folder: Path = tmp_path_factory.mktemp("keyed")
    settings = Settings(data_dir=folder, log_level="ERROR", max_upload_mb=2, access="key", admin_key=ADMIN)
    with served(settings) as server:
        yield server
