"""The near side of the worker wire: frames out, frames in, one connection per request. Knows no engine and no process;
engines/_worker.py describes the protocol."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections import deque
from typing import Any

from core.errors import EngineError, TooLarge
from engines._worker import MAX_BODY, MAX_HEADER, PREFIX, VERSION

Frame = tuple[dict[str, Any], bytes]

SCRATCH = 256 << 10
MOST_FRAMES = 32
"""Frames that lie here unread before reading pauses; beyond them the kernel's buffer fills and the worker waits."""


class Connection(asyncio.BufferedProtocol):
    """One request's connection. Frames come in order from `receive`, whose reader sets the pace of the far side."""

    def __init__(self):
        self._transport: asyncio.Transport | None = None
        self._scratch = memoryview(bytearray(SCRATCH))
        self._filled = 0
        self._large: memoryview | None = None
        self._large_header_size = 0
        self._large_filled = 0
        self._frames: deque[tuple[str, bytes]] = deque()
        self._last_text = ""
        self._last_header: dict[str, Any] = {}
        self._paused = False
        self._discarding = False
        self._error: Exception | None = None
        self._over = False
        self._waiter: asyncio.Future[None] | None = None

    @classmethod
    async def open(cls, path: str, header: dict[str, Any], body: bytes | memoryview = b"") -> Connection:
        """Connect and send the one frame of a request.

        Raises TooLarge for one that the wire does not take and OSError where nobody answers the socket.
        """
        prefix = encode(header, body)
        loop = asyncio.get_running_loop()
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            await loop.sock_connect(sock, path)
            await loop.sock_sendall(sock, prefix)
            if len(body):
                await loop.sock_sendall(sock, body)
            _, connection = await loop.create_unix_connection(cls, sock=sock)
        except BaseException:
            sock.close()
            raise
        return connection

    async def receive(self, patience: float | None = None) -> Frame:
        """The next frame; its header is to be read only, because most chunks have the same one and share it.

        Raises TimeoutError where none comes within so many seconds, ConnectionResetError at the end of the
        connection, and EngineError where the far side breaks the protocol.
        """
        while not self._frames:
            if self._error:
                raise self._error
            if self._over:
                raise ConnectionResetError("the worker has closed the connection")
            await self._wait(patience)
        header, body = self._frames.popleft()
        if self._paused and len(self._frames) < MOST_FRAMES // 2:
            self._resume()
        if header != self._last_text:
            self._last_header, self._last_text = _parsed(header), header
        return self._last_header, body

    async def hang_up(self) -> None:
        """Cancel: close the writing half, drop what still comes, and return when the far side has closed too."""
        self._discarding = True
        self._frames.clear()
        if self._transport and not self._over:
            self._resume()
            with contextlib.suppress(OSError):
                self._transport.write_eof()
        while not self._over:
            await self._wait()

    def close(self) -> None:
        if self._transport:
            self._transport.abort()

    async def _wait(self, patience: float | None = None) -> None:
        """Until something happens. A bare timer, because asyncio.timeout would cost as much as the frame."""
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        timer = loop.call_later(patience, self._expire) if patience is not None else None
        try:
            await self._waiter
        finally:
            self._waiter = None
            if timer:
                timer.cancel()

    def _expire(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_exception(TimeoutError("no frame came in time"))

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    def _resume(self) -> None:
        if self._paused and self._transport and not self._over:
            self._paused = False
            self._transport.resume_reading()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._scratch[self._filled :] if self._large is None else self._large[self._large_filled :]

    def buffer_updated(self, nbytes: int) -> None:
        if self._large is None:
            self._filled += nbytes
            self._cut()
        else:
            self._large_filled += nbytes
            if self._large_filled == len(self._large):
                self._finish_large()
        if self._discarding:
            self._frames.clear()
        elif len(self._frames) >= MOST_FRAMES and self._transport:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._over = True
        self._wake()

    def _cut(self) -> None:
        """Take every whole frame out of the scratch buffer and move the rest to its front."""
        start, filled, scratch = 0, self._filled, self._scratch
        while filled - start >= PREFIX.size:
            header_size, body_size = PREFIX.unpack_from(scratch, start)
            size = PREFIX.size + header_size + body_size
            if header_size > MAX_HEADER or body_size > MAX_BODY:
                return self._break_off()
            if filled - start < size:
                if size > SCRATCH:
                    self._begin_large(header_size, body_size, start)
                    return
                break
            middle = start + PREFIX.size + header_size
            header = str(scratch[start + PREFIX.size : middle], "utf-8", "replace")
            self._frames.append((header, bytes(scratch[middle : start + size])))
            start += size
        if start:
            scratch[: filled - start] = scratch[start:filled]
        self._filled = filled - start

    def _begin_large(self, header_size: int, body_size: int, start: int) -> None:
        """A frame beyond the scratch buffer is read straight into a buffer of its own."""
        here = self._scratch[start + PREFIX.size : self._filled]
        self._large = memoryview(bytearray(header_size + body_size))
        self._large[: len(here)] = here
        self._large_filled = len(here)
        self._large_header_size = header_size
        self._filled = 0

    def _finish_large(self) -> None:
        assert self._large is not None
        size = self._large_header_size
        self._frames.append((str(self._large[:size], "utf-8", "replace"), bytes(self._large[size:])))
        self._large, self._large_filled = None, 0

    def _break_off(self) -> None:
        self._error = _garbled()
        self.close()


def encode(header: dict[str, Any], body: bytes | memoryview = b"") -> bytes:
    """Prefix and header of a frame. Raises TooLarge."""
    encoded = json.dumps({"version": VERSION, **header}).encode()
    if len(encoded) > MAX_HEADER or len(body) > MAX_BODY:
        raise TooLarge("The request is larger than an engine takes at once.")
    return PREFIX.pack(len(encoded), len(body)) + encoded


def _parsed(header: str) -> dict[str, Any]:
    try:
        parsed = json.loads(header)
    except ValueError as error:
        raise _garbled() from error
    if not isinstance(parsed, dict):
        raise _garbled()
    return parsed


def _garbled() -> EngineError:
    return EngineError("The engine's worker sent something that is not understood.")
