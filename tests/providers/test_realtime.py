"""A line to a realtime server: how it is reached, what is made of each way to fail, and what an answer costs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import EngineError, EngineTimeout, Overloaded, Unavailable, UnknownModel
from providers import realtime
from providers.realtime import Garbage, Lost, Patience, Upstream
from providers.realtime_rows import Bill, bill, lasted, row_of, rows
from tests.providers.realtime_server import USAGE, upstream

HASTE = Patience(first=0.5, again=0.01, sending=0.5)
CREATED = {"type": "session.created", "session": {}}


@asynccontextmanager
async def asked(patience: Patience = HASTE, most: int = 5, **how: Any) -> AsyncIterator[tuple[Any, Upstream]]:
    async with upstream(**how) as server:
        yield server, Upstream(server.url, "sk-owner", "gpt-realtime-2.1", most=most, patience=patience)


async def test_events_go_both_ways_with_the_owners_key():
    async with asked() as (server, here), here.opened("gpt-realtime-2.1") as line:
        assert line.first[1]["type"] == "session.created"
        await line.send(json.dumps({"type": "input_audio_buffer.clear"}))
        assert (await line.read())[1]["type"] == "input_audio_buffer.cleared"
        assert server.head("authorization") == "Bearer sk-owner"
        assert server.calls[-1].path == "/v1/realtime?model=gpt-realtime-2.1"
        assert here.lines == 1
    assert here.lines == 0


async def test_another_key_goes_in_its_place():
    async with asked() as (server, here), here.opened("m", "sk-caller"):
        assert server.head("authorization") == "Bearer sk-caller"


async def test_a_model_s_name_cannot_leave_its_place():
    async with asked() as (server, here), here.opened("a&intent=b/../c#d"):
        assert server.calls[-1].path == "/v1/realtime?model=a%26intent%3Db%2F..%2Fc%23d"


async def test_who_hangs_up_before_the_first_word_is_called_once_more():
    async with asked(hang_up=1) as (server, here), here.opened("m") as line:
        assert line.first[1]["type"] == "session.created"
        assert len(server.calls) == 2


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ({"hang_up": 2}, Unavailable),
        ({"status": [401]}, Unavailable),
        ({"status": [404]}, UnknownModel),
        ({"status": [429]}, Overloaded),
        ({"status": [503]}, Unavailable),
        ({"silent": True}, EngineTimeout),
        ({"first": "hello"}, EngineError),
        ({"first": b"\x00"}, EngineError),
        ({"first": "[" * 100_000}, EngineError),
        ({"first": '{"type": 1}'}, EngineError),
        ({"first": "x" * (realtime.MOST_BYTES + 1)}, Unavailable),
        ({"first": {"type": "error", "error": {"code": "invalid_api_key", "message": "sk-secret"}}}, Unavailable),
        ({"first": {"type": "error", "error": "odd"}}, Unavailable),
    ],
)
async def test_each_way_to_fail_has_its_error_and_leaves_no_line(how: dict[str, Any], error: type[Exception]):
    async with asked(**how) as (_, here):
        with pytest.raises(error) as caught:
            async with here.opened("m"):
                pass
        assert type(caught.value) is error
        assert "secret" not in str(caught.value)
        assert here.lines == 0


async def test_nobody_there():
    here = Upstream("http://127.0.0.1:9/v1", patience=HASTE)
    with pytest.raises(Unavailable):
        async with here.opened("m"):
            pass


async def test_no_more_lines_than_allowed():
    async with asked(most=1) as (_, here), here.opened("m"):
        with pytest.raises(Overloaded):
            async with here.opened("m"):
                pass
    assert here.lines == 0


async def test_what_comes_later_and_is_no_event():
    async with asked() as (server, here):
        for garbage in ("no JSON", b"\x00\x01", "[1]", '"text"', "{}"):
            async with here.opened("m") as line:
                await server.say(garbage)
                with pytest.raises(Garbage):
                    await line.read()
        async with here.opened("m") as line:
            await server.sockets[-1].close(1011)
            with pytest.raises(Lost):
                await line.read()
            with pytest.raises(Lost):
                await line.send("{}")


def test_what_names_mean():
    here = Upstream("openai", "k", "gpt-realtime-2.1")
    assert here.model("relay") == "gpt-realtime-2.1"
    assert here.model("relay:other") == "other"
    assert here.model("gpt-realtime-2.1-mini") == "gpt-realtime-2.1-mini"
    assert [here.model(name) for name in ("", "auto", "rules", "llama")] == [None] * 4
    assert Upstream("openai").model("relay") == "gpt-realtime"
    plain = Upstream("http://127.0.0.1:8080/v1", model="own")
    assert (plain.model("own"), plain.model("relay"), plain.model("gpt-realtime")) == ("own", "own", None)


@pytest.mark.parametrize(
    ("base", "name", "url", "header"),
    [
        ("openai", "openai", "wss://api.openai.com/v1/realtime?model=m", {"Authorization": "Bearer k"}),
        ("https://api.openai.com/v1/", "openai", "wss://api.openai.com/v1/realtime?model=m", None),
        ("https://r.openai.azure.com/openai/v1", "azure-openai", "wss://r.openai.azure.com/openai/v1/realtime?model=m",
         {"api-key": "k"}),
        ("xai", "xai", "wss://api.x.ai/v1/realtime?model=m", {"Authorization": "Bearer k"}),
        ("inworld", "inworld", "wss://api.inworld.ai/api/v1/realtime/session?model=m", {"Authorization": "Basic k"}),
        ("ws://127.0.0.1:8080/v1", "server", "ws://127.0.0.1:8080/v1/realtime?model=m", {"Authorization": "Bearer k"}),
    ],
)  # fmt: skip
def test_rows(base: str, name: str, url: str, header: dict[str, str] | None):
    here = Upstream(base, "k")
    assert here.row.name == name
    assert here.url("m") == url
    assert header is None or here.row.header("k") == header
    assert here.row.header("") == {}


def test_the_table_is_whole():
    for name, row in rows().items():
        assert row.title, name
        assert not row.prices or row.as_of, name
        for price in row.prices.values():
            assert set(price) <= {
                "audio_in",
                "audio_out",
                "audio_cached",
                "text_in",
                "text_out",
                "text_cached",
                "minute",
            }
    assert row_of("https://evil.example/api.openai.com").name == "server"


def test_an_answers_bill():
    price = {"audio_in": 32.0, "audio_out": 64.0, "text_in": 4.0, "text_out": 16.0, "audio_cached": 0.4}
    assert bill(USAGE, price) == Bill(100, 200, 20 * 4 + 80 * 32 + 50 * 16 + 150 * 64)
    details = {"text_tokens": 20, "audio_tokens": 80, "cached_tokens_details": {"audio_tokens": 50}}
    assert bill(USAGE | {"input_token_details": details}, price).micro_usd == 20 * 4 + 30 * 32 + 20 + 50 * 16 + 150 * 64
    assert bill(USAGE, {}) == Bill(100, 200, 0)
    assert lasted(90, {"minute": 0.05}) == 75_000
    row = rows()["openai"]
    assert row.price("gpt-realtime-2.1-mini-2026")["audio_in"] == 10.0
    assert row.price("gpt-realtime-2.1-2026")["audio_in"] == 32.0
    assert row.price("gpt-realtime") == {}


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["input_tokens", "output_tokens", "input_token_details", "output_token_details", "audio_tokens",
                         "cached_tokens_details"]), inner, max_size=4),
)  # fmt: skip


@given(ODD)
def test_an_odd_bill_is_never_less_than_nothing(usage: Any):
    found = bill(usage, {"audio_in": 32.0, "audio_out": 64.0})
    assert min(found.input_tokens, found.output_tokens, found.micro_usd) >= 0
    assert max(found.input_tokens, found.output_tokens) <= 10**9
    assert found.micro_usd <= 10**12


@asynccontextmanager
async def granting(answer: bytes, status: str = "200 OK") -> AsyncIterator[tuple[list[bytes], Upstream]]:
    """A server that answers every request so."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        seen.append(head + await reader.readexactly(length))
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(answer)}\r\n\r\n".encode() + answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield seen, Upstream(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", "sk-owner", patience=HASTE)


