"""Clients of `/ws` that are too slow, too fast or too many."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed

from tests.api._socket import ADMIN, KEY, House, house, until
from voice.talk import events

pytestmark = pytest.mark.integration


async def test_a_client_that_reads_nothing_holds_the_conversation_up_and_is_left(opened: House):
    async with opened.started() as (client, ready):
        talk, session = opened.talks.last, opened.sessions.live(ready["session"])
        assert session
        client.socket.transport.pause_reading()
        line = session.line
        assert line
        for _ in range(5000):
            if not talk.attached:
                break
            talk.say(20)
            await asyncio.sleep(0)
        assert not talk.attached
        assert line.outbox.seconds < 3
        before = opened.sessions.clock()
        opened.sessions._look_at(session, before)
        assert session.line is line
        line.outbox._began = before - 11
        opened.sessions._look_at(session, before)
        assert session.left_at is not None
        assert line.outbox.seconds == 0
        client.socket.transport.resume_reading()
        assert (await client.next("error"))["fatal"]
        assert await client.closed() == (1013, "The client does not read what it is sent.")
    assert opened.sessions.live(ready["session"])


async def test_a_client_that_reads_slowly_is_told_all_the_same_what_he_asked_for(opened: House):
    async with opened.started() as (client, _):
        talk = opened.talks.last
        client.socket.transport.pause_reading()
        while talk.attached:
            talk.say(20)
            await asyncio.sleep(0)
        talk.tell(events.Interrupted("resp_1", "item_1", "Good", 480, "asked"))
        client.socket.transport.resume_reading()
        assert (await client.next("interrupted"))["reason"] == "asked"


async def test_who_asks_for_more_than_he_reads_is_left(opened: House):
    async with opened.started() as (client, ready):
        session = opened.sessions.live(ready["session"])
        assert session
        line = session.line
        assert line
        for _ in range(30):
            line.outbox.text("x" * 1_000_000)
        assert line.outbox.closing
        assert line.outbox.characters < 23_000_000
        assert (await client.closed())[0] == 1013


async def test_a_client_that_reads_again_hears_all_of_it(opened: House):
    async with opened.started() as (client, ready):
        talk, session = opened.talks.last, opened.sessions.live(ready["session"])
        assert session
        client.socket.transport.pause_reading()
        while talk.attached:
            talk.say(20)
            await asyncio.sleep(0)
        position = session._position
        client.socket.transport.resume_reading()
        got = 0
        while got < position:
            got += sum(len(data) for data in await client.sound(1)) // 2
        await until(lambda: talk.attached)
        talk.say(2)
        assert np.array_equal(np.frombuffer(b"".join(await client.sound(2)), "<i2"),
                              np.arange(position, position + 960) % 20_000)  # fmt: skip


async def test_sound_much_faster_than_real_time_is_held_up(opened: House):
    async with opened.started() as (client, _):
        talk = opened.talks.last
        for _ in range(8):
            await client.socket.send(b"\0\0" * 16000)
        await until(lambda: len(talk.samples) == 6 * 16000)
        await client.send("ping")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.next("pong"), 0.3)


async def test_a_flood_without_end_closes(opened: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("api._wire.flow.PATIENCE", 0.1)
    monkeypatch.setattr("api._wire.flow.ROOM", 0.1)
    async with opened.started() as (client, _):
        with suppress(ConnectionClosed):
            for _ in range(200):
                await client.socket.send(b"\0\0" * 3200)
        assert await client.closed() == (4400, "Too much is sent.")


async def test_who_shows_no_key_is_not_waited_for(keyed: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("api._ws.connection.SHOW_KEY_SECONDS", 0.1)
    async with keyed.client() as client:
        await client.send("ping")
        assert (await client.next("error"))["code"] == "invalid_api_key"
        assert (await client.closed())[0] == 4401


async def test_only_so_many_without_a_key_may_wait(keyed: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("api._ws.strangers.MOST_UNKNOWN", 1)
    async with keyed.client() as first, keyed.client() as second:
        assert (await second.closed())[0] == 1013
        await first.send("start", key=ADMIN)
        await first.next("ready")


async def test_one_key_does_not_take_all_the_places_for_who_has_not_begun(
    keyed: House, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("api._ws.strangers.SHARE", 2)
    admin = await keyed.studio.accounts.identify(ADMIN)
    key = await keyed.studio.accounts.create_key(admin, "many", ["conversation"])
    mine = {"X-API-Key": key.secret}
    async with keyed.client(mine) as first, keyed.client(mine) as second:
        for client in (first, second):
            await client.settled()
        async with keyed.client(mine) as third:
            assert (await third.next("error"))["code"] == "concurrency_limit_exceeded"
            assert (await third.closed())[0] == 1013
        async with keyed.client(KEY) as other:
            await other.send("start")
            await other.next("ready")
        await first.send("start")
        await first.next("ready")
        async with keyed.client(mine) as fourth:
            await fourth.settled()
    await until(lambda: len(keyed.sessions.strangers) == 0)
    assert not keyed.sessions.strangers._of


async def test_a_key_in_a_message_counts_as_well(keyed: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("api._ws.strangers.SHARE", 1)
    async with keyed.client() as first:
        await first.send("start", key=ADMIN, voice="nobody")
        assert (await first.next("error"))["code"] == "voice_not_found"
        async with keyed.client() as second:
            await second.send("start", key=ADMIN, voice="nobody")
            assert (await second.closed())[0] == 1013
        await first.send("start")
        await first.next("ready")
    await until(lambda: len(keyed.sessions.strangers) == 0)


async def test_who_begins_nothing_is_not_waited_for(opened: House, monkeypatch: pytest.MonkeyPatch):
    async with opened.started() as (begun, _):
        monkeypatch.setattr("api._ws.connection.BEGIN_SECONDS", 0.1)
        async with opened.client() as client:
            await client.send("ping")
            error = await client.next("error")
            assert (error["fatal"], "start" in error["message"]) == (True, True)
            assert (await client.closed())[0] == 1008
        await begun.settled()
    assert len(opened.sessions.strangers) == 0


async def test_in_a_full_house_one_s_own_gives_way_before_another_s(keyed: House):
    admin = await keyed.studio.accounts.identify(ADMIN)
    key = await keyed.studio.accounts.create_key(admin, "other", ["conversation"])
    headers = [KEY, {"X-API-Key": key.secret}, {"X-API-Key": key.secret}]
    ids = []
    for number, header in enumerate(headers):
        async with keyed.client(header) as client:
            await client.send("start")
            ids.append((await client.next("ready"))["session"])
        await until(lambda: keyed.sessions._sessions[ids[-1]].left_at)
        keyed.sessions._sessions[ids[-1]].left_at = float(number)
    keyed.talks.most = 3
    for expected in (ids[1], ids[2]):
        async with keyed.client(headers[1]) as client:
            await client.send("start")
            mine = (await client.next("ready"))["session"]
            assert expected not in keyed.sessions._sessions
            assert ids[0] in keyed.sessions._sessions
            keyed.sessions._sessions[mine].take_over()  # nobody waits for it, for it is not away
            keyed.sessions._sessions[mine].left_at = None
    async with keyed.client(headers[1]) as client:
        await client.send("start")
        await client.next("ready")
        assert ids[0] not in keyed.sessions._sessions


async def test_two_connections_that_begin_the_same_old_session_do_not_both_get_it(tmp_path: Path):
    async with house(tmp_path) as found, found.started() as (client, ready):
        await client.send("end")
        await client.closed()
    async with house(tmp_path) as found, found.client() as one, found.client() as two:
        for client in (one, two):
            await client.send("start", session=ready["session"], token=ready["token"])
        told = [(await client.any()) for client in (one, two)]
        kinds = sorted(str(message["type"]) for message in told if isinstance(message, dict))
        assert kinds in (["error", "ready"], ["ready", "ready"])  # the second may also take over
        assert len(found.sessions) == len([talk for talk in found.talks.opened if not talk.over]) == 1


async def test_what_nobody_has_room_for_is_told(opened: House, monkeypatch: pytest.MonkeyPatch):
    async with opened.started() as (client, _):
        monkeypatch.setattr(opened.talks.last, "hear", lambda samples: False)
        await client.socket.send(b"\0\0" * 320)
        assert (await client.next("error"))["code"] == "overloaded"


async def test_nothing_is_left_of_many_that_came_and_went(opened: House):
    async def come_and_go(number: int) -> None:
        async with opened.started() as (client, _):
            opened.talks.last.say(2)
            await client.socket.send(b"\0\0" * 320)
            await client.settled()
            if number % 2:
                await client.send("end")
                await client.closed()

    await come_and_go(1)
    before = len(asyncio.all_tasks())
    await asyncio.gather(*(come_and_go(number) for number in range(40)))
    for session in list(opened.sessions._sessions.values()):
        await opened.sessions.end(session, "test")
    await until(lambda: len(asyncio.all_tasks()) <= before)
    assert (len(opened.sessions), len(opened.sessions.strangers)) == (0, 0)
    assert opened.studio.accounts._running.running("local") == 0
    assert all(talk.over for talk in opened.talks.opened)
