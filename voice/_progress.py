"""How far a download is, how fast it comes and how it ended. Knows no server and no disk."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from dataclasses import dataclass, field, replace

logger = logging.getLogger(__name__)

RATE_SECONDS = 5.0
"""Of the past, over which the speed is taken."""
LOOK_SECONDS = 0.1
"""Between two looks at the speed."""
LOG_SECONDS = 10.0


@dataclass(frozen=True)
class State:
    """Of one model's weights, for a status page."""

    engine: str
    model: str
    status: str
    """`absent`, `waiting`, `downloading`, `checking`, `here` or `failed`."""
    bytes: int = 0
    """That are here; of an absent or failed one, those that need not be fetched again."""
    total: int = 0
    bytes_per_second: float = 0.0
    seconds_left: float | None = None
    """None where it cannot be told."""
    why: str = ""
    """A sentence on what failed."""

    @property
    def busy(self) -> bool:
        return self.status in ("waiting", "downloading", "checking")

    @property
    def text(self) -> str:
        """A few words for people."""
        percent = min(99, 100 * self.bytes // self.total) if self.total else 0
        return {
            "absent": f"not downloaded, {percent} % are here" if percent else "not downloaded",
            "downloading": f"downloading {percent} %",
            "failed": f"failed: {self.why}",
        }.get(self.status, self.status)


@dataclass(frozen=True)
class Need:
    """What a download would take, before it is begun."""

    bytes: int
    """To be fetched; rounded where the lists are."""
    free: int
    """Bytes of the disk."""
    fits: bool
    seconds: float | None
    """At the speed of the last download; None before there was one."""


@dataclass
class Job:
    """A download that was asked for. `state` is replaced as a whole, so that others may look at it at any time."""

    state: State
    task: asyncio.Task[None] | None = None
    rate: float = 0.0
    """Bytes per second, when last it could be told."""
    _past: deque[tuple[float, int]] = field(default_factory=deque)
    _logged: float = 0.0

    @property
    def running(self) -> bool:
        return self.task is not None and not self.task.done()

    def tell(self, done: int, total: int, status: str) -> None:
        now = time.monotonic()
        if not self._past or now - self._past[-1][0] >= LOOK_SECONDS:
            self._past.append((now, done))
        while now - self._past[0][0] > RATE_SECONDS:
            self._past.popleft()
        took, came = now - self._past[0][0], done - self._past[0][1]
        rate = came / took if took > 0 and came > 0 else 0.0
        self.rate = rate or self.rate
        left = (total - done) / rate if rate else None
        self.state = replace(
            self.state, status=status, bytes=done, total=total, bytes_per_second=rate, seconds_left=left
        )
        if now - self._logged >= LOG_SECONDS:
            self._logged = now
            logger.info("%s %s: %s, %s per second", self.state.engine, self.state.model, self.state.text, size(rate))

    def fail(self, why: str) -> None:
        self.state = replace(self.state, status="failed", why=why, bytes_per_second=0.0, seconds_left=None)
        logger.warning("%s %s is not downloaded: %s", self.state.engine, self.state.model, why)


def size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
