"""Fifty callers in a process of their own, so that their cost is not counted as the server's.

Reads one JSON object a line, `{"way", "callers", "each", "pause_seconds", "text"}`, and answers each with one line:
`{"first": […], "whole": […], "lost": n}`, times in milliseconds. `way` is `http`, a keep-alive connection for each
caller, or `direct`, the same requests through a Pool of this process.
"""

import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engines.base import SynthesisRequest
from engines.pool import Pool, PoolConfig
from engines.registry import find

ENGINE, VOICE = "scripted-tts", "tone"
FIRST, STEP = 0.1, 0.02
"""Seconds that the engine takes before its first chunk of 100 ms and before every other one: five times as fast as it
is heard, as a good engine is."""
BYTES_PER_CHARACTER = 2 * 24_000 * 0.06
END = b"\r\n0\r\n\r\n"


@dataclass(frozen=True)
class Taken:
    """Milliseconds until the first audio and until the end, and how many bytes of audio came between."""

    first: float
    whole: float
    size: int


Call = Callable[[str], Awaitable[Taken]]


@dataclass
class Connection(asyncio.Protocol):
    """One keep-alive connection that speaks just enough HTTP to measure an answer."""

    port: int
    key: str
    engine: str = ENGINE
    voice: str = VOICE
    _received: bytearray = field(default_factory=bytearray)
    _done: asyncio.Future[float] | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_connection(lambda: self, "127.0.0.1", self.port)

    async def call(self, text: str, *, until_first: bool = False) -> Taken:
        """Raises RuntimeError on anything but a complete 200. `until_first` hangs up at the first audio."""
        self._received.clear()
        self._first_at = 0.0
        self._done = done = asyncio.get_running_loop().create_future()
        self._until_first = until_first
        asked = {"model": self.engine, "voice": self.voice, "input": text, "response_format": "pcm"}
        body = json.dumps(asked).encode()
        head = (
            f"POST /v1/audio/speech HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        began = time.perf_counter()
        self._transport.write(head.encode() + body)
        ended = await done
        if until_first:
            self._transport.abort()
        return Taken((self._first_at - began) * 1000, (ended - began) * 1000, _payload(bytes(self._received)))

    def close(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        self._received += data
        if not self._first_at and 0 < self._received.find(b"\r\n\r\n") < len(self._received) - 16:
            self._first_at = now
        complete = self._received.endswith(END) or (self._until_first and self._first_at)
        if complete and self._done and not self._done.done():
            self._done.set_result(now)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._done and not self._done.done():
            self._done.set_exception(RuntimeError("the server hung up"))


def _payload(answer: bytes) -> int:
    """Bytes of audio in a chunked answer. Raises RuntimeError on a status other than 200."""
    head, _, rest = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(answer[:500].decode(errors="replace"))
    total = 0
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        total += int(size, 16)
        rest = rest[int(size, 16) + 2 :]
    return total


@dataclass
class Direct:
    """The same request, asked of the pool itself."""

    pool: Pool

    async def call(self, text: str) -> Taken:
        began = time.perf_counter()
        first, size = 0.0, 0
        async with aclosing(self.pool.stream(ENGINE, SynthesisRequest(text, VOICE))) as chunks:
            async for chunk in chunks:
                first = first or time.perf_counter()
                size += 2 * len(chunk.audio.samples)
        return Taken((first - began) * 1000, (time.perf_counter() - began) * 1000, size)


async def round_(calls: list[Call], order: dict[str, Any]) -> dict[str, Any]:
    """Every caller makes its requests at moments of its own; a loss is an answer that failed or is too short."""
    wanted = round(len(order["text"]) * BYTES_PER_CHARACTER)
    outcomes = await asyncio.gather(*(_caller(call, order) for call in calls))
    taken = [one for outcome in outcomes for one in outcome]
    whole = [one for one in taken if one and abs(one.size - wanted) <= 4]
    return {
        "first": [one.first for one in whole],
        "whole": [one.whole for one in whole],
        "lost": len(taken) - len(whole),
    }


async def _caller(call: Call, order: dict[str, Any]) -> list[Taken | None]:
    taken: list[Taken | None] = []
    for _ in range(order["each"]):
        await asyncio.sleep(random.uniform(0, 2 * order["pause_seconds"]))
        try:
            taken.append(await call(order["text"]))
        except (RuntimeError, OSError) as error:
            print(f"lost: {error!r}", file=sys.stderr)
            taken.append(None)
    return taken


async def serve(port: int, key: str) -> None:
    """Take orders until the input ends."""
    find(scripted=True)
    with tempfile.TemporaryDirectory() as folder:
        pool = Pool(PoolConfig(models_dir=Path(folder), options={ENGINE: {"first": FIRST, "step": STEP}}))
        await pool.start()
        await pool.warm(ENGINE)
        while line := await asyncio.to_thread(sys.stdin.readline):
            order = json.loads(line)
            # Opened anew for each round: a server closes connections that were idle for the length of another.
            connections = [Connection(port, key) for _ in range(order["callers"])]
            await asyncio.gather(*(connection.open() for connection in connections))
            direct: list[Call] = [Direct(pool).call] * order["callers"]
            http: list[Call] = [connection.call for connection in connections]
            print(json.dumps(await round_(http if order["way"] == "http" else direct, order)), flush=True)
            for connection in connections:
                connection.close()
        await pool.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2]))
