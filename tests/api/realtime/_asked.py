"""What is asked of `/v1/realtime` in many tests, and what its scripted mind then does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.errors import WorkerDied
from engines import agent as act
from engines.base import Message, ToolCall
from tests.api._realtime import Client, House, said

MANUAL: dict[str, Any] = {"audio": {"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}}}
TEXT: dict[str, Any] = {"output_modalities": ["text"]}
WEATHER: dict[str, Any] = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}


def answer(event: act.Event, history: Sequence[Message]) -> Sequence[Any]:
    """What each word in a question brings about."""
    if isinstance(event, act.ToolResult):
        return (act.Say(f"It is {event.output}."),)
    if isinstance(event, act.Silence):
        return (act.Say("Are you there?"),)
    text = event.text if isinstance(event, act.Heard) else ""
    if "weather" in text:
        return (act.Say("Let me look."), act.Call(ToolCall("call_1", "weather", '{"city": "Oslo"}')))
    if "story" in text:
        return (act.Say("Once upon a time there was a house in which everybody talked and nobody listened at all."),)
    if "break" in text:
        return (act.Say("I am"), WorkerDied("The worker died."))
    if "long" in text:
        return (act.Say("And so"), act.Thought("llm", 3, 2, "length"))
    return (act.Say(f"{len(history)} heard."),)


async def ask(client: Client, text: str) -> None:
    await client.send("conversation.item.create", item=said(text))
    await client.send("response.create")


def items(opened: House) -> list[tuple[str, str]]:
    return [(item.role, item.known.strip()) for item in opened.talks.last.talk.items]
