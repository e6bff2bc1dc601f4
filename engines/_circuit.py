"""Whether an engine that has crashed may be started again. Knows times in seconds and nothing else."""

from collections import deque

from core.errors import CircuitOpen


class Circuit:
    """Opens at the third crash within a minute and closes when fewer are that young; `now` may be of any clock."""

    def __init__(self, most: int = 3, within: float = 60.0):
        self.crashes = 0
        self._within = within
        self._recent: deque[float] = deque(maxlen=most)

    def record(self, now: float) -> None:
        self.crashes += 1
        self._recent.append(now)

    def open_for(self, now: float) -> float:
        """Seconds until it may be tried again; 0 is now."""
        if len(self._recent) < (self._recent.maxlen or 0):
            return 0.0
        return max(0.0, self._recent[0] + self._within - now)

    def check(self, engine: str, now: float) -> None:
        """Raises CircuitOpen."""
        if wait := self.open_for(now):
            raise CircuitOpen(resting(engine, wait), retry_after=wait)


def resting(engine: str, seconds: float) -> str:
    """The sentence on an engine that may not be tried for so long."""
    return f"The engine {engine} stopped several times in a minute and rests for {seconds:.0f} seconds."
