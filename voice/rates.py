"""Chunks at one rate, whatever the voices that make them give."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import aclosing
from typing import Protocol

from audio.resample import Resampler
from audio.value import Audio
from core.threads import step
from engines.base import Chunk


class Chunks(Protocol):
    """Iterated over once, and closed."""

    def __aiter__(self) -> AsyncIterator[Chunk]: ...

    def aclose(self) -> Awaitable[None]: ...


async def at_rate(chunks: Chunks, rate: int) -> AsyncGenerator[Chunk]:
    """The same chunks at `rate`, in Hz. Use with `contextlib.aclosing`."""
    resampler = None
    async with aclosing(chunks):
        async for chunk in chunks:
            if chunk.audio.rate == rate:
                yield chunk
                continue
            resampler = resampler or Resampler(chunk.audio.rate, rate)
            samples = await step(lambda feed=resampler.feed, audio=chunk.audio: feed(audio.samples))
            yield Chunk(Audio(samples, rate), chunk.words)
    if resampler:
        yield Chunk(Audio(resampler.flush(), rate))
