"""Gradio's endpoints for conversations: hold one turn by turn, by its id, and look at those there were."""

import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, Literal

import gradio as gr

from accounts.principal import Principal
from api import _turn as turns
from api import conversations as talking
from api import live
from api._binding import caller_of, checked
from api._record_calls import Named, Page
from api._results import kept, uploaded
from api._ws import messages as wire
from audio.encode import find
from storage import conversations as rows
from studio import Studio

Format = Literal["mp3", "opus", "aac", "flac", "wav", "pcm", "ulaw", "alaw"]


def _talker(request: gr.Request) -> Principal:
    caller = caller_of(request)
    caller.need("conversation")
    return caller


async def converse(
    studio: Studio,
    request: gr.Request,
    text: str = "",
    file: gr.FileData | None = None,
    conversation_id: str = "",
    voice: str = "",
    agent: str = "",
    prompt: str = "",
    response_format: Format = "mp3",
) -> tuple[dict[str, Any], gr.FileData | None]:
    """Say something in a conversation, in writing or as a recording, and get the answer as text and as sound.

    Args:
        text: What you say; empty where a recording is sent.
        file: A recording of what you say, in place of the text.
        conversation_id: The conversation to go on with; empty begins a new one, whose id the answer tells.
        voice: Of a new conversation: a voice's id, name or a well-known name such as alloy.
        agent: Of a new conversation: who answers; empty is the assistant.
        prompt: Of a new conversation: instructions in place of the agent's own.
        response_format: The format of the sound.

    Returns:
        The turn with `conversation`, `message`, `answer` and `models`; and the answer's sound as a file.
    """
    caller, form = _talker(request), find(response_format)
    said = _said(text, file)
    id = checked(Named, id=conversation_id).id
    made = "" if id else await _begun(studio, caller, voice=voice, agent=agent, prompt=prompt)
    try:
        turn = await turns.turn(studio, caller, id or made, said, form=form, speak=True)
    except BaseException:
        if made:
            studio.storage.post(rows.remove, caller.id, made, time.time())
        raise
    return talking.told(turn), await kept(_whole(turn.audio), f"answer{form.suffix}") if turn.audio else None


async def _begun(studio: Studio, caller: Principal, **asked: str) -> str:
    manner = checked(wire.Manner, **{name: value for name, value in asked.items() if value})
    return (await turns.created(studio, caller, manner)).id


async def _whole(data: bytes) -> AsyncGenerator[bytes, None]:
    yield data


def _said(text: str, file: Any) -> turns.Said:
    body = checked(talking.MessageBody, content=text)
    recording: Path | None = uploaded(file) if file else None
    return turns.Said(body.content, recording)


async def create_conversation(
    studio: Studio,
    request: gr.Request,
    voice: str = "",
    language: str = "",
    model: str = "auto",
    agent: str = "",
    prompt: str = "",
    speed: float = 1.0,
) -> dict[str, Any]:
    """Begin a conversation, to be held by converse or on the socket.

    Args:
        voice: A voice's id, name or a well-known name such as alloy; empty is the best for the language.
        language: A tag such as en; empty leaves it to the voice and to what is said.
        model: auto, or a language model's name.
        agent: Who answers; empty is the assistant.
        prompt: Instructions in place of the agent's own.
        speed: 0.25 to 4; 1 is the voice's own pace.

    Returns:
        The conversation with its `id`, and the `token` that goes on with it on the socket, shown only here.
    """
    asked = {"voice": voice, "language": language, "model": model, "agent": agent, "prompt": prompt, "speed": speed}
    manner = checked(wire.Manner, **{name: value for name, value in asked.items() if value not in ("", None)})
    return await talking.created(studio, _talker(request), manner)


async def list_conversations(
    studio: Studio, request: gr.Request, offset: int = 0, limit: int = talking.PAGE
) -> dict[str, Any]:
    """List your conversations, the one used last first.

    Args:
        offset: How many to leave out from the beginning.
        limit: How many at most, up to 1000.

    Returns:
        `data` with the conversations, `has_more`, `total`.
    """
    asked = checked(Page, offset=offset, limit=limit)
    return await talking.list_conversations(studio, _talker(request), **asked.model_dump())


async def get_conversation(studio: Studio, request: gr.Request, conversation_id: str) -> dict[str, Any]:
    """Give one of your conversations with all that was said in it.

    Args:
        conversation_id: Its id.

    Returns:
        The conversation with its `items`.
    """
    return await talking.get_conversation(checked(Named, id=conversation_id).id, studio, _talker(request))


async def delete_conversation(studio: Studio, request: gr.Request, conversation_id: str) -> dict[str, Any]:
    """Remove one of your conversations for good.

    Args:
        conversation_id: Its id.

    Returns:
        That it is `deleted`.
    """
    return await talking.delete_conversation(checked(Named, id=conversation_id).id, studio, _talker(request))


async def list_live(studio: Studio, request: gr.Request, after: float = 0.0) -> dict[str, Any]:
    """List your conversations that this process holds on a socket now, the newest first, with their latest events.

    Args:
        after: `now` of the answer before, for only the events since then; 0 is all that are kept.

    Returns:
        `data` with the sessions, `total`, `now`.
    """
    return live.live(studio, caller_of(request), checked(live.Asked, after=after).after)


async def end_live(studio: Studio, request: gr.Request, session_id: str) -> dict[str, Any]:
    """End a conversation that is being held on a socket.

    Args:
        session_id: Its id.

    Returns:
        That it is `ended`.
    """
    return await live.ended(studio, caller_of(request), checked(Named, id=session_id).id)
