"""One stream of audio for all who ask for the same at the same time. Knows chunks, not where they come from."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from core.errors import EngineError
from engines.base import Chunk


class SharedStream:
    """A generator that several read, each from its beginning, and that nobody owns.

    It moves on when the reader who is furthest asks for more, and is closed when the last reader leaves it. All it
    gave is kept until that is more than `most_seconds`: then it is `too_long`, and only what lies between the slowest
    and the fastest reader is kept, who waits for the slowest rather than let that grow. `shut` is called when nobody
    can join any more: once it is too long, and before it is closed because it was left.
    """

    def __init__(self, source: AsyncGenerator[Chunk], most_seconds: float, shut: Callable[[], None]):
        self._most_seconds, self._shut = most_seconds, shut
        self._chunks: deque[Chunk] = deque()
        self._first = 0
        """How many chunks were given before those that are kept."""
        self._seconds = 0.0
        self._readers: dict[object, int] = {}
        """Where each stands: the number of chunks it has had."""
        self._waiting: set[object] = set()
        self._asked, self._news = asyncio.Event(), asyncio.Event()
        self.too_long = False
        self._error: Exception | None = None
        self._task = asyncio.create_task(self._draw(source))
        self._task.add_done_callback(lambda _: self._tell())

    @property
    def chunks(self) -> list[Chunk]:
        """All it has given, unless it is too long."""
        return list(self._chunks)

    async def read(self) -> AsyncGenerator[Chunk]:
        """From the beginning. Raises what the source raised, after all that it gave before."""
        me = object()
        self._readers[me] = 0
        try:
            while (chunk := await self._next(me)) is not None:
                yield chunk
            if self._error:
                raise self._error
            if self._task.cancelled():
                raise EngineError("The speech was broken off.")
        finally:
            del self._readers[me]
            self._waiting.discard(me)
            self._let_go()
            if not self._readers and not self._task.done():
                self._shut()
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)

    async def _next(self, me: object) -> Chunk | None:
        while self._readers[me] == self._first + len(self._chunks):
            if self._task.done():
                return None
            self._waiting.add(me)
            self._asked.set()
            await self._news.wait()
        chunk = self._chunks[self._readers[me] - self._first]
        self._readers[me] += 1
        self._let_go()
        return chunk

    async def _draw(self, source: AsyncGenerator[Chunk]) -> None:
        """Never raises: what the source raises is for the readers."""
        try:
            async with aclosing(source):
                await self._demand()
                async for chunk in source:
                    self._keep(chunk)
                    await self._demand()
        except Exception as error:  # the outermost edge of a task: every reader gets it
            self._error = error

    async def _demand(self) -> None:
        while not self._waiting or (self.too_long and self._seconds > self._most_seconds):
            self._asked.clear()
            await self._asked.wait()

    def _keep(self, chunk: Chunk) -> None:
        self._chunks.append(chunk)
        self._seconds += chunk.audio.seconds
        if self._seconds > self._most_seconds and not self.too_long:
            self.too_long = True
            self._shut()
        self._tell()

    def _tell(self) -> None:
        """Whoever waits can go on; who wants still more says so anew."""
        self._waiting.clear()
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _let_go(self) -> None:
        """What every reader has had, once it is too long to be joined."""
        slowest = min(self._readers.values(), default=self._first)
        while self.too_long and self._first < slowest:
            self._seconds -= self._chunks.popleft().audio.seconds
            self._first += 1
            self._asked.set()
