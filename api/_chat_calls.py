"""Gradio's endpoints of the conversation's OpenAI dialect: an answer of a language model, and secrets for browsers."""

from typing import Any, Literal

import gradio as gr

from accounts.ephemeral import USUAL
from accounts.principal import Principal
from api import chat_completions as chatting
from api import client_secrets as secrets
from api._binding import caller_of, checked
from api._chat_request import ChatBody
from api._chat_turn import Tally
from core.errors import BadRequest
from studio import Studio


async def chat(
    studio: Studio,
    request: gr.Request,
    messages: list[dict[str, Any]],
    model: str = "auto",
    tools: list[dict[str, Any]] | None = None,
    response_format: dict[str, Any] | None = None,
    audio: dict[str, Any] | None = None,
    options: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Answer a conversation with a language model, in OpenAI's shape of chat completions.

    Args:
        messages: Each with `role` and `content`, oldest first; content may hold parts of text and input_audio.
        model: auto, or a language model's name.
        tools: What the model may ask for, each `{"type": "function", "function": {name, description, parameters}}`.
        response_format: `{"type": "json_schema", "json_schema": {"schema": …}}` for an answer that satisfies it.
        audio: `{"voice": …, "format": "wav"}` for an answer that is spoken too.
        options: Others of OpenAI's fields, such as temperature, max_tokens, stop and tool_choice.

    Returns:
        The `chat.completion` with its choice, and the tokens it took.
    """
    caller = _talker(request)
    own = {"messages": messages, "model": model, "tools": tools, "response_format": response_format, "audio": audio}
    if not isinstance(options, dict | None):
        raise BadRequest("options takes an object.", param="options")
    modalities = {"modalities": ["text", "audio"]} if audio is not None else {}
    body = checked(ChatBody, **((options or {}) | own | modalities | {"stream": False}))
    asked = body.asked()
    async with await studio.accounts.admit(caller, "chat", characters=int(asked.speaks)) as lease:
        return await chatting.completed(studio, caller, lease, asked, Tally())


async def create_client_secret(
    studio: Studio,
    request: gr.Request,
    session: dict[str, Any] | None = None,
    seconds: int = USUAL,
    once: bool = False,
) -> dict[str, Any]:
    """Make a secret with which a browser opens /v1/realtime; what the session names is fixed.

    Args:
        session: A session in OpenAI's shape, such as `{"instructions": …, "audio": {"output": {"voice": …}}}`.
        seconds: How long it is good for, 10 to 600.
        once: Whether it is good for one session only.

    Returns:
        Its `value`, which is shown only here, `expires_at`, and the session as it will be told.
    """
    asked = checked(secrets.SecretBody, session=session, expires_after={"seconds": seconds}, once=once)
    return await secrets.made(studio, _talker(request), asked)


async def create_realtime_session(
    studio: Studio,
    request: gr.Request,
    model: str = "",
    session: dict[str, Any] | None = None,
    mode: Literal["auto", "here", "direct"] = "auto",
    seconds: int = USUAL,
) -> dict[str, Any]:
    """Give a browser everything to begin a realtime session: address, secret and subprotocols.

    Args:
        model: auto, a language model's name, or one of the owner's realtime server.
        session: A session in OpenAI's shape.
        mode: here for this house, direct for the owner's realtime server itself, auto for what the owner allows.
        seconds: How long the secret is good for, 10 to 600.

    Returns:
        `mode`, `url`, `protocols`, `client_secret` and `session`.
    """
    asked = checked(secrets.SessionBody, model=model, session=session, mode=mode, expires_after={"seconds": seconds})
    base_url = str(request.request.base_url) if request.request else ""
    return await secrets.begun(studio, _talker(request), asked, base_url)


def _talker(request: gr.Request) -> Principal:
    caller = caller_of(request)
    caller.need("conversation")
    return caller
