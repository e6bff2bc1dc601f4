"""Runs blocking work off the event loop, so that slow work delays nobody else's frames."""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import Executor
from contextlib import suppress
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_END: Any = object()


async def in_thread(
    iterator_factory: Callable[[], Iterator[T]], executor: Executor | None = None
) -> AsyncGenerator[T, None]:
    """What the iterator yields, each step run in a thread and only when it is asked for.

    The factory too runs in the thread, so it may open what it reads. Steps never overlap, but they need not share one
    thread. When the caller is cancelled or calls `aclose`, the step under way ends first and the iterator is then
    closed in a thread, all before control returns: what it held open is free again. Use with `contextlib.aclosing`.
    """
    steps = _Steps(iterator_factory)
    loop = asyncio.get_running_loop()
    try:
        while (item := await loop.run_in_executor(executor, steps.next)) is not _END:
            yield item
    finally:
        if not steps.ended:
            # Shielded: a second cancellation must not leave the iterator open.
            await asyncio.shield(loop.run_in_executor(executor, steps.close))


async def step(work: Callable[[], T]) -> T:
    """What `work` gives, run in a thread. A caller who is cancelled meanwhile goes on once it has ended.

    So what it works on can be closed safely: libav and libsndfile crash the process where two threads are in one file.
    """
    running = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(running)
    finally:
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait((running,))
        running.exception()


def behind_others() -> None:
    """Let this thread go on only with what the process's other threads leave of a full core. For an executor's
    `initializer`, where the threads compute and the event loop has somebody waiting.

    Linux alone gives each thread a nice value of its own (sched(7)); elsewhere nothing happens.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


class _Steps(Generic[T]):
    """One iterator that several threads may touch, one at a time."""

    def __init__(self, make: Callable[[], Iterator[T]]):
        self._make = make
        self._iterator: Iterator[T] | None = None
        self._lock = threading.Lock()
        self.ended = False

    def next(self) -> T:
        """The next item, `_END` after the last. A step that begins after `close` makes nothing."""
        with self._lock:
            if self.ended:
                return _END
            if self._iterator is None:
                self._iterator = iter(self._make())
            try:
                item = next(self._iterator, _END)
            except BaseException:
                self.ended = True
                raise
            self.ended = item is _END
            return item

    def close(self) -> None:
        with self._lock:
            self.ended = True
            if close := getattr(self._iterator, "close", None):
                close()
