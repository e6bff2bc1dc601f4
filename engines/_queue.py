"""Whose turn it is: a bounded queue by priority in front of a number of places. Knows nothing of engines."""

from __future__ import annotations

import asyncio
import heapq
from enum import IntEnum
from itertools import count

from core.errors import EngineTimeout, Overloaded, VoiceForgeError


class Priority(IntEnum):
    """What waits for whom: a live conversation for nobody, a job for everybody."""

    REALTIME = 0
    INTERACTIVE = 1
    BATCH = 2


class Queue:
    """`places` requests run at once, `reserve` of them kept for realtime as long as one is left for the others.

    Every successful `enter` is answered by one `leave`.
    """

    def __init__(self, *, places: int, reserve: int, most: int):
        self.running = 0
        self._places = places
        self._reserve = min(reserve, places - 1)
        self._most = most
        self._order = count()
        self._heap: list[tuple[Priority, int, asyncio.Future[None]]] = []

    def __len__(self) -> int:
        """How many wait."""
        return len(self._heap)

    async def enter(self, priority: Priority, deadline: float | None = None, *, admitted: bool = False) -> None:
        """Return when it is this request's turn. `deadline` is in seconds from now; who was `admitted` before is not
        turned away for the length of the queue.

        Raises Overloaded when too many wait already and EngineTimeout when the turn has not come by the deadline.
        """
        if self._free(priority) and not (self._heap and self._heap[0][0] <= priority):
            self.running += 1
            return
        if len(self._heap) >= self._most and not admitted:
            raise Overloaded("Too many requests are waiting for this engine; try again shortly.", retry_after=1)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (priority, next(self._order), turn)
        heapq.heappush(self._heap, entry)
        try:
            async with asyncio.timeout(deadline):
                await turn
        except BaseException as error:
            self._withdraw(entry)
            if isinstance(error, TimeoutError):
                raise EngineTimeout("The request waited longer than it may for its turn.") from error
            raise

    def leave(self) -> None:
        self.running -= 1
        self._call()

    def close(self, error: VoiceForgeError) -> None:
        """Turn away all who wait."""
        for _, _, turn in self._heap:
            if not turn.done():
                turn.set_exception(error)

    def _free(self, priority: Priority) -> bool:
        return self.running < self._places - (self._reserve if priority > Priority.REALTIME else 0)

    def _call(self) -> None:
        while self._heap and self._free(self._heap[0][0]):
            turn = heapq.heappop(self._heap)[2]
            if not turn.done():
                self.running += 1
                turn.set_result(None)

    def _withdraw(self, entry: tuple[Priority, int, asyncio.Future[None]]) -> None:
        """A turn that came in the same moment as the cancellation goes to the next one."""
        if entry[2].done() and not entry[2].cancelled() and entry[2].exception() is None:
            self.leave()
        elif entry in self._heap:
            self._heap.remove(entry)
            heapq.heapify(self._heap)
            self._call()
