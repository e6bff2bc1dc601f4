"""What is not let in to `/v1/realtime`, and what is said to events that are wrong: the session goes on all the same."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from api._realtime import places
from api._realtime.auth import Entry
from core.errors import Unauthorized
from tests.api._realtime import House, ScriptedTalks, house, said, silence
from tests.api._socket import ADMIN, until

pytestmark = pytest.mark.integration


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, talks=ScriptedTalks(most=20)) as found:
        yield found


# Who may


async def test_a_browser_shows_its_key_as_a_subprotocol(opened: House, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    offered: Any = ["realtime", f"openai-insecure-api-key.{ADMIN}"]
    async with opened.client(key=None, subprotocols=offered) as client:
        await client.next("session.created")
        assert client.socket.subprotocol == "realtime"
    assert ADMIN not in caplog.text


@pytest.mark.parametrize("key", [None, "vf_live_nothing", "ek_nothing", "ek_"])
async def test_who_has_no_good_key_is_told_and_closed(opened: House, key: str | None):
    async with opened.client(key=key) as client:
        assert (await client.next("error"))["error"]["code"] == "invalid_api_key"
        assert (await client.closed())[0] == 3000
    assert opened.talks.opened == []
    assert opened.rooms.strangers == 0


async def test_a_key_in_the_address_is_none(opened: House):
    async with opened.client(f"?model=x&api_key={ADMIN}", key=None) as client:
        await client.next("error")
        assert (await client.closed())[0] == 3000


async def test_a_key_without_the_scope_is_not_let_in(opened: House):
    admin = await opened.studio.accounts.identify(ADMIN)
    key = await opened.studio.accounts.create_key(admin, "ears", ["transcription"])
    with pytest.raises(InvalidStatus) as refused:
        async with opened.client(key=key.secret):
            pass
    assert refused.value.response.status_code == 403
    assert json.loads(refused.value.response.body)["error"]["code"] == "insufficient_scope"


async def test_a_key_that_is_revoked_ends_its_session(opened: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("api._watch.CHECK_SECONDS", 0.0)
    admin = await opened.studio.accounts.identify(ADMIN)
    key = await opened.studio.accounts.create_key(admin, "k", ["conversation"])
    async with opened.client(key=key.secret) as client:
        await client.next("session.created")
        await opened.studio.accounts.revoke_key(admin, key.key.id)
        assert (await client.next("error"))["error"]["code"] == "invalid_api_key"
        assert (await client.closed())[0] == 3000


async def test_a_secret_opens_one_session_as_it_was_made(opened: House, monkeypatch: pytest.MonkeyPatch):
    admin = await opened.studio.accounts.identify(ADMIN)
    fixed: dict[str, Any] = {"model": "llm", "instructions": "Sell shoes.", "audio": {"output": {"voice": "v"}}}
    pinned = frozenset({"model", "instructions", "audio.output.voice"})

    async def redeem(_: Any, secret: str) -> Entry:
        if secret != "ek_good":
            raise Unauthorized("This secret is not valid.")
        return Entry(admin, fixed, pinned)

    monkeypatch.setattr("api.client_secrets.redeem", redeem)
    async with opened.client(key="ek_good") as client:
        session = (await client.next("session.created"))["session"]
        assert (session["instructions"], session["audio"]["output"]["voice"]) == ("Sell shoes.", "v")
        for change, param in (
            ({"instructions": "Sell boots."}, "session.instructions"),
            ({"audio": {"output": {"voice": "w"}}}, "session.audio.output.voice"),
        ):
            error = await client.refused("session.update", session=change)
            assert (error["code"], error["param"]) == ("pinned_by_client_secret", param)
        told = await client.update(instructions="Sell shoes.", model="gpt-realtime", audio={"output": {"speed": 1.1}})
        assert (told["model"], told["audio"]["output"]["speed"]) == ("llm", 1.1)
        await client.send("conversation.item.create", item=said("hello"))
        error = await client.refused("response.create", response={"instructions": "Sell boots."})
        assert error["code"] == "pinned_by_client_secret"
        error = await client.refused("response.create", response={"audio": {"output": {"voice": "w"}}})
        assert error["code"] == "pinned_by_client_secret"
    async with opened.client(key="ek_bad") as client:
        assert (await client.closed())[0] == 3000


async def test_a_foreign_page_is_kept_out_where_no_key_is_asked_for(tmp_path: Path):
    async with house(tmp_path, access="open") as opened:
        with pytest.raises(InvalidStatus) as refused:
            async with opened.client(key=None, origin="https://evil.example"):
                pass
        assert refused.value.response.status_code == 403
        async with opened.client(key="sk-of-another-house") as client:
            await client.next("session.created")


@pytest.mark.parametrize(("share", "status", "after"), [(2000, 503, 5), (4, 429, 1)])
async def test_a_thousand_sessions_at_once_are_refused_in_order(
    opened: House, share: int, status: int, after: int, monkeypatch: pytest.MonkeyPatch
):
    """By the house that is full, and by the share of it that one key may have and say nothing."""
    monkeypatch.setattr(places, "LEAST", share)
    monkeypatch.setattr(places, "SHARE", 1000)
    held = min(share, 20)

    async def knock() -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", opened.port)
        lines = ["GET /v1/realtime?model=x HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade",
                 "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version: 13",
                 f"Authorization: Bearer {ADMIN}", "", ""]  # fmt: skip
        writer.write("\r\n".join(lines).encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        if " 101 " in head:
            await over.wait()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        return head

    over = asyncio.Event()
    doors = [asyncio.create_task(knock()) for _ in range(1000)]
    await until(lambda: sum(door.done() for door in doors) == 1000 - held)
    assert len(opened.rooms) == held
    over.set()
    heads = await asyncio.gather(*doors)
    refused = [head for head in heads if f" {status} " in head.splitlines()[0]]
    assert len(refused) == 1000 - held
    assert all(f"retry-after: {after}" in head.lower() for head in refused)
    await until(lambda: len(opened.rooms) == 0)
    await until(lambda: not opened.studio.accounts._running._running)
    async with opened.client() as client:
        await client.next("session.created")


# Events that are wrong

ODD = base64.b64encode(b"\0\0\0").decode()
WRONG: list[tuple[str, str, dict[str, Any]]] = [
    ("invalid_value", "input_audio_buffer.explode", {}),
    ("invalid_value", "session.created", {"session": {}}),
    ("missing_required_parameter", "session.update", {}),
    ("invalid_value", "session.update", {"session": 3}),
    ("input_audio_buffer_commit_empty", "input_audio_buffer.commit", {}),
    ("invalid_audio", "input_audio_buffer.append", {}),
    ("invalid_audio", "input_audio_buffer.append", {"audio": 7}),
    ("invalid_audio", "input_audio_buffer.append", {"audio": "not base64!"}),
    ("invalid_audio", "input_audio_buffer.append", {"audio": ""}),
    ("invalid_audio", "input_audio_buffer.append", {"audio": ODD}),
    ("response_cancel_not_active", "response.cancel", {}),
    ("response_cancel_not_active", "response.cancel", {"response_id": "resp_none"}),
    ("item_not_found", "conversation.item.delete", {"item_id": "none"}),
    ("item_not_found", "conversation.item.retrieve", {"item_id": "none"}),
    ("item_not_found", "conversation.item.truncate", {"item_id": "none", "content_index": 0, "audio_end_ms": 1}),
    ("item_truncate_invalid_item_id", "conversation.item.truncate",
     {"item_id": "there", "content_index": 0, "audio_end_ms": 1}),
    ("invalid_value", "conversation.item.truncate", {"item_id": "there", "content_index": 0, "audio_end_ms": -1}),
    ("missing_required_parameter", "conversation.item.truncate", {"item_id": "there"}),
    ("item_create_duplicate_id", "conversation.item.create", {"item": said("x") | {"id": "there"}}),
    ("item_create_invalid_previous_item_id", "conversation.item.create",
     {"item": said("x"), "previous_item_id": "none"}),
    ("invalid_tool_call_id", "conversation.item.create",
     {"item": {"type": "function_call_output", "call_id": "none", "output": "x"}}),
    ("invalid_value", "conversation.item.create", {"item": {"type": "mcp_call"}}),
    ("invalid_value", "conversation.item.create", {"item": said("x") | {"id": "with space"}}),
    ("invalid_value", "conversation.item.create", {"item": said("x") | {"role": "tool"}}),
    ("invalid_value", "conversation.item.create", {"item": said("x" * 200_000)}),
    ("missing_required_parameter", "conversation.item.create", {"item": {"type": "message", "role": "user"}}),
    ("missing_required_parameter", "conversation.item.create",
     {"item": {"type": "message", "role": "user", "content": [{"type": "input_audio"}]}}),
    ("invalid_audio", "conversation.item.create",
     {"item": {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": "?"}]}}),
    ("too_large", "conversation.item.create",
     {"item": {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": silence(2.0)}]}}),
    ("missing_required_parameter", "conversation.item.create",
     {"item": {"type": "message", "role": "user", "content": [{"type": "input_text"}]}}),
    ("invalid_value", "conversation.item.create",
     {"item": {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": "x"}]}}),
    ("invalid_value", "response.create", {"response": {"conversation": "another"}}),
    ("invalid_value", "response.create", {"response": {"max_output_tokens": 10**9}}),
    ("invalid_value", "response.create", {"response": {"metadata": {str(number): "x" for number in range(17)}}}),
    ("invalid_value", "response.create", {"response": {"output_modalities": []}}),
    ("invalid_value", "response.create", {"response": {"tool_choice": {"type": "function", "name": "none"}}}),
    ("voice_not_found", "response.create", {"response": {"audio": {"output": {"voice": "nobody"}}}}),
    ("item_not_found", "response.create", {"response": {"input": [{"type": "item_reference", "id": "none"}]}}),
]  # fmt: skip


async def test_every_wrong_event_is_answered_and_changes_nothing(opened: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("api._realtime.talk.MOST_SECONDS", 1.0)
    async with opened.held() as client:
        await client.send("conversation.item.create", item=said("I am here") | {"id": "there"})
        talk = opened.talks.last.talk
        for code, type, values in WRONG:
            error = await client.refused(type, **values)
            assert error["code"] == code, (type, values, error)
            assert error["message"]
        assert [item.text for item in talk.items] == ["I am here"]
        assert talk.response == ""
        assert client.kinds().count("error") == 1, "nothing else was told in between"
        await client.send("response.create")
        assert (await client.next("response.done"))["response"]["status"] == "completed"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", "null", "{}", '{"type": 3}', '{"type": null}', "[" * 100_000, b"\0\1\2", b""]
)
async def test_what_is_no_event_is_answered(opened: House, text: Any):
    async with opened.held() as client:
        await client.socket.send(text)
        assert (await client.next("error"))["error"]["event_id"] is None
        await client.update()


async def test_a_mistake_of_ours_ends_no_session(
    opened: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def broken(*_: object) -> None:
        raise RuntimeError("ours")

    async with opened.held() as client:
        with monkeypatch.context() as patch:
            patch.setattr(opened.talks.last.talk, "delete", broken)
            await client.send("conversation.item.create", item=said("x") | {"id": "there"})
            await client.send("conversation.item.delete", item_id="there")
            assert (await client.next("error"))["error"]["code"] == "internal_error"
        await client.send("conversation.item.delete", item_id="there")
        await client.next("conversation.item.deleted")
    assert "ours" in caplog.text


async def test_an_event_id_that_is_none_is_passed_over(opened: House):
    async with opened.held() as client:
        await client.send("response.cancel", event_id={"a": 1})
        assert (await client.next("error"))["error"]["event_id"] is None


async def test_a_second_response_waits_for_the_first(opened: House):
    async with opened.held() as client:
        await client.send("conversation.item.create", item=said("hello"))
        await client.send("response.create")
        await client.next("response.created")
        error = await client.refused("response.create")
        assert error["code"] == "conversation_already_has_active_response"
        await client.send("response.cancel")
        await client.next("response.done")


async def test_a_huge_event_is_answered_and_too_huge_a_one_closes(opened: House):
    async with opened.held() as client:
        error = await client.refused("conversation.item.create", item=said("x" * 5_000_000))
        assert error["code"] == "invalid_value"
        with suppress(ConnectionClosed):
            await client.send("session.update", session={"instructions": "x"}, more="x" * 12_000_000)
        assert (await client.closed())[0] == 1009


async def test_who_makes_mistakes_all_the_time_is_read_slowly(opened: House):
    async with opened.held() as client:
        began = asyncio.get_running_loop().time()
        for _ in range(110):
            await client.send("response.cancel")
        for _ in range(110):
            await client.next("error")
        assert asyncio.get_running_loop().time() - began > 0.5
        await client.update()


async def test_more_sound_than_anybody_speaks_waits(opened: House):
    detection: dict[str, Any] = {"audio": {"input": {"turn_detection": None}}}
    async with opened.held(**detection) as client:
        for _ in range(31):
            await client.send("input_audio_buffer.append", audio=silence(1.0))
        began = asyncio.get_running_loop().time()
        await client.update()
        assert asyncio.get_running_loop().time() - began > 0.5


async def test_a_client_that_does_not_read_is_let_go(opened: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("api._realtime.talk.MOST_TEXT", 50_000)
    async with opened.held() as client:
        client.socket.transport.pause_reading()
        talk = next(iter(opened.rooms._talks.values()))[0]
        monkeypatch.setattr("api._wire.outbox.LAST_WORD_SECONDS", 0.1)
        talk.outbox.text("x" * 9_000_000)
        talk.outbox.text("x" * 60_000)
        await until(lambda: not len(opened.rooms))
        client.socket.transport.resume_reading()
    assert opened.talks.last.talk.over
