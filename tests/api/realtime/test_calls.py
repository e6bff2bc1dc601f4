"""`/v1/realtime/calls` on a real server, by aiortc and the official client: DTLS and SRTP within this machine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from openai import AsyncOpenAI, NotFoundError
from websockets.exceptions import InvalidStatus

from api import realtime_calls
from engines import agent as act
from engines.base import Message, ToolCall
from storage import usage as usage_rows
from tests.api._realtime import QUICK, House, ScriptedTalks, house, said
from tests.api._socket import ADMIN, until
from tests.peers import need_webrtc
from voice.simulator.parts import ScriptedAgent

pytestmark = pytest.mark.integration

LONG = "It is five degrees in Oslo and it will stay so for all of the day and for most of the night as well."
TEXT: dict[str, Any] = {"type": "realtime", "output_modalities": ["text"]}


def answer(event: act.Event, history: Sequence[Message]) -> Sequence[Any]:
    if isinstance(event, act.ToolResult):
        return (act.Say(f"It is {event.output}."),)
    text = event.text if isinstance(event, act.Heard) else ""
    if "weather" in text:
        return (act.Call(ToolCall("call_1", "weather", '{"city": "Oslo"}')),)
    return (act.Say(LONG if "long" in text else "You are welcome."),)


@pytest.fixture
def webrtc() -> Any:
    """The clients, where aiortc is here."""
    need_webrtc()
    from tests.api.realtime import _calls

    return _calls


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, talks=ScriptedTalks(ScriptedAgent(answer, QUICK))) as found:
        yield found


def calls(opened: House) -> Any:
    return opened.app.state.calls


async def bill(opened: House) -> Any:
    """The one row of usage, once it is kept."""
    rows: list[Any] = []
    async with asyncio.timeout(10):
        while not rows:
            rows = await opened.studio.storage.read(usage_rows.recent, 10)
    assert len(rows) == 1
    return rows[0]


# A conversation


async def test_a_turn_by_voice_is_answered_over_the_track(opened: House, webrtc: Any):
    heard = {"audio": {"input": {"transcription": {"model": "whisper-1"}}}}
    async with webrtc.held(opened, {"type": "realtime", "instructions": "Be brief."} | heard) as caller:
        assert opened.talks.last.talk.settings.prompt == "Be brief."
        opened.talks.last.saying.begins("good morning")
        caller.microphone.speak(0.6)
        await caller.next("input_audio_buffer.speech_started")
        await caller.next("conversation.item.input_audio_transcription.completed", transcript="good morning")
        started = await caller.next("output_audio_buffer.started")
        await caller.next("response.output_audio_transcript.done", transcript="You are welcome. ")
        response = (await caller.next("response.done"))["response"]
        assert (response["status"], response["id"]) == ("completed", started["response_id"])
        await caller.next("output_audio_buffer.stopped", response_id=response["id"])
        assert caller.all("response.output_audio.delta") == []
        assert caller.all("error") == []
        # Three words of a tone, 0.3 s each, without a hole; then silence.
        await until(lambda: caller.frames[-1][0] - caller.loud()[-1] > 0.2)
        loud = caller.loud()
        assert 0.88 <= len(loud) * 0.02 <= 1.0
        assert loud[-1] - loud[0] < 1.1
    row = await bill(opened)
    assert (row.op, row.characters) == ("conversation", len("You are welcome. "))
    assert row.audio_seconds > 0.6 + 0.9


async def test_an_interruption_stops_our_sound_at_once(opened: House, webrtc: Any):
    async with webrtc.held(opened) as caller:
        await caller.send("conversation.item.create", item=said("long"))
        await caller.send("response.create")
        await until(lambda: len(caller.loud()) > 50)
        opened.talks.last.saying.begins("thank you")
        caller.microphone.speak(1.2)
        await caller.next("output_audio_buffer.cleared")
        count = len(caller.loud())
        await caller.next("output_audio_buffer.started")
        # What the client's own jitter buffer holds, 80 ms of aiortc's, is all that comes: not the 0.3 s ahead.
        assert len(caller.loud()) - count <= 10
        done = caller.all("response.done")[0]["response"]
        assert (done["status"], done["status_details"]["reason"]) == ("cancelled", "turn_detected")
        text = opened.talks.last.talk.items[1].known
        assert LONG.startswith(text.strip())
        assert 0 < len(text) < len(LONG) / 2


async def test_a_tool_is_called_in_a_call(opened: House, webrtc: Any):
    tool = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}
    async with webrtc.held(opened, TEXT | {"tools": [tool]}) as caller:
        await caller.send("conversation.item.create", item=said("weather"))
        await caller.send("response.create")
        call = await caller.next("response.function_call_arguments.done")
        await caller.next("response.done")
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "5 degrees"}
        await caller.send("conversation.item.create", item=output)
        await caller.send("response.create")
        assert (await caller.next("response.output_text.done"))["text"].strip() == "It is 5 degrees."


async def test_our_sound_is_thrown_away_when_that_is_asked_for(opened: House, webrtc: Any):
    async with webrtc.held(opened) as caller:
        await caller.send("conversation.item.create", item=said("long"))
        await caller.send("response.create")
        await until(lambda: len(caller.loud()) > 10)
        await caller.send("output_audio_buffer.clear")
        cleared = await caller.next("output_audio_buffer.cleared")
        assert cleared["response_id"] == (await caller.next("response.done"))["response"]["id"]
        count = len(caller.loud())
        await until(lambda: caller.frames[-1][1] < webrtc.LOUD)
        assert len(caller.loud()) - count <= 10


async def test_what_is_beside_the_conversation_is_told_in_writing(opened: House, webrtc: Any):
    async with webrtc.held(opened) as caller:
        await caller.send("response.create", response={"conversation": "none", "input": [said("thanks")]})
        assert (await caller.next("response.output_text.done"))["text"].strip() == "You are welcome."
        await caller.next("response.done")
        assert caller.loud() == []


async def test_sound_needs_no_channel(opened: House, webrtc: Any):
    async with webrtc.calling(opened, channel=False) as caller:
        assert (await caller.call()).status_code == 201
        await until(lambda: len(caller.frames) > 10)
        opened.talks.last.saying.begins("good morning")
        caller.microphone.speak(0.6)
        await until(lambda: len(caller.loud()) > 35)
    await until(lambda: not len(calls(opened)))


async def test_wrong_events_are_answered_and_the_call_goes_on(opened: House, webrtc: Any):
    async with webrtc.held(opened) as caller:
        error = await caller.refused("input_audio_buffer.append", audio="AAAA")
        assert "track" in error["message"]
        await caller.socket.send("{")
        assert "JSON" in (await caller.next("error"))["error"]["message"]
        await caller.socket.send(b"\x00\x01")
        assert "text" in (await caller.next("error"))["error"]["message"]
        caller.peer.createDataChannel("another")
        assert (await caller.update(instructions="Be kind."))["instructions"] == "Be kind."


# Who may


async def test_the_official_client(opened: House, webrtc: Any):
    ai = AsyncOpenAI(api_key=ADMIN, base_url=opened.http, max_retries=0)
    async with ai, webrtc.calling(opened) as caller:
        session: Any = {"type": "realtime", "model": "gpt-realtime", "instructions": "Be brief."}
        made = await ai.realtime.calls.create(sdp=await caller.offer(), session=session)
        place = made.response.headers["location"]
        assert place.startswith("/v1/realtime/calls/rtc_")
        await caller.answered(made.text)
        await caller.begun()
        assert caller.events[0]["session"]["instructions"] == "Be brief."
        id = place.rsplit("/", 1)[1]
        await ai.realtime.calls.hangup(id)
        await asyncio.wait_for(caller.channel.closed.wait(), 10)
        with pytest.raises(NotFoundError):
            await ai.realtime.calls.hangup(id)
    assert (len(opened.rooms), len(calls(opened))) == (0, 0)


async def secret(opened: House, session: dict[str, Any]) -> str:
    admin = await opened.studio.accounts.identify(ADMIN)
    key = await opened.studio.accounts.create_key(admin, "k", ["conversation"])
    owner = await opened.studio.accounts.identify(key.secret)
    return (await opened.studio.accounts.client_secrets.mint(owner, session))[0]


async def test_what_a_secret_fixes_stays(opened: House, webrtc: Any):
    value = await secret(opened, {"instructions": "Sell shoes."})
    async with webrtc.held(opened, key=value) as caller:
        assert caller.events[0]["session"]["instructions"] == "Sell shoes."
        error = await caller.refused("session.update", session={"instructions": "Sell boots."})
        assert error["code"] == "pinned_by_client_secret"
        caller.socket.closed.clear()
        async with httpx.AsyncClient(base_url=opened.http.removesuffix("/v1")) as http:
            other = {"Authorization": f"Bearer {await secret(opened, {})}"}
            refused = await http.post(f"{caller.location}/hangup", headers=other)
            assert (refused.status_code, len(calls(opened))) == (404, 1)
            assert (await http.post(f"{caller.location}/hangup")).status_code == 401
            own = await http.post(f"{caller.location}/hangup", headers={"Authorization": f"Bearer {value}"})
            assert (own.status_code, len(calls(opened))) == (200, 0)
    async with webrtc.calling(opened) as caller:
        refused = await caller.call({"type": "realtime", "instructions": "Sell boots."}, key=value)
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "pinned_by_client_secret")
    async with webrtc.held(opened, {"type": "realtime", "audio": {"output": {"voice": "v"}}}, key=value):
        assert opened.talks.last.talk.settings.voice == "v"
    await until(lambda: not len(opened.rooms) + len(calls(opened)))


@pytest.mark.parametrize("key", ["vf_live_nothing", "ek_nothing", ""])
async def test_who_has_no_good_key_makes_no_call(opened: House, key: str):
    async with httpx.AsyncClient(base_url=opened.http, headers={"X-API-Key": key}) as http:
        sdp = {"Content-Type": "application/sdp"}
        assert (await http.post("/realtime/calls", content="v=0", headers=sdp)).status_code == 401
        assert (await http.post("/realtime/calls/rtc_1/hangup")).status_code == 401


async def test_a_key_without_the_scope_makes_no_call(opened: House, webrtc: Any):
    admin = await opened.studio.accounts.identify(ADMIN)
    key = await opened.studio.accounts.create_key(admin, "ears", ["transcription"])
    async with webrtc.calling(opened) as caller:
        assert (await caller.call(key=key.secret)).status_code == 403
    assert (opened.talks.opened, len(calls(opened))) == ([], 0)


async def test_a_key_that_is_revoked_ends_its_call(opened: House, webrtc: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("api._watch.CHECK_SECONDS", 0.0)
    admin = await opened.studio.accounts.identify(ADMIN)
    key = await opened.studio.accounts.create_key(admin, "k", ["conversation"])
    async with webrtc.held(opened, key=key.secret) as caller:
        await opened.studio.accounts.revoke_key(admin, key.key.id)
        assert (await caller.next("error"))["error"]["code"] == "invalid_api_key"
        await asyncio.wait_for(caller.channel.closed.wait(), 10)


async def test_a_call_lasts_as_long_as_a_session(tmp_path: Path, webrtc: Any):
    async with house(tmp_path, longest=1.5) as opened, webrtc.held(opened) as caller:
        assert (await caller.next("error"))["error"]["code"] == "session_expired"
        await asyncio.wait_for(caller.channel.closed.wait(), 10)


# What is refused


async def test_where_it_is_not_installed_the_command_is_named(opened: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(realtime_calls, "find_spec", lambda name: None)
    error = await _refused(opened, 503, b"v=0")
    assert "pip install -r requirements-webrtc.txt" in error["message"]


async def test_on_a_space_the_socket_is_named(opened: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(realtime_calls, "is_space", lambda url: True)
    error = await _refused(opened, 503, b"v=0")
    assert "UDP" in error["message"]
    assert "WebSocket /v1/realtime" in error["message"]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b"", "application/sdp"),
        (400, b"\xff\xfe", "application/sdp"),
        (400, b"v=0\r\n", "application/sdp"),
        (413, b"v=0\r\n" + b"a=x\r\n" * 20_000, "application/sdp"),
        (413, b"v=0\r\n" + b"x" * 500_000, "application/sdp"),
        (415, b"{}", "application/json"),
        (415, b"v=0", ""),
        (400, b"v=0", "multipart/form-data"),
        (400, b"nothing", "multipart/form-data; boundary=x"),
        (400, b'--x\r\nContent-Disposition: form-data; name="session"\r\n\r\n[]\r\n--x--\r\n',
         "multipart/form-data; boundary=x"),
        (400, b'--x\r\nContent-Disposition: form-data; name="session"\r\n\r\n{"model": 1}\r\n--x--\r\n',
         "multipart/form-data; boundary=x"),
        (400, b'--x\r\nContent-Disposition: form-data; name="sdp"; filename="a"\r\n\r\n\xff\r\n--x--\r\n',
         "multipart/form-data; boundary=x"),
    ],
)  # fmt: skip
async def test_what_is_no_offer_makes_no_call(opened: House, webrtc: Any, status: int, body: bytes, kind: str):
    await _refused(opened, status, body, kind)
    assert (opened.talks.opened, len(calls(opened))) == ([], 0)


async def _refused(opened: House, status: int, body: bytes, kind: str = "application/sdp") -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {ADMIN}"} | ({"Content-Type": kind} if kind else {})
    async with httpx.AsyncClient(base_url=opened.http, headers=headers) as http:
        refused = await http.post("/realtime/calls", content=body)
    assert refused.status_code == status, refused.text
    return refused.json()["error"]


async def test_a_model_of_another_server_is_not_called(opened: House, webrtc: Any, monkeypatch: pytest.MonkeyPatch):
    asked: list[Any] = []
    monkeypatch.setattr(realtime_calls, "named", lambda studio, model, session: asked.append((model, session)) or True)
    async with webrtc.calling(opened) as caller:
        refused = await caller.call(model="there")
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "model")
    async with webrtc.calling(opened) as caller:
        await caller.call({"model": "theirs"}, key=await secret(opened, {"model": "fixed"}))
    assert asked == [("there", {}), ("", {"model": "fixed"})]
    assert opened.talks.opened == []


async def test_a_session_that_makes_no_sense_leaves_nothing(opened: House, webrtc: Any):
    for session in ({"type": "dance"}, {"audio": 3}, {"tool_choice": {"type": "function", "name": "x"}}):
        async with webrtc.calling(opened) as caller:
            refused = await caller.call({"type": "realtime"} | session)
            assert refused.status_code == 400, session
    assert (len(opened.rooms), len(calls(opened))) == (0, 0)


async def test_a_call_that_does_not_connect_is_closed(opened: House, webrtc: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("api._realtime.calls.CONNECT_SECONDS", 0.2)
    async with webrtc.calling(opened) as caller, httpx.AsyncClient(base_url=opened.http) as http:
        headers = {"Authorization": f"Bearer {ADMIN}", "Content-Type": "application/sdp"}
        made = await http.post("/realtime/calls", content=await caller.offer(), headers=headers)
        assert (made.status_code, len(opened.rooms)) == (201, 1)
        await until(lambda: not len(calls(opened)))
        assert len(opened.rooms) == 0
        assert (await bill(opened)).characters == 0


async def test_only_so_many_wait_for_their_connection(opened: House, webrtc: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("api._realtime.calls.MOST_PENDING", 2)
    headers = {"Authorization": f"Bearer {ADMIN}", "Content-Type": "application/sdp"}
    async with webrtc.calling(opened) as caller, httpx.AsyncClient(base_url=opened.http, headers=headers) as http:
        sdp = await caller.offer()
        found = [(await http.post("/realtime/calls", content=sdp)).status_code for _ in range(3)]
        assert found == [201, 201, 503]
        assert len(opened.rooms) == 2


async def test_who_sends_more_than_can_be_read_is_cut_off(opened: House, webrtc: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("api._realtime.calls.MOST_EVENTS", 20)
    async with webrtc.held(opened) as caller:
        for _ in range(400):
            await caller.socket.send("{")
        await asyncio.wait_for(caller.channel.closed.wait(), 10)
    await until(lambda: not len(opened.rooms))


async def test_a_message_without_an_end_ends_the_call(opened: House, webrtc: Any):
    async with webrtc.held(opened) as caller:
        async with asyncio.timeout(15):
            while len(calls(opened)):
                await webrtc.begin_message(caller, 50_000)
    assert len(opened.rooms) == 0


async def test_a_string_that_is_none_ends_the_call(opened: House, webrtc: Any):
    async with webrtc.held(opened) as caller:
        await webrtc.send_raw(caller, b"\xff\xfe")
        await until(lambda: not len(calls(opened)))


async def test_sound_that_comes_faster_than_time_is_left_out(opened: House, webrtc: Any):
    async with webrtc.held(opened) as caller:
        call = next(iter(calls(opened)._calls.values()))
        for _ in range(60):
            call._hear(np.zeros(16_000, np.float32))
        assert 4.0 <= call._talk.heard <= 8.0
        assert (await caller.update(instructions="Be kind."))["instructions"] == "Be kind."


async def test_an_event_that_is_too_long_for_the_other_side_is_left_out(opened: House, webrtc: Any):
    async with webrtc.held(opened) as caller:
        call = next(iter(calls(opened)._calls.values()))
        call._offer = call._offer.__class__(call._offer.sdp, True, 600)
        await caller.send("session.update", session={"type": "realtime", "instructions": "x" * 1000})
        assert (await caller.next("error"))["error"]["code"] == "event_too_large"


# How it ends


async def test_nothing_is_left_of_calls_that_end(opened: House, webrtc: Any):
    def left() -> tuple[int, int]:
        return len(asyncio.all_tasks()), threading.active_count()

    async def one() -> None:
        async with webrtc.held(opened) as caller:
            await until(lambda: len(caller.frames) > 3)
        await until(lambda: not len(calls(opened)) + len(opened.rooms))

    await one()
    await until(lambda: len(asyncio.all_tasks()) < 40)
    tasks, threads = left()
    for _ in range(3):
        await one()
    await until(lambda: left()[0] <= tasks)
    # The loop's own threads, which encode the test's microphone, come and stay.
    decoders = [thread for thread in threading.enumerate() if "decoder" in thread.name]
    assert decoders == []
    assert threads > 0


async def test_a_client_that_leaves_ends_its_call(opened: House, webrtc: Any):
    async with webrtc.held(opened) as caller:
        await caller.peer.close()
        async with asyncio.timeout(5):
            await until(lambda: not len(opened.rooms))


async def test_a_call_is_seen_and_ended_among_the_live_ones(opened: House, webrtc: Any):
    headers = {"Authorization": f"Bearer {ADMIN}"}
    async with webrtc.held(opened) as caller, httpx.AsyncClient(base_url=opened.http, headers=headers) as http:
        rows = (await http.get("/live")).json()["data"]
        assert [row["kind"] for row in rows] == ["realtime"]
        assert (await http.delete(f"/live/{rows[0]['id']}")).status_code == 200
        await asyncio.wait_for(caller.channel.closed.wait(), 10)


async def test_the_house_closes_while_somebody_calls(tmp_path: Path, webrtc: Any):
    async with webrtc.calling(None) as caller:
        async with house(tmp_path) as opened:
            caller.opened = opened
            await caller.call()
            await caller.begun()
        await asyncio.wait_for(caller.channel.closed.wait(), 10)


# A socket beside a call


async def test_a_socket_follows_a_call(opened: House, webrtc: Any):
    async with webrtc.held(opened, TEXT) as caller:
        id = caller.location.rsplit("/", 1)[1]
        async with opened.client(f"?call_id={id}") as beside:
            assert (await beside.next("session.created"))["session"] == caller.events[0]["session"]
            assert (await beside.update(instructions="Be kind."))["instructions"] == "Be kind."
            await caller.next("session.updated")
            await caller.send("conversation.item.create", item=said("hello"))
            await beside.send("response.create")
            for one in (caller, beside):
                assert (await one.next("response.output_text.done"))["text"].strip() == "You are welcome."
        await caller.send("conversation.item.create", item=said("goodbye"))
        await caller.next("conversation.item.done")
        async with opened.client(f"?call_id={id}") as beside:
            await beside.next("session.created")
            await caller.peer.close()
            assert await beside.closed() == (1000, "The client is gone.")


async def test_nobody_else_follows_a_call(opened: House, webrtc: Any):
    value = await secret(opened, {})
    async with webrtc.held(opened, key=value) as caller:
        path = f"?call_id={caller.location.rsplit('/', 1)[1]}"
        for asked, key, status in ((path, value, 403), (path, ADMIN, 404), ("?call_id=rtc_1", ADMIN, 404)):
            with pytest.raises(InvalidStatus) as refused:
                async with opened.client(asked, key=key):
                    pass
            assert refused.value.response.status_code == status
