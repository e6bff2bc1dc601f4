"""One line of a text that an engine is at work on, from its text to chunks with the words as they were written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing

import numpy as np

from audio.resample import Resampler
from audio.value import Audio
from engines.base import Chunk
from voice._ahead import Ahead
from voice.text.parts import Pause
from voice.text.script import Line
from voice.text.timing import ShownWords

Ask = Callable[[Line], AsyncGenerator[Chunk]]


class Saying:
    """Begins at once. Finding the text is a part of it, so that the sound before need not wait for that."""

    def __init__(self, script: Iterator[Line | Pause], ask: Ask, rate: int):
        self.begun = asyncio.Event()
        self.rest = 0.0
        """Seconds of silence that the text asks for before it. This and `line` are known once it has `begun`."""
        self.line: Line | None = None
        """None where no text was left."""
        self.chunks = Ahead(self._said(script, ask, rate))

    async def _said(self, script: Iterator[Line | Pause], ask: Ask, rate: int) -> AsyncGenerator[Chunk]:
        try:
            self._look(script)
        finally:
            self.begun.set()
        if self.line:
            shown = ShownWords(self.line.reading)
            async with aclosing(at_rate(ask(self.line), rate)) as chunks:
                async for chunk in chunks:
                    yield Chunk(chunk.audio, shown.feed(chunk.words))
            if last := shown.end():
                yield Chunk(Audio(np.zeros(0, np.float32), rate), last)

    def _look(self, script: Iterator[Line | Pause]) -> None:
        for item in script:
            if isinstance(item, Line):
                self.line = item
                return
            self.rest += item.seconds


async def at_rate(chunks: AsyncGenerator[Chunk], rate: int) -> AsyncGenerator[Chunk]:
    """The same chunks at one rate, for engines whose voices differ."""
    resampler = None
    async with aclosing(chunks):
        async for chunk in chunks:
            if chunk.audio.rate == rate:
                yield chunk
                continue
            resampler = resampler or Resampler(chunk.audio.rate, rate)
            yield Chunk(Audio(await asyncio.to_thread(resampler.feed, chunk.audio.samples), rate), chunk.words)
    if resampler:
        yield Chunk(Audio(resampler.flush(), rate))


async def closed(*sayings: Saying | None) -> None:
    """Cancel all before waiting for any."""
    for saying in filter(None, sayings):
        saying.chunks.cancel()
    for saying in filter(None, sayings):
        await saying.chunks.closed()
