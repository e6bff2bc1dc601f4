"""How a session of `/ws` begins, and who may begin one."""

from __future__ import annotations

import logging

import pytest
from websockets.exceptions import InvalidStatus

from storage import usage as usage_rows
from tests.api._socket import ADMIN, KEY, House, until
from voice.talk import events

pytestmark = pytest.mark.integration


async def test_a_session_begins_as_it_is_asked_for(opened: House):
    asked = {"input": {"format": "pcm16", "rate": 48000}, "output": {"format": "opus", "rate": 48000}, "voice": "v",
             "rules": {"min_delay": 0.3}, "turns": "manual", "model": "small", "prompt": "Be kind.",
             "tools": [{"name": "time"}]}  # fmt: skip
    async with opened.started(**asked) as (_, ready):
        assert (ready["v"], ready["resumed"], ready["position"], ready["history"]) == (1, False, 0, [])
        assert (ready["input"], ready["output"], ready["rate"]) == (asked["input"], asked["output"], 48000)
        assert ready["models"] == {"hears": "stt", "thinks": "llm", "speaks": "tts"}
        settings = opened.talks.last.settings
        assert (settings.voice, settings.prompt, settings.model, settings.output_rate) == (
            "v",
            "Be kind.",
            "small",
            48000,
        )
        assert (settings.rules.min_delay, settings.rules.mode, settings.tools[0].name) == (0.3, "manual", "time")
        assert opened.talks.last.begun


async def test_without_start_the_first_message_begins_it(opened: House):
    async with opened.client() as client:
        await client.send("message", content="Hello")
        ready = await client.next("ready")
        assert (ready["input"], ready["output"]) == (
            {"format": "pcm16", "rate": 16000},
            {"format": "pcm16", "rate": 24000},
        )
        assert (await client.next("item"))["item"]["text"] == "Hello"
        assert (await client.next("item"))["item"]["text"] == "You wrote: Hello"


async def test_without_start_the_first_sound_begins_it(opened: House):
    async with opened.client() as client:
        await client.socket.send(b"\1\0" * 320)
        await client.next("ready")
        await client.settled()
        assert len(opened.talks.last.samples) == 320


async def test_what_is_wrong_with_a_start_is_told_and_it_may_be_tried_again(opened: House):
    async with opened.client() as client:
        for asked, code in (
            ({"voice": "nobody"}, "voice_not_found"),
            ({"agent": "nobody"}, "model_not_found"),
            ({"v": 2}, "invalid_request"),
            ({"rules": {"nonsense": 1}}, "invalid_request"),
            ({"rules": {"min_delay": -1}}, "invalid_request"),
            ({"output": {"format": "opus", "rate": 44100}}, "invalid_request"),
            ({"input": {"format": "pcm16", "rate": 7999}}, "invalid_request"),
            ({"nonsense": 1}, "invalid_request"),
            ({"session": "conv_none", "token": "x"}, "not_found"),
        ):
            await client.send("start", **asked)
            assert (await client.next("error"))["code"] == code, asked
        assert len(opened.sessions) == 0
        await client.send("start")
        await client.next("ready")
        assert opened.studio.accounts._running.running("local") == 1


@pytest.mark.parametrize("way", ["header", "query", "subprotocol", "start", "message"])
async def test_a_key_comes_in_five_ways(keyed: House, way: str, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    headers = KEY if way == "header" else {}
    path = f"/ws?key={ADMIN}" if way == "query" else "/ws"
    more = {"subprotocols": ["voiceforge", f"key.{ADMIN}"]} if way == "subprotocol" else {}
    async with keyed.client(headers, path, **more) as client:
        key = {"key": ADMIN} if way in ("start", "message") else {}
        if way == "message":
            await client.send("message", content="Hello", **key)
        else:
            await client.send("start", **key)
        await client.next("ready")
        assert client.socket.subprotocol == ("voiceforge" if more else None)
    assert ADMIN not in caplog.text


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "vf_live_nothing"}])
async def test_without_a_good_key_it_closes(keyed: House, headers: dict[str, str]):
    async with keyed.client(headers) as client:
        if not headers:
            await client.send("start")
        error = await client.next("error")
        assert (error["code"], error["fatal"]) == ("invalid_api_key", True)
        assert (await client.closed())[0] == 4401
    assert keyed.talks.opened == []


async def test_a_key_without_the_scope_is_not_allowed(keyed: House):
    admin = await keyed.studio.accounts.identify(ADMIN)
    key = await keyed.studio.accounts.create_key(admin, "ears", ["transcription"])
    async with keyed.client({"X-API-Key": key.secret}) as client:
        await client.send("start")
        assert (await client.next("error"))["code"] == "insufficient_scope"
        assert (await client.closed())[0] == 1008


async def test_a_foreign_page_is_kept_out_where_no_key_is_asked_for(opened: House):
    with pytest.raises(InvalidStatus) as caught:
        async with opened.client(origin="https://evil.example"):
            pass
    assert caught.value.response.status_code == 403
    async with opened.client(origin="http://localhost:7860") as client:
        await client.send("start")
        await client.next("ready")


async def test_a_key_has_so_many_at_once(keyed: House):
    from accounts.principal import Limits

    admin = await keyed.studio.accounts.identify(ADMIN)
    key = await keyed.studio.accounts.create_key(admin, "one", ["conversation"], limits=Limits(concurrent=1))
    headers = {"X-API-Key": key.secret}
    async with keyed.client(headers) as first:
        await first.send("start")
        await first.next("ready")
        async with keyed.client(headers) as second:
            await second.send("start")
            assert (await second.next("error"))["code"] == "concurrency_limit_exceeded"
            assert (await second.closed())[0] == 1013
        await first.send("end")
        assert (await first.closed())[0] == 1000
    async with keyed.client(headers) as third:
        await third.send("start")
        await third.next("ready")


async def test_a_full_house_turns_away_until_one_who_left_is_given_up(opened: House):
    opened.talks.most = 1
    async with opened.started(), opened.client() as other:
        await other.send("start")
        error = await other.next("error")
        assert (error["code"], error["retry_after"]) == ("overloaded", 5.0)
        assert (await other.closed())[0] == 1013
    await until(lambda: any(session.left_at for session in opened.sessions._sessions.values()))
    async with opened.started():
        assert len(opened.sessions) == 1


async def test_what_it_came_to_is_settled(opened: House):
    async with opened.started() as (client, _):
        talk = opened.talks.last
        await client.socket.send(b"\0\0" * 16000)
        talk.tell(events.TextDelta("resp_1", "item_1", "Good morning."))
        talk.tell(events.Speaking("resp_1", "item_1", 0, 13, 0, "tts/first", "tts"))
        talk.say(50)
        await client.sound(50)
        await client.settled()
        await client.send("end")
        assert await client.closed() == (1000, "ended by the client")
    row = (await opened.studio.storage.read(usage_rows.recent, 1))[0]
    assert (row.op, row.engine, row.voice, row.characters, row.audio_seconds, row.status) == (
        "conversation", "tts", "tts/first", 13, 2.0, "ok",
    )  # fmt: skip
    assert opened.studio.accounts._running.running("local") == 0
