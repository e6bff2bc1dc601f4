"""The right to do one thing, and the row that says what it came to. Knows neither limits nor keys."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self
from uuid import uuid4

from core.errors import VoiceForgeError
from storage.usage import UsageRecord

logger = logging.getLogger(__name__)

Status = Literal["ok", "cancelled", "failed"]


@dataclass(frozen=True)
class Usage:
    """What a request used, whoever did it."""

    engine: str = ""
    voice: str = ""
    characters: int = 0
    audio_seconds: float = 0.0
    """Seconds heard or spoken."""
    input_tokens: int = 0
    """Of a language model, where somebody counted them; so is `output_tokens`."""
    output_tokens: int = 0
    micro_usd: int = 0
    """Millionths of a US dollar that others bill for it."""


@dataclass(frozen=True)
class Terms:
    """Who was admitted to what: the estimate it was admitted for, and what the client is told of its limit."""

    key_id: str
    op: str
    estimate: Usage
    admitted_at: float
    request_id: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Lease:
    """Use it with `async with`, settle it within. Left without, it settles itself: by an exception as failed with
    nothing used, by cancellation (a client that vanished) as cancelled with all of its estimate. One that nobody ever
    entered settles when it is forgotten. It settles once; what comes later changes nothing.
    """

    def __init__(self, terms: Terms, clock: Callable[[], float], keep: Callable[[UsageRecord], asyncio.Future[None]]):
        """`keep` is called once: it queues the row before it returns and gives back the slot."""
        self._kept: asyncio.Future[None] | None = None
        self._loop = asyncio.get_running_loop()
        self.terms = terms
        self._clock, self._keep = clock, keep

    @property
    def request_id(self) -> str:
        return self.terms.request_id

    def headers(self) -> dict[str, str]:
        """OpenAI's `x-ratelimit-…`; empty where there is no limit."""
        return dict(self.terms.headers)

    async def settle(self, usage: Usage, status: Status = "ok") -> None:
        """Returns when the row is kept, and it is kept even if the caller is cancelled. Raises StorageError when it
        could not be."""
        await asyncio.shield(self._settle(usage, status))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._kept is not None:
            return
        gone = kind is not None and issubclass(kind, (asyncio.CancelledError, GeneratorExit))
        try:
            await self.settle(self.terms.estimate if gone else Usage(), "cancelled" if gone else "failed")
        except VoiceForgeError:
            if error is None:
                raise
            logger.exception("the usage of %s could not be kept", self.request_id)

    def _settle(self, usage: Usage, status: Status) -> asyncio.Future[None]:
        if self._kept is None:
            self._kept = self._keep(self.row(usage, status))
        return self._kept

    def row(self, usage: Usage, status: Status) -> UsageRecord:
        """What is kept of it."""
        now = self._clock()
        return UsageRecord(
            at=now,
            key_id=self.terms.key_id,
            op=self.terms.op,
            engine=usage.engine,
            voice=usage.voice,
            characters=usage.characters,
            audio_seconds=usage.audio_seconds,
            milliseconds=max(0.0, now - self.terms.admitted_at) * 1000.0,
            status=status,
            request_id=self.terms.request_id,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            micro_usd=usage.micro_usd,
        )

    def __del__(self):
        # An answer whose client left before its first byte is never begun: nothing enters the lease.
        if self._kept is None and not self._loop.is_closed():
            with suppress(RuntimeError):  # it closed meanwhile
                self._loop.call_soon_threadsafe(self._settle, self.terms.estimate, "cancelled")


def new_request_id() -> str:
    return f"req_{uuid4().hex}"
