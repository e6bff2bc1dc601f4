"""Several processes on one database: each conversation is held by one of them, and the others know it."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from accounts.principal import LOCAL
from api import _holds as holds
from api import _turn as turns
from api import conversations
from audio.encode import find
from core.errors import Conflict
from storage import conversations as rows
from storage.conversations import ConversationRecord, Hold
from tests.api._socket import House, house, until
from voice.talk.items import Item
from voice.talk.journal import history

pytestmark = pytest.mark.integration


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[tuple[House, House]]:
    async with house(tmp_path) as one, house(tmp_path) as other:
        yield one, other


async def begun(one: House, path: str = "/ws") -> dict[str, Any]:
    """A session whose client is gone, as `start` goes on with it."""
    async with one.client(path=path) as client:
        await client.send("start")
        ready = await client.next("ready")
    await until(lambda: one.sessions._sessions[ready["session"]].left_at)
    return {name: ready[name] for name in ("session", "token")}


async def kept(one: House, id: str) -> ConversationRecord:
    return await one.studio.storage.read(rows.get, LOCAL.id, id)


@pytest.mark.parametrize(
    ("path", "way"),
    [("/ws?line=mine", "/ws?line=mine,"), ("/ws?a=1&line=a%20b", "/ws?line=a%20b,"), ("/ws", "from the address"),
     (f"/ws?line={'x' * 300}", "from the address")],
)  # fmt: skip
async def test_another_process_says_how_to_reach_the_one_that_holds_it(both: tuple[House, House], path: str, way: str):
    one, other = both
    asked = await begun(one, path)
    async with other.client() as client:
        await client.send("start", **asked)
        error = await client.next("error")
        assert (error["code"], error["fatal"], error["param"]) == ("conflict", False, "session")
        assert way in error["message"]
        assert 55 < error["retry_after"] <= 60
        await client.send("start", session=asked["session"], token="guessed")
        assert (await client.next("error"))["code"] == "not_found", "a stranger learns nothing"
    async with one.started(**asked) as (_, ready):
        assert ready["resumed"]


@pytest.mark.parametrize("here", [0, 1])
async def test_no_process_deletes_or_goes_on_with_what_is_held(both: tuple[House, House], here: int):
    one, studio = both[0], both[here].studio
    async with one.started() as (client, ready):
        id = ready["session"]
        with pytest.raises(Conflict):
            await conversations.delete_conversation(id, studio, LOCAL)
        with pytest.raises(Conflict):
            await turns.turn(studio, LOCAL, id, turns.Said("Hello"), form=find("mp3"), speak=False)
        assert (await conversations.get_conversation(id, studio, LOCAL))["live"]
        await client.send("end")
        await client.closed()
        assert not (await conversations.get_conversation(id, studio, LOCAL))["live"]
        await conversations.delete_conversation(id, studio, LOCAL)


async def test_a_hold_that_ran_out_is_taken_over_and_who_had_it_writes_nothing_more(
    both: tuple[House, House], monkeypatch: pytest.MonkeyPatch
):
    one, other = both
    monkeypatch.setattr(holds, "HOLD_SECONDS", -1.0)
    async with one.started() as (client, ready):
        await client.send("message", content="Remember me")
        await client.next("item")
        await until(lambda: one.sessions._sessions[ready["session"]].journal._kept)
        monkeypatch.undo()
        async with other.started(session=ready["session"], token=ready["token"]) as (_, again):
            assert again["resumed"] is False
            assert [item["text"] for item in again["history"]] == ["Remember me", "You wrote: Remember me"]
            one.talks.last.add(Item("late", "user", "Nobody hears this"))
            await one.sessions._hold_on()
            assert (await client.closed())[1] == "It was deleted, or goes on elsewhere."
            assert len(one.sessions) == 0
            assert "late" not in [item.id for item in await history(one.studio.storage, ready["session"])]
            await other.sessions._hold_on()
            assert other.sessions.live(ready["session"])


async def test_what_a_process_held_that_fell_is_free_at_once(both: tuple[House, House]):
    one, other = both
    asked = await begun(one)
    await one.sessions.end(one.sessions._sessions[asked["session"]], "test")
    fallen = await asyncio.create_subprocess_exec(sys.executable, "-c", "pass")
    running = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE)
    await fallen.wait()
    storage, machine = one.studio.storage, one.sessions._holds.holder.rsplit("|", 2)[0]
    try:
        for holder in (f"{machine}|{running.pid}|x", f"elsewhere||{fallen.pid}|x", "what nobody writes"):
            hold = Hold(holder, "", time.time() + 60)
            assert await storage.write(rows.take, LOCAL.id, asked["session"], hold, time.time()) is None
            with pytest.raises(Conflict):
                await holds.need_free(storage, await kept(one, asked["session"]))
            await storage.write(rows.release, holder, asked["session"])
    finally:
        await running.communicate(b"\n")
    hold = Hold(f"{machine}|{fallen.pid}|x", "", time.time() + 60)
    await storage.write(rows.take, LOCAL.id, asked["session"], hold, time.time())
    async with other.started(**asked) as (_, ready):
        assert ready["resumed"] is False


async def test_what_could_not_be_begun_is_held_by_nobody(both: tuple[House, House]):
    one, other = both
    asked = await begun(one)
    await one.sessions.end(one.sessions._sessions[asked["session"]], "test")
    async with one.client() as client:
        await client.send("start", **asked, voice="nobody")
        assert (await client.next("error"))["code"] == "voice_not_found"
        async with other.started(**asked) as (_, ready):
            assert ready["resumed"] is False


async def test_a_hold_is_renewed_and_what_was_deleted_meanwhile_ends(both: tuple[House, House]):
    one, _ = both
    async with one.started() as (client, ready), one.started():
        before = await kept(one, ready["session"])
        await one.sessions._hold_on()
        assert (await kept(one, ready["session"])).held_until > before.held_until
        await one.studio.storage.write(rows.clear, LOCAL.id)
        await one.sessions._hold_on()
        assert re.match("It was deleted", (await client.closed())[1])
        await until(lambda: not len(one.sessions))
