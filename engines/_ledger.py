"""Which idle worker leaves so that another engine fits in memory. Knows sizes and times, and ends nobody itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engines._lane import Lane
from engines._process import Worker


class Ledger:
    """Memory in megabytes of all workers, those being loaded included, held against a budget."""

    def __init__(self, budget_mb: float, pinned: Iterable[str] = ()):
        self.budget_mb = budget_mb
        self._pinned = frozenset(pinned)
        self._reserved: dict[str, float] = {}

    def used_mb(self, lanes: Mapping[str, Lane]) -> float:
        loaded = sum(worker.memory_mb for lane in lanes.values() for worker in lane.workers)
        return loaded + sum(self._reserved.values())

    def fits(self, lane: Lane, lanes: Mapping[str, Lane]) -> bool:
        return self.used_mb(lanes) + lane.memory_mb <= self.budget_mb

    def reserve(self, lane: Lane) -> None:
        """Count a worker that is being loaded, until `settle`."""
        self._reserved[lane.key] = lane.memory_mb

    def settle(self, lane: Lane) -> None:
        self._reserved.pop(lane.key, None)

    def pinned(self, lane: Lane) -> bool:
        return lane.key in self._pinned

    def leaver(self, lanes: Mapping[str, Lane], *, but: Lane | None = None) -> tuple[Lane, Worker] | None:
        """The idle worker that was used longest ago, if any may leave."""
        idle = [
            (lane, worker)
            for lane in lanes.values()
            for worker in lane.workers
            if not worker.running and lane is not but and not self.pinned(lane)
        ]
        return min(idle, key=lambda pair: pair[1].last_used, default=None)
