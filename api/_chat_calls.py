"""Gradio's endpoints of the conversation's OpenAI dialect: an answer of a language model, and secrets for browsers."""

from typing import Any

import gradio as gr

from api import chat_completions as chatting
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
    caller = caller_of(request)
    caller.need("conversation")
    own = {"messages": messages, "model": model, "tools": tools, "response_format": response_format, "audio": audio}
    if not isinstance(options, dict | None):
        raise BadRequest("options takes an object.", param="options")
    modalities = {"modalities": ["text", "audio"]} if audio is not None else {}
    body = checked(ChatBody, **((options or {}) | own | modalities | {"stream": False}))
    asked = body.asked()
    async with await studio.accounts.admit(caller, "chat", characters=int(asked.speaks)) as lease:
        return await chatting.completed(studio, caller, lease, asked, Tally())
