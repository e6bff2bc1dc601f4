"""Text of any length to one stream of audio, a piece at a time, each made while the one before is being played.

Knows the pool by its `stream` and engines by their cards.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass

from audio.resample import Resampler
from audio.value import Audio
from core.errors import BadRequest, EngineError, TooLarge
from engines.base import Chunk, SynthesisRequest
from engines.pool import Priority
from voice._ahead import Ahead, AnyPool
from voice._joints import Joints
from voice.routing import Route, Routing
from voice.sentences import cut
from voice.spoken import is_binary, is_speakable, spoken

SLOWEST, FASTEST = 0.25, 4.0
MAX_INSTRUCTIONS = 4096


@dataclass(frozen=True)
class SpeechRequest:
    """A text to be spoken, as the faces take it."""

    text: str
    voice: str = ""
    """An id, a bare name or an alias; empty is the best for the language."""
    model: str = "auto"
    language: str = ""
    speed: float = 1.0
    """0.25 to 4; 1 is the voice's own pace."""
    instructions: str = ""
    """How to speak, in words; engines that cannot follow them ignore them."""


@dataclass(frozen=True)
class SpeechPlan:
    """A request that was found good, and who serves it."""

    request: SpeechRequest
    route: Route
    rate: int
    """Hz of all the audio that `Speech.stream` will give."""


class _Saying:
    """A piece that an engine is at work on.

    Also its text is found in a task of its own, so that the sound before it need not wait for that.
    """

    def __init__(self, texts: Iterator[tuple[str, str]], ask: Callable[[str], AsyncGenerator[Chunk]]):
        self.begun = asyncio.Event()
        self.ends = ""
        """What ends the piece, known once it has `begun`; empty where no text was left."""
        self.chunks = Ahead(self._said(texts, ask))

    async def _said(
        self, texts: Iterator[tuple[str, str]], ask: Callable[[str], AsyncGenerator[Chunk]]
    ) -> AsyncGenerator[Chunk]:
        text, self.ends = next(texts, ("", ""))
        self.begun.set()
        if text:
            async with aclosing(ask(text)) as chunks:
                async for chunk in chunks:
                    yield chunk


class Speech:
    """Speaks through a pool; holds no request's state."""

    def __init__(self, pool: AnyPool, routing: Routing, *, max_text_chars: int):
        self._pool = pool
        self._routing = routing
        self._max_text_chars = max_text_chars

    def plan(self, request: SpeechRequest) -> SpeechPlan:
        """Makes no sound yet. Raises BadRequest, TooLarge, Unknown{Voice,Model} and Not{Installed,Downloaded}."""
        self._check(request)
        route = self._routing.speech(request.voice, request.model, request.language, request.text)
        spec = self._routing.spec(route.engine)
        if request.speed != 1 and "speed" not in spec.capabilities:
            raise BadRequest(f"{spec.name} cannot change its pace; leave speed at 1.", param="speed")
        return SpeechPlan(request, route, spec.rate)

    async def stream(self, plan: SpeechPlan, *, priority: Priority = Priority.INTERACTIVE) -> AsyncGenerator[Chunk]:
        """Audio as soon as it exists, all at `plan.rate`, with word times on the clock of the whole.

        Use with `contextlib.aclosing`: closing cancels the piece under way and the one asked for ahead. Raises the
        pool's errors, and EngineError where the engine makes no sound of the text.
        """
        joints, texts, sounded = Joints(plan.rate), _speakable(plan.request.text), False
        now, ahead = self._begin(plan, texts, priority, continues=False), None
        try:
            while now:
                async for chunk in now.chunks:
                    ahead = ahead or self._begin(plan, texts, priority)
                    for part in joints.feed(chunk):
                        sounded = True
                        yield part
                ahead = ahead or self._begin(plan, texts, priority)
                await ahead.begun.wait()
                for part in joints.end(now.ends, last=not ahead.ends):
                    yield part
                now, ahead = (ahead if ahead.ends else None), None
        finally:
            await _closed(now, ahead)
        if not sounded:
            raise EngineError(f"{plan.route.engine_name} could make no speech of this text.")

    def _begin(
        self, plan: SpeechPlan, texts: Iterator[tuple[str, str]], priority: Priority, *, continues: bool = True
    ) -> _Saying:
        """Ask for the next piece; its audio, half a minute at most, is taken as fast as the engine makes it."""
        asked, route = plan.request, plan.route

        def ask(text: str) -> AsyncGenerator[Chunk]:
            request = SynthesisRequest(text, route.voice_name, route.language, asked.speed, asked.instructions)
            return _at_rate(self._pool.stream(route.engine, request, priority=priority, continues=continues), plan.rate)

        return _Saying(texts, ask)

    def _check(self, request: SpeechRequest) -> None:
        text = request.text
        if len(text) > self._max_text_chars:
            raise TooLarge(
                f"The text has {len(text):,} characters; at most {self._max_text_chars:,} are spoken at a time.",
                param="input",
            )
        if not text.strip():
            raise BadRequest("There is no text to speak.", param="input")
        if is_binary(text):
            raise BadRequest("This is not text: it holds control characters, as a file does.", param="input")
        if next(_speakable(text), None) is None:
            raise BadRequest("There is nothing to speak in this text: no letter and no digit.", param="input")
        if not (math.isfinite(request.speed) and SLOWEST <= request.speed <= FASTEST):
            raise BadRequest(f"speed is {request.speed}; it takes {SLOWEST} to {FASTEST:g}.", param="speed")
        if len(request.instructions) > MAX_INSTRUCTIONS:
            raise TooLarge(f"The instructions are longer than {MAX_INSTRUCTIONS} characters.", param="instructions")


def _speakable(text: str) -> Iterator[tuple[str, str]]:
    """The pieces that hold something to speak, cleaned, with what ends each."""
    for piece in cut(text):
        words = spoken(piece.text)
        if is_speakable(words):
            yield words, piece.ends


async def _at_rate(chunks: AsyncGenerator[Chunk], rate: int) -> AsyncGenerator[Chunk]:
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


async def _closed(*sayings: _Saying | None) -> None:
    """Cancel all before waiting for any."""
    for saying in filter(None, sayings):
        saying.chunks.cancel()
    for saying in filter(None, sayings):
        await saying.chunks.closed()
