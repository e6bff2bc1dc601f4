"""An answer made while it is sent, against a hand-made ASGI server whose client can vanish."""

import asyncio
import logging
from contextlib import AsyncExitStack

import pytest

from api import _stream
from api._stream import Streamed, event, header_text
from core.errors import BadRequest, WorkerDied


class Client:
    """The far end of one request: collects what is sent, and vanishes when told to."""

    def __init__(self, stalls: bool = False):
        self.sent: list[dict] = []
        self.vanished = asyncio.Event()
        self.stalls = stalls

    async def receive(self):
        await self.vanished.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        self.sent.append(message)
        if self.stalls and message["type"] == "http.response.body":
            await asyncio.Event().wait()

    async def take(self, response: Streamed):
        await response({"type": "http"}, self.receive, self.send)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def ended(self) -> bool:
        return bool(self.sent) and self.sent[-1].get("more_body") is False


class Source:
    """A generator of parts with a waiting place before each, that remembers how it ended."""

    def __init__(self, *parts: bytes | Exception):
        self.parts = parts
        self.begun = asyncio.Event()
        self.closed = False

    async def __call__(self, head):
        head["X-Made"] = "yes"
        try:
            for part in self.parts:
                if isinstance(part, Exception):
                    raise part
                if part == b"wait":
                    self.begun.set()
                    await asyncio.Event().wait()
                yield part
        finally:
            self.closed = True


async def test_chunks_are_sent_as_they_come_and_the_end_is_orderly():
    client, source = Client(), Source(b"one", b"", b"two")
    await client.take(Streamed(source, "audio/wav"))
    assert client.sent[0]["status"] == 200
    assert (b"x-made", b"yes") in client.sent[0]["headers"]
    assert (b"content-type", b"audio/wav") in client.sent[0]["headers"]
    assert client.sent[1]["body"] == b"one"
    assert client.body == b"onetwo"
    assert client.ended
    assert source.closed


async def test_what_fails_before_the_first_chunk_can_still_have_a_status():
    client, source = Client(), Source(BadRequest("No."))
    with pytest.raises(BadRequest):
        await client.take(Streamed(source, "audio/wav"))
    assert client.sent == []


async def test_what_fails_later_leaves_the_answer_unfinished(caplog):
    client, source = Client(), Source(b"one", WorkerDied("It ended."))
    with caplog.at_level(logging.ERROR):
        await client.take(Streamed(source, "audio/wav"))
    assert client.body == b"one"
    assert not client.ended
    assert [record.getMessage() for record in caplog.records] == ["an answer broke off: It ended."]


async def test_a_client_that_vanishes_ends_the_making():
    client, source = Client(), Source(b"one", b"wait", b"two")
    answer = asyncio.create_task(client.take(Streamed(source, "audio/wav")))
    await source.begun.wait()
    client.vanished.set()
    await answer
    assert source.closed
    assert client.body == b"one"
    assert not client.ended


async def test_a_client_that_vanishes_before_the_first_chunk_ends_it_too():
    client, source = Client(), Source(b"wait")
    answer = asyncio.create_task(client.take(Streamed(source, "audio/wav")))
    await source.begun.wait()
    client.vanished.set()
    await answer
    assert source.closed
    assert client.sent == []


async def test_a_client_that_stops_reading_counts_as_gone(monkeypatch):
    monkeypatch.setattr(_stream, "STALL_SECONDS", 0.01)
    client, source = Client(stalls=True), Source(b"one", b"two")
    await client.take(Streamed(source, "audio/wav"))
    assert source.closed
    assert not client.ended


async def test_chunks_that_come_faster_than_they_leave_go_together():
    client = Client()
    await client.take(Streamed(Source(*[b"x" * 100] * 50), "audio/wav"))
    assert len(client.body) == 5000
    assert len(client.sent) == 4  # the head, the first chunk, all the others, the end


async def test_a_slow_client_is_not_run_away_from():
    """What is made ahead of a client that reads slowly is bounded."""
    client, made = Client(), 0
    reads = asyncio.Semaphore(1)
    send = client.send

    async def slow(message):
        await reads.acquire()
        await send(message)

    client.send = slow

    async def endless(head):
        nonlocal made
        while True:
            made += 1
            yield b"x" * 10_000

    answer = asyncio.create_task(client.take(Streamed(endless, "audio/wav")))
    reads.release()
    reads.release()
    for _ in range(50):
        await asyncio.sleep(0)
    assert 5 < made < 20
    client.vanished.set()
    await answer


async def test_a_slow_engine_is_waited_for(monkeypatch):
    monkeypatch.setattr(_stream, "STALL_SECONDS", 0.001)
    client = Client()

    async def slow(head):
        for _ in range(3):
            await asyncio.sleep(0.01)
            yield b"x"

    await client.take(Streamed(slow, "audio/wav"))
    assert client.body == b"xxx"
    assert client.ended


async def test_a_server_that_stops_ends_the_making():
    client, source = Client(), Source(b"wait")
    answer = asyncio.create_task(client.take(Streamed(source, "audio/wav")))
    await source.begun.wait()
    answer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answer
    assert source.closed


@pytest.mark.parametrize("parts", [(b"one",), (b"one", WorkerDied("It ended."))])
async def test_resources_are_closed_after_the_making_and_before_the_end_is_sent(parts):
    client, source = Client(), Source(*parts)
    seen: list[tuple[bool, bool]] = []
    stack = AsyncExitStack()
    stack.callback(lambda: seen.append((source.closed, client.ended)))
    await client.take(Streamed(source, "audio/wav", stack))
    assert seen == [(True, False)]


async def test_resources_see_how_it_ended():
    kinds: list[type | None] = []

    def leave(kind, error, trace):
        kinds.append(kind)

    for parts in [(b"one",), (b"one", WorkerDied("It ended."))]:
        stack = AsyncExitStack()
        stack.push(leave)
        await Client().take(Streamed(Source(*parts), "audio/wav", stack))
    client, source, stack = Client(), Source(b"wait"), AsyncExitStack()
    stack.push(leave)
    answer = asyncio.create_task(client.take(Streamed(source, "audio/wav", stack)))
    await source.begun.wait()
    client.vanished.set()
    await answer
    assert kinds == [None, WorkerDied, asyncio.CancelledError]


def test_events_and_headers_cannot_be_broken_by_their_text():
    assert event("x", {"text": "a\nb é"}) == 'event: x\ndata: {"text":"a\\nb é"}\n\n'.encode()
    assert header_text("voice é\r\nSet-Cookie: x") == "voice ???Set-Cookie: x"
    assert len(header_text("x" * 1000)) == 200
