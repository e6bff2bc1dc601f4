"""How many characters each key has used this month, counted along so that a request need not sum them.

What other processes use is seen when the sum is read again, every `READ_AGAIN_SECONDS`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from accounts.principal import Principal
from core.errors import BudgetSpent
from storage import usage
from storage.db import Storage

READ_AGAIN_SECONDS = 60.0


@dataclass
class _Month:
    """`used` is kept in the database; `reserved` is promised to requests that run; `settled` is all that was added to
    `used` here."""

    start: float = 0.0
    used: int = 0
    reserved: int = 0
    settled: int = 0
    read_at: float = 0.0


class Budgets:
    """A count for each key with a budget, at most `most` of them beside those with requests running."""

    def __init__(self, storage: Storage, clock: Callable[[], float], most: int = 10_000):
        self._storage, self._clock, self._most = storage, clock, most
        self._months: OrderedDict[str, _Month] = OrderedDict()

    async def refresh(self, principal: Principal) -> None:
        """Have the count there; does nothing for who has no budget."""
        if not principal.limits.characters_per_month:
            return
        month = self._months.setdefault(principal.key_id, _Month())
        self._months.move_to_end(principal.key_id)
        now = self._clock()
        if month.start != (start := month_start(now)) or now - month.read_at >= READ_AGAIN_SECONDS:
            await self._read(principal.key_id, month, start, now)
            self._months[principal.key_id] = month  # others may have crowded it out
        self._trim()

    async def _read(self, key_id: str, month: _Month, start: float, now: float) -> None:
        before, month.read_at = month.settled, now
        used = await self._storage.read(usage.characters_since, key_id, start)
        # What was settled meanwhile may be in the sum or not: rather twice than not at all.
        month.start, month.used = start, used + month.settled - before

    def check(self, principal: Principal, characters: int) -> None:
        """Raises BudgetSpent when so many more would be too many."""
        budget = principal.limits.characters_per_month
        if not budget or not characters:
            return
        month = self._months[principal.key_id]
        if month.used + month.reserved + characters > budget:
            left = max(0, budget - month.used - month.reserved)
            wait = _next_month(month.start) - self._clock()
            raise BudgetSpent(
                f"This takes {characters} characters, and {left} of this month's {budget} are left.", retry_after=wait
            )

    def reserve(self, key_id: str, characters: int) -> None:
        if month := self._months.get(key_id):
            month.reserved += characters

    def settle(self, key_id: str, reserved: int, used: int) -> None:
        """Call it once what was used is kept: between the two it counts twice rather than not at all."""
        if month := self._months.get(key_id):
            month.reserved = max(0, month.reserved - reserved)
            month.used += used
            month.settled += used

    def _trim(self) -> None:
        for key_id in list(self._months)[: max(0, len(self._months) - self._most)]:
            if not self._months[key_id].reserved:
                del self._months[key_id]


def month_start(now: float) -> float:
    """When the calendar month began, UTC."""
    return datetime.fromtimestamp(now, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0).timestamp()


def _next_month(start: float) -> float:
    """32 days after the beginning of any month it is the next one."""
    return month_start(start + 32 * 86_400)
