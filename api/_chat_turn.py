"""One answer of a language model: recordings heard, the model asked, its words spoken while it still thinks.

The HTTP API and Gradio's do it alike; knows no wire.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Any

from accounts.lease import Usage
from accounts.principal import Principal
from api._chat_request import ELSEWHERE, Asked, decoded
from api._turn import thinks
from audio.value import Audio
from core.errors import UnknownModel
from engines.base import ChatRequest, Delta
from engines.pool import Priority
from studio import Studio
from voice.rates import at_rate
from voice.routing import Route
from voice.speech import SpeechRequest
from voice.talk.sentences import Piece, Stream
from voice.transcription import TranscriptionOptions

RATE = 24000
"""Of the sound that is given, in Hz."""
AHEAD = 1024
"""Pieces that a model may be ahead of the voice that speaks them."""

_END = object()


@dataclass
class Tally:
    """What a request came to so far, and who did it."""

    engine: str = ""
    reason: str = ""
    voice: str = ""
    characters: int = 0
    heard: float = 0.0
    """Seconds; so is `spoken`."""
    spoken: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    finish: str = "stop"

    def usage(self) -> Usage:
        seconds = round(self.heard + self.spoken, 3)
        return Usage(self.engine, self.voice, self.characters, seconds, self.input_tokens, self.output_tokens)


async def performed(studio: Studio, caller: Principal, asked: Asked, tally: Tally) -> AsyncGenerator[Delta | Audio]:
    """Words as they come, and their sound at RATE where it is wanted. Use with `contextlib.aclosing`.

    Raises what hearing, thinking and speaking raise.
    """
    request = ChatRequest(
        asked.messages(await _heard(studio, asked, tally)),
        asked.tools,
        asked.tool_choice,
        asked.schema,
        asked.temperature,
        asked.max_tokens,
        asked.stop,
    )
    deltas = _thought(studio, request, asked, tally)
    if not asked.speaks:
        async with aclosing(deltas):
            async for delta in deltas:
                yield delta
        return
    async with aclosing(_ahead(_cut(deltas))) as pieces:
        async for piece in pieces:
            if isinstance(piece, Delta):
                yield piece
                continue
            async with aclosing(_spoken(studio, caller, asked.voice, piece.text, tally)) as sounds:
                async for sound in sounds:
                    yield sound


async def _heard(studio: Studio, asked: Asked, tally: Tally) -> tuple[str, ...]:
    """What is said in each recording."""
    found = []
    for recording in asked.recordings:
        data = await asyncio.to_thread(decoded, recording)
        transcript = await studio.transcription.whole(data, TranscriptionOptions())
        tally.heard += transcript.duration
        found.append(transcript.text.strip())
    return tuple(found)


async def _thought(studio: Studio, request: ChatRequest, asked: Asked, tally: Tally) -> AsyncGenerator[Delta]:
    model, why = await _model(studio, asked.model)

    def chosen(route: Route) -> None:
        tally.engine, tally.reason = route.engine, f"{why}{route.reason}"

    thinking = studio.thinking.stream(request, model, priority=Priority.INTERACTIVE, chosen=chosen)
    async with aclosing(thinking) as deltas:
        async for delta in deltas:
            if asked.single and len(delta.calls) > 1:
                delta = replace(delta, calls=delta.calls[:1])
            if delta.finish:
                tally.finish = delta.finish
                tally.input_tokens, tally.output_tokens = delta.input_tokens, delta.output_tokens
            yield delta


async def _model(studio: Studio, name: str) -> tuple[str, str]:
    """Who is asked, and why another where the name is one that a client sends unasked. Raises UnknownModel."""
    try:
        await thinks(studio, name)
    except UnknownModel:
        if not ELSEWHERE.fullmatch(name.strip()):
            raise
        return "auto", f"{name.strip()} is not here. "
    return name, ""


async def _cut(deltas: AsyncGenerator[Delta]) -> AsyncGenerator[Delta | Piece]:
    """The same, with what can be spoken by then after each."""
    cutter = Stream()
    async with aclosing(deltas):
        async for delta in deltas:
            yield delta
            for piece in cutter.feed(delta.text):
                yield piece
    for piece in cutter.end():
        yield piece


async def _spoken(
    studio: Studio, caller: Principal, voice: str, text: str, tally: Tally
) -> AsyncGenerator[Audio]:  # fmt: skip
    if not text.strip():
        return
    plan = await studio.plan(caller, SpeechRequest(text, voice))
    performance = await studio.speech.begin(plan)
    tally.voice = performance.plan.route.voice
    tally.characters += len(text)
    async with aclosing(at_rate(performance, RATE)) as chunks:
        async for chunk in chunks:
            tally.spoken += chunk.audio.seconds
            yield chunk.audio


async def _ahead(source: AsyncGenerator[Any]) -> AsyncGenerator[Any]:
    """The same items, while the source goes on beside who reads them, up to AHEAD items."""
    kept: asyncio.Queue[Any] = asyncio.Queue(AHEAD)

    async def drain() -> None:
        try:
            async with aclosing(source):
                async for item in source:
                    await kept.put(item)
        finally:
            with suppress(asyncio.QueueFull):  # then nobody waits for the end
                kept.put_nowait(_END)

    draining = asyncio.create_task(drain())
    try:
        while not (draining.done() and kept.empty()) and (item := await kept.get()) is not _END:
            yield item
        await draining
    finally:
        draining.cancel()
        await asyncio.gather(draining, return_exceptions=True)
