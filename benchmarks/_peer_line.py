"""What both peers' servers tell a caller of benchmarks._talkers, and the delays that their scripted engines take.

Plain Python without dependencies, since it runs in the peers' environments. Knows neither of them.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

RATE_IN, RATE_OUT = 16000, 24000
CHUNK = bytes(RATE_OUT // 10 * 2)
"""A tenth of a second of a voice."""
PATIENCE = 20.0
"""Seconds that an answer may be late before what is missing counts as lost."""


class Script:
    """`delays`: seconds before the first and before every further chunk of the voice and word of the model."""

    def __init__(self, text: str, voice: tuple[float, float], model: tuple[float, float]):
        self.text, self.voice, self.model = text, voice, model
        self.samples = round(len(text) * 0.06 * RATE_OUT)

    async def words(self) -> AsyncIterator[str]:
        delay = self.model[0]
        for place, word in enumerate(self.text.split()):
            await asyncio.sleep(delay)
            delay = self.model[1]
            yield f" {word}" if place else word

    async def chunks(self, text: str) -> AsyncIterator[bytes]:
        """As long as our scripted voice takes to say the text."""
        delay, left = self.voice[0], round(len(text) * 0.06 * RATE_OUT)
        while left > 0:
            await asyncio.sleep(delay)
            delay, size = self.voice[1], min(left, RATE_OUT // 10)
            left -= size
            yield CHUNK[: 2 * size]

    @classmethod
    def read(cls, argument: str) -> Script:
        told = json.loads(argument)
        return cls(told["text"], tuple(told["voice"]), tuple(told["model"]))


class Line:
    """The messages of `/ws` around the sound of one conversation. `say` sends a text frame."""

    def __init__(self, script: Script, say: Callable[[str], Awaitable[None]]):
        self._script, self._say = script, say
        self._sent = self._owed = 0
        self._began = 0.0
        self._whole = asyncio.Event()
        self._settling: asyncio.Task[None] | None = None

    async def ready(self, lead: float) -> None:
        await self._say(json.dumps({"type": "ready", "lead_ms": round(1000 * lead)}))

    def left(self, samples: int) -> None:
        """So much sound has been given to the socket. The first of an answer begins its end, too."""
        self._sent += samples
        if self._settling is None:
            self._began = time.monotonic()
            self._owed += self._script.samples
            self._whole.clear()
            self._settling = asyncio.ensure_future(self._settle())
        if self._sent >= self._owed:
            self._whole.set()

    async def _settle(self) -> None:
        """Once an answer would have been played: whether it was sent to its end, and the next may begin."""
        await asyncio.sleep(self._began + self._script.samples / RATE_OUT - time.monotonic())
        with suppress(TimeoutError):
            await asyncio.wait_for(self._whole.wait(), PATIENCE)
        # More than the answer is padding; less was lost, and the caller counts it.
        position = self._owed = self._sent = max(self._sent, self._owed)
        self._settling = None
        await self._say(json.dumps({"type": "audio_done", "position": position}))
        await self._say(json.dumps({"type": "response_done", "status": "completed"}))
        await self._say(json.dumps({"type": "audio", "position": position}))

    def close(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
