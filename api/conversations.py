"""Conversations over HTTP, turn by turn, and the histories of all of them; `/ws` holds the same ones live."""

from __future__ import annotations

import base64
import json
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, Field

from accounts.principal import Principal
from api import _turn as turns
from api._holds import need_free
from api._shapes import Limit, Offset, listed
from api._upload import form_schema, json_body, json_schema, uploaded
from api._wiring import House, request_id
from api._ws import messages as wire
from api._ws.session import digest, new_token
from api.auth import KnownCaller
from audio.encode import Format, find
from storage import conversations as rows
from storage.conversations import ConversationRecord
from studio import Studio
from voice.talk.journal import history

router = APIRouter(prefix="/v1/conversations", tags=["conversations"])

PAGE = 100


async def talker(caller: KnownCaller) -> Principal:
    """Raises Forbidden for who may not hold conversations."""
    caller.need("conversation")
    return caller


Talker = Annotated[Principal, Depends(talker)]
Id = Annotated[str, Path(max_length=64)]


class ToolOutput(BaseModel):
    call_id: Annotated[str, Field(max_length=200)]
    output: Annotated[str, Field(max_length=wire.LONGEST_TEXT)]


class MessageBody(BaseModel):
    """One side of a turn in writing."""

    content: Annotated[str, Field(max_length=wire.LONGEST_TEXT)] = ""
    tool_results: Annotated[list[ToolOutput], Field(max_length=128)] = []
    response_format: str = "mp3"
    speak: bool = True

    def said(self) -> turns.Said:
        return turns.Said(self.content, results=tuple((one.call_id, one.output) for one in self.tool_results))


class MessageForm(BaseModel):
    """How a recording is to be answered."""

    response_format: str = "mp3"
    speak: bool = True


BODY = json_schema(wire.Manner, required=False)
MESSAGE = json_schema(MessageBody)
MESSAGE["requestBody"]["content"] |= form_schema(MessageForm)["requestBody"]["content"]


def shown(kept: ConversationRecord) -> dict[str, Any]:
    return {
        "object": "conversation",
        "id": kept.id,
        "title": kept.title,
        "created_at": _time(kept.created_at),
        "updated_at": _time(kept.updated_at),
        "settings": json.loads(kept.settings),
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@router.post("", status_code=201, openapi_extra=BODY)
async def create_conversation(request: Request, studio: House, caller: Talker) -> dict[str, Any]:
    """Begin a conversation, with the voice, model, agent and prompt it is to have. The answer's `token` goes on with
    it on `/ws` and is shown only here."""
    return await created(studio, caller, await json_body(request, wire.Manner, optional=True))


async def created(studio: Studio, caller: Principal, manner: wire.Manner) -> dict[str, Any]:
    token = new_token()
    return shown(await turns.created(studio, caller, manner, digest(token))) | {"token": token}


@router.get("")
async def list_conversations(studio: House, caller: Talker, offset: Offset = 0, limit: Limit = PAGE) -> dict[str, Any]:
    """Your conversations, the one used last first."""
    kept = await studio.storage.read(rows.page, caller.id, offset, limit)
    total = await studio.storage.read(rows.count, caller.id)
    return listed(map(shown, kept), has_more=offset + len(kept) < total, total=total)


@router.get("/{conversation_id}")
async def get_conversation(conversation_id: Id, studio: House, caller: Talker) -> dict[str, Any]:
    """One conversation with all that was said in it, and of what we said, how much was heard."""
    kept = await studio.storage.read(rows.get, caller.id, conversation_id)
    live = studio.talks.find(conversation_id)
    items = live.items if live else await history(studio.storage, conversation_id)
    held = live is not None or kept.held(time.time())
    return shown(kept) | {"live": held, "items": [wire.item(item) for item in items]}


@router.delete("/{conversation_id}")
async def delete_conversation(conversation_id: Id, studio: House, caller: Talker) -> dict[str, Any]:
    """Remove one for good. One that is being held on a socket is to be ended first."""
    await need_free(studio.storage, await studio.storage.read(rows.get, caller.id, conversation_id))
    await studio.storage.write(rows.remove, caller.id, conversation_id, time.time())
    return {"object": "conversation", "id": conversation_id, "deleted": True}


@router.post("/{conversation_id}/messages", openapi_extra=MESSAGE)
async def add_message(conversation_id: Id, request: Request, studio: House, caller: Talker) -> dict[str, Any]:
    """Say something, in writing or as a recording, and hear the answer: its text, and its sound in base64."""
    async with AsyncExitStack() as stack:
        if request.headers.get("content-type", "").startswith("multipart/"):
            upload = await stack.enter_async_context(uploaded(request))
            body = upload.fields(MessageForm)
            said = turns.Said(recording=upload.file)
        else:
            body = await json_body(request, MessageBody)
            said = body.said()
        form, name = find(body.response_format), request_id(request)
        turn = await turns.turn(
            studio, caller, conversation_id, said, form=form, speak=body.speak, request_id=name
        )  # fmt: skip
    audio = base64.b64encode(turn.audio).decode() if turn.audio else None
    return told(turn) | {"audio": audio and {"data": audio} | kind(form)}


def told(turn: turns.Turn) -> dict[str, Any]:
    """A turn without its sound."""
    return {
        "object": "conversation.turn",
        "conversation": turn.conversation,
        "message": wire.item(turn.heard) if turn.heard else None,
        "answer": wire.item(turn.answer) if turn.answer else None,
        "calls": [wire.item(item) for item in turn.calls],
        "models": turn.models,
        "milliseconds": turn.milliseconds,
    }


def kind(form: Format) -> dict[str, str]:
    return {"format": form.name, "content_type": form.content_type}
