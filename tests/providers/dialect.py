"""A server on a loopback port that speaks OpenAI's chat completions, well or badly as its model's name says."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

Say = Callable[[dict[str, Any]], AsyncIterator[str | bytes]]
KEY = "sk-canary-of-the-upstream"


def piece(text: str = "", finish: str | None = None, **delta: Any) -> str:
    choice = {"index": 0, "delta": {"content": text, **delta}, "finish_reason": finish}
    return f"data: {json.dumps({'object': 'chat.completion.chunk', 'choices': [choice]})}\n\n"


USAGE = f"data: {json.dumps({'choices': [], 'usage': {'prompt_tokens': 7, 'completion_tokens': 3}})}\n\n"
DONE = "data: [DONE]\n\n"


@dataclass
class Dialect:
    """Answers by `scripts`, by model; a script is the parts of the stream, or a response. A model it does not know is
    not found."""

    scripts: dict[str, Say | Response] = field(default_factory=dict)
    listed: Any = field(default_factory=lambda: {"object": "list", "data": [{"id": "small"}, {"id": "large"}]})
    refuses: tuple[str, ...] = ()
    """Options that it refuses by name."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    lists: int = 0
    left: list[str] = field(default_factory=list)
    """Models whose stream was left before its end."""
    url: str = ""

    async def models(self, request: Request) -> Response:
        self.lists += 1
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return JSONResponse({"error": {"message": f"bad key {KEY}"}}, 401)
        return JSONResponse(self.listed)

    async def chat(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append(body)
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return JSONResponse({"error": {"message": f"bad key {KEY}"}}, 401)
        for option in self.refuses:
            if option in body:
                return JSONResponse({"error": {"message": f"Unknown parameter: {option}"}}, 400)
        script = self.scripts.get(body["model"])
        if script is None:
            return JSONResponse({"error": {"message": "no such model"}}, 404)
        if isinstance(script, Response):
            return script
        return StreamingResponse(self._stream(body, script), media_type="text/event-stream")

    async def _stream(self, body: dict[str, Any], script: Say) -> AsyncIterator[str | bytes]:
        done = False
        try:
            async for part in script(body):
                yield part
            done = True
        finally:
            if not done:
                self.left.append(body["model"])


def says(*parts: str | bytes) -> Say:
    async def script(body: dict[str, Any]) -> AsyncIterator[str | bytes]:
        for part in parts:
            yield part
            await asyncio.sleep(0)

    return script


def hangs(*parts: str) -> Say:
    """Says so much and then nothing any more."""

    async def script(body: dict[str, Any]) -> AsyncIterator[str]:
        for part in parts:
            yield part
        await asyncio.sleep(60)

    return script


def murmurs(*parts: str) -> Say:
    """Keeps the connection alive without an answer."""

    async def script(body: dict[str, Any]) -> AsyncIterator[str]:
        for part in parts:
            yield part
        while True:
            yield ": still here\n\n"
            await asyncio.sleep(0.02)

    return script


def breaks(*parts: str) -> Say:
    """Breaks off in the middle of the body."""

    async def script(body: dict[str, Any]) -> AsyncIterator[str]:
        for part in parts:
            yield part
            await asyncio.sleep(0.01)
        raise ConnectionResetError("the test asked for it")

    return script


def refuses(status: int, message: str = "the server's own words", **headers: str) -> Response:
    return JSONResponse({"error": {"message": message}}, status, headers)


def plain(text: str) -> Response:
    return PlainTextResponse(text)


@contextmanager
def serving(dialect: Dialect) -> Iterator[Dialect]:
    routes = [Route("/v1/models", dialect.models), Route("/v1/chat/completions", dialect.chat, methods=["POST"])]
    config = uvicorn.Config(Starlette(routes=routes), port=0, log_level="critical", timeout_graceful_shutdown=0)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.002)
        port = server.servers[0].sockets[0].getsockname()[1]
        dialect.url = f"http://127.0.0.1:{port}"
        yield dialect
    finally:
        server.should_exit = True
        thread.join()
