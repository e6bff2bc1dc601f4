"""What the relay adds to a round trip: the same event to a loopback server and back, straight and through the relay.

The server and the relay have an event loop each, in threads of their own, as their processes would.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from argparse import Namespace
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import httpx
import uvicorn
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from api import client_secrets, errors, realtime
from api._wire.protocol import Patient
from api.ws import MOST_BYTES
from benchmarks._harness import Report, percentile
from core.settings import Settings
from studio import Studio

MODEL = "relay:bench"
FIRST = json.dumps({"type": "session.created", "event_id": "e", "session": {"type": "realtime"}})
BACK = json.dumps({"type": "response.output_audio.delta", "event_id": "e", "delta": "A" * 6400})
"""A tenth of a second of sound."""
THERE = json.dumps({"type": "input_audio_buffer.append", "audio": "A" * 6400})
PINNED = {"instructions": "Be brief."}


async def added(report: Report, args: Namespace) -> None:
    """Milliseconds, straight and relayed in turn, as a key's session and as one that a secret fixes."""
    trips = 200 if args.short else 1000
    with TemporaryDirectory() as folder, _thread(_answering) as upstream:
        settings = Settings(data_dir=Path(folder), realtime_base_url=f"http://127.0.0.1:{upstream}/v1", access="open")
        with _thread(lambda ready, over: _relaying(settings, ready, over)) as here:
            url = f"ws://127.0.0.1:{here}/v1/realtime?model={MODEL}"
            secret = await _secret(here)
            async with (
                _line(f"ws://127.0.0.1:{upstream}/v1/realtime") as straight,
                _line(url) as relayed,
                _line(url, f"openai-insecure-api-key.{secret}") as pinned,
            ):
                lines = {"straight": straight, "relayed": relayed, "pinned": pinned}
                times: dict[str, list[float]] = {name: [] for name in lines}
                for line in lines.values():
                    await _trips(line, 50)
                for _ in range(args.rounds):
                    for name, line in lines.items():
                        times[name] += await _trips(line, trips // args.rounds)
    bare = median(times["straight"])
    report.figure("straight_ms", times["straight"], unit="ms")
    report.figure("relay_added_ms", median(times["relayed"]) - bare, unit="ms", at_most=1.0)
    report.figure("relay_added_p99_ms", percentile(times["relayed"], 99) - percentile(times["straight"], 99), unit="ms")
    report.figure("relay_added_pinned_ms", median(times["pinned"]) - bare, unit="ms", at_most=1.0)


async def _trips(line: ClientConnection, count: int) -> list[float]:
    found = []
    for _ in range(count):
        began = time.perf_counter()
        await line.send(THERE)
        await line.recv()
        found.append(1000 * (time.perf_counter() - began))
    return found


@asynccontextmanager
async def _line(url: str, protocol: str = "") -> AsyncIterator[ClientConnection]:
    protocols = [Subprotocol("realtime"), Subprotocol(protocol)] if protocol else None
    async with connect(url, subprotocols=protocols, compression=None, proxy=None) as line:
        await line.recv()
        if protocol:
            await line.recv()  # the server's answer to what is fixed
        yield line


async def _secret(port: int) -> str:
    async with httpx.AsyncClient() as client:
        session = {"model": MODEL} | PINNED
        answer = await client.post(f"http://127.0.0.1:{port}/v1/realtime/client_secrets", json={"session": session})
        return answer.raise_for_status().json()["value"]


Ready = Callable[[int], None]


@contextmanager
def _thread(work: Callable[[Ready, asyncio.Event], Awaitable[None]]) -> Iterator[int]:
    """A server in an event loop of its own, by its port."""
    began = threading.Event()
    found: list[tuple[asyncio.AbstractEventLoop, asyncio.Event, int]] = []

    async def run() -> None:
        over = asyncio.Event()

        def ready(port: int) -> None:
            found.append((asyncio.get_running_loop(), over, port))
            began.set()

        await work(ready, over)

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    if not began.wait(30):
        raise RuntimeError("a server did not open")
    loop, over, port = found[0]
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(30)


async def _answering(ready: Ready, over: asyncio.Event) -> None:
    async def answer(socket: ServerConnection) -> None:
        await socket.send(FIRST)
        async for _ in socket:
            await socket.send(BACK)

    async with serve(answer, "127.0.0.1", 0, compression=None) as server:
        ready(next(iter(server.sockets)).getsockname()[1])
        await over.wait()


async def _relaying(settings: Settings, ready: Ready, over: asyncio.Event) -> None:
    studio = Studio.build(settings)
    await studio.start()
    app = FastAPI()
    app.state.studio = studio
    app.include_router(realtime.router)
    app.include_router(client_secrets.router)
    errors.install(app, settings)
    config = uvicorn.Config(
        app, port=0, log_config=None, ws=Patient, ws_max_size=MOST_BYTES, ws_per_message_deflate=False
    )  # fmt: skip
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.wait({serving}, timeout=0.01)
    ready(server.servers[0].sockets[0].getsockname()[1])
    await over.wait()
    server.should_exit = True
    await serving
    await studio.close()
