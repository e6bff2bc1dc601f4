"""How many in a time, and how many side by side. Pure: the clock is the caller's, seconds as float."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict


class Gcra:
    """The generic cell rate algorithm (ITU-T I.371): `burst` at once, `rate_per_second` in the long run.

    It remembers one number, the time at which everything taken so far will have been earned.
    """

    def __init__(self, rate_per_second: float, burst: float):
        self.rate_per_second, self.burst = rate_per_second, burst
        self._earned_at = -math.inf

    def take(self, now: float, cost: float = 1.0) -> float:
        """0.0 and it is taken, or the seconds after which it can be; nothing is taken then. More than `burst` at
        once is never possible: infinity."""
        wait = self.wait(now, cost)
        if wait == 0.0:
            self._earned_at = max(self._earned_at, now) + cost / self.rate_per_second
        return wait

    def wait(self, now: float, cost: float = 1.0) -> float:
        """What `take` would answer, taking nothing."""
        if cost > self.burst:
            return math.inf
        possible_at = self._earned_at - (self.burst - cost) / self.rate_per_second
        if possible_at <= now:
            return 0.0
        wait = possible_at - now
        # The difference may round down; who waits exactly so long must not be turned away again.
        return wait if now + wait >= possible_at else wait + math.ulp(possible_at)

    def remaining(self, now: float) -> float:
        """What could be taken at once."""
        return self.burst - self.reset(now) * self.rate_per_second

    def reset(self, now: float) -> float:
        """Seconds until all of the burst is there again."""
        return max(0.0, self._earned_at - now)


class Buckets:
    """A Gcra per name, the `most` used last; who falls out begins anew."""

    def __init__(self, most: int = 10_000):
        self._most = most
        self._buckets: OrderedDict[str, Gcra] = OrderedDict()

    def of(self, name: str, rate_per_second: float, burst: float) -> Gcra:
        """A changed rate or burst begins anew."""
        bucket = self._buckets.get(name)
        if bucket is None or (bucket.rate_per_second, bucket.burst) != (rate_per_second, burst):
            bucket = self._buckets[name] = Gcra(rate_per_second, burst)
        self._buckets.move_to_end(name)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return bucket

    def __len__(self) -> int:
        return len(self._buckets)


class Concurrency:
    """How many each name has running now."""

    def __init__(self):
        self._running: Counter[str] = Counter()

    def running(self, name: str) -> int:
        return self._running[name]

    def enter(self, name: str) -> None:
        self._running[name] += 1

    def leave(self, name: str) -> None:
        self._running[name] -= 1
        if self._running[name] <= 0:
            del self._running[name]
