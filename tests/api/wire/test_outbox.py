"""What is on its way to a client that does not read."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from api._wire.outbox import Outbox

UNREAD = {"type": "websocket.close", "code": 1013, "reason": "The client does not read what it is sent."}


async def test_who_is_abandoned_and_reads_again_gets_the_last_words_and_no_sound():
    got: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        got.append(message)

    outbox = Outbox(send, asyncio.get_running_loop().time)
    outbox.sound(b"sound", 1.0)
    outbox.text("You read more slowly than this is said.")
    outbox.abandon()
    outbox.text("too late")
    assert outbox.seconds == 0
    await asyncio.wait_for(outbox.run(), 5)
    assert got == [{"type": "websocket.send", "text": "You read more slowly than this is said."}, UNREAD]


async def test_who_is_abandoned_and_reads_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("api._wire.outbox.LAST_WORD_SECONDS", 0.01)
    sending = asyncio.Event()

    async def send(message: dict[str, Any]) -> None:
        sending.set()
        await asyncio.Event().wait()

    outbox = Outbox(send, asyncio.get_running_loop().time)
    outbox.text("hello")
    running = asyncio.create_task(outbox.run())
    await asyncio.wait_for(sending.wait(), 5)
    outbox.abandon()
    await asyncio.wait((running,), timeout=5)
    assert running.cancelled()
