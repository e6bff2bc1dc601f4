"""A language model's answers over HTTP, in OpenAI's dialect: words and sound in, words and sound out."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from accounts.lease import Lease
from accounts.principal import Principal
from api._chat_request import Asked, ChatBody, spoken_id
from api._chat_turn import Tally, performed
from api._stream import Body, Head, Streamed, header_text
from api._upload import json_body, json_schema
from api._wiring import House, request_id
from api.conversations import Talker
from api.errors import described
from audio.encode import encode
from audio.value import Audio
from core.errors import VoiceForgeError
from engines.base import Delta, ToolCall
from studio import Studio

router = APIRouter(tags=["conversations"])

GOOD_FOR = 86_400
"""Seconds for which a spoken answer can be referred to by its id, as we promise; ids do not end."""

BODY = json_schema(ChatBody)
ANSWERS: dict[int | str, dict[str, Any]] = {200: {"description": "The answer, or its events"}}


@router.post("/v1/chat/completions", openapi_extra=BODY, responses=ANSWERS, response_class=Response)
async def chat_completions(request: Request, studio: House, caller: Talker) -> Response:
    """Answer a conversation, whole or with `stream` as events. Messages may hold recordings, and with the modality
    `audio` the answer is spoken too. The header X-VoiceForge-Engine says who thinks, and a name that is another
    house's, such as gpt-4o, is taken for `auto`."""
    body = await json_body(request, ChatBody)
    asked = body.asked()
    async with AsyncExitStack() as stack:
        lease = await stack.enter_async_context(
            await studio.accounts.admit(caller, "chat", characters=int(asked.speaks), request_id=request_id(request))
        )
        usage = bool(body.stream_options and body.stream_options.include_usage)
        make = partial(_events, usage) if body.stream else _whole
        media_type = "text/event-stream" if body.stream else "application/json"
        return Streamed(partial(make, studio, caller, lease, asked), media_type, stack.pop_all())


async def _whole(studio: Studio, caller: Principal, lease: Lease, asked: Asked, head: Head) -> Body:
    tally = Tally()
    answer = await completed(studio, caller, lease, asked, tally)
    _name(tally, lease, head)
    yield json.dumps(answer, ensure_ascii=False).encode()


async def completed(
    studio: Studio, caller: Principal, lease: Lease, asked: Asked, tally: Tally
) -> dict[str, Any]:  # fmt: skip
    """The whole answer as OpenAI's `chat.completion`; its usage is kept when this returns."""
    parts: list[str] = []
    calls: list[ToolCall] = []
    sounds: list[Audio] = []
    async with _paid(lease, tally), aclosing(performed(studio, caller, asked, tally)) as steps:
        async for part in steps:
            if isinstance(part, Audio):
                sounds.append(part)
            else:
                parts.append(part.text)
                calls += part.calls
    text = "".join(parts)
    message: dict[str, Any] = {"role": "assistant", "content": text or None, "refusal": None}
    if calls:
        message["tool_calls"] = [_call(call) for call in calls]
    if sounds:
        data = await asyncio.to_thread(partial(encode, Audio.join(sounds), asked.format))
        message["content"] = None
        message["audio"] = _reference(text) | {"data": base64.b64encode(data).decode(), "transcript": text}
    await lease.settle(tally.usage())
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": tally.finish}
    return _Answer("chat.completion").shown(tally, [choice]) | {"usage": _usage(tally)}


async def _events(
    with_usage: bool, studio: Studio, caller: Principal, lease: Lease, asked: Asked, head: Head
) -> Body:  # fmt: skip
    """The same as OpenAI's chunks. A failure after the first is told as an event."""
    head["Cache-Control"] = "no-cache"
    head["X-Accel-Buffering"] = "no"
    tally, answer = Tally(), _Answer("chat.completion.chunk", {"usage": None} if with_usage else {})
    writer = _Writer(asked.speaks)
    try:
        async with _paid(lease, tally), aclosing(performed(studio, caller, asked, tally)) as steps:
            async for part in steps:
                if not writer.begun:
                    _name(tally, lease, head)
                for delta in writer.deltas(part):
                    yield answer.event(tally, delta)
    except VoiceForgeError as error:
        if writer.begun:
            yield _event(described(error))
        raise
    await lease.settle(tally.usage())
    for delta in writer.last():
        yield answer.event(tally, delta)
    yield answer.event(tally, {}, tally.finish)
    if with_usage:
        yield _event(answer.shown(tally, []) | {"usage": _usage(tally)})
    yield b"data: [DONE]\n\n"


@asynccontextmanager
async def _paid(lease: Lease, tally: Tally) -> AsyncIterator[None]:
    """A client that vanishes pays for what was made until then; nobody knew before how much it would be."""
    try:
        yield
    except (asyncio.CancelledError, GeneratorExit):
        await lease.settle(tally.usage(), "cancelled")
        raise


class _Writer:
    """The deltas of a streamed answer."""

    def __init__(self, speaks: bool):
        self.begun = False
        self._speaks = speaks
        self._text: list[str] = []
        self._calls = 0

    def deltas(self, part: Delta | Audio) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        if not self.begun:
            self.begun = True
            found.append({"role": "assistant"} | ({} if self._speaks else {"content": ""}))
        if isinstance(part, Audio):
            data = base64.b64encode(part.pcm16()).decode()
            return [*found, {"audio": {"data": data}}] if data else found
        if part.text:
            self._text.append(part.text)
            found.append({"audio": {"transcript": part.text}} if self._speaks else {"content": part.text})
        for call in part.calls:
            found.append({"tool_calls": [{"index": self._calls} | _call(call)]})
            self._calls += 1
        return found

    def last(self) -> list[dict[str, Any]]:
        """The id of a spoken answer, which holds its words."""
        text = "".join(self._text)
        return [{"audio": _reference(text)}] if self._speaks and text else []


@dataclass(frozen=True)
class _Answer:
    """What all parts of one answer have in common."""

    object: str
    more: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: f"chatcmpl-{secrets.token_hex(14)}")
    created: int = field(default_factory=lambda: int(time.time()))

    def shown(self, tally: Tally, choices: Sequence[dict[str, Any]]) -> dict[str, Any]:
        head = {"id": self.id, "object": self.object, "created": self.created, "model": tally.engine}
        return head | {"choices": list(choices), "system_fingerprint": None} | self.more

    def event(self, tally: Tally, delta: dict[str, Any], finish: str | None = None) -> bytes:
        return _event(self.shown(tally, [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]))


def _event(data: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()


def _name(tally: Tally, lease: Lease, head: Head) -> None:
    """Say in the headers who thinks."""
    head["X-VoiceForge-Engine"] = header_text(tally.engine)
    head["X-VoiceForge-Reason"] = header_text(tally.reason)
    head.update(lease.headers())


def _call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _reference(text: str) -> dict[str, Any]:
    return {"id": spoken_id(text), "expires_at": int(time.time()) + GOOD_FOR}


def _usage(tally: Tally) -> dict[str, Any]:
    asked, answered = tally.input_tokens, tally.output_tokens
    return {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}
