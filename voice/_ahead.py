"""An async stream that runs ahead of whoever reads it, and what streams come from. Knows nothing of what streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, Generic, Protocol, TypeVar

from engines.pool import Priority

T = TypeVar("T")
_END: Any = object()


class AnyPool(Protocol):
    """As much of engines.pool.Pool as is used here."""

    def stream(
        self, engine: str, request: Any, *, priority: Priority = ..., continues: bool = ...
    ) -> AsyncGenerator[Any]: ...


class Ahead(Generic[T]):
    """Starts to drain a generator at once and keeps what comes, until it is read or closed.

    Holds all that the generator has given and nobody has read: for generators that end soon.
    """

    def __init__(self, source: AsyncGenerator[T]):
        self._kept: asyncio.Queue = asyncio.Queue()
        self._task: asyncio.Task[None] | None = asyncio.create_task(self._drain(source))
        """None once it is closed or cancelled: the error that it ended with holds its frames, and they hold this."""
        self._task.add_done_callback(self._over)

    async def _drain(self, source: AsyncGenerator[T]) -> None:
        try:
            async with aclosing(source):
                async for item in source:
                    self._kept.put_nowait(item)
        finally:
            self._kept.put_nowait(_END)

    def __aiter__(self) -> AsyncIterator[T]:
        """Once. Raises what the generator raised, after all it gave before."""
        return self

    async def __anext__(self) -> T:
        item = await self._kept.get()
        if item is not _END:
            return item
        if self._task:
            await self._task
        raise StopAsyncIteration

    def cancel(self) -> None:
        if self._task:
            self._task.cancel()

    async def closed(self) -> None:
        """Wait until the generator is closed, whatever it raised. Nothing is read afterwards."""
        task = self._task
        if task and not (task.done() and not task.cancelled() and task.exception() is None):
            await asyncio.gather(task, return_exceptions=True)
        self._task = None

    def _over(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            self._task = None


async def one_ahead(source: AsyncGenerator[T]) -> AsyncGenerator[T]:
    """The same items, each next one already under way while the reader is busy with the one before."""
    coming = asyncio.create_task(_next(source))
    try:
        while (item := await coming) is not _END:
            coming = asyncio.create_task(_next(source))
            yield item
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
        await source.aclose()


async def _next(source: AsyncGenerator[T]) -> T:
    return await anext(source, _END)
