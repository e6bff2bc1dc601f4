"""Speech with the times of its words: audio and captions in one answer, which is held in memory until it is whole."""

import asyncio
import base64
import json
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing
from functools import partial
from typing import Any, Literal

from fastapi import APIRouter, Request, Response

from accounts.lease import Lease, Usage
from accounts.principal import Principal
from api._stream import Body, Head, Streamed
from api._upload import json_body, json_schema
from api._wiring import House, request_id
from api.auth import KnownCaller
from api.speech import SpeechBody, told
from audio.encode import Encoder, find
from core.errors import TooLarge
from engines.base import Chunk, Word
from studio import Studio
from voice.captions import srt, vtt
from voice.cues import cues
from voice.speech import SpeechPlan

router = APIRouter(tags=["speech"])

MOST_CHARS = 20_000
"""Of a text, about 25 minutes of speech."""
TYPES = {"json": "application/json", "srt": "application/x-subrip", "vtt": "text/vtt"}


class CaptionsBody(SpeechBody):
    """The body of `/v1/audio/speech`, and in which form the captions are wanted; the stream format is not looked at."""

    captions: Literal["json", "srt", "vtt"] = "json"


ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The audio in base64 with its words and captions, or the captions alone",
        "content": {"application/json": {}, "application/x-subrip": {}, "text/vtt": {}},
    }
}


@router.post(
    "/v1/audio/speech/captions", openapi_extra=json_schema(CaptionsBody), responses=ANSWERS, response_class=Response
)
async def speech_captions(request: Request, studio: House, caller: KnownCaller) -> Response:
    """Speak a text of up to 20,000 characters and say when each word is heard. `estimated` tells whether an engine
    that knows no times was among those who spoke."""
    body = await json_body(request, CaptionsBody)
    plan = await planned(studio, caller, body)
    async with AsyncExitStack() as stack:
        lease = await stack.enter_async_context(
            await studio.accounts.admit(caller, "speech", characters=len(body.input), request_id=request_id(request))
        )
        make = partial(_answer, studio, plan, lease, body)
        return Streamed(make, TYPES[body.captions], stack.pop_all())


async def made(studio: Studio, caller: Principal, body: CaptionsBody) -> str:
    """The answer's text, metered."""
    plan = await planned(studio, caller, body)
    async with await studio.accounts.admit(caller, "speech", characters=len(body.input)) as lease:
        return (await _captioned(studio, plan, lease, body))[0]


async def planned(studio: Studio, caller: Principal, body: CaptionsBody) -> SpeechPlan:
    find(body.response_format)
    if len(body.input) > MOST_CHARS:
        raise TooLarge(
            f"The text has {len(body.input):,} characters; with captions at most {MOST_CHARS:,} are spoken at a time.",
            param="input",
        )
    return await studio.plan(caller, body.request())


async def _answer(studio: Studio, plan: SpeechPlan, lease: Lease, body: CaptionsBody, head: Head) -> Body:
    text, plan = await _captioned(studio, plan, lease, body)
    head["X-VoiceForge-Estimated"] = "true" if plan.estimated else "false"
    head.update(told(plan.route) | lease.headers())
    yield text.encode()


async def _captioned(studio: Studio, plan: SpeechPlan, lease: Lease, body: CaptionsBody) -> tuple[str, SpeechPlan]:
    """The answer, and the plan of who really spoke."""
    words: list[Word] = []
    audio, seconds = bytearray(), 0.0
    async with aclosing(await studio.speech.begin(plan)) as chunks:
        plan = chunks.plan
        async with aclosing(_encoded(chunks, body, plan.rate, words)) as parts:
            async for part, length in parts:
                audio += part
                seconds += length
    route = plan.route
    timed = await asyncio.to_thread(studio.speech.marked, plan, words)
    text = await asyncio.to_thread(_written, plan, body, timed, audio, seconds)
    await lease.settle(Usage(engine=route.engine, voice=route.voice, characters=len(body.input), audio_seconds=seconds))
    return text, plan


async def _encoded(
    chunks: AsyncIterator[Chunk], body: CaptionsBody, rate: int, words: list[Word]
) -> AsyncGenerator[tuple[bytes, float], None]:
    """Encoded audio, where it is wanted, and the seconds of it; its words go to `words`."""
    encoder = await asyncio.to_thread(Encoder, body.response_format, rate) if body.captions == "json" else None
    async for chunk in chunks:
        words += chunk.words
        part = await asyncio.to_thread(encoder.feed, chunk.audio.samples) if encoder else b""
        yield part, chunk.audio.seconds
    yield (await asyncio.to_thread(encoder.close) if encoder else b""), 0.0


def _written(plan: SpeechPlan, body: CaptionsBody, words: Sequence[Word], audio: bytearray, seconds: float) -> str:
    segments = cues(words, plan.route.language)
    if body.captions != "json":
        return srt(segments, wrap=True) if body.captions == "srt" else vtt(segments, wrap=True)
    if body.response_format == "wav":
        _true_lengths(audio)
    times = [{"word": word.text, "start": round(word.start, 3), "end": round(word.end, 3)} for word in words]
    answer = {
        "audio": base64.b64encode(audio).decode(),
        "format": body.response_format,
        "duration": round(seconds, 3),
        "estimated": plan.estimated,
        "words": times,
        "srt": srt(segments, wrap=True),
        "vtt": vtt(segments, wrap=True),
    }
    return json.dumps(answer, ensure_ascii=False)


def _true_lengths(wav: bytearray) -> None:
    """A streamed WAV's header of 44 bytes does not know how long it has become."""
    struct.pack_into("<I", wav, 4, len(wav) - 8)
    struct.pack_into("<I", wav, 40, len(wav) - 44)
