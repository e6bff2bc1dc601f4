"""What the pool remembers of one engine as it is asked for: its card, its queue, its workers and its misfortunes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from engines._circuit import Circuit
from engines._process import Worker
from engines._queue import Queue
from engines.base import EngineSpec


@dataclass(frozen=True)
class EngineState:
    """An engine as a status page shows it."""

    name: str
    kind: str
    loaded: int
    """Workers that are ready."""
    loading: bool
    pids: tuple[int, ...]
    running: int
    queued: int
    memory_mb: int
    crashes: int
    circuit: str
    """`closed`, or `open` while the engine rests."""
    last_error: str
    log: tuple[str, ...]
    """The last lines that its worker printed."""


@dataclass
class Lane:
    """One engine with one model. `memory_mb` is what its workers were seen to take, or what its card says."""

    key: str
    model: str
    cls: type
    queue: Queue
    replicas: int
    memory_mb: float
    circuit: Circuit = field(default_factory=Circuit)
    workers: list[Worker] = field(default_factory=list)
    loading: asyncio.Task[None] | None = None
    last_error: str = ""
    log: tuple[str, ...] = ()

    @property
    def spec(self) -> EngineSpec:
        return self.cls.spec  # type: ignore[attr-defined]  # hung on the class by `@engine`

    def free(self) -> Worker | None:
        """A worker that can take one more: one that answers its pings rather than not, then the least busy."""
        able = [worker for worker in self.workers if not worker.retired and worker.running < self.spec.concurrency]
        return min(able, key=lambda worker: (worker.misses, worker.running), default=None)

    @property
    def serving(self) -> int:
        return sum(not worker.retired for worker in self.workers)

    def state(self, now: float) -> EngineState:
        return EngineState(
            name=self.key,
            kind=self.spec.kind,
            loaded=len(self.workers),
            loading=self.loading is not None,
            pids=tuple(worker.pid for worker in self.workers),
            running=self.queue.running,
            queued=len(self.queue),
            memory_mb=round(sum(worker.memory_mb for worker in self.workers)),
            crashes=self.circuit.crashes,
            circuit="open" if self.circuit.open_for(now) else "closed",
            last_error=self.last_error,
            log=tuple(self.workers[-1].tail) if self.workers else self.log,
        )
