"""People who come to `/ws` and go: by voice or in writing, for a few turns, who interrupt, lose their connection, come
back to their session or never do. Each draws what he does from his own seed."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

FRAME_SECONDS, FRAME_BYTES = 0.02, 640
QUIET = bytes(FRAME_BYTES)
DROPS = 0.35
AGAIN_SECONDS = 15.0
"""After which something that was lost with a connection is said again."""
STUCK_SECONDS = 60.0
"""Without any message a conversation counts as stuck."""
ANSWERS = (
    "Certainly.",
    "Certainly, and this is an answer of some length, which leaves room for somebody to fall into it.",
    "One moment. Here is the first sentence. Here is the second one, which is longer. And this is the last of them.",
)


@dataclass
class Tally:
    """What happened, over all visitors."""

    counts: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)


class Visitor:
    """One visit: a session over one or several connections."""

    def __init__(self, port: int, key: str, speech: Sequence[bytes], draw: random.Random, tally: Tally):
        self._url, self._key, self._speech = f"ws://127.0.0.1:{port}/ws", key, speech
        self._draw, self._tally = draw, tally
        self._manner = draw.choice(("voice", "voice", "text", "both"))
        self._turns = draw.randint(1, 4)
        self._session: dict[str, Any] = {}
        self._microphone: deque[bytes] = deque()
        self._received = 0
        self._asked = False
        """Whether an answer is awaited."""

    def start(self) -> dict[str, Any]:
        """How the session is to be held."""
        return {
            "type": "start",
            "mode": self._manner,
            "output": {"format": self._draw.choice(("pcm16", "pcm16", "opus")), "rate": 24000},
            "model": "scripted-llm",
            "prompt": f"Say: {self._draw.choice(ANSWERS)}",
            "speak": self._manner != "text",
        }

    async def visit(self, closing: asyncio.Event, *, drops: float = DROPS, leaves: bool = True) -> None:
        """Until all turns are done, or the next one is and it is `closing` time. `drops`: the share of connections that
        are lost; `leaves`: some never come back."""
        self._tally.counts["conversations"] += 1
        start = self.start()
        while self._turns > 0:
            lasts = self._draw.uniform(1, 15) if self._draw.random() < drops else None
            try:
                async with asyncio.timeout(lasts):
                    await self._connected(start | self._session, closing)
            except TimeoutError:
                self._tally.counts["drops"] += 1
                if leaves and self._draw.random() < 0.2:
                    self._tally.counts["never_came_back"] += 1
                    return
                await asyncio.sleep(self._draw.uniform(0.05, 4))
            except (ConnectionClosed, OSError) as error:
                self._tally.errors.append(repr(error))
                return

    async def _connected(self, start: dict[str, Any], closing: asyncio.Event) -> None:
        async with connect(
            self._url, additional_headers={"X-API-Key": self._key}, compression=None, proxy=None, max_size=None
        ) as socket:
            speaking: asyncio.Task[None] | None = None
            try:
                await socket.send(json.dumps(start))
                if self._manner != "text":
                    speaking = asyncio.create_task(self._speak(socket))
                await self._talk(socket, closing)
                await socket.send(json.dumps({"type": "end"}))
                with suppress(ConnectionClosed):
                    while True:
                        await asyncio.wait_for(socket.recv(), 20)
            except asyncio.CancelledError:
                socket.transport.abort()
                raise
            finally:
                if speaking:
                    speaking.cancel()
                    await asyncio.gather(speaking, return_exceptions=True)

    async def _speak(self, socket: ClientConnection) -> None:
        """The microphone, one frame every 20 ms."""
        due = time.monotonic()
        with suppress(ConnectionClosed):
            while True:
                await socket.send(self._microphone.popleft() if self._microphone else QUIET)
                due += FRAME_SECONDS
                await asyncio.sleep(due - time.monotonic())

    async def _talk(self, socket: ClientConnection, closing: asyncio.Event) -> None:
        said_at, interrupt_at, heard_at = time.monotonic(), 0.0, time.monotonic()
        rest_until = said_at
        while self._turns > 0:
            now = time.monotonic()
            if self._session and not self._asked and now >= rest_until:
                said_at, self._asked = now, True
                await self._say(socket)
            if self._asked and now - said_at > AGAIN_SECONDS:
                self._asked = False
                self._tally.counts["said_again"] += 1
            if interrupt_at and now >= interrupt_at:
                interrupt_at = 0.0
                self._tally.counts["interruptions"] += 1
                await self._interrupt(socket)
            try:
                got = await asyncio.wait_for(socket.recv(), 0.1)
            except TimeoutError:
                if now - heard_at > STUCK_SECONDS:
                    self._tally.counts["stuck"] += 1
                    return
                continue
            heard_at = said_at = now
            if isinstance(got, bytes):
                self._received += len(got) // 2 if self._pcm else 480
                continue
            kind = await self._told(socket, json.loads(got))
            if kind == "audio" and self._draw.random() < 0.5:
                interrupt_at = now + self._draw.uniform(0.2, 2)
            if kind == "response_done":
                interrupt_at, self._asked = 0.0, bool(self._microphone)
                rest_until = now + self._draw.uniform(0, 3)
                if closing.is_set():
                    return

    async def _told(self, socket: ClientConnection, message: dict[str, Any]) -> str:
        kind = message["type"]
        if kind == "ready":
            self._pcm = message["output"]["format"] == "pcm16"
            self._tally.counts["resumed"] += message["resumed"]
            self._session = {name: message[name] for name in ("session", "token")}
            self._received = message["position"]
        elif kind == "audio":
            self._received = message["position"]
        elif kind in ("pause", "interrupted"):
            await socket.send(json.dumps({"type": "played", "position": min(self._received, message["position"])}))
        elif kind == "response_done":
            self._turns -= 1
            self._tally.counts["turns"] += 1
        elif kind == "error":
            self._tally.errors.append(message["message"])
        self._session |= {"received": self._received} if self._session else {}
        return kind

    async def _say(self, socket: ClientConnection) -> None:
        if self._manner == "voice" or (self._manner == "both" and self._draw.random() < 0.5):
            pcm = self._draw.choice(self._speech)
            self._microphone.extend(
                pcm[at : at + FRAME_BYTES].ljust(FRAME_BYTES, b"\0") for at in range(0, len(pcm), FRAME_BYTES)
            )
        else:
            await socket.send(json.dumps({"type": "message", "content": "Tell me more."}))

    async def _interrupt(self, socket: ClientConnection) -> None:
        if self._manner == "text" and self._draw.random() < 0.5:
            await socket.send(json.dumps({"type": "interrupt"}))
        else:
            await self._say(socket)
