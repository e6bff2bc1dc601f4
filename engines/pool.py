"""The pool: who runs on which engine's workers, when, and what a caller gets when one dies. Knows engines by their
cards, and nothing of what is said or heard."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import EngineTimeout, NotInstalled, OutOfMemory, UnknownModel, VoiceForgeError, WorkerDied
from core.metrics import Metrics
from engines._circuit import resting
from engines._fleet import Fleet, closed
from engines._lane import EngineState, Lane
from engines._ledger import Ledger
from engines._meters import Meters
from engines._process import Call, Launch, Worker
from engines._queue import Priority, Queue
from engines._rundir import RunDir
from engines.base import REGISTRY, Chunk, EngineConfig, TranscriptionRequest
from engines.registry import path_of

__all__ = ["EngineState", "Pool", "PoolConfig", "Priority"]


@dataclass(frozen=True)
class PoolConfig:
    """Times are in seconds, memory in megabytes. Engines are named as `stream` is asked for them."""

    models_dir: Path = Path("data/models")
    device: str = "cpu"
    memory_mb: int = 0
    """What all workers may take together; 0 is three quarters of the machine's memory."""
    python: Mapping[str, str] = field(default_factory=dict)
    """The interpreter of each environment; `app` is this process's own unless it is named."""
    environ: Mapping[str, str] = field(default_factory=lambda: {"PATH": os.defpath, "LANG": "C.UTF-8"})
    """All that a worker sees of the environment. Engines can read it, so it holds no secret that they do not need."""
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """`EngineConfig.options` by `spec.name`."""
    replicas: Mapping[str, int] = field(default_factory=dict)
    """Most workers of an engine, 1 unless it is named; a further one is loaded when those that run are full."""
    pinned: frozenset[str] = frozenset()
    """Engines that are never unloaded."""
    threads: int = 0
    """Computing threads of a worker; 0 is the machine's cores, at most 8, divided among the engine's replicas."""
    reserve: int = 1
    """Places of an engine that only realtime takes, as long as one is left for the others."""
    max_queue: int = 64
    """Requests that may wait for one engine."""
    retries: int = 1
    """How often a request whose worker died before the first chunk is begun again."""
    load_timeout: float = 300.0
    first_timeout: float = 60.0
    chunk_timeout: float = 30.0
    cancel_timeout: float = 10.0
    """How long an engine may go on after a cancellation before its process is ended."""
    idle_unload: float = 900.0
    ping_interval: float = 2.0
    ping_misses: int = 3
    run_dir: Path | None = None
    """Where the sockets lie; a folder of this user's among the temporary ones unless it is given."""


@dataclass
class _Run:
    """A request that has its turn."""

    lane: Lane
    asked: float
    begun: float
    retries: int
    worker: Worker | None = None
    call: Call | None = None
    answers: int = 0
    audio_seconds: float = 0.0


