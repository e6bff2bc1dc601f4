"""A session of `/v1/realtime`: how it begins and is changed, what it comes to, and how it ends."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from accounts.principal import Limits
from storage import usage as usage_rows
from tests.api._realtime import House, house
from tests.api.realtime._asked import TEXT, WEATHER, ask
from voice.talk.items import Item

pytestmark = pytest.mark.integration


async def test_a_session_begins(opened: House):
    async with opened.client() as client:
        session = (await client.next("session.created"))["session"]
        assert (session["model"], session["object"], session["type"]) == ("llm", "realtime.session", "realtime")
        assert session["audio"]["input"] == {
            "format": {"type": "audio/pcm", "rate": 24000},
            "transcription": None,
            "noise_reduction": None,
            "turn_detection": {
                "type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500,
                "create_response": True, "interrupt_response": True, "idle_timeout_ms": None,
            },
        }  # fmt: skip
        assert "voice assistant" in session["instructions"]
        assert (await client.next("conversation.created"))["conversation"]["id"].startswith("conv_")


async def test_an_update_changes_what_it_names_and_nothing_else(opened: House):
    async with opened.held() as client:
        told = await client.update(
            instructions="Be kind.",
            audio={"output": {"voice": "v", "speed": 1.2}, "input": {"turn_detection": {"silence_duration_ms": 700}}},
        )
        assert (told["instructions"], told["audio"]["output"]["voice"]) == ("Be kind.", "v")
        assert told["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 700
        assert told["audio"]["input"]["turn_detection"]["threshold"] == 0.5
        settings = opened.talks.last.talk.settings
        assert (settings.prompt, settings.voice, settings.speed) == ("Be kind.", "v", 1.2)
        assert (settings.rules.min_delay, settings.rules.max_delay) == (0.7, 0.7)
        told = await client.update(audio={"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "high"}}})
        assert (told["instructions"], told["audio"]["output"]["voice"]) == ("Be kind.", "v")
        assert opened.talks.last.talk.settings.rules.max_delay == 2.0
        await client.update(
            tools=[WEATHER], tool_choice={"type": "function", "name": "weather"}, max_output_tokens=9,
            audio={"input": {"turn_detection": None}},
        )  # fmt: skip
        settings = opened.talks.last.talk.settings
        assert (settings.tool_choice, settings.max_tokens, settings.tools[0].name) == ("weather", 9, "weather")
        assert (settings.rules.mode, settings.respond, settings.interruptible) == ("manual", False, False)


@pytest.mark.parametrize(
    ("session", "param"),
    [
        ({"output_modalities": ["video"]}, "session.output_modalities.0"),
        ({"audio": {"input": {"format": {"type": "audio/mp3"}}}}, "session.audio.input.format"),
        ({"audio": {"input": {"format": {"type": "audio/pcm", "rate": 44100}}}}, "session.audio.input.format.rate"),
        ({"audio": {"output": {"speed": 9}}}, "session.audio.output.speed"),
        ({"audio": {"output": {"voice": "nobody"}}}, "voice"),
        ({"audio": {"input": {"turn_detection": {"threshold": 7}}}}, "session.audio.input.turn_detection.threshold"),
        ({"audio": 3}, "session.audio"),
        ({"tools": [{"type": "mcp", "server_label": "x"}]}, "session.tools.0.type"),
        ({"tool_choice": {"type": "function", "name": "none"}}, "tool_choice"),
        ({"max_output_tokens": 0}, "session.max_output_tokens"),
        ({"type": "transcription"}, "session.type"),
        ({"instructions": 3}, "session.instructions"),
        ({"instructions": "x" * 60_000}, "session.instructions"),
        ({"tracing": [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}, "session"),
    ],
)
async def test_an_update_that_makes_no_sense_changes_nothing(opened: House, session: dict[str, Any], param: str):
    async with opened.held() as client:
        before = opened.talks.last.talk.settings
        error = await client.refused("session.update", session=session)
        assert (error["param"] or "").startswith(param), error
        assert opened.talks.last.talk.settings == before


async def test_any_model_is_taken_and_told_who_it_is(opened: House):
    async with opened.client("?model=gpt-realtime-99") as client:
        assert (await client.next("session.created"))["session"]["model"] == "llm"
        assert (await client.update(model="gpt-realtime-2"))["model"] == "llm"
        assert opened.talks.last.talk.settings.model == "auto"
        await client.update(model="llm")


@pytest.mark.parametrize("way", ["intent", "update"])
async def test_a_session_that_only_listens(opened: House, way: str):
    async with opened.client("?intent=transcription") as client:
        session = (await client.next("session.created"))["session"]
        assert (session["type"], session["object"]) == ("transcription", "realtime.transcription_session")
        if way == "update":
            change = {"type": "transcription", "audio": {"input": {"transcription": {"model": "gpt-4o-transcribe"}}}}
            await client.send("session.update", session=change)
            await client.next("session.updated")
        opened.talks.last.saying.begins("good morning")
        await client.says(0.4)
        await client.says(0.7, 0.0)
        done = await client.next("conversation.item.input_audio_transcription.completed")
        assert done["transcript"] == "good morning"
        assert "no responses" in (await client.refused("response.create"))["message"]
    assert not [kind for kind in client.kinds() if kind.startswith("response.")]
    assert opened.talks.last.talk.items == (Item(done["item_id"], "user", "good morning", spoken=True),)


async def test_what_it_came_to_is_kept(opened: House):
    async with opened.held() as client:
        await client.says(0.3, 0.0)
        await ask(client, "hello")
        await client.next("response.done")
    rows = []
    async with asyncio.timeout(5):
        while not rows:
            rows = await opened.studio.storage.read(usage_rows.recent, 10)
    assert len(opened.rooms) == 0
    assert [row.op for row in rows] == ["conversation"]
    assert rows[0].characters == len("1 heard. ")
    assert rows[0].audio_seconds == pytest.approx(0.3 + 0.6, abs=0.05)
    assert (rows[0].engine, rows[0].input_tokens, rows[0].output_tokens) == ("scripted-tts", 10, 5)


async def test_a_session_expires(tmp_path: Path):
    async with house(tmp_path, longest=1.0) as opened, opened.held() as client:
        assert (await client.next("error"))["error"]["code"] == "session_expired"
        assert (await client.closed())[0] == 1000


async def test_the_house_closes(tmp_path: Path):
    async with house(tmp_path) as opened, opened.held() as client:
        await opened.rooms.close()
        assert await client.closed() == (1000, "The house closes.")


async def test_a_key_s_limit_is_told(opened: House):
    admin = await opened.studio.accounts.identify("an-admin-key-for-these-tests")
    key = await opened.studio.accounts.create_key(admin, "k", ["conversation"], limits=Limits(requests_per_minute=7))
    async with opened.client(key=key.secret) as client:
        await client.update(**TEXT)
        await ask(client, "hello")
        limits = (await client.next("rate_limits.updated"))["rate_limits"]
        assert (limits[0]["name"], limits[0]["limit"], limits[0]["remaining"]) == ("requests", 7, 6)
