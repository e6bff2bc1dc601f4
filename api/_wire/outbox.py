"""What is on its way to the client of a conversation: sound and messages in their order, never more than a client can
be behind. Knows no conversation."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

Send = Callable[[dict[str, Any]], Awaitable[None]]

MOST_TEXT = 2_000_000
"""Characters of messages that may wait; a client so far behind does not read."""
FULL = 20_000_000
"""Characters behind which no more is put in, so that what is asked for a hundred times at once waits a few times."""
LAST_WORD_SECONDS = 5.0
"""How long a client that reads nothing has to read why the connection ends."""
UNREAD = "The client does not read what it is sent."


class Outbox:
    """`run` sends what is put in, beside the one who puts it in, who never waits."""

    def __init__(self, send: Send, clock: Callable[[], float]):
        self._send, self._clock = send, clock
        self._waiting: deque[tuple[str | bytes, float]] = deque()
        self._filled = asyncio.Event()
        self._last: tuple[int, str] | None = None
        self._began: float | None = None
        self._running: asyncio.Task[None] | None = None
        self.seconds = 0.0
        """Of sound that waits."""
        self.characters = 0
        """Of messages that wait."""

    def text(self, text: str) -> None:
        if self.characters > FULL:
            self.close(1013, UNREAD)
        if self._last is None:
            self._waiting.append((text, 0.0))
            self.characters += len(text)
            self._filled.set()

    def sound(self, data: str | bytes, seconds: float) -> None:
        """Sound, as a binary frame or written out in a message; more than no `seconds` of it."""
        if self._last is None:
            self._waiting.append((data, seconds))
            self.seconds += seconds
            self._filled.set()

    def forget_sound(self) -> None:
        """Throw away the sound that waits; the messages stay."""
        self._waiting = deque(part for part in self._waiting if not part[1])
        self.seconds = 0.0

    def close(self, code: int, reason: str) -> None:
        """Send what waits, then close. What is put in afterwards is dropped."""
        self._last = self._last or (code, reason)
        self._filled.set()

    @property
    def closing(self) -> bool:
        return self._last is not None

    def stalled(self) -> float:
        """Seconds for which the client has not taken what is being sent."""
        return 0.0 if self._began is None else self._clock() - self._began

    def abandon(self) -> None:
        """Close on a client that does not read: no more sound, and little time for the messages that wait."""
        self.forget_sound()
        self.close(1013, UNREAD)
        asyncio.get_running_loop().call_later(LAST_WORD_SECONDS, self.give_up)

    def give_up(self) -> None:
        """Wait for the client no longer."""
        if self._running:
            self._running.cancel()

    async def run(self) -> None:
        """Ends once it has closed. Raises what sending raises where the client is gone."""
        self._running = asyncio.current_task()
        try:
            while not await self._send_what_waits():
                pass
        finally:
            self._running = None

    async def _send_what_waits(self) -> bool:
        """Whether it has closed."""
        await self._filled.wait()
        self._filled.clear()
        while self._waiting:
            part, seconds = self._waiting.popleft()
            self._began = self._clock()
            if isinstance(part, str):
                await self._send({"type": "websocket.send", "text": part})
            else:
                await self._send({"type": "websocket.send", "bytes": part})
            if not seconds:
                self.characters -= len(part)
            else:
                self.seconds = max(0.0, self.seconds - seconds) if self._waiting else 0.0
            self._began = None
        if self._last is None:
            return False
        self._began = self._clock()
        await self._send({"type": "websocket.close", "code": self._last[0], "reason": self._last[1][:120]})
        return True
