"""A realtime server on a loopback port that speaks OpenAI's envelope, and misbehaves when told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

USAGE = {
    "total_tokens": 300,
    "input_tokens": 100,
    "output_tokens": 200,
    "input_token_details": {"text_tokens": 20, "audio_tokens": 80, "cached_tokens": 0},
    "output_token_details": {"text_tokens": 50, "audio_tokens": 150},
}


@dataclass
class Upstream:
    """What it got, and how it is to behave."""

    port: int = 0
    calls: list[Request] = field(default_factory=list)
    got: list[dict[str, Any]] = field(default_factory=list)
    status: list[int] = field(default_factory=list)
    """Refuse the next calls with these."""
    hang_up: int = 0
    """So many calls end before anything is said."""
    first: Any = None
    """Said first, in place of `session.created`."""
    silent: bool = False
    """Say nothing at all."""
    usage: Any = field(default_factory=lambda: dict(USAGE))
    open: int = 0
    sockets: list[ServerConnection] = field(default_factory=list)
    granted: Callable[[dict[str, Any]], tuple[int, Any]] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def head(self, name: str) -> str:
        return self.calls[-1].headers.get(name, "")

    async def say(self, event: Any) -> None:
        await self.sockets[-1].send(event if isinstance(event, (str, bytes)) else json.dumps(event))

    async def got_one(self, type: str) -> dict[str, Any]:
        async with asyncio.timeout(5):
            while True:
                for event in self.got:
                    if event["type"] == type:
                        self.got.remove(event)
                        return event
                await asyncio.sleep(0.005)

    def _called(self, connection: ServerConnection, request: Request) -> Response | None:
        self.calls.append(request)
        if self.status:
            return connection.respond(HTTPStatus(self.status.pop(0)), "the owner's business: sk-secret")
        return None

    async def _held(self, socket: ServerConnection) -> None:
        if self.hang_up:
            self.hang_up -= 1
            return
        self.open += 1
        self.sockets.append(socket)
        try:
            if not self.silent:
                session = {"type": "realtime", "id": "sess_up", "object": "realtime.session"}
                await self.say(self.first or {"type": "session.created", "event_id": "e1", "session": session})
            async for text in socket:
                await self._answer(json.loads(text))
        except ConnectionClosed:
            pass
        finally:
            self.open -= 1

    async def _answer(self, event: dict[str, Any]) -> None:
        self.got.append(event)
        if event["type"] == "session.update":
            session = {"type": "realtime"} | event["session"]
            await self.say({"type": "session.updated", "event_id": "e2", "session": session})
        elif event["type"] == "response.create":
            await self.say(self.done("resp_1"))
        elif event["type"] == "input_audio_buffer.clear":
            await self.say({"type": "input_audio_buffer.cleared", "event_id": "e3"})

    def done(self, id: str) -> dict[str, Any]:
        response = {"id": id, "object": "realtime.response", "status": "completed", "usage": self.usage, "output": []}
        return {"type": "response.done", "event_id": "e4", "response": response}


@asynccontextmanager
async def upstream(**how: Any) -> AsyncIterator[Upstream]:
    made = Upstream(**how)
    async with serve(made._held, "127.0.0.1", 0, process_request=made._called, compression=None) as server:
        made.port = next(iter(server.sockets)).getsockname()[1]
        yield made
