"""Our side of the sound: what waits to be said, leaves at the pace of being played, and was heard how far."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np

from voice.talk.ledger import Heard, Ledger, Span
from voice.talk.pace import Pace
from voice.talk.playout import Playout

MOST_WAITING = 8.0
"""Seconds of audio that may wait: more would be made in vain when we are interrupted."""
CLOSE = 0.02
"""Seconds by which a report of all that was played may fall short: a resampler keeps its last samples to itself."""
SILENT_AFTER = 2.0
"""Seconds without a report of what was played, after which the clock is believed."""


class Mouth:
    """One conversation's. Times are the ticker's; positions are samples sent."""

    def __init__(self, rate: int, lead: float, overheard: Callable[[np.ndarray, float], None]):
        """`overheard` is told of every frame that leaves, and when it is due to be played."""
        self.rate = rate
        self.ledger = Ledger(rate)
        self._playout = Playout(rate, self.ledger)
        self._pace = Pace(rate, lead)
        self._overheard = overheard
        self._room = asyncio.Event()
        self._room.set()
        self._reported_at = -SILENT_AFTER
        self._reported = 0

    @property
    def position(self) -> int:
        return self._playout.position

    @property
    def paused(self) -> bool:
        return self._playout.paused

    @property
    def empty(self) -> bool:
        """Whether all has left."""
        return self._playout.empty

    @property
    def next_position(self) -> int:
        """Where the next sample that is added will be."""
        return self._playout.position + round(self._playout.waiting * self.rate)

    def add(self, span: Span, samples: np.ndarray, *, last: bool = False) -> None:
        """A chunk of a piece of an item's text; with `last` the piece is whole."""
        self._playout.add(span, samples, last=last)
        if self._playout.waiting > MOST_WAITING:
            self._room.clear()

    def end(self, item: str) -> None:
        """No more of this item will come."""
        self._playout.end(item)

    async def room(self) -> None:
        await self._room.wait()

    def frames(self, now: float) -> list[tuple[np.ndarray, int]]:
        """What leaves now, each frame with its position."""
        playout, found = self._playout, []
        if playout.empty or playout.paused:
            return found
        self._pace.begin(now, playout.position)
        allowed = self._pace.allowed(now)
        while playout.position <= allowed:
            position = playout.position
            frame = playout.next()
            if frame is None:
                break
            found.append((frame, position))
            self._overheard(frame, self._pace.ends(position))
        if playout.waiting < MOST_WAITING / 2:
            self._room.set()
        return found

    def pause(self, now: float) -> None:
        self._playout.pause()
        self._pace.pause(now)

    def resume(self, now: float) -> None:
        self._playout.resume()
        self._pace.resume(now)

    def drop(self, now: float) -> int:
        """Throw away what waits, and what left and was not played. Gives the position that was heard."""
        self.ledger.assume(self.heard_until(now))
        reached = self.ledger.reached
        self._playout.clear()
        self._playout.resume()
        self._pace.stop()
        self._room.set()
        return reached

    def rewind(self, position: int, now: float) -> int:
        """Go back to a sample that did not arrive. Gives the position reached: what is no longer kept is lost."""
        reached = self._playout.rewind(position)
        self._pace.stop()
        self._pace.begin(now, reached)
        return reached

    def played(self, position: int, now: float) -> None:
        """The other side tells how far it has played."""
        position = max(0, min(position, self._playout.position))
        self._reported, self._reported_at = position, now
        self.ledger.played(position, "exact")

    def heard_until(self, now: float) -> int:
        """The position that is heard at this moment, as far as one can know."""
        if now - self._reported_at > SILENT_AFTER:
            return self._pace.played(now, self.position)
        since = 0.0 if self.paused else now - self._reported_at
        return min(self.position, self._reported + int(since * self.rate))

    def settle(self, now: float) -> None:
        """Believe the clock where nobody reports."""
        if now - self._reported_at > SILENT_AFTER:
            self.ledger.assume(self._pace.played(now, self.position))

    def ended(self, now: float) -> bool:
        """Whether all that left has been heard."""
        if not self.empty:
            return False
        told = self._reported >= self.position - CLOSE * self.rate
        return told or now >= self._pace.ends(self.position) + self._slack(now)

    def heard(self, item: str) -> Heard:
        return self.ledger.heard(item)

    def _slack(self, now: float) -> float:
        """How much later than the clock a listener who reports may be."""
        return SILENT_AFTER if now - self._reported_at <= SILENT_AFTER else 0.0
