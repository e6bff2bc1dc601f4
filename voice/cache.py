"""Speech that was made once is not made again: kept on disk, shared, and by equal requests followed while it is made.

Knows where bytes are kept and what a chunk is; who asks and what makes the sound are for its callers.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncGenerator, Callable, Hashable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from core.errors import EngineError
from core.metrics import Metrics
from core.threads import in_thread
from engines.base import Chunk
from storage.blobs import Blobs, BlobStats
from voice._kept import VERSION, pack, unpack
from voice._shared import SharedStream

logger = logging.getLogger(__name__)

Make = Callable[[], AsyncGenerator[Chunk]]

MOST_SECONDS = 180.0
"""Of one entry. Longer speech is passed on and not kept: it is rarely asked for twice, and would push out much else."""


def key_of(
    text: str,
    *,
    voice: str,
    language: str,
    speed: float,
    instructions: str,
    engine: str,
    version: str,
    rate: int = 0,
    more: Mapping[str, Any] | None = None,
) -> str:
    """The name under which speech is kept: sha256, in hex, of all that changes the sound.

    `engine` is as the pool takes it, `version` that of its code and weights, `more` whatever else is heard, such as the
    owner's pronunciations; it must be JSON. An owner who wants nothing shared puts a secret of his into `more`.
    """
    what = {
        "format": VERSION, "text": text, "voice": voice, "language": language, "speed": float(speed),
        "instructions": instructions, "engine": engine, "version": version, "rate": rate, "more": dict(more or {}),
    }  # fmt: skip
    # surrogatepass: a lone surrogate is text that can be asked for, and must not be an error here.
    canonical = json.dumps(what, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class CacheStats:
    """For a status page; counted since the start."""

    hits: int
    misses: int
    shared: int
    """Requests that followed an equal one under way."""
    disk: BlobStats


class SpeechCache:
    """Shared by all owners. A key is made of the whole text, voice and settings, so nobody gets sound through it that
    the same request would not have made for him, and no list of keys is shown. One thing can be learned: an answer at
    once tells that somebody here has asked for exactly this before.

    Belongs to one event loop. `close` it.
    """

    def __init__(self, blobs: Blobs, *, most_seconds: float = MOST_SECONDS, metrics: Metrics | None = None):
        self._blobs, self._most_seconds = blobs, most_seconds
        self._under_way: dict[Hashable, SharedStream] = {}
        self._readers = ThreadPoolExecutor(2, "speech-cache-read")
        self._writer = ThreadPoolExecutor(1, "speech-cache-write")
        self._filling: set[asyncio.Task[None]] = set()
        self._counts = {"hit": 0, "miss": 0, "shared": 0}
        metrics = metrics or Metrics()
        self._asked = metrics.counter("speech_cache_requests", "Speech asked of the cache, by how it was got", ["how"])
        size = metrics.gauge("speech_cache_bytes", "Bytes of speech kept on disk")
        size.set_function(lambda: blobs.stats().bytes)

    async def stream(
        self, key: str, make: Make, *, lane: Hashable = None, keep: Callable[[], bool] = lambda: True
    ) -> AsyncGenerator[Chunk]:
        """What is kept under the key, else what `make` makes, which is kept once it has ended well and `keep` agrees.

        Equal requests at the same time share one making, each from its beginning; it goes on until the last of them
        leaves. Only requests of one `lane` share, such as one priority, so that nobody who is in a hurry follows one
        who is not. Use with `contextlib.aclosing`. Raises what `make`'s generator raises.
        """
        shared = self._under_way.get((key, lane))
        if shared:
            self._count("shared")
        else:
            shared = self._begin((key, lane), key, make, keep)
        async with aclosing(shared.read()) as chunks:
            async for chunk in chunks:
                yield chunk

    def has(self, key: str) -> bool:
        """Whether it would be answered from the disk, as far as that is known. Does not block."""
        return self._blobs.has(key)

    async def clear(self) -> int:
        """Remove all that is kept; the bytes freed."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._blobs.clear)

    def stats(self) -> CacheStats:
        return CacheStats(self._counts["hit"], self._counts["miss"], self._counts["shared"], self._blobs.stats())

    async def close(self) -> None:
        """Finish writing what was made."""
        await asyncio.gather(*self._filling, return_exceptions=True)
        for threads in (self._readers, self._writer):
            await asyncio.to_thread(threads.shutdown)

    def _begin(self, name: Hashable, key: str, make: Make, keep: Callable[[], bool]) -> SharedStream:
        def shut() -> None:
            if self._under_way.get(name) is shared:
                del self._under_way[name]

        async def source() -> AsyncGenerator[Chunk]:
            found = filling = False
            try:
                async with aclosing(self._found(key)) as chunks:
                    async for chunk in chunks:
                        found = True
                        yield chunk
                if found:
                    return
                self._count("miss")
                async with aclosing(make()) as chunks:
                    async for chunk in chunks:
                        yield chunk
                filling = keep() and self._fill(key, shared, shut)
            finally:
                if not filling:
                    shut()

        shared = self._under_way[name] = SharedStream(source(), self._most_seconds, shut)
        return shared

    async def _found(self, key: str) -> AsyncGenerator[Chunk]:
        """What is kept under the key; nothing where nothing is."""
        async with aclosing(in_thread(lambda: self._read(key), self._readers)) as steps:
            first = True
            async for step in steps:
                if first:
                    self._count("hit")
                first = False
                for chunk in step:
                    yield chunk

    def _read(self, key: str) -> Iterator[list[Chunk]]:
        data = self._blobs.get(key)
        if data is None:
            return
        given = False
        try:
            for step in unpack(data):
                given = True
                yield step
        except ValueError as error:
            logger.warning("speech that was kept could not be read and is removed")
            self._blobs.drop(key)
            if given:
                raise EngineError("The speech that was kept is damaged; ask for it again.") from error

    def _fill(self, key: str, shared: SharedStream, then: Callable[[], None]) -> bool:
        """Write it in the background, where it is short enough; until that is done equal requests still find it."""
        chunks = shared.chunks
        if shared.too_long or not chunks or not self._blobs.writable:
            return False
        task = asyncio.create_task(self._write(key, chunks, then))
        self._filling.add(task)
        task.add_done_callback(self._filling.discard)
        return True

    async def _write(self, key: str, chunks: list[Chunk], then: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._writer, lambda: self._blobs.put(key, pack(chunks)))
        except Exception:  # the outermost edge of a task: it was spoken, only not kept
            logger.exception("speech could not be kept")
        finally:
            then()

    def _count(self, how: str) -> None:
        self._counts[how] += 1
        self._asked.labels(how).inc()
