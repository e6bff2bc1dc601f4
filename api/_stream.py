"""An answer that is made while it is sent: its first chunk decides the status, a vanished client ends its making."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from core.errors import VoiceForgeError

logger = logging.getLogger(__name__)

Head = MutableHeaders
Body = AsyncGenerator[bytes, None]

MOST_WAITING = 65_536
"""Bytes that may be waiting to be sent while the next chunk is made."""

STALL_SECONDS = 60.0
"""How long a client may leave a chunk unread, at the least, before it counts as gone."""


class Streamed(Response):
    """Sends what `make(headers)` yields, the first chunk at once, later ones together where they come faster than the
    loop turns.

    `make` may set headers up to its first chunk; what it raises before that becomes an error response, what it raises
    later ends the connection without an orderly end, so that nobody takes the part for the whole. Once the client is
    gone the generator is closed, within the step it is at. `resources` stay open exactly as long as the generator.
    """

    def __init__(self, make: Callable[[Head], Body], media_type: str, resources: AsyncExitStack | None = None):
        super().__init__(media_type=media_type)
        del self.headers["content-length"]
        self._make = make
        self._resources = resources or AsyncExitStack()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        outbox = Outbox(send)
        work = asyncio.create_task(self._answer(outbox))
        others = asyncio.create_task(_gone(receive)), asyncio.create_task(outbox.run())
        try:
            while not (await _first_of(work, *others) or outbox.stalled()):
                pass
        finally:
            for task in (work, *others):
                task.cancel()
            await asyncio.wait((work, *others))
        if not work.cancelled() and (error := work.exception()):
            raise error

    async def _answer(self, outbox: Outbox) -> None:
        started = False
        try:
            async with self._resources, aclosing(self._make(self.headers)) as chunks:
                first = await anext(chunks, b"")
                await outbox.begin(self.status_code, self.raw_headers, first)
                started = True
                async for chunk in chunks:
                    await outbox.put(chunk)
                await outbox.emptied()
        except Exception as error:
            if not started:
                raise
            logger.error("an answer broke off: %s", error, exc_info=not isinstance(error, VoiceForgeError))
            await outbox.emptied()
            return
        await outbox.end()


class Outbox:
    """What is on its way to the client. `run` sends it, beside the one who puts it in, who waits while it is full."""

    def __init__(self, send: Send):
        self._send = send
        self._clock = asyncio.get_running_loop().time
        self._parts: list[bytes] = []
        self._size = 0
        self._filled, self._empty = asyncio.Event(), asyncio.Event()
        self._empty.set()
        self._moved_at = 0.0

    async def begin(self, status: int, headers: list[tuple[bytes, bytes]], first: bytes) -> None:
        """The head and the first chunk, at once."""
        self._occupied()
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        if first:
            await self._send({"type": "http.response.body", "body": first, "more_body": True})
        self._empty.set()

    async def put(self, chunk: bytes) -> None:
        if not chunk:
            return
        if self._empty.is_set():
            self._occupied()
        self._parts.append(chunk)
        self._size += len(chunk)
        self._filled.set()
        if self._size > MOST_WAITING:
            await self._empty.wait()

    async def run(self) -> None:
        """Sends until it is cancelled."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            chunk = b"".join(self._parts)
            self._parts.clear()
            self._size = 0
            await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
            self._moved_at = self._clock()
            if not self._parts:
                self._empty.set()

    async def emptied(self) -> None:
        await self._empty.wait()

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def stalled(self) -> bool:
        """Whether something has been waiting to be sent for STALL_SECONDS."""
        return not self._empty.is_set() and self._clock() - self._moved_at >= STALL_SECONDS

    def _occupied(self) -> None:
        self._empty.clear()
        self._moved_at = self._clock()


async def _first_of(*tasks: asyncio.Task[None]) -> bool:
    """Whether one of them ended within STALL_SECONDS."""
    done, _ = await asyncio.wait(tasks, timeout=STALL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    return bool(done)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def event(name: str, data: Mapping[str, Any]) -> bytes:
    """A server-sent event."""
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()


def header_text(text: str) -> str:
    """Any text as what a header can hold: printable ASCII, at most 200 characters."""
    return "".join(sign if " " <= sign <= "~" else "?" for sign in text[:200])
