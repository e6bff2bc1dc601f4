"""An answer that is made while it is sent: its first chunk decides the status, a vanished client ends its making."""

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

STALL_SECONDS = 60.0
"""How long a client may leave a chunk unread, at the least, before it counts as gone."""


class Streamed(Response):
    """Sends what `make(headers)` yields, each chunk as it comes.

    `make` may set headers up to its first chunk; what it raises before that becomes an error response, what it raises
    later ends the connection without an orderly end, so that nobody takes the part for the whole. Once the client is
    gone the generator is closed, within the step it is at. `resources` stay open exactly as long as the generator.
    """

    def __init__(self, make: Callable[[Head], Body], media_type: str, resources: AsyncExitStack | None = None):
        super().__init__(media_type=media_type)
        del self.headers["content-length"]
        self._make = make
        self._resources = resources or AsyncExitStack()
        self._writing = False
        self._written = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        work = asyncio.create_task(self._send(send))
        gone = asyncio.create_task(_gone(receive))
        try:
            while not await self._ended(work, gone):
                pass
        finally:
            gone.cancel()
            if not work.done():
                work.cancel()
            await asyncio.wait((work, gone))
        if not work.cancelled() and (error := work.exception()):
            raise error

    async def _ended(self, work: asyncio.Task[None], gone: asyncio.Task[None]) -> bool:
        """Whether within the next minute the answer is complete, the client gone, or nothing of it read."""
        written = self._written
        done, _ = await asyncio.wait((work, gone), timeout=STALL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        return bool(done) or (self._writing and written == self._written)

    async def _send(self, send: Send) -> None:
        started = False
        try:
            async with self._resources, aclosing(self._make(self.headers)) as chunks:
                first = await anext(chunks, b"")
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                started = True
                await self._write(send, first)
                async for chunk in chunks:
                    await self._write(send, chunk)
        except Exception as error:
            if not started:
                raise
            logger.error("an answer broke off: %s", error, exc_info=not isinstance(error, VoiceForgeError))
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _write(self, send: Send, chunk: bytes) -> None:
        if chunk:
            self._writing = True
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            self._writing = False
            self._written += 1


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def event(name: str, data: Mapping[str, Any]) -> bytes:
    """A server-sent event."""
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()


def header_text(text: str) -> str:
    """Any text as what a header can hold: printable ASCII, at most 200 characters."""
    return "".join(sign if " " <= sign <= "~" else "?" for sign in text[:200])
