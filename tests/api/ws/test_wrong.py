"""What cannot be understood on `/ws` is told, and the session lives."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from tests.api._socket import House, house, until
from voice.talk.items import Item

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("sent", "code", "says"),
    [
        ("not json", "invalid_request", "not valid JSON"),
        ("[" * 100_000, "invalid_request", "not valid JSON"),
        ("[1]", "invalid_request", "object with a `type`"),
        ('{"type": 5}', "invalid_request", "object with a `type`"),
        ('{"type": "nonsense"}', "invalid_request", "no message 'nonsense'"),
        ('{"type": "message"}', "invalid_request", "content"),
        ('{"type": "message", "content": 5}', "invalid_request", "content"),
        ('{"type": "message", "content": "  "}', "invalid_request", "no text"),
        ('{"type": "message", "content": "a", "sound": 1}', "invalid_request", "no field 'sound'"),
        ('{"type": "played", "position": -1}', "invalid_request", "position"),
        ('{"type": "played", "position": 1e400}', "invalid_request", "position"),
        ('{"type": "commit"}', "invalid_request", "Nothing was said"),
        ('{"type": "start"}', "invalid_request", "begun already"),
        ('{"type": "configure", "speed": NaN}', "invalid_request", "speed"),
        ('{"type": "configure", "voice": "nobody"}', "voice_not_found", "nobody"),
        ('{"type": "configure", "tools": [{"name": "a", "parameters": {"a": NaN}}]}', "invalid_request", "plain JSON"),
        ('{"type": "configure", "tools": [{"name": "a", "parameters": {"a": "\\ud800"}}]}', "invalid_request", "plain"),
        (
            '{"type": "configure", "tools": [{"name": "a", "parameters": %s}]}' % ('{"a":' * 300 + "1" + "}" * 300),
            "invalid_request",
            "deeper",
        ),
        ('{"type": "ping", "\\ud800": 1}', "invalid_request", "unicode"),
        (json.dumps({"type": "ping"} | dict.fromkeys(map(str, range(100)), 1)), "invalid_request", "fields"),
        (b"\0", "invalid_audio", "even number"),
        (b"\0" * 40_000, "too_large", "1 s of sound"),
        (b"\0" * 10_000_000, "too_large", "1 s of sound"),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_what_cannot_be_understood_is_told_and_the_session_lives(opened: House, sent, code: str, says: str):
    async with opened.started() as (client, _):
        await client.socket.send(sent)
        error = await client.next("error")
        assert (error["code"], error["fatal"]) == (code, False)
        assert says in error["message"]
        await client.send("message", content="Still there?")
        assert (await client.next("item"))["item"]["text"] == "Still there?"


async def test_a_message_beyond_all_measure_is_not_looked_at(opened: House):
    async with opened.started() as (client, _):
        await client.socket.send(json.dumps({"type": "ping", "t": "x" * 3_000_000}))
        error = await client.next("error")
        assert (error["code"], error["fatal"]) == ("too_large", False)


async def test_text_as_opus_is_told(opened: House):
    async with opened.started(input={"format": "opus", "rate": 48000}) as (client, _):
        await client.socket.send(b"\xff\xff\xffHello, I am a text and no sound.")
        assert (await client.next("error"))["code"] == "invalid_audio"
        await client.settled()


async def test_a_session_of_text_takes_no_sound_and_one_by_voice_no_messages(opened: House):
    async with opened.started(mode="text") as (client, _):
        assert not opened.talks.last.settings.speak
        await client.socket.send(b"\0\0")
        assert "text only" in (await client.next("error"))["message"]
    async with opened.started(mode="voice") as (client, _):
        await client.send("message", content="Hello")
        assert "voice only" in (await client.next("error"))["message"]


async def test_a_frame_beyond_all_measure_closes_and_the_session_waits(opened: House):
    async with opened.started() as (client, _):
        with suppress(ConnectionClosed):
            await client.socket.send(b"\0" * 13_000_000)
        assert (await client.closed())[0] == 1009
    session = opened.sessions.live(opened.talks.last.id)
    assert session
    await until(lambda: session.left_at is not None)


async def test_nonsense_without_end_closes(opened: House):
    async with opened.started() as (client, _):
        for _ in range(30):
            await client.send("nonsense")
        assert (await client.closed())[0] == 4400


async def test_the_house_closes_while_one_talks(tmp_path: Path):
    async with house(tmp_path) as found, found.started() as (client, _):
        found.talks.last.add(Item("item_5", "user", "Remember me"))
        sessions = found.sessions
        await sessions.close()
        assert (await client.closed())[0] == 1000
        assert len(sessions) == 0
