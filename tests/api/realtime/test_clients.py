"""The clients that people have hold a conversation with `/v1/realtime`, unchanged: voice, a tool, an interruption."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI

from engines import agent as act
from engines.base import Message, ToolCall
from tests.api._realtime import QUICK, House, ScriptedTalks, house, sound
from tests.api._socket import ADMIN
from voice.simulator.parts import ScriptedAgent

pytestmark = pytest.mark.integration

LONG = "It is five degrees in Oslo and it will stay so for all of the day and for most of the night as well."


def forecast(event: act.Event, history: Sequence[Message]) -> Sequence[act.Action]:
    if isinstance(event, act.ToolResult):
        assert event.output == "5 degrees"
        return (act.Say(LONG),)
    if isinstance(event, act.Heard) and "weather" in event.text:
        return (act.Call(ToolCall("call_1", "get_weather", '{"city": "Oslo"}')),)
    return (act.Say("You are welcome."),)


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, talks=ScriptedTalks(ScriptedAgent(forecast, QUICK))) as found:
        yield found


class Microphone:
    """Sends sound as it comes, silence where nobody speaks."""

    def __init__(self, send: Any):
        self._send = send
        self._loud = 0

    def speak(self, seconds: float) -> None:
        self._loud = round(seconds / 0.02)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self._loud -= 1
            await self._send(base64.b64decode(sound(0.3 if self._loud >= 0 else 0.0)))
            due += 0.02
            await asyncio.sleep(due - loop.time())


async def test_the_official_client(opened: House):
    client = AsyncOpenAI(api_key=ADMIN, base_url=opened.http)
    tool: Any = {"type": "function", "name": "get_weather", "description": "The weather.",
                 "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}  # fmt: skip
    heard: list[str] = []
    played, item, statuses = 0, "", []
    async with client, client.realtime.connect(model="gpt-realtime") as connection:
        await connection.session.update(
            session={
                "type": "realtime",
                "instructions": "Be brief.",
                "tools": [tool],
                "audio": {
                    "input": {"transcription": {"model": "whisper-1"}, "turn_detection": {"type": "semantic_vad"}},
                    "output": {"voice": "marin"},
                },
            }
        )

        async def send(data: bytes) -> None:
            await connection.input_audio_buffer.append(audio=base64.b64encode(data).decode())

        microphone = Microphone(send)
        speaking = asyncio.create_task(microphone.run())
        opened.talks.last.saying.begins("how is the weather")
        microphone.speak(0.6)
        async with asyncio.timeout(30):
            async for event in connection:
                if event.type == "conversation.item.input_audio_transcription.completed":
                    heard.append(event.transcript)
                elif event.type == "response.function_call_arguments.done":
                    assert (event.name, event.arguments) == ("get_weather", '{"city": "Oslo"}')
                    await connection.conversation.item.create(
                        item={"type": "function_call_output", "call_id": event.call_id, "output": "5 degrees"}
                    )
                    await connection.response.create()
                elif event.type == "response.output_audio.delta":
                    played, item = played + len(base64.b64decode(event.delta)), event.item_id
                    if 48000 <= played < 48960:
                        opened.talks.last.saying.begins("thank you")
                        microphone.speak(1.2)
                elif event.type == "input_audio_buffer.speech_started" and played:
                    await connection.conversation.item.truncate(item_id=item, content_index=0, audio_end_ms=900)
                elif event.type == "response.done":
                    statuses.append(event.response.status)
                    if len(statuses) == 3:
                        break
                assert event.type != "error", event
        speaking.cancel()
    assert statuses == ["completed", "cancelled", "completed"]
    assert heard == ["how is the weather", "thank you"]
    items = opened.talks.last.talk.items
    assert [(one.role, one.known.strip()) for one in items] == [
        ("user", "how is the weather"), ("assistant", ""), ("tool", "5 degrees"), ("assistant", "It is five"),
        ("user", "thank you"), ("assistant", "You are welcome."),
    ]  # fmt: skip


async def test_the_agents_runner(opened: House):
    agents = pytest.importorskip("agents", reason="openai-agents is not installed")
    realtime = pytest.importorskip("agents.realtime")

    async def get_weather(city: str) -> str:
        assert city == "Oslo"
        return "5 degrees"

    agents.set_tracing_disabled(True)
    agent = realtime.RealtimeAgent(name="weather", instructions="Be brief.", tools=[agents.function_tool(get_weather)])
    session = await realtime.RealtimeRunner(agent).run(
        model_config={"api_key": ADMIN, "url": f"{opened.http.replace('http', 'ws', 1)}/realtime?model=gpt-realtime"}
    )
    kinds: list[str] = []
    errors: list[Any] = []
    sounds = 0
    async with session, asyncio.timeout(30):
        microphone = Microphone(session.send_audio)
        speaking = asyncio.create_task(microphone.run())
        await asyncio.sleep(0.2)
        opened.talks.last.saying.begins("how is the weather")
        microphone.speak(0.6)
        async for event in session:
            if event.type == "audio":
                sounds += 1
                if sounds == 50:
                    opened.talks.last.saying.begins("thank you")
                    microphone.speak(1.2)
            elif event.type == "error":
                errors.append(event.error)
            elif event.type not in ("raw_model_event", "history_updated", "history_added"):
                kinds.append(event.type)
                if event.type == "agent_end" and kinds.count("agent_end") == 3:
                    break
        speaking.cancel()
    assert errors == []
    assert kinds.count("agent_start") == 3
    assert kinds.index("tool_start") < kinds.index("tool_end") < kinds.index("audio_interrupted")
    said = [(item.role, item.known.strip()) for item in opened.talks.last.talk.items]
    assert said[:3] == [("user", "how is the weather"), ("assistant", ""), ("tool", "5 degrees")]
    role, text = said[3]
    assert role == "assistant"
    assert LONG.startswith(text)
    assert 0 < len(text) < len(LONG)
    assert said[4:] == [("user", "thank you"), ("assistant", "You are welcome.")]
