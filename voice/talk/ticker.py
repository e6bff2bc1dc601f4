"""Moves all conversations of a process: audio that is due leaves, then the detector looks at what they heard.

Knows of a conversation only what `Paced` says. The clock is the event loop's, so a loop with virtual time makes a
virtual ticker.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np

from core.metrics import Metrics
from core.threads import behind_others
from engines.base import SpeechDetector
from voice.talk.settings import INPUT_RATE

logger = logging.getLogger(__name__)

TICK = 0.01
"""Seconds. Half a frame, since what was heard waits for a tick before it is looked at."""
MOST_BEHIND = 0.2
"""Seconds; ticks that are later than this are left out."""


class Paced(Protocol):
    """What a ticker moves."""

    memory: Any
    """What the detector remembers of it."""

    def send(self, now: float) -> None:
        """Let audio leave that is due."""
        ...

    def windows(self, now: float) -> Sequence[np.ndarray | None]:
        """What was heard since the last time; None is silence that needs no look."""
        ...

    def advance(self, now: float, windows: Sequence[np.ndarray | None], probabilities: Sequence[float]) -> None: ...

    def broke(self) -> None:
        """One of these raised, which nobody foresaw; none of them is called any more."""
        ...


Heard = tuple[Paced, Sequence[np.ndarray | None]]
"""A conversation and its windows that wait to be looked at."""


class Ticker:
    """Runs while there is a conversation. With `inline` the detector is asked on the loop, as a virtual clock needs,
    which may have a cheaper `sleep` too."""

    def __init__(
        self,
        detector: SpeechDetector,
        *,
        inline: bool = False,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        metrics: Metrics | None = None,
    ):
        self._detector = detector
        self._sleep = sleep
        self._inline = inline
        self._paced: dict[Paced, None] = {}
        self._task: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._thread: Executor | None = None
        self.late = 0.0
        """Seconds by which the last tick came late."""
        self._judged = (metrics or Metrics()).counter("detector_windows", "Windows of 32 ms that the detector judged.")

    def __len__(self) -> int:
        return len(self._paced)

    def add(self, paced: Paced) -> None:
        paced.memory = self._detector.begin(INPUT_RATE)
        self._paced[paced] = None
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="ticker")

    def remove(self, paced: Paced) -> None:
        self._paced.pop(paced, None)

    async def close(self) -> None:
        self._paced.clear()
        tasks = [task for task in (self._task, self._looking) if task]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._thread:
            self._thread.shutdown()

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        due = clock()
        while self._paced:
            await self._sleep(due - clock())
            now = clock()
            self.late = now - due
            await self._tick(now)
            due += TICK
            if clock() - due > MOST_BEHIND:
                due = clock()
        self._task = None

    async def _tick(self, now: float) -> None:
        for paced in tuple(self._paced):
            try:
                paced.send(now)
            except Exception:
                self._fail(paced)
        if self._looking and not self._looking.done():
            return
        if heard := self._heard(now):
            work = self._advance(now, heard)
            if self._inline:
                await work
            else:
                self._looking = asyncio.create_task(work, name="detector")

    def _heard(self, now: float) -> list[Heard]:
        heard = []
        for paced in tuple(self._paced):
            try:
                if windows := paced.windows(now):
                    heard.append((paced, windows))
            except Exception:
                self._fail(paced)
        return heard

    async def _advance(self, now: float, heard: list[Heard]) -> None:
        """Beside the ticks, so that nobody's audio waits for the detector. While it is busy windows gather, and the
        more there are at once, the less each costs."""
        try:
            found = await self._look(heard)
        except Exception:
            for paced, _ in heard:
                self._fail(paced)
            return
        for (paced, windows), probabilities in zip(heard, found, strict=True):
            if paced in self._paced:
                try:
                    paced.advance(now, windows, probabilities)
                except Exception:
                    self._fail(paced)

    async def _look(self, heard: list[Heard]) -> list[list[float]]:
        """Probabilities of all windows: first the first of each conversation, together, then the second."""
        found: list[list[float]] = [[0.0] * len(windows) for _, windows in heard]
        for turn in range(max((len(windows) for _, windows in heard), default=0)):
            places, batch, states = [], [], []
            for place, (paced, windows) in enumerate(heard):
                if turn < len(windows) and (window := windows[turn]) is not None:
                    places.append(place)
                    batch.append(window)
                    states.append(paced.memory)
            if batch:
                self._judged.inc(len(batch))
                for place, probability in zip(places, await self._detect(np.array(batch), states), strict=True):
                    found[place][turn] = probability
        return found

    async def _detect(self, batch: np.ndarray, states: list[Any]) -> list[float]:
        if self._inline:
            return self._detector.detect(batch, states).tolist()
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "detector", behind_others)
        loop = asyncio.get_running_loop()
        return (await loop.run_in_executor(self._thread, self._detector.detect, batch, states)).tolist()

    def _fail(self, paced: Paced) -> None:
        """One conversation's mistake must not stop the others."""
        logger.exception("a conversation broke in a tick")
        self.remove(paced)
        paced.broke()
