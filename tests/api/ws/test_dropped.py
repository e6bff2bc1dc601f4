"""A dropped connection of `/ws`: it goes on at the very sample, and nobody else takes it over."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from api._wire.outbox import Outbox
from api._ws import messages
from engines.base import ToolCall
from tests.api._socket import ADMIN, KEY, House, house, until
from voice.talk.items import Item

pytestmark = pytest.mark.integration


async def dropped(opened: House) -> None:
    session = opened.sessions.live(opened.talks.last.id)
    assert session
    await until(lambda: session.left_at is not None)


async def test_a_dropped_connection_goes_on_at_exactly_the_sample(opened: House):
    async with opened.started() as (client, ready):
        talk = opened.talks.last
        await client.socket.send(b"\0\0" * 480)
        talk.say(10)
        first = await client.sound(4)
        client.socket.transport.abort()
    await dropped(opened)
    assert not talk.attached
    received = len(b"".join(first)) // 2
    async with opened.started(session=ready["session"], token=ready["token"], received=received) as (client, again):
        assert (again["resumed"], again["session"], again["position"]) == (True, ready["session"], 4 * 480)
        assert again["heard_input"] == 480
        assert opened.talks.last is talk
        talk.say(3)
        assert (await client.next("audio"))["position"] == 4 * 480
        both = np.frombuffer(b"".join([*first, *await client.sound(3)]), "<i2")
        assert np.array_equal(both, np.arange(7 * 480))


async def test_it_may_go_on_in_another_format(opened: House):
    async with opened.started() as (client, ready):
        client.socket.transport.abort()
    await dropped(opened)
    sound = {"format": "opus", "rate": 48000}
    async with opened.started(**{name: ready[name] for name in ("session", "token")}, output=sound) as (client, again):
        assert (again["output"], again["rate"]) == (sound, 24000)
        opened.talks.last.say(5)
        assert len(await client.sound(4)) == 4


async def test_a_connection_takes_over_from_one_that_hangs(opened: House):
    async with opened.started() as (first, ready):
        asked = {"session": ready["session"], "token": ready["token"]}
        async with opened.started(**asked) as (second, again):
            assert again["resumed"]
            assert (await first.closed()) == (1000, "Another connection goes on with this session.")
            await second.send("message", content="Hello")
            await second.next("item")
            assert opened.sessions.live(ready["session"])


@pytest.mark.parametrize("wrong", ["token", "caller"])
async def test_nobody_takes_over_a_session_that_is_not_his(keyed: House, wrong: str):
    admin = await keyed.studio.accounts.identify(ADMIN)
    key = await keyed.studio.accounts.create_key(admin, "other", ["conversation"])
    async with keyed.client(KEY) as client:
        await client.send("start")
        ready = await client.next("ready")
        headers = KEY if wrong == "token" else {"X-API-Key": key.secret}
        async with keyed.client(headers) as thief:
            token = "guessed" if wrong == "token" else ready["token"]
            await thief.send("start", session=ready["session"], token=token)
            assert (await thief.next("error"))["code"] == "not_found"
        await client.settled()


async def test_after_a_minute_nobody_is_waited_for(opened: House, monkeypatch: pytest.MonkeyPatch):
    async with opened.started() as (client, _):
        client.socket.transport.abort()
    await dropped(opened)
    opened.sessions._look_at(next(iter(opened.sessions._sessions.values())), opened.sessions.clock() + 59)
    assert len(opened.sessions) == 1
    opened.sessions._look_at(next(iter(opened.sessions._sessions.values())), opened.sessions.clock() + 61)
    await until(lambda: opened.talks.last.over and not opened.sessions)
    assert opened.studio.accounts._running.running("local") == 0


async def test_who_comes_back_while_he_is_given_up_is_not_thrown_out_again(opened: House):
    async with opened.started() as (client, ready):
        client.socket.transport.abort()
    await dropped(opened)
    sessions = opened.sessions
    first = sessions.live(ready["session"])
    assert first
    asked = messages.Start(session=ready["session"], token=ready["token"])
    outbox = Outbox(_nowhere, sessions.clock)
    sessions._look_at(first, sessions.clock() + 61)
    session = await sessions.start(first.caller, asked, outbox)
    await until(lambda: opened.talks.opened[0].over)
    assert sessions.live(ready["session"]) is session
    assert not session.over
    assert not outbox.closing


async def test_the_end_of_what_was_is_not_that_of_what_goes_on(opened: House):
    async with opened.started() as (_, ready):
        first = opened.sessions.live(ready["session"])
        assert first
        await opened.sessions.end(first, "test")
        async with opened.started(session=ready["session"], token=ready["token"]) as (again, _):
            second = opened.sessions.live(ready["session"])
            await opened.sessions.end(first, "test")
            assert opened.sessions.live(ready["session"]) is second
            await again.settled()


async def _nowhere(message: dict[str, Any]) -> None: ...


async def test_what_breaks_while_it_ends_leaves_nothing_behind(opened: House, monkeypatch: pytest.MonkeyPatch, caplog):
    async def close(reason: str) -> None:
        raise RuntimeError("a mistake of ours")

    async with opened.started() as (client, ready):
        await client.send("message", content="Remember me")
        await client.next("item")
        monkeypatch.setattr(opened.talks.last, "close", close)
        await client.send("end")
        assert (await client.closed())[0] == 1000
    await until(lambda: not opened.studio.accounts._running.running("local"))
    assert "a mistake of ours" in caplog.text
    opened.talks.last.over = True
    async with opened.started(session=ready["session"], token=ready["token"]) as (_, again):
        assert [item["text"] for item in again["history"]] == ["Remember me", "You wrote: Remember me"]


async def test_a_conversation_that_is_ended_while_nobody_is_there_is_not_gone_on_with(opened: House):
    async with opened.started() as (client, ready):
        client.socket.transport.abort()
    await dropped(opened)
    await opened.talks.last.close("It was deleted.")
    await until(lambda: not opened.sessions)
    async with opened.started(session=ready["session"], token=ready["token"]) as (_, again):
        assert (again["resumed"], opened.talks.last.over) == (False, False)


async def test_the_watch_goes_on_when_one_thing_fails(opened: House, monkeypatch: pytest.MonkeyPatch, caplog):
    looked = asyncio.Event()

    def look_at(session, now):
        if not caplog.records:
            raise RuntimeError("a mistake of ours")
        looked.set()

    monkeypatch.setattr(opened.sessions, "_look_at", look_at)
    async with opened.started():
        await asyncio.wait_for(looked.wait(), 10)
    assert "stumbled" in caplog.text


async def test_after_a_restart_what_was_said_is_still_there(tmp_path: Path):
    async with house(tmp_path) as found, found.started(voice="v", prompt="Be kind.") as (client, ready):
        await client.send("message", content="My name is Ada")
        await client.next("item")
        found.talks.last.add(Item("cut", "assistant", "Hello Ada, how are you?", spoken=True, heard=9))
        found.talks.last.add(Item("call", "assistant", call=ToolCall("c", "time", "{}")))
        await client.settled()
    async with house(tmp_path) as found:
        asked = {"session": ready["session"], "token": ready["token"]}
        async with found.started(**asked, voice="w") as (client, again):
            assert (again["resumed"], again["position"], again["voice"]) == (False, 0, "w")
            assert [item["text"] for item in again["history"]] == [
                "My name is Ada", "You wrote: My name is Ada", "Hello Ada, how are you?", "",
            ]  # fmt: skip
            assert [item["heard"] for item in again["history"]] == [None, None, 9, None]
            assert again["history"][3]["call"]["name"] == "time"
            assert found.talks.last.settings.prompt == "Be kind."
            assert not found.talks.last.begun
            await client.send("start", **asked)
            await client.next("error")
        async with found.client() as other:
            await other.send("start", session=ready["session"], token="guessed")
            assert (await other.next("error"))["code"] in ("not_found",)


async def test_what_was_configured_is_added_to_what_was_asked_for(opened: House):
    async with opened.started(rules={"min_delay": 0.3}, turns="manual") as (client, ready):
        await client.send("configure", rules={"idle": 9})
        await client.settled()
        before = opened.talks.last.settings
        await client.send("end")
        await client.closed()
    async with opened.started(session=ready["session"], token=ready["token"], rules={"stop": 0.3}):
        rules = opened.talks.last.settings.rules
        assert (before.rules.idle, rules.idle, rules.min_delay, rules.mode, rules.stop) == (9, 9, 0.3, "manual", 0.3)


async def test_a_key_that_is_revoked_ends_its_conversations(keyed: House):
    admin = await keyed.studio.accounts.identify(ADMIN)
    key = await keyed.studio.accounts.create_key(admin, "for a while", ["conversation"])
    async with keyed.client({"X-API-Key": key.secret}) as client:
        await client.send("start")
        await client.next("ready")
        await keyed.studio.accounts.revoke_key(admin, key.key.id)
        await keyed.sessions._check_keys()
        assert (await client.next("error"))["code"] == "invalid_api_key"
        assert (await client.closed())[0] == 4401
