"""An event loop whose time is virtual: whoever sleeps wakes as soon as nothing else is left to do, in order of time.

So thirty seconds of a conversation pass in milliseconds, and each time in the same order. Work in threads has no place
in it: while a thread works time would run on.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from itertools import count
from typing import Any, TypeVar

T = TypeVar("T")


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its clock begins at 0 and stands still while anything runs.

    Who is due at the same time wakes in the order in which they went to sleep; a heap of asyncio's own timers would
    leave that open.
    """

    def __init__(self):
        self.now = 0.0
        self._order = count()
        self._timers: list[tuple[float, int, asyncio.TimerHandle | asyncio.Future[None]]] = []
        super().__init__()

    def time(self) -> float:
        return self.now

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._order), timer))
        return timer

    def sleep(self, seconds: float) -> asyncio.Future[None]:
        """As asyncio.sleep, for who sleeps a thousand times: the timer is the future itself, which wakes a step earlier
        than asyncio's at the same time."""
        future = self.create_future()
        heapq.heappush(self._timers, (self.now + max(0.0, seconds), next(self._order), future))
        return future

    def _run_once(self) -> None:
        """One round, as asyncio's own, without looking at sockets and without what only a slow loop has to tell."""
        ready: Any = self._ready  # type: ignore[attr-defined]
        if not ready:
            self._skip(ready)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle.cancelled():
                handle._run()

    def _skip(self, ready: Any) -> None:
        """Move the clock to the next timer, and wake all who are due then."""
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
        if not timers:
            raise RuntimeError("Everybody waits for somebody else, and no time-out is set.")
        self.now = max(self.now, timers[0][0])
        while timers and timers[0][0] <= self.now:
            timer = heapq.heappop(timers)[2]
            if isinstance(timer, asyncio.TimerHandle):
                ready.append(timer)
            elif not timer.done():
                timer.set_result(None)


def sleeping() -> Callable[[float], Awaitable[None]]:
    """The cheapest way to sleep on the loop that runs. It is looked up once, since each look costs a system call."""
    loop = asyncio.get_running_loop()
    return loop.sleep if isinstance(loop, VirtualLoop) else asyncio.sleep


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
