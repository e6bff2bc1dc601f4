"""Connections that are open and hold no session yet: how many there may be, of everybody's and of one key's."""

from __future__ import annotations

from collections import Counter

from accounts.principal import LOCAL, VISITOR
from core.errors import Overloaded, TooManyAtOnce

MOST, MOST_UNKNOWN = 512, 32
"""Of everybody's, beyond which nobody else is let in, and nobody who has shown no key."""
SHARE = 256
"""Of one key's: it leaves room for others. This machine's own, where no key is asked for, are nobody's else."""


class Strangers:
    """Counts them by whom they are of, as far as that is known."""

    def __init__(self) -> None:
        self._of: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._of.total()

    def enter(self, id: str = VISITOR.id) -> None:
        self._of[id] += 1

    def leave(self, id: str) -> None:
        self._of[id] -= 1
        if not self._of[id]:
            del self._of[id]

    def need_room(self, id: str) -> None:
        """For one that has entered. Raises Overloaded, TooManyAtOnce."""
        if len(self) > (MOST_UNKNOWN if id == VISITOR.id else MOST):
            raise Overloaded("Too many connections wait to begin. Try again in a moment.", retry_after=1.0)
        if id not in (VISITOR.id, LOCAL.id) and self._of[id] > SHARE:
            raise TooManyAtOnce(f"This key has {SHARE} connections open that have not begun.", retry_after=1.0)
