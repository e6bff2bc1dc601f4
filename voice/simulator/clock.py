"""An event loop whose time is virtual: whoever sleeps wakes as soon as nothing else is left to do, in order of time.

So thirty seconds of a conversation pass in milliseconds, and each time in the same order. Work in threads has no place
in it: while a thread works time would run on.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its clock begins at 0 and stands still while anything runs."""

    def __init__(self):
        self.now = 0.0
        super().__init__(_Skipping(self))

    def time(self) -> float:
        return self.now


class _Skipping(selectors.SelectSelector):
    """Waits for no time-out, but moves the clock to it."""

    def __init__(self, loop: VirtualLoop):
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            return []
        if timeout is None:
            return super().select(None)
        # A little more than asked for: a timer that is due by a rounding error would ask for 0 seconds for ever.
        self._loop.now += timeout + 1e-9
        return []


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
