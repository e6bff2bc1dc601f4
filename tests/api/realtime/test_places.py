"""Who takes a place on `/v1/realtime` and says nothing keeps it from nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from accounts.principal import ADMIN as PRINCIPAL
from api._realtime import items, places
from api._realtime.rooms import BEGIN_SECONDS, Rooms
from api._realtime.talk import Talk
from core.errors import BadRequest
from core.settings import BadSettings, Settings
from engines.base import ToolCall
from providers.realtime import Upstream
from tests.api._realtime import House, ScriptedTalks, house, silence
from tests.api._socket import ADMIN, until
from tests.providers.realtime_server import upstream

pytestmark = pytest.mark.integration

MODEL = "gpt-realtime-2.1"


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, talks=ScriptedTalks()) as found:
        yield found


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(places, "LEAST", 2)
    monkeypatch.setattr(places, "SHARE", 1000)


async def key(found: House) -> str:
    return (await found.studio.accounts.create_key(PRINCIPAL, "many", ["conversation"])).secret


async def refused(found: House, key: str, path: str = "?model=auto") -> int:
    with pytest.raises(InvalidStatus) as caught:
        async with found.client(path, key=key):
            pass
    return caught.value.response.status_code


async def test_one_key_does_not_take_all_the_places_and_say_nothing(opened: House):
    mine = await key(opened)
    async with opened.client(key=mine) as first, opened.client(key=mine) as second:
        for client in (first, second):
            await client.next("session.created")
        assert await refused(opened, mine) == 429
        async with opened.client(key=ADMIN) as other:
            await other.next("session.created")
        await first.send("input_audio_buffer.append", audio=silence(0.02))
        await second.update(instructions="Be brief.")
        async with opened.client(key=mine) as third, opened.client(key=mine) as fourth:
            await third.next("session.created")
            await fourth.next("session.created")
            assert await refused(opened, mine) == 429
    await until(lambda: not len(opened.rooms))
    assert not opened.studio.live._opening


async def test_nor_all_the_lines_to_the_owner_s_server(opened: House):
    mine = await key(opened)
    async with upstream() as there:
        opened.studio.upstream = Upstream("openai", "sk-owner", MODEL)
        opened.studio.upstream._base = there.url
        path = f"?model={MODEL}"
        async with opened.client(path, key=mine) as first, opened.client(path, key=mine) as second:
            for client in (first, second):
                await client.next("session.created")
            assert await refused(opened, mine, path) == 429
            assert await refused(opened, mine) == 429, "those of this house count alike"
            await first.send("response.create")
            await until(lambda: not opened.studio.live.of(None)[0].silent)
            async with opened.client(path, key=mine) as third:
                await third.next("session.created")
        await until(lambda: not there.open)
    assert not opened.studio.live._opening


async def test_at_this_machine_nobody_else_is_kept_out(tmp_path: Path):
    async with AsyncExitStack() as stack:
        found = await stack.enter_async_context(house(tmp_path, access="open"))
        for _ in range(3):
            client = await stack.enter_async_context(found.client(key=None))
            await client.next("session.created")


async def test_in_a_full_house_who_says_nothing_gives_way(opened: House):
    mine = await key(opened)
    opened.talks.most = 3
    async with opened.client(key=ADMIN) as admins, opened.client(key=mine) as first, opened.client(key=mine) as busy:
        for client in (admins, first, busy):
            await client.next("session.created")
        await busy.update(instructions="Be brief.")
        assert await refused(opened, mine) == 503
        long_ago = opened.rooms.clock() - BEGIN_SECONDS
        for id, (talk, _) in list(opened.rooms._talks.items()):
            opened.rooms._talks[id] = talk, long_ago
        async with opened.client(key=mine) as newcomer:
            await newcomer.next("session.created")
            assert (await first.next("error"))["error"]["code"] == "overloaded"
            assert (await first.closed())[0] == 1013
            await newcomer.update(instructions="Be brief.")
            async with opened.client(key=mine) as another:
                await another.next("session.created")
                assert (await admins.closed())[0] == 1013
                assert await refused(opened, mine) == 503
                await busy.update(instructions="Be long.")


async def test_how_long_a_session_lasts_is_a_setting(tmp_path: Path, opened: House):
    with pytest.raises(BadSettings):
        Settings(realtime_minutes=0)
    assert opened.rooms._longest == 3600.0
    opened.studio.settings = Settings.from_environment({"VOICEFORGE_REALTIME_MINUTES": "5"})
    rooms = Rooms(opened.studio)
    assert rooms._longest == 300.0
    await rooms.close()


async def test_the_watch_goes_on_when_one_thing_fails(
    opened: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    looked = asyncio.Event()

    def look_at(talk: object, seconds: float) -> None:
        if not caplog.records:
            raise RuntimeError("a mistake of ours")
        looked.set()

    monkeypatch.setattr(opened.rooms, "_look_at", look_at)
    async with opened.held():
        await asyncio.wait_for(looked.wait(), 10)
    assert "stumbled" in caplog.text


async def test_what_breaks_while_it_ends_leaves_nothing_behind(
    opened: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    async def close(reason: str) -> None:
        raise RuntimeError("a mistake of ours")

    async with opened.held() as client:
        talk = next(iter(opened.rooms._talks.values()))[0]
        real = talk.conversation.close
        monkeypatch.setattr(talk.conversation, "close", close)
        await opened.rooms.end(talk, "test")
        assert (await client.closed())[0] == 1000
    assert not opened.studio.accounts._running.running("admin")
    assert "a mistake of ours" in caplog.text
    await real("test")


async def test_what_breaks_while_it_begins_leaves_nothing_behind(opened: House, monkeypatch: pytest.MonkeyPatch):
    def begin(self: Talk, conversation: object) -> None:
        raise BadRequest("This cannot be told.")

    monkeypatch.setattr(Talk, "begin", begin)
    assert await refused(opened, ADMIN) == 400
    assert opened.talks.last.talk.over
    assert not opened.studio.accounts._running.running("admin")
    assert not opened.studio.live._opening


@pytest.mark.parametrize("after", [None, "root", "one"])
def test_what_a_client_puts_in_is_bounded_wherever_it_puts_it(after: str | None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(items, "MOST", 5)
    found = items.Items()
    found.put(items.heard("one"))
    for number in range(20):
        found.put(items.heard(str(number)), after if after in found or after == "root" else None)
    assert len(found) == 5


def test_so_are_its_characters(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(items, "MOST_CHARACTERS", 100)
    found = items.Items()
    for number in range(5):
        found.put(items.heard(str(number), "x" * 40))
    assert list(found._items) == ["3", "4"]
    found.put(items.heard("4", "x"))
    found.put(items.call("5", ToolCall("c", "f", "y" * 55)))
    assert list(found._items) == ["3", "4", "5"]
    found.drop("3")
    found.put(items.heard("6", "x" * 200))
    assert list(found._items) == ["6"]