async def test_a_secret_for_a_browser():
    told = {"value": "ek_theirs", "expires_at": 123, "session": {"type": "realtime", "model": "m"}}
    async with granting(json.dumps(told).encode()) as (seen, here):
        grant = await here.grant({"type": "realtime", "model": "m"}, 60)
    assert (grant.value, grant.expires_at, grant.session["model"]) == ("ek_theirs", 123, "m")
    assert grant.url == here.url("m")
    assert b"POST /v1/realtime/client_secrets" in seen[0]
    assert b"Bearer sk-owner" in seen[0]
    assert json.loads(seen[0].partition(b"\r\n\r\n")[2])["expires_after"] == {"anchor": "created_at", "seconds": 60}


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        (b"no JSON", "200 OK", EngineError),
        (b"[]", "200 OK", EngineError),
        (b'{"value": "ek"}', "200 OK", EngineError),
        (b"sk-secret", "401 Unauthorized", Unavailable),
        (b"", "500 Broken", Unavailable),
    ],
)
async def test_secrets_that_are_not_given(answer: bytes, status: str, error: type[Exception]):
    async with granting(answer, status) as (_, here):
        with pytest.raises(error) as caught:
            await here.grant({}, 60)
    assert "secret" not in str(caught.value)


async def test_a_server_that_makes_no_secrets():
    for here in (Upstream("inworld", "k"), Upstream("openai")):
        with pytest.raises(Unavailable):
            await here.grant({}, 60)
