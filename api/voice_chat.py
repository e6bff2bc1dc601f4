"""One turn by voice in one request: words or a recording in, the answer's words and sound out. A view over
conversations, which it begins where none is named."""

from __future__ import annotations

import asyncio
import base64
import time
from contextlib import AsyncExitStack
from io import BytesIO
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from accounts.principal import Principal
from api import _turn as turns
from api import conversations as talking
from api._chat_request import decoded
from api._upload import form_schema, json_body, json_schema, uploaded
from api._wiring import House, request_id
from api._ws import messages as wire
from api.conversations import Talker
from audio.encode import find
from storage import conversations as rows
from studio import Studio

router = APIRouter(tags=["conversations"])


class VoiceForm(BaseModel):
    """How a turn is held. Voice, language, model, agent and prompt are those of a new conversation."""

    text: Annotated[str, Field(max_length=wire.LONGEST_TEXT)] = ""
    conversation_id: Annotated[str, Field(max_length=64)] = ""
    voice: str = ""
    language: str = ""
    model: str = ""
    agent: str = ""
    prompt: str = ""
    response_format: str = "mp3"
    speak: bool = True

    def manner(self) -> wire.Manner:
        """Raises ValidationError."""
        names = ("voice", "language", "model", "agent", "prompt")
        return wire.Manner(**{name: value for name in names if (value := getattr(self, name))})


class VoiceBody(VoiceForm):
    audio: str = Field("", description="A recording in base64, in place of the text.")


BODY = json_schema(VoiceBody)
BODY["requestBody"]["content"] |= form_schema(VoiceForm)["requestBody"]["content"]


@router.post("/v1/voice/chat", openapi_extra=BODY)
async def voice_chat(request: Request, studio: House, caller: Talker) -> dict[str, Any]:
    """Say something, in writing or as a recording, and hear the answer. `conversation` in it goes on with it."""
    async with AsyncExitStack() as stack:
        if request.headers.get("content-type", "").startswith("multipart/"):
            upload = await stack.enter_async_context(uploaded(request))
            body: VoiceForm = upload.fields(VoiceForm)
            said = turns.Said(recording=upload.file)
        else:
            body = await json_body(request, VoiceBody)
            said = await _said(body)
        return await _answered(studio, caller, body, said, request_id(request))


async def _said(body: VoiceBody) -> turns.Said:
    if not body.audio:
        return turns.Said(body.text)
    return turns.Said(recording=BytesIO(await asyncio.to_thread(decoded, body.audio)))


async def _answered(
    studio: Studio, caller: Principal, body: VoiceForm, said: turns.Said, name: str
) -> dict[str, Any]:  # fmt: skip
    """Nothing is left of a conversation whose first turn fails."""
    form, id = find(body.response_format), body.conversation_id
    made = "" if id else (await turns.created(studio, caller, body.manner())).id
    try:
        turn = await turns.turn(studio, caller, id or made, said, form=form, speak=body.speak, request_id=name)
    except BaseException:
        if made:
            studio.storage.post(rows.remove, caller.id, made, time.time())
        raise
    audio = base64.b64encode(turn.audio).decode() if turn.audio else None
    return talking.told(turn) | {"audio": audio and {"data": audio} | talking.kind(form)}
