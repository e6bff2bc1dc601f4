"""A bounded queue of jobs and the threads that do them. Knows nothing of databases."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from core.errors import Overloaded, StorageError


@dataclass(frozen=True, eq=False)
class Job:
    """A function with its arguments, and the future that its outcome goes to."""

    fn: Callable[..., Any]
    args: tuple[Any, ...]
    future: Future[Any] = field(default_factory=Future)


class Lane:
    """Threads that take jobs in the order of their arrival, up to `batch` at a time, and hand them to `work`.

    `work` settles the futures and raises nothing; `leave` runs in each thread when it ends. At most `room` jobs wait.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[list[Job]], None],
        leave: Callable[[], object],
        *,
        threads: int = 1,
        batch: int = 1,
        room: int = 1000,
    ):
        self._work, self._leave, self._batch, self._room = work, leave, batch, room
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [threading.Thread(target=self._run, name=f"{name}-{n}", daemon=True) for n in range(threads)]
        for thread in self._threads:
            thread.start()

    def offer(self, job: Job) -> bool:
        """Queue the job unless the queue is full; never waits. Raises StorageError once closed."""
        with self._changed:
            return self._add(job)

    def put(self, job: Job, timeout_seconds: float = 30.0) -> None:
        """Queue the job, waiting for room. Raises Overloaded after the timeout, StorageError once closed."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._closed or len(self._jobs) < self._room, timeout_seconds):
                raise Overloaded("The database cannot keep up. Try again in a moment.", retry_after=1.0)
            self._add(job)

    def close(self) -> None:
        """Do what is queued, then end the threads. A second call waits for the first."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _add(self, job: Job) -> bool:
        if self._closed:
            raise StorageError("The database is closed.")
        if len(self._jobs) >= self._room:
            return False
        self._jobs.append(job)
        self._changed.notify_all()
        return True

    def _run(self) -> None:
        while jobs := self._take():
            self._work(jobs)
            del jobs  # an idle thread holds on to nobody's arguments
        self._leave()

    def _take(self) -> list[Job]:
        """The next jobs that were not cancelled meanwhile; empty when the lane is closed and done."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._jobs or self._closed)
                count = min(self._batch, len(self._jobs))
                if not count:
                    return []
                jobs = [self._jobs.popleft() for _ in range(count)]
                self._changed.notify_all()
                if alive := [job for job in jobs if job.future.set_running_or_notify_cancel()]:
                    return alive
