"""Both directions of a socket at once, and how either ends the other. The client is a list of what was sent to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

import pytest
from starlette.websockets import WebSocketDisconnect

from api._wire.duplex import duplex
from api._wire.outbox import Outbox
from tests.api._socket import until

CLOSED = {"type": "websocket.close", "code": 1000, "reason": "over"}
BROKEN = {"type": "websocket.close", "code": 1011, "reason": "Something broke in here."}


class Client:
    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.error: Exception | None = None
        self.outbox = Outbox(self.send, asyncio.get_running_loop().time)

    async def send(self, message: dict[str, Any]) -> None:
        await self.reads.wait()
        if self.error:
            raise self.error
        self.got.append(message)

    async def held(self, reader: Coroutine[Any, Any, None]) -> None:
        """Until it is over, and nothing of it is left."""
        before = asyncio.all_tasks()
        async with asyncio.timeout(5):
            await duplex(reader, self.outbox, "somebody")
        assert asyncio.all_tasks() == before


class Listening:
    """A reader that reads until it is cancelled."""

    def __init__(self) -> None:
        self.began, self.ended = asyncio.Event(), False

    async def run(self) -> None:
        self.began.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended = True


@pytest.fixture
async def client() -> Client:
    return Client()


async def test_both_go_on_until_the_client_leaves(client: Client):
    words = ["hello", "and", "goodbye"]

    async def leave() -> None:
        for number, word in enumerate(words, 1):
            client.outbox.text(word)
            await until(lambda number=number: len(client.got) == number)

    await client.held(leave())
    assert client.got == [{"type": "websocket.send", "text": word} for word in words]


async def test_what_waits_leaves_before_the_socket_closes(client: Client):
    async def end() -> None:
        client.outbox.text("good night")
        client.outbox.close(1000, "over")

    await client.held(end())
    assert client.got == [{"type": "websocket.send", "text": "good night"}, CLOSED]


async def test_who_closes_the_outbox_ends_the_reading(client: Client):
    listening = Listening()
    asyncio.get_running_loop().call_soon(client.outbox.close, 1000, "over")
    await client.held(listening.run())
    assert (client.got, listening.ended) == ([CLOSED], True)


async def test_a_mistake_of_ours_is_logged_and_told(client: Client, caplog: pytest.LogCaptureFixture):
    async def broken() -> None:
        client.outbox.text("hello")
        raise RuntimeError("a mistake of ours")

    await client.held(broken())
    assert client.got == [{"type": "websocket.send", "text": "hello"}, BROKEN]
    assert [record.getMessage() for record in caplog.records] == ["the connection of somebody broke"]
    assert "a mistake of ours" in caplog.text


async def test_a_socket_that_drops_is_no_mistake(client: Client, caplog: pytest.LogCaptureFixture):
    async def dropped() -> None:
        raise WebSocketDisconnect(1006)

    caplog.set_level(logging.DEBUG)
    await client.held(dropped())
    assert (client.got, caplog.records) == ([], [])


@pytest.mark.parametrize(("error", "notes"), [(OSError("reset"), 0), (WebSocketDisconnect(1006), 0),
                                              (RuntimeError("closed already"), 1)])  # fmt: skip
async def test_nobody_to_send_to_ends_the_reading(
    client: Client, error: Exception, notes: int, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG, "api._wire.duplex")
    listening = Listening()
    client.error = error
    client.outbox.text("hello")
    await client.held(listening.run())
    assert listening.ended
    assert [record.levelname for record in caplog.records] == ["DEBUG"] * notes


async def test_who_does_not_read_the_end_is_not_waited_for(client: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("api._wire.duplex.CLOSE_SECONDS", 0.01)
    client.reads.clear()

    async def end() -> None:
        client.outbox.text("good night")
        client.outbox.close(1000, "over")

    await client.held(end())
    assert client.got == []


async def test_who_is_cancelled_leaves_nothing_behind(client: Client):
    listening, before = Listening(), asyncio.all_tasks()
    holding = asyncio.create_task(duplex(listening.run(), client.outbox, "somebody"))
    await asyncio.wait_for(listening.began.wait(), 5)
    holding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holding
    assert listening.ended
    assert asyncio.all_tasks() == before
