"""An event loop whose time is virtual: whoever sleeps wakes as soon as nothing else is left to do, in order of time.

So thirty seconds of a conversation pass in milliseconds, and each time in the same order. Work in threads has no place
in it: while a thread works time would run on.
"""

from __future__ import annotations

import asyncio
import heapq
import selectors
from collections.abc import Callable, Coroutine
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
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        super().__init__(_Skipping(self))

    def time(self) -> float:
        return self.now

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._order), timer))
        return timer

    def skip(self) -> None:
        """Move the clock to the next timer, and wake all who are due then. Raises RuntimeError where nobody is."""
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
        if not timers:
            raise RuntimeError("Everybody waits for somebody else, and no time-out is set.")
        self.now = max(self.now, timers[0][0])
        ready: Any = self._ready  # type: ignore[attr-defined]  # asyncio's queue, which has no public way in
        while timers and timers[0][0] <= self.now:
            timer = heapq.heappop(timers)[2]
            if not timer.cancelled():
                ready.append(timer)


class _Skipping(selectors.SelectSelector):
    """Waits for nothing: where the loop would, its clock moves on."""

    def __init__(self, loop: VirtualLoop):
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            self._loop.skip()
        return []


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
