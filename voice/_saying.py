"""One line of a text that an engine is at work on, from its text to chunks with the words as they were written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing

import numpy as np

from audio.value import Audio
from core.errors import CircuitOpen, EngineError, NotDownloaded, NotInstalled, Overloaded, VoiceForgeError
from engines.base import Chunk
from voice._ahead import Ahead
from voice.rates import at_rate
from voice.routing import Route
from voice.text.parts import Pause
from voice.text.script import Line
from voice.text.timing import ShownWords

DOWN = (EngineError, CircuitOpen, NotInstalled, NotDownloaded, Overloaded)
"""What an engine's failure may be, after which another one can still speak."""

Ask = Callable[[Line], tuple[Route, AsyncGenerator[Chunk]]]
"""Who speaks a line, and what he makes of it."""
Instead = Callable[[Line, Route, VoiceForgeError], Awaitable[Line | None]]
"""A line that did not begin, as whoever stands in reads it. Raises where nobody does."""


class Fallen(Exception):
    """An engine failed before anything of a text was heard, so all of it can be begun anew."""

    def __init__(self, engine: str, error: VoiceForgeError):
        super().__init__(error.message)
        self.engine = engine
        self.error = error


class Saying:
    """Begins at once. Finding the text is a part of it, so that the sound before need not wait for that. Where the
    engine fails before its first chunk, `instead` is asked for the line anew."""

    def __init__(self, script: Iterator[Line | Pause], ask: Ask, instead: Instead, rate: int):
        self.begun = asyncio.Event()
        self.rest = 0.0
        """Seconds of silence that the text asks for before it. This and `line` are known once it has `begun`."""
        self.line: Line | None = None
        """None where no text was left."""
        self.route: Route
        """Who is speaking, known with the first chunk."""
        self.chunks = Ahead(self._said(script, ask, instead, rate))

    async def _said(
        self, script: Iterator[Line | Pause], ask: Ask, instead: Instead, rate: int
    ) -> AsyncGenerator[Chunk]:
        try:
            self.line = line = self._next(script)
        finally:
            self.begun.set()
        while line:
            heard = False
            self.route, source = ask(line)
            try:
                async with aclosing(_shown(line, source, rate)) as chunks:
                    async for chunk in chunks:
                        heard = True
                        yield chunk
                return
            except DOWN as error:
                if heard:
                    raise
                line = await instead(line, self.route, error)

    def _next(self, script: Iterator[Line | Pause]) -> Line | None:
        for item in script:
            if isinstance(item, Line):
                return item
            self.rest += item.seconds
        return None


async def _shown(line: Line, source: AsyncGenerator[Chunk], rate: int) -> AsyncGenerator[Chunk]:
    """An engine's chunks at one rate, with the words of the line as they were written."""
    words = ShownWords(line.reading)
    async with aclosing(at_rate(source, rate)) as chunks:
        async for chunk in chunks:
            yield Chunk(chunk.audio, words.feed(chunk.words))
    if last := words.end():
        yield Chunk(Audio(np.zeros(0, np.float32), rate), last)


async def closed(*sayings: Saying | None) -> None:
    """Cancel all before waiting for any."""
    for saying in filter(None, sayings):
        saying.chunks.cancel()
    for saying in filter(None, sayings):
        await saying.chunks.closed()