class Pool:
    """Every engine's workers behind one queue each. Lives on one event loop, from `start` to `close`."""

    def __init__(
        self,
        config: PoolConfig,
        metrics: Metrics | None = None,
        *,
        engines: Mapping[str, type] = REGISTRY,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._config = config
        self._engines = engines
        self._clock = clock
        self._meters = Meters.of(metrics or Metrics())
        self._run_dir = RunDir(config.run_dir or Path(tempfile.gettempdir()) / f"voiceforge-{os.getuid()}")
        self._fleet = Fleet(
            Ledger(config.memory_mb or machine_mb() * 3 / 4, config.pinned),
            self._meters,
            self._launch,
            clock,
            room_timeout=config.load_timeout,
            idle_unload=config.idle_unload,
            ping_interval=config.ping_interval,
            ping_misses=config.ping_misses,
        )

    async def start(self) -> None:
        self._fleet.open(await asyncio.to_thread(self._run_dir.open))

    async def close(self) -> None:
        """End every worker, and leave no process, task or socket behind."""
        for lane in self._fleet.lanes.values():
            lane.queue.close(closed())
        await self._fleet.close()
        await asyncio.to_thread(self._run_dir.close)

    async def stream(
        self,
        engine: str,
        request: Any,
        *,
        priority: Priority = Priority.INTERACTIVE,
        deadline: float | None = None,
        continues: bool = False,
    ) -> AsyncGenerator[Any, None]:
        """What the engine answers to a SynthesisRequest, TranscriptionRequest or ChatRequest: Chunks, Segments or
        Deltas, in order.

        Use it with `contextlib.aclosing`: closing cancels at once, while the engine stops in the background.
        `deadline`: seconds from now by which the request must have begun. `continues`: it is a further part of
        something that is being answered already, which a full queue must not break off in the middle. Raises what
        core/errors.py draws under EngineError and Unavailable, UnknownModel for an engine that does not exist, and an
        engine's own BadRequest.
        """
        run = await self._begin(self._lane(engine), priority, deadline, continues)
        try:
            while True:
                try:
                    async for answer in await self._ask(run, request):
                        self._count(run, answer)
                        yield answer
                    self._finish(run, request)
                    return
                except VoiceForgeError as error:
                    if not self._again(run, error):
                        raise
        finally:
            self._settle(run)

    def down(self, engine: str) -> str:
        """Why a request to this engine would be refused at once, a sentence; empty while it may be tried. Starts and
        asks nothing, so that it can be looked at for every request."""
        lane = self._fleet.lanes.get(engine)
        wait = lane.circuit.open_for(self._clock()) if lane else 0.0
        return resting(engine, wait) if wait else ""

    async def warm(self, engine: str) -> None:
        """Load an engine unless it is loaded. Raises what loading raises."""
        await self._fleet.warm(self._lane(engine))

    async def unload(self, engine: str) -> None:
        """End an engine's workers, those that are busy when they have finished."""
        lane = self._lane(engine)
        for worker in list(lane.workers):
            self._fleet.retire(lane, worker)

    def state(self) -> list[EngineState]:
        """Every engine, and every model that was asked for."""
        for name, cls in self._engines.items():
            if cls.spec.kind != "vad":  # type: ignore[attr-defined]
                self._lane(name)
        return [lane.state(self._clock()) for _, lane in sorted(self._fleet.lanes.items())]

    def _lane(self, engine: str) -> Lane:
        if lane := self._fleet.lanes.get(engine):
            return lane
        name, _, model = engine.partition(":")
        cls = self._engines.get(name)
        if cls is None or cls.spec.kind == "vad":  # type: ignore[attr-defined]
            raise UnknownModel(f"There is no engine called {name}.", param="model")
        lane = self._fleet.lanes[engine] = self._new_lane(engine, model, cls)
        return lane

    def _new_lane(self, engine: str, model: str, cls: Any) -> Lane:
        replicas = self._config.replicas.get(engine, 1)
        places = cls.spec.concurrency * replicas
        queue = Queue(places=places, reserve=self._config.reserve, most=self._config.max_queue)
        return Lane(engine, model, cls, queue, replicas, float(cls.spec.memory_mb))

    def _launch(self, lane: Lane) -> Launch:
        """Looks for files. Raises NotInstalled with the sentence that tells how to install it."""
        spec, config = lane.spec, self._config
        python = config.python.get(spec.environment, sys.executable if spec.environment == "app" else "")
        if lacking := lane.cls.missing():  # type: ignore[attr-defined]
            raise NotInstalled(lacking)
        if not python:
            raise NotInstalled(f"The engine {lane.key} needs the environment {spec.environment}, which is not here.")
        threads = config.threads or max(1, min(_cores(), 8) // lane.replicas)
        options = dict(config.options.get(spec.name, {}))
        told = EngineConfig(lane.model, config.device, threads, str(config.models_dir), options)
        environ = {**config.environ, "OMP_NUM_THREADS": str(threads)}
        return Launch(lane.key, spec.name, path_of(lane.cls), python, told, environ, config.load_timeout)

    async def _begin(self, lane: Lane, priority: Priority, deadline: float | None, continues: bool) -> _Run:
        if not self._fleet.is_open:
            raise closed()
        asked = self._clock()
        depth = self._meters.queue_depth.labels(lane.key, priority.name.lower())
        with depth.track_inprogress():
            await lane.queue.enter(priority, deadline, admitted=continues)
        begun = self._clock()
        self._meters.running.labels(lane.key).inc()
        self._meters.wait_seconds.labels(lane.key, priority.name.lower()).observe(begun - asked)
        return _Run(lane, asked, begun, self._config.retries)

    async def _ask(self, run: _Run, request: Any) -> Call:
        run.worker = await self._fleet.take(run.lane)
        first, chunk = self._config.first_timeout, self._config.chunk_timeout
        run.call = await run.worker.ask(request, first_timeout=first, chunk_timeout=chunk)
        return run.call

    def _count(self, run: _Run, answer: Any) -> None:
        if not run.answers:
            self._meters.ttfc_seconds.labels(run.lane.key).observe(self._clock() - run.asked)
        run.answers += 1
        if isinstance(answer, Chunk):
            run.audio_seconds += answer.audio.seconds

    def _finish(self, run: _Run, request: Any) -> None:
        if isinstance(request, TranscriptionRequest):
            run.audio_seconds = request.audio.seconds
        if run.audio_seconds:
            self._meters.rtf.labels(run.lane.key).observe((self._clock() - run.begun) / run.audio_seconds)

    def _again(self, run: _Run, error: VoiceForgeError) -> bool:
        """What an error means for the worker, and whether the request is begun anew on another one."""
        lane, worker = run.lane, run.worker
        if not self._fleet.is_open:
            raise closed() from error
        if isinstance(error, OutOfMemory):
            self._meters.oom.labels(lane.key).inc()
            if worker:
                self._fleet.retire(lane, worker)
        if isinstance(error, (WorkerDied, EngineTimeout)) and worker:
            self._fleet.crashed(lane, worker, error.message)
        if not isinstance(error, WorkerDied) or run.answers or not run.retries:
            return False
        run.retries -= 1
        self._meters.retries.labels(lane.key).inc()
        self._release(run)
        return True

    def _release(self, run: _Run) -> None:
        if run.worker:
            self._fleet.give_back(run.lane, run.worker)
        run.worker = run.call = None

    def _settle(self, run: _Run) -> None:
        """Free the place now, or as soon as the engine has stopped."""
        if run.call and not run.call.over:
            self._meters.cancels.labels(run.lane.key).inc()
            self._fleet.spawn(self._cancel(run, run.call))
        else:
            self._leave(run)

    async def _cancel(self, run: _Run, call: Call) -> None:
        try:
            stopped = await call.cancel(self._config.cancel_timeout)
            if not stopped and run.worker:
                self._fleet.crashed(run.lane, run.worker, f"The engine {run.lane.key} did not stop when asked to.")
        finally:
            self._leave(run)

    def _leave(self, run: _Run) -> None:
        self._release(run)
        run.lane.queue.leave()
        self._meters.running.labels(run.lane.key).dec()


def machine_mb() -> float:
    """Memory of the machine, or of the container if that is less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e6
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.is_file() else ""
    return min(machine, int(text) / 1e6) if text.isdecimal() else machine


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
