"""Which workers there are: loaded once for all who wait, made room for, watched, retired and ended. Knows nothing of
whose turn it is."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from itertools import count
from pathlib import Path
from typing import Any

from core.errors import EngineError, NotDownloaded, NotInstalled, OutOfMemory, Overloaded, Unavailable, VoiceForgeError
from engines._lane import Lane
from engines._ledger import Ledger
from engines._meters import Meters
from engines._process import SHOWN_LINES, Launch, Worker

logger = logging.getLogger(__name__)


class Fleet:
    """Every lane's workers. `launch` says how a lane's worker is started; raises NotInstalled where that cannot be."""

    def __init__(
        self,
        ledger: Ledger,
        meters: Meters,
        launch: Callable[[Lane], Launch],
        clock: Callable[[], float],
        *,
        room_timeout: float,
        idle_unload: float,
        ping_interval: float,
        ping_misses: int,
    ):
        self.lanes: dict[str, Lane] = {}
        self.is_open = False
        self._ledger = ledger
        self._meters = meters
        self._launch = launch
        self._clock = clock
        self._room_timeout = room_timeout
        self._idle_unload = idle_unload
        self._ping_interval = ping_interval
        self._ping_misses = ping_misses
        self._sockets = Path()
        self._numbers = count()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._watching: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    def open(self, sockets: Path) -> None:
        """Sockets are made in this folder."""
        self._sockets = sockets
        self.is_open = True
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """End every worker, and return when nothing of them is left."""
        self.is_open = False
        tasks = [lane.loading for lane in self.lanes.values() if lane.loading] + [self._watching]
        for task in filter(None, tasks):
            task.cancel()
        await asyncio.gather(*filter(None, tasks), return_exceptions=True)
        for lane in self.lanes.values():
            for worker in list(lane.workers):
                self.drop(lane, worker)
        self._notify()
        while self._tasks:
            await asyncio.wait(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something that `close` waits for."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def take(self, lane: Lane) -> Worker:
        """A worker with a place free, loaded if there is none. Every `take` is answered by one `give_back`.

        Raises what loading raises; to everybody who waits for it.
        """
        while self.is_open:
            if worker := lane.free():
                worker.running += 1
                return worker
            if not lane.loading and self._may_grow(lane):
                lane.loading = asyncio.create_task(self._load(lane))
                lane.loading.add_done_callback(_look)
            loading = lane.loading
            await self._changed.wait()
            if loading and loading.done() and not loading.cancelled():
                loading.result()
        raise closed()

    def give_back(self, lane: Lane, worker: Worker) -> None:
        worker.running -= 1
        worker.last_used = self._clock()
        if worker.retired and not worker.running:
            self.drop(lane, worker)
        self._notify()

    async def warm(self, lane: Lane) -> None:
        """Load a worker unless there is one."""
        if not lane.serving:
            self.give_back(lane, await self.take(lane))

    def retire(self, lane: Lane, worker: Worker) -> None:
        """Give it nothing more to do, and end it when it has finished."""
        worker.retired = True
        if not worker.running:
            self.drop(lane, worker)

    def crashed(self, lane: Lane, worker: Worker, why: str) -> None:
        """End a worker that is of no more use, or has ended by itself. Several requests may tell of the same crash."""
        if worker in lane.workers:
            self._record(lane, why)
            self.drop(lane, worker, crash=True)

    def drop(self, lane: Lane, worker: Worker, *, crash: bool = False) -> None:
        if worker in lane.workers:
            lane.workers.remove(worker)
            self.spawn(self._end(lane, worker, crash))
            self._notify()

    async def _end(self, lane: Lane, worker: Worker, crash: bool = False) -> None:
        pid = worker.pid
        how = await worker.end()
        lane.log = tuple(worker.tail)
        lines = "\n".join(list(worker.tail)[-SHOWN_LINES:])
        if crash:
            logger.error("%s worker %d %s: %s\n%s", lane.key, pid, how, lane.last_error, lines)
        else:
            logger.info("%s worker %d %s", lane.key, pid, how)

    def _record(self, lane: Lane, why: str) -> None:
        lane.last_error = why
        lane.circuit.record(self._clock())
        self._meters.crashes.labels(lane.key).inc()

    def _may_grow(self, lane: Lane) -> bool:
        """A first worker may push others out; a further one takes only what is free."""
        return not lane.serving or (lane.serving < lane.replicas and self._ledger.fits(lane, self.lanes))

    async def _load(self, lane: Lane) -> None:
        begun = self._clock()
        worker: Worker | None = None
        try:
            lane.circuit.check(lane.key, begun)
            launch = await asyncio.to_thread(self._launch, lane)
            await self._make_room(lane)
            self._ledger.reserve(lane)
            worker = Worker(launch, self._sockets / f"{next(self._numbers)}.sock")
            await worker.start()
            self._welcome(lane, worker, self._clock() - begun)
        except (EngineError, NotInstalled, NotDownloaded) as error:
            self._failed(lane, worker, error)
            raise
        finally:
            self._ledger.settle(lane)
            lane.loading = None
            self._notify()

    def _welcome(self, lane: Lane, worker: Worker, seconds: float) -> None:
        worker.last_used = self._clock()
        lane.workers.append(worker)
        lane.memory_mb = worker.memory_mb
        self._meters.loads.labels(lane.key).inc()
        self._meters.load_seconds.labels(lane.key).observe(seconds)
        logger.info("%s loaded in %.2f s, %.0f MB, pid %d", lane.key, seconds, worker.memory_mb, worker.pid)

    def _failed(self, lane: Lane, worker: Worker | None, error: VoiceForgeError) -> None:
        """What is not here cannot crash; everything else counts as a crash."""
        lane.log = tuple(worker.tail) if worker else ()
        lane.last_error = error.message
        if not isinstance(error, EngineError):
            logger.warning("%s did not load: %s", lane.key, error.message)
            return
        if isinstance(error, OutOfMemory):
            self._meters.oom.labels(lane.key).inc()
        if worker:
            self._record(lane, error.message)
        logger.error("%s did not load: %s\n%s", lane.key, error.message, "\n".join(lane.log[-SHOWN_LINES:]))

    async def _make_room(self, lane: Lane) -> None:
        if lane.memory_mb > self._ledger.budget_mb:
            raise OutOfMemory(
                f"The engine {lane.key} needs {lane.memory_mb:.0f} MB and all engines together may take "
                f"{self._ledger.budget_mb:.0f} MB."
            )
        try:
            async with asyncio.timeout(self._room_timeout):
                while not self._ledger.fits(lane, self.lanes):
                    if leaver := self._ledger.leaver(self.lanes):
                        await self._evict(*leaver)
                    else:
                        await self._changed.wait()
        except TimeoutError as error:
            raise Overloaded(f"There was no memory free for the engine {lane.key} in time.") from error

    async def _evict(self, lane: Lane, worker: Worker) -> None:
        lane.workers.remove(worker)
        self._meters.evictions.labels(lane.key).inc()
        await asyncio.shield(self.spawn(self._end(lane, worker)))

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._ping_interval)
            idle = [(lane, worker) for lane in self.lanes.values() for worker in lane.workers if not worker.running]
            await asyncio.gather(*(self._look_after(lane, worker) for lane, worker in idle))
            for lane in self.lanes.values():
                self._meters.rss_mb.labels(lane.key).set(sum(worker.memory_mb for worker in lane.workers))

    async def _look_after(self, lane: Lane, worker: Worker) -> None:
        """Only idle workers: one that computes may keep Python's lock for longer than a ping waits, and has the
        chunk's time limit to watch it."""
        if self._clock() - worker.last_used > self._idle_unload and not self._ledger.pinned(lane):
            self.drop(lane, worker)
            return
        worker.misses += 1
        with contextlib.suppress(TimeoutError, OSError, VoiceForgeError):
            async with asyncio.timeout(self._ping_interval):
                await worker.ping()
                worker.misses = 0
                lane.memory_mb = max(lane.memory_mb, worker.memory_mb)
        if worker.misses >= self._ping_misses and not worker.running:
            self.crashed(lane, worker, f"The engine {lane.key} stopped answering.")

    def _notify(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def closed() -> Unavailable:
    return Unavailable("The app is shutting down.")


def _look(task: asyncio.Task[None]) -> None:
    """A failed load whose askers have all left is in the log already."""
    if not task.cancelled():
        task.exception()
