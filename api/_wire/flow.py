"""How fast a client may send: real time, with room for what was held up on the way. Pure; the clock is the caller's."""

from __future__ import annotations

ROOM = 5.0
"""Seconds of sound that may come at once."""
PATIENCE = 30.0
"""Seconds for which a client may send faster than that."""
SHORTEST = 0.002
"""Seconds that a frame of sound counts at the least."""
MESSAGE = 0.02
"""Seconds that a message counts at the least."""
CHARACTERS = 100_000
"""Of a message, that count as a second."""


class Flow:
    """A bucket of so many seconds that drains in real time."""

    def __init__(self, now: float, room: float = ROOM):
        self._room = room
        self._level, self._at = 0.0, now
        self._full_since: float | None = None

    def take(self, seconds: float, now: float) -> float:
        """Seconds to wait before more is read; 0 is none."""
        self._level = max(0.0, self._level - (now - self._at)) + seconds
        self._at = now
        if self._level <= self._room:
            if self._level < self._room / 2:
                self._full_since = None
            return 0.0
        if self._full_since is None:
            self._full_since = now
        return self._level - self._room

    def flooded(self, now: float) -> bool:
        """Whether it has been going on for too long."""
        return self._full_since is not None and now - self._full_since > PATIENCE
