"""`/v1/realtime` on a real server: what docs/realtime.md says of it. Each event is checked against OpenAI's types."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api._realtime import House, house, said

pytestmark = pytest.mark.integration


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as found:
        yield found


async def test_a_session_begins(opened: House):
    async with opened.client() as client:
        created = await client.next("session.created")
        session = created["session"]
        assert (session["model"], session["object"], session["type"]) == ("llm", "realtime.session", "realtime")
        assert session["audio"]["input"]["turn_detection"]["type"] == "server_vad"
        assert "voice assistant" in session["instructions"]
        assert (await client.next("conversation.created"))["conversation"]["id"].startswith("conv_")


async def test_a_turn_by_voice_is_answered_by_voice(opened: House):
    async with opened.held(audio={"input": {"transcription": {"model": "whisper-1"}}}) as client:
        opened.talks.last.saying.begins("good morning")
        await client.says(0.6)
        await client.says(0.8, 0.0)
        done = await client.next("response.done")
    assert done["response"]["status"] == "completed"
    answer = "You said good morning. And what else can I do for you today? "
    assert done["response"]["output"][0]["content"] == [{"type": "output_audio", "transcript": answer}]
    kinds = client.kinds()
    assert kinds[3:9] == [
        "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", "input_audio_buffer.committed",
        "conversation.item.added", "conversation.item.done", "conversation.item.input_audio_transcription.delta",
    ]  # fmt: skip
    assert len(client.heard()) == pytest.approx(2 * 24000 * 13 * 0.3, abs=1920)


async def test_a_message_is_answered_when_it_is_asked_for(opened: House):
    async with opened.held(output_modalities=["text"]) as client:
        await client.send("conversation.item.create", item=said("hello"))
        await client.next("conversation.item.done")
        await client.send("response.create")
        done = await client.next("response.done")
    assert done["response"]["output"][0]["content"][0]["text"].startswith("You said hello.")
