"""`/v1/realtime` relayed to a realtime server of the owner's: a real client, our server, and theirs on loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openai
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from accounts.principal import Limits
from api import client_secrets
from api._pins import changed, parsed, pinned
from api._realtime import relay as relays
from core.errors import BadRequest, Overloaded, StorageError
from providers.realtime import Patience
from providers.realtime import Upstream as Here
from storage import usage as usage_rows
from tests.api._realtime import Client, House, house, said, silence
from tests.api._socket import ADMIN, until
from tests.providers.realtime_server import Upstream, upstream

pytestmark = pytest.mark.integration

MODEL = "gpt-realtime-2.1"
FIXED: dict[str, Any] = {"model": MODEL, "instructions": "Sell shoes.", "audio": {"output": {"voice": "marin"}}}


@dataclass
class Both:
    here: House
    there: Upstream

    def client(self, model: str = MODEL, **more: Any) -> Any:
        return self.here.client(f"?model={model}", **more)

    async def rows(self) -> list[usage_rows.UsageRecord]:
        """Oldest first."""
        return (await self.here.studio.storage.read(usage_rows.recent, 100, None))[::-1]

    async def secret(self, key: str = ADMIN, *, once: bool = False, **session: Any) -> str:
        caller = await self.here.studio.accounts.identify(key)
        body = client_secrets.SecretBody(session=session, once=once)
        return (await client_secrets.made(self.here.studio, caller, body))["value"]

    async def idle(self) -> None:
        await until(lambda: not self.there.open and not self.here.studio.upstream.lines)


@asynccontextmanager
async def opened(folder: Path, most: int = 5, **how: Any) -> AsyncIterator[Both]:
    async with upstream(**how) as there, house(folder) as here:
        haste = Patience(first=1.0, again=0.01, sending=1.0)
        server = Here(there.url, "sk-owner", MODEL, most=most, patience=haste)
        # Its prices are those of the vendor whose models these are.
        server.row = Here("openai").row
        server._base = there.url
        here.studio.upstream = server
        yield Both(here, there)


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[Both]:
    async with opened(tmp_path) as found:
        yield found


async def test_events_pass_through_and_answers_are_billed(both: Both):
    async with both.client() as client:
        assert (await client.next("session.created"))["session"]["id"] == "sess_up"
        await client.send("conversation.item.create", item=said("hello"))
        await client.send("input_audio_buffer.append", audio=silence(0.02))
        await client.send("response.create")
        done = json.loads(await client.socket.recv())
        assert done["response"]["usage"]["output_tokens"] == 200
        assert both.there.head("authorization") == "Bearer sk-owner"
        assert [event["type"] for event in both.there.got] == [
            "conversation.item.create", "input_audio_buffer.append", "response.create",
        ]  # fmt: skip
    await both.idle()
    await until(lambda: not both.here.studio.accounts._running._running)
    answer, session = await both.rows()
    assert (answer.engine, answer.op, answer.status) == ("openai:gpt-realtime-2.1", "conversation", "ok")
    assert (answer.input_tokens, answer.output_tokens) == (100, 200)
    assert answer.micro_usd == 80 * 32 + 150 * 64
    assert (session.input_tokens, session.micro_usd, session.request_id) == (0, 0, answer.request_id)


async def test_the_official_client(both: Both):
    ai = openai.AsyncOpenAI(api_key=ADMIN, base_url=both.here.http)
    async with ai, ai.realtime.connect(model=MODEL) as connection:
        assert (await connection.recv()).type == "session.created"
        await connection.session.update(session={"type": "realtime", "instructions": "Be brief."})
        assert (await connection.recv()).type == "session.updated"


async def test_names_that_are_not_the_servers_are_ours(both: Both):
    for model in ("auto", "llm", "somebody-elses"):
        async with both.client(model) as client:
            assert (await client.next("session.created"))["session"]["id"] != "sess_up"
    for model in ("relay", "relay:other", MODEL):
        async with both.client(model) as client:
            assert (await client.next("session.created"))["session"]["id"] == "sess_up"
    assert both.there.calls[-2].path == "/v1/realtime?model=other"


async def test_a_caller_brings_his_own_key(both: Both):
    headers = {"Authorization": f"Bearer {ADMIN}", "X-Provider-Key": "sk-mine"}
    url = f"ws://127.0.0.1:{both.here.port}/v1/realtime?model={MODEL}"
    async with connect(url, additional_headers=headers, proxy=None) as socket:
        await Client(socket).next("session.created")
        assert both.there.head("authorization") == "Bearer sk-mine"


async def test_a_secret_fixes_what_it_names(both: Both):
    secret = await both.secret(**FIXED)
    async with both.client("", key=None, subprotocols=["realtime", f"openai-insecure-api-key.{secret}"]) as client:
        assert client.socket.subprotocol == "realtime"
        await client.next("session.created")
        assert both.there.calls[-1].path == f"/v1/realtime?model={MODEL}"
        told = (await client.next("session.updated"))["session"]
        assert told["instructions"] == "Sell shoes."
        await both.there.got_one("session.update")
        for event in (
            {"type": "session.update", "session": {"instructions": "Sell boots."}},
            {"type": "session.update", "session": {"audio": None}},
            {"type": "session.update", "session": {"prompt": {"id": "pmpt_1"}}},
            {"type": "response.create", "response": {"instructions": "Sell boots."}},
            {"type": "response.create", "response": {"audio": {"output": {"voice": "cedar"}}}},
        ):
            error = await client.refused(**event)
            assert error["code"] == "pinned_by_client_secret"
        for text in (
            '{"type": "response.cancel", "type": "session.update", "session": {"instructions": "Sell boots."}}',
            '{"type": "session\\u002eupdate", "session": {"instructions": "Sell boots."}}',
            "no JSON",
            "[]",
        ):
            await client.socket.send(text)
            assert (await client.next("error"))["error"]["type"] == "invalid_request_error"
        assert both.there.got == []
        await client.send("session.update", session={"instructions": "Sell shoes.", "tools": []})
        await client.next("session.updated")
        assert (await both.there.got_one("session.update"))["session"]["tools"] == []


async def test_a_revoked_key_ends_its_sessions(both: Both, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(relays, "CHECK_SECONDS", 0.05)
    accounts = both.here.studio.accounts
    admin = await accounts.identify(ADMIN)
    made = await accounts.create_key(admin, "x", ["conversation"])
    secret = await both.secret(made.secret, **FIXED)
    async with both.client(key=secret) as client:
        await client.next("session.created")
        await accounts.revoke_key(admin, made.key.id)
        assert (await client.next("error"))["error"]["code"] == "invalid_api_key"
        assert (await client.closed())[0] == 3000
    await both.idle()
    async with both.client(key=secret) as client:
        assert (await client.next("error"))["error"]["code"] == "invalid_api_key"


async def test_a_database_that_fails_for_a_moment_ends_no_session(both: Both, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(relays, "CHECK_SECONDS", 0.01)
    asked = asyncio.Event()
    failing = [StorageError("The database could not do this."), None, None]

    async def current(caller: Any) -> Any:
        if not failing:
            asked.set()
        elif error := failing.pop(0):
            raise error
        return caller

    async with both.client() as client:
        await client.next("session.created")
        monkeypatch.setattr(both.here.studio.accounts, "current", current)
        await asyncio.wait_for(asked.wait(), 10)
        await client.send("response.create")
        await client.next("response.done")


async def test_a_bill_that_could_not_be_kept_is_logged(
    both: Both, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    async def note(lease: Any, usage: Any) -> None:
        raise Overloaded("The database cannot keep up.")

    monkeypatch.setattr(both.here.studio.accounts, "note", note)
    async with both.client() as client:
        await client.next("session.created")
        await client.send("response.create")
        await client.next("response.done")
        await until(lambda: "could not be kept: The database cannot keep up." in caplog.text)


async def test_scope_and_limits_are_the_keys(both: Both):
    accounts = both.here.studio.accounts
    admin = await accounts.identify(ADMIN)
    speaker = await accounts.create_key(admin, "x", ["speech"])
    single = await accounts.create_key(admin, "x", ["conversation"], limits=Limits(concurrent=1))
    with pytest.raises(InvalidStatus) as refused:
        async with both.client(key=speaker.secret):
            pass
    assert refused.value.response.status_code == 403
    async with both.client(key=single.secret) as client:
        await client.next("session.created")
        with pytest.raises(InvalidStatus) as refused:
            async with both.client(key=single.secret):
                pass
        assert refused.value.response.status_code == 429
    assert len(both.there.calls) == 1


async def test_a_session_ends_after_its_longest(both: Both, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(both.here.studio, "settings", SimpleNamespace(realtime_minutes=0.002, max_conversations=100))
    async with both.client() as client:
        await client.next("session.created")
        assert "maximum duration" in (await client.next("error"))["error"]["message"]


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ({"hang_up": 2}, 503),
        ({"status": [401]}, 503),
        ({"status": [404]}, 404),
        ({"status": [429]}, 503),
        ({"silent": True}, 504),
        ({"first": "garbage"}, 500),
        ({"first": {"type": "error", "error": {"code": "invalid_api_key", "message": "sk-secret"}}}, 503),
    ],
)
async def test_a_server_that_cannot_be_used_is_told_before_anybody_is_let_in(
    tmp_path: Path, how: dict[str, Any], status: int
):
    async with opened(tmp_path, **how) as both:
        with pytest.raises(InvalidStatus) as refused:
            async with both.client():
                pass
        response = refused.value.response
        assert response.status_code == status
        assert b"secret" not in (response.body or b"")
        assert json.loads(response.body or b"")["error"]["message"]
        await both.idle()
        assert not both.here.studio.accounts._running._running
        assert {row.status for row in await both.rows()} == {"failed"}


async def test_one_that_hangs_up_once_is_called_again(tmp_path: Path):
    async with opened(tmp_path, hang_up=1) as both, both.client() as client:
        await client.next("session.created")


@pytest.mark.parametrize(
    ("said", "code", "closed"),
    [(None, "upstream_closed", 1013), ("no JSON", "upstream_error", 1011), (b"\x00", "upstream_error", 1011),
     ("{}", "upstream_error", 1011), ("x" * (5 << 20), "upstream_closed", 1013)],
)  # fmt: skip
async def test_a_server_that_breaks_later_is_told_and_what_it_took_is_kept(
    both: Both, said: Any, code: str, closed: int
):
    async with both.client() as client:
        await client.next("session.created")
        await client.send("response.create")
        await client.socket.recv()
        if said is None:
            await both.there.sockets[-1].close(1011)
        else:
            await both.there.say(said)
        error = (await client.next("error"))["error"]
        assert (error["type"], error["code"]) == ("server_error", code)
        assert (await client.closed())[0] == closed
    await both.idle()
    await until(lambda: not both.here.studio.accounts._running._running)
    assert sum(row.micro_usd for row in await both.rows()) == 80 * 32 + 150 * 64


@pytest.mark.parametrize(
    "usage",
    [None, "many", [], {"input_tokens": -5, "output_tokens": 1e308}, {"input_token_details": {"audio_tokens": "9"}}],
)
async def test_an_odd_bill_is_no_reason_to_stop(tmp_path: Path, usage: Any):
    async with opened(tmp_path, usage=usage) as both:
        async with both.client() as client:
            await client.next("session.created")
            for _ in range(2):
                await client.send("response.create")
                assert json.loads(await client.socket.recv())["type"] == "response.done"
            for event in ({"type": "response.done"}, {"type": "response.done", "response": 5}):
                await both.there.say(event)
                assert json.loads(await client.socket.recv()) == event
        await both.idle()
        await until(lambda: not both.here.studio.accounts._running._running)
        assert all(row.micro_usd == row.input_tokens == row.output_tokens == 0 for row in await both.rows())


async def test_an_answer_that_is_repeated_is_billed_once(both: Both):
    async with both.client() as client:
        await client.next("session.created")
        for id in ("a", "a", "b"):
            await both.there.say(both.there.done(id))
            await client.socket.recv()
    await both.idle()
    await until(lambda: not both.here.studio.accounts._running._running)
    assert [row.output_tokens for row in await both.rows()] == [200, 200, 0]


async def test_time_is_billed_where_it_has_a_price(both: Both):
    both.here.studio.upstream.row = Here("xai").row
    async with both.client("relay:grok-voice") as client:
        await client.next("session.created")
        await asyncio.sleep(0.1)
    await both.idle()
    await until(lambda: not both.here.studio.accounts._running._running)
    row = (await both.rows())[-1]
    assert row.engine == "xai:grok-voice"
    assert row.micro_usd >= 0.1 / 60 * 50_000


async def test_binary_frames_are_refused_and_the_session_goes_on(both: Both):
    async with both.client() as client:
        await client.next("session.created")
        await client.socket.send(b"\x00\x01")
        assert "text" in (await client.next("error"))["error"]["message"]
        await client.send("input_audio_buffer.clear")
        await client.next("input_audio_buffer.cleared")


async def test_a_client_that_does_not_read_is_waited_for_no_longer(both: Both, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(relays, "UNREAD_SECONDS", 0.3)
    async with both.client(max_queue=1, close_timeout=0.1) as client:
        await client.next("session.created")
        with suppress(ConnectionClosed):
            for _ in range(500):
                await both.there.say({"type": "response.output_audio.delta", "delta": "A" * 100_000})
        await both.idle()


async def test_a_server_that_takes_nothing_is_waited_for_no_longer(both: Both):
    with suppress(ConnectionClosed):  # what the client has still to send is not read any more
        async with both.client(close_timeout=0.1) as client:
            await client.next("session.created")
            both.there.sockets[-1].transport.pause_reading()
            text = json.dumps({"type": "input_audio_buffer.append", "audio": "A" * 1_000_000})
            for _ in range(15):
                await client.socket.send(text)
            assert (await client.next("error"))["error"]["code"] == "upstream_closed"
    await until(lambda: not both.here.studio.upstream.lines)
    both.there.sockets[-1].transport.resume_reading()
    await both.idle()


async def test_it_can_be_watched_and_ended(both: Both):
    live = both.here.studio.live
    async with both.client() as client:
        await client.next("session.created")
        await client.send("input_audio_buffer.append", audio=silence(1.0))
        await client.send("response.create")
        await client.socket.recv()
        format = {"output": {"format": {"type": "audio/pcmu"}}}
        session = {"type": "realtime", "audio": format}
        await both.there.say({"type": "session.updated", "event_id": "e", "session": session})
        delta = {"type": "response.output_audio.delta", "delta": silence(1.0, 4000)}
        await both.there.say(delta)
        for _ in range(2):
            await client.socket.recv()
        (seen,) = live.of(None)
        assert (seen.kind, seen.state, seen.input_tokens, seen.output_tokens) == ("relay", "speaking", 100, 200)
        assert seen.cost == pytest.approx((80 * 32 + 150 * 64) / 1e6)
        kinds = ["session.created", "response.create", "response.done", "session.updated"]
        assert [line.type for line in seen.lines() if line.type != "input_audio_buffer.append"] == kinds
        assert (seen.sound().heard, seen.sound().said) == (pytest.approx(1.0, abs=0.01), pytest.approx(1.0, abs=0.01))
        await live.end(seen.id, "The owner ended it.")
        assert (await client.closed())[1] == "The owner ended it."
        assert live.of(None) == []
    await until(lambda: not both.here.studio.accounts._running._running)
    # An answer's row and the session's are written side by side.
    assert sum(row.audio_seconds for row in await both.rows()) == pytest.approx(2.0, abs=0.02)


async def test_many_at_once_are_refused_in_order(tmp_path: Path):
    async with opened(tmp_path, most=3) as both:
        over = asyncio.Event()

        async def one() -> int:
            try:
                async with both.client() as client:
                    await client.next("session.created")
                    await over.wait()
                    return 101
            except InvalidStatus as error:
                return error.response.status_code

        work = [asyncio.create_task(one()) for _ in range(20)]
        await until(lambda: sum(task.done() for task in work) == 17)
        over.set()
        assert sorted(await asyncio.gather(*work)) == [101] * 3 + [503] * 17
        await both.idle()


async def test_a_server_that_takes_nobody_uses_up_no_secret(both: Both):
    secret = await both.secret(once=True, **FIXED)
    server = both.here.studio.upstream
    server._most = 0
    with pytest.raises(InvalidStatus) as refused:
        async with both.client(key=secret):
            pass
    assert refused.value.response.status_code == 503
    server._most = 1
    async with both.client(key=secret) as client:
        await client.next("session.created")
    await both.idle()
    async with both.client(key=secret) as client:
        assert (await client.next("error"))["error"]["code"] == "invalid_api_key"


# What is fixed


def test_the_fields_that_a_session_names():
    session = FIXED | {
        "type": "realtime",
        "tools": [],
        "audio": {"input": {"turn_detection": None}, "output": {"voice": "v"}},
    }
    assert pinned(session) == {"model", "instructions", "tools", "audio.input.turn_detection", "audio.output.voice"}
    assert pinned({}) == pinned({"type": "realtime"}) == frozenset()


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({"type": "session.update", "session": {"tools": [1]}}, ""),
        ({"type": "session.update", "session": FIXED}, ""),
        ({"type": "session.update", "session": 5}, ""),
        ({"type": "session.update"}, ""),
        ({"type": "input_audio_buffer.append", "session": {"model": "x"}}, ""),
        ({"type": "session.update", "session": {"model": "x"}}, "model"),
        ({"type": "session.update", "session": {"instructions": None}}, "instructions"),
        ({"type": "session.update", "session": {"audio": {"output": {"voice": "x"}}}}, "audio.output.voice"),
        ({"type": "session.update", "session": {"audio": {"output": "x"}}}, "audio.output.voice"),
        ({"type": "session.update", "session": {"audio": {"output": {"speed": 1}}}}, ""),
        ({"type": "response.create", "response": {"prompt": {"id": "p"}}}, "instructions"),
        ({"type": "response.create", "response": {"max_output_tokens": 5}}, ""),
        ({"type": ["session.update"], "session": {"model": "x"}}, ""),
    ],
)
def test_what_an_event_changes(event: dict[str, Any], field: str):
    assert changed(FIXED, event) == field


@pytest.mark.parametrize("text", ["", "5", "[]", "{", '{"a": 1, "a": 2}', '{"a": {"b": 1, "b": 1}}', "[" * 100_000])
def test_events_that_cannot_be_judged(text: str):
    with pytest.raises(BadRequest):
        parsed(text)
