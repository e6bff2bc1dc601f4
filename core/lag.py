"""How late an event loop runs what is due: a small task that goes to sleep over and over and looks when it woke."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

INTERVAL_SECONDS = 0.1
MINUTE_SECONDS = 60.0


@dataclass(frozen=True)
class Lag:
    """Of the last minute, in seconds; all 0 before the first sample."""

    p50: float
    p99: float
    most: float
    samples: int


class LoopLag:
    """Samples the loop it is started on, from `start` to `close`; a sample costs that loop some 30 µs."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        interval: float = INTERVAL_SECONDS,
    ):
        self._clock, self._sleep, self._interval = clock, sleep, interval
        self._late: deque[float] = deque(maxlen=round(MINUTE_SECONDS / interval))
        self._sampling: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Called on the loop that is to be watched."""
        self._sampling = asyncio.create_task(self._sample(), name="loop lag")

    async def close(self) -> None:
        if self._sampling:
            self._sampling.cancel()
            await asyncio.gather(self._sampling, return_exceptions=True)

    def now(self) -> Lag:
        """Percentiles by the nearest rank."""
        late = sorted(self._late)
        if not late:
            return Lag(0.0, 0.0, 0.0, 0)
        return Lag(_rank(late, 50), _rank(late, 99), late[-1], len(late))

    async def _sample(self) -> None:
        while True:
            due = self._clock() + self._interval
            await self._sleep(self._interval)
            self._late.append(max(0.0, self._clock() - due))


def _rank(ordered: list[float], percent: int) -> float:
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
