"""Text to speech over HTTP, in OpenAI's dialect: the first chunk is sent while the rest is being made."""

import asyncio
import base64
from contextlib import AsyncExitStack, aclosing
from functools import partial
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from accounts.lease import Lease, Usage
from api._stream import Body, Head, Streamed, event, header_text
from api._upload import json_body, json_schema
from api._wiring import House, request_id
from api.auth import KnownCaller
from api.errors import described
from audio.encode import Encoder, find
from audio.value import Audio
from core.errors import VoiceForgeError
from studio import Studio
from voice.routing import Route
from voice.speech import SpeechPlan, SpeechRequest

router = APIRouter(tags=["speech"])

INLINE = ("pcm", "wav", "ulaw", "alaw")
"""Formats whose encoding of a chunk takes no longer than handing it to a thread and back does (50 µs)."""


Enhancement = Literal["denoise", "clarity"]
"""Of the sound: steady noise pushed down, and speech made clearer."""


STRICT = "Whether an error is better than another voice, where the one that would speak is down or not here."


class NamedVoice(BaseModel):
    id: str


class SpeechBody(BaseModel):
    """OpenAI's body of `/v1/audio/speech`. Fields that are not known are left alone."""

    input: str
    model: str = "auto"
    voice: str | NamedVoice = ""
    instructions: str = ""
    response_format: str = "mp3"
    speed: float = 1.0
    stream_format: Literal["audio", "sse"] = "audio"
    language: str = ""
    enhancement: list[Enhancement] = Field([], max_length=8)
    strict: bool = Field(False, description=STRICT)

    def request(self) -> SpeechRequest:
        voice = self.voice.id if isinstance(self.voice, NamedVoice) else self.voice
        return SpeechRequest(
            self.input,
            voice,
            self.model,
            self.language,
            self.speed,
            self.instructions,
            tuple(self.enhancement),
            strict=self.strict,
        )


BODY = json_schema(SpeechBody)
ANSWERS: dict[int | str, dict[str, Any]] = {200: {"description": "Audio, or events", "content": {"audio/mpeg": {}}}}


@router.post("/v1/audio/speech", openapi_extra=BODY, responses=ANSWERS, response_class=Response)
@router.post("/v1/audio/speech/streaming", openapi_extra=BODY, responses=ANSWERS, response_class=Response)
async def speech(request: Request, studio: House, caller: KnownCaller) -> Response:
    """Speak a text. The answer streams from the first chunk on; headers say which engine and voice speak, and why.

    Where the engine that was asked for, or was best, is down, the next best voice of the language speaks. One that
    breaks off in the middle of a sentence leaves the rest of it unsaid, and another goes on with the next. With
    `strict` each of these is an error.
    """
    body = await json_body(request, SpeechBody)
    form = find(body.response_format)
    plan = await studio.plan(caller, body.request())
    async with AsyncExitStack() as stack:
        lease = await stack.enter_async_context(
            await studio.accounts.admit(caller, "speech", characters=len(body.input), request_id=request_id(request))
        )
        events = body.stream_format == "sse"
        make = partial(_events if events else _audio, studio, plan, lease, form.name)
        media_type = "text/event-stream" if events else form.content_type
        return Streamed(make, media_type, stack.pop_all())


async def _audio(studio: Studio, plan: SpeechPlan, lease: Lease, name: str, head: Head) -> Body:
    """The encoded audio of a plan; its usage is written before the last of it."""
    seconds = 0.0
    encoder = Encoder(name, plan.rate) if name in INLINE else await asyncio.to_thread(Encoder, name, plan.rate)
    async with aclosing(await studio.speech.begin(plan)) as chunks:
        route = chunks.plan.route
        head.update(told(route) | lease.headers())
        async for chunk in chunks:
            seconds += chunk.audio.seconds
            yield await _encoded(encoder, chunk.audio)
    tail = encoder.close() if name in INLINE else await asyncio.to_thread(encoder.close)
    usage = Usage(engine=route.engine, voice=route.voice, characters=len(plan.request.text), audio_seconds=seconds)
    await lease.settle(usage)
    yield tail


def told(route: Route) -> dict[str, str]:
    """The headers that say who speaks."""
    return {
        "X-VoiceForge-Engine": header_text(route.engine),
        "X-VoiceForge-Voice": header_text(route.voice),
        "X-VoiceForge-Reason": header_text(route.reason),
    }


async def _encoded(encoder: Encoder, audio: Audio) -> bytes:
    if encoder.format.name in INLINE and audio.seconds <= 1.0:
        return encoder.feed(audio.samples)
    return await asyncio.to_thread(encoder.feed, audio.samples)


async def _events(studio: Studio, plan: SpeechPlan, lease: Lease, name: str, head: Head) -> Body:
    """The same as OpenAI's events. A failure after the first is told as an event."""
    head["Cache-Control"] = "no-cache"
    head["X-Accel-Buffering"] = "no"
    started = False
    try:
        async with aclosing(_audio(studio, plan, lease, name, head)) as parts:
            async for part in parts:
                if part:
                    audio = base64.b64encode(part).decode()
                    yield event("speech.audio.delta", {"type": "speech.audio.delta", "audio": audio})
                    started = True
    except VoiceForgeError as error:
        if started:
            yield event("error", {"type": "error"} | described(error))
        raise
    characters = len(plan.request.text)
    usage = {"input_tokens": characters, "output_tokens": 0, "total_tokens": characters}
    yield event("speech.audio.done", {"type": "speech.audio.done", "usage": usage})
