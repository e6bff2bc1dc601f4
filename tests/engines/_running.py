"""A pool for a test, and what a test asks of it."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

from core.metrics import Metrics
from engines.base import SynthesisRequest
from engines.pool import Pool, PoolConfig
from tests.engines._faulty import ENGINES


async def until(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    """Return as soon as the condition holds; fail when it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not come about in time"
        await asyncio.sleep(0.002)


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Watched(Pool):
    """A pool whose figures a test may read."""

    def __init__(self, config: PoolConfig, metrics: Metrics, **options: Any):
        super().__init__(config, metrics, engines=ENGINES, **options)
        self.metrics = metrics

    def figure(self, name: str, engine: str) -> float:
        """A counter's or gauge's value; 0 where nothing was counted yet."""
        for line in self.metrics.text().decode().splitlines():
            if line.startswith(f'voiceforge_{name}{{engine="{engine}"}}'):
                return float(line.split()[-1])
        return 0.0

    def workers(self, engine: str) -> list[Any]:
        return self._lane(engine).workers

    def running(self, engine: str) -> int:
        return self._lane(engine).queue.running


@asynccontextmanager
async def running(tmp_path: Path, clock: Callable[[], float] = time.monotonic, **config: Any) -> AsyncIterator[Watched]:
    """A started pool, closed at the end; nothing of it may be left then."""
    pool = Watched(PoolConfig(**{"run_dir": tmp_path / "run", "load_timeout": 20.0, **config}), Metrics(), clock=clock)
    await pool.start()
    before = asyncio.all_tasks()
    pids: set[int] = set()
    try:
        yield pool
        pids = {worker.pid for state in pool.state() for worker in pool.workers(state.name)}
    finally:
        await pool.close()
    assert not any(alive(pid) for pid in pids)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["lock"]
    assert not {task for task in asyncio.all_tasks() - before if not task.done()}


def alive(pid: int) -> bool:
    """Whether there is such a process, a zombie included."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def said(pool: Pool, text: str = "", engine: str = "speaker", **options: Any) -> list[Any]:
    """Everything that a request is answered."""
    async with aclosing(pool.stream(engine, SynthesisRequest(text, ""), **options)) as answers:
        return [answer async for answer in answers]
