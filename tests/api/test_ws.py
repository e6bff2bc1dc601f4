"""`/ws` on a real server, by a real client: what is promised in docs/protocol.md."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from api._wire.outbox import Outbox
from api._ws import messages
from engines.base import ToolCall
from storage import usage as usage_rows
from tests.api._socket import ADMIN, KEY, House, house, until
from voice.talk import events
from voice.talk.items import Item

pytestmark = pytest.mark.integration


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as found:
        yield found


@pytest.fixture
async def keyed(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, access="key") as found:
        yield found


# beginning


async def test_a_session_begins_as_it_is_asked_for(opened: House):
    asked = {"input": {"format": "pcm16", "rate": 48000}, "output": {"format": "opus", "rate": 48000}, "voice": "v",
             "rules": {"min_delay": 0.3}, "turns": "manual", "model": "small", "prompt": "Be kind.",
             "tools": [{"name": "time"}]}  # fmt: skip
    async with opened.started(**asked) as (_, ready):
        assert (ready["v"], ready["resumed"], ready["position"], ready["history"]) == (1, False, 0, [])
        assert (ready["input"], ready["output"], ready["rate"]) == (asked["input"], asked["output"], 48000)
        assert ready["models"] == {"hears": "stt", "thinks": "llm", "speaks": "tts"}
        settings = opened.talks.last.settings
        assert (settings.voice, settings.prompt, settings.model, settings.output_rate) == (
            "v",
            "Be kind.",
            "small",
            48000,
        )
        assert (settings.rules.min_delay, settings.rules.mode, settings.tools[0].name) == (0.3, "manual", "time")
        assert opened.talks.last.begun


async def test_without_start_the_first_message_begins_it(opened: House):
    async with opened.client() as client:
        await client.send("message", content="Hello")
        ready = await client.next("ready")
        assert (ready["input"], ready["output"]) == (
            {"format": "pcm16", "rate": 16000},
            {"format": "pcm16", "rate": 24000},
        )
        assert (await client.next("item"))["item"]["text"] == "Hello"
        assert (await client.next("item"))["item"]["text"] == "You wrote: Hello"


async def test_without_start_the_first_sound_begins_it(opened: House):
    async with opened.client() as client:
        await client.socket.send(b"\1\0" * 320)
        await client.next("ready")
        await client.settled()
        assert len(opened.talks.last.samples) == 320


async def test_what_is_wrong_with_a_start_is_told_and_it_may_be_tried_again(opened: House):
    async with opened.client() as client:
        for asked, code in (
            ({"voice": "nobody"}, "voice_not_found"),
            ({"agent": "nobody"}, "model_not_found"),
            ({"v": 2}, "invalid_request"),
            ({"rules": {"nonsense": 1}}, "invalid_request"),
            ({"rules": {"min_delay": -1}}, "invalid_request"),
            ({"output": {"format": "opus", "rate": 44100}}, "invalid_request"),
            ({"input": {"format": "pcm16", "rate": 7999}}, "invalid_request"),
            ({"nonsense": 1}, "invalid_request"),
            ({"session": "conv_none", "token": "x"}, "not_found"),
        ):
            await client.send("start", **asked)
            assert (await client.next("error"))["code"] == code, asked
        assert len(opened.sessions) == 0
        await client.send("start")
        await client.next("ready")
        assert opened.studio.accounts._running.running("local") == 1


# who may


@pytest.mark.parametrize("way", ["header", "query", "subprotocol", "start", "message"])
async def test_a_key_comes_in_five_ways(keyed: House, way: str, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    headers = KEY if way == "header" else {}
    path = f"/ws?key={ADMIN}" if way == "query" else "/ws"
    more = {"subprotocols": ["voiceforge", f"key.{ADMIN}"]} if way == "subprotocol" else {}
    async with keyed.client(headers, path, **more) as client:
        key = {"key": ADMIN} if way in ("start", "message") else {}
        if way == "message":
            await client.send("message", content="Hello", **key)
        else:
            await client.send("start", **key)
        await client.next("ready")
        assert client.socket.subprotocol == ("voiceforge" if more else None)
    assert ADMIN not in caplog.text


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "vf_live_nothing"}])
async def test_without_a_good_key_it_closes(keyed: House, headers: dict[str, str]):
    async with keyed.client(headers) as client:
        if not headers:
            await client.send("start")
        error = await client.next("error")
        assert (error["code"], error["fatal"]) == ("invalid_api_key", True)
        assert (await client.closed())[0] == 4401
    assert keyed.talks.opened == []


async def test_a_key_without_the_scope_is_not_allowed(keyed: House):
    admin = await keyed.studio.accounts.identify(ADMIN)
    key = await keyed.studio.accounts.create_key(admin, "ears", ["transcription"])
    async with keyed.client({"X-API-Key": key.secret}) as client:
        await client.send("start")
        assert (await client.next("error"))["code"] == "insufficient_scope"
        assert (await client.closed())[0] == 1008


async def test_a_foreign_page_is_kept_out_where_no_key_is_asked_for(opened: House):
    with pytest.raises(InvalidStatus) as caught:
        async with opened.client(origin="https://evil.example"):
            pass
    assert caught.value.response.status_code == 403
    async with opened.client(origin="http://localhost:7860") as client:
        await client.send("start")
        await client.next("ready")


async def test_a_key_has_so_many_at_once(keyed: House):
    from accounts.principal import Limits

    admin = await keyed.studio.accounts.identify(ADMIN)
    key = await keyed.studio.accounts.create_key(admin, "one", ["conversation"], limits=Limits(concurrent=1))
    headers = {"X-API-Key": key.secret}
    async with keyed.client(headers) as first:
        await first.send("start")
        await first.next("ready")
        async with keyed.client(headers) as second:
            await second.send("start")
            assert (await second.next("error"))["code"] == "concurrency_limit_exceeded"
            assert (await second.closed())[0] == 1013
        await first.send("end")
        assert (await first.closed())[0] == 1000
    async with keyed.client(headers) as third:
        await third.send("start")
        await third.next("ready")


async def test_a_full_house_turns_away_until_one_who_left_is_given_up(opened: House):
    opened.talks.most = 1
    async with opened.started(), opened.client() as other:
        await other.send("start")
        error = await other.next("error")
        assert (error["code"], error["retry_after"]) == ("overloaded", 5.0)
        assert (await other.closed())[0] == 1013
    await until(lambda: any(session.left_at for session in opened.sessions._sessions.values()))
    async with opened.started():
        assert len(opened.sessions) == 1


async def test_what_it_came_to_is_settled(opened: House):
    async with opened.started() as (client, _):
        talk = opened.talks.last
        await client.socket.send(b"\0\0" * 16000)
        talk.tell(events.TextDelta("resp_1", "item_1", "Good morning."))
        talk.tell(events.Speaking("resp_1", "item_1", 0, 13, 0, "tts/first", "tts"))
        talk.say(50)
        await client.sound(50)
        await client.settled()
        await client.send("end")
        assert await client.closed() == (1000, "ended by the client")
    row = (await opened.studio.storage.read(usage_rows.recent, 1))[0]
    assert (row.op, row.engine, row.voice, row.characters, row.audio_seconds, row.status) == (
        "conversation", "tts", "tts/first", 13, 2.0, "ok",
    )  # fmt: skip
    assert opened.studio.accounts._running.running("local") == 0


# sound


async def test_sound_goes_both_ways_sample_by_sample(opened: House):
    async with opened.started() as (client, _):
        sent = (np.arange(16000) % 20000).astype("<i2")
        for at in range(0, 16000, 320):
            await client.socket.send(sent[at : at + 320].tobytes())
        await client.settled()
        assert np.array_equal(opened.talks.last.samples * 32768, sent)
        opened.talks.last.say(3)
        assert (await client.next("audio")) == {"type": "audio", "response": "resp_1", "position": 0}
        got = np.frombuffer(b"".join(await client.sound(3)), "<i2")
        assert np.array_equal(got, np.arange(3 * 480))


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 44100, 48000])
@pytest.mark.parametrize("format", ["pcm16", "opus"])
async def test_every_rate_and_format_is_heard_and_said(opened: House, format: str, rate: int):
    if format == "opus" and rate == 44100:
        return
    sound = {"format": format, "rate": rate}
    async with opened.started(input=sound, output=sound) as (client, _):
        talk = opened.talks.last
        for _ in range(10):
            talk.emit(events.AudioOut("resp_1", tone(talk.position, rate), talk.position))
            talk.position += rate // 50
        talk.tell(events.AudioDone("resp_1", talk.position))
        for data in await client.sound(10):
            await client.socket.send(data)
        await client.settled()
        assert len(talk.samples) == pytest.approx(3200, abs=180)
        assert np.sqrt((talk.samples[800:2800] ** 2).mean()) == pytest.approx(0.35, abs=0.04)


def tone(position: int, rate: int) -> np.ndarray:
    at = np.arange(position, position + rate // 50) / rate
    return (0.5 * np.sin(2 * np.pi * 440 * at)).astype(np.float32)


async def test_each_new_run_of_sound_is_announced(opened: House):
    async with opened.started() as (client, _):
        talk = opened.talks.last
        talk.say(2)
        talk.position = 480
        talk.say(1)
        talk.say(1, "resp_2")
        said = []
        while len(said) < 7:
            got = await client.any()
            said.append(got["position"] if isinstance(got, dict) else "sound")
        assert said == [0, "sound", "sound", 480, "sound", 960, "sound"]


async def test_what_waits_is_thrown_away_when_it_is_interrupted(opened: House):
    async with opened.started() as (client, _):
        talk = opened.talks.last
        talk.say(40)  # no step of the loop between: nothing of it has left
        talk.tell(events.Interrupted("resp_1", "item_1", "Good", 480, "speech"))
        seen = []
        while not seen or seen[-1] != "interrupted":
            got = await client.any()
            seen.append(got["type"] if isinstance(got, dict) else "sound")
        assert "sound" not in seen


async def test_what_waits_is_thrown_away_although_all_of_it_was_told(opened: House):
    async with opened.started() as (client, _):
        talk = opened.talks.last
        talk.say(40)
        talk.tell(events.AudioDone("resp_1", talk.position))
        talk.tell(events.Interrupted("resp_1", "item_1", "Good", 480, "speech"))
        seen = []
        while not seen or seen[-1] != "interrupted":
            got = await client.any()
            seen.append(got["type"] if isinstance(got, dict) else "sound")
        assert "sound" not in seen


async def test_what_was_sent_before_a_commit_is_heard_before_it(opened: House):
    async with opened.started() as (client, _):
        talk, order = opened.talks.last, []

        async def caught_up(behind: float = 0.0) -> None:
            await asyncio.sleep(0.01)
            order.append("heard")

        talk.caught_up = caught_up  # type: ignore[method-assign]
        talk.commit = lambda: order.append("commit")  # type: ignore[method-assign]
        await client.socket.send(b"\1\0" * 320)
        await client.send("commit")
        await client.settled()
        assert order == ["heard", "commit"]


# messages


async def test_every_operation_reaches_the_conversation(opened: House):
    async with opened.started() as (client, _):
        talk = opened.talks.last
        await client.socket.send(b"\0\0" * 320)
        talk.position = 960
        await client.send("commit")
        await client.send("cancel")
        await client.send("interrupt")
        await client.send("played", position=480)
        await client.send("played", position=10**9)
        await client.send("tool_result", call_id="c", output="4")
        await client.send("clear")
        await client.send("configure", voice="other", speed=1.5, rules={"idle": 9})
        assert await client.next("cleared")
        await client.settled()
        assert talk.asked == [("commit",), ("cancel",), ("interrupt",), ("played", 480), ("played", 960),
                              ("tool_result", "c", "4")]  # fmt: skip
        assert (talk.settings.voice, talk.settings.speed, talk.settings.rules.idle) == ("other", 1.5, 9)
        await client.send("message", content="Hello", id="mine")
        await client.send("history")
        assert [item["id"] for item in (await client.next("history"))["items"]] == ["mine", "item_1"]


HEARD = Item("item_9", "user", "Hi there", spoken=True)
CALL = ToolCall("c", "time", "{}")
TOLD: list[tuple[events.Event, dict[str, Any]]] = [
    (events.SpeechStarted(1.25, "i"), {"type": "speech_started", "at": 1.25, "item": "i"}),
    (events.SpeechStopped(2.0, "i"), {"type": "speech_stopped", "at": 2.0, "item": "i"}),
    (
        events.TurnEnded(2.5, "i", "silence", 0.5),
        {"type": "turn_ended", "at": 2.5, "item": "i", "reason": "silence", "waited": 0.5},
    ),
    (events.Cleared(), {"type": "cleared"}),
    (
        events.Partial("i", "Hi th", 2),
        {"type": "transcript", "item": "i", "text": "Hi th", "sure": 2, "final": False},
    ),
    (
        events.ItemAdded(HEARD, "item_8"),
        {"type": "transcript", "item": "item_9", "text": "Hi there", "sure": 8, "final": True},
    ),
    (events.ItemDeleted("i"), {"type": "item_deleted", "id": "i"}),
    (events.ResponseStarted("r", "i"), {"type": "response_started", "response": "r", "item": "i"}),
    (events.TextDelta("r", "i", "Wel"), {"type": "text", "response": "r", "item": "i", "delta": "Wel"}),
    (
        events.Speaking("r", "i", 0, 3, 480, "v", "e"),
        {"type": "speaking", "response": "r", "item": "i", "start": 0, "end": 3, "position": 480, "voice": "v",
         "engine": "e"},
    ),
    (events.AudioDone("r", 9), {"type": "audio_done", "response": "r", "position": 9}),
    (events.Paused("r", 9), {"type": "pause", "response": "r", "position": 9}),
    (events.Resumed("r", 9, "noise"), {"type": "resume", "response": "r", "position": 9, "reason": "noise"}),
    (
        events.Interrupted("r", "i", "Wel", 9, "speech"),
        {"type": "interrupted", "response": "r", "item": "i", "heard": "Wel", "position": 9, "reason": "speech"},
    ),
    (events.Backchannel(0.4, "mhm"), {"type": "backchannel", "seconds": 0.4, "text": "mhm"}),
    (
        events.ToolCalled("r", "i", CALL),
        {"type": "tool_call", "response": "r", "item": "i", "call_id": "c", "name": "time", "arguments": "{}"},
    ),
    (events.TransferAsked("+49"), {"type": "transfer", "to": "+49"}),
    (events.DigitsAsked("12#"), {"type": "digits", "digits": "12#"}),
    (events.Idle(8.0), {"type": "idle", "seconds": 8.0}),
    (
        events.Failed("engine_error", "No.", True, "r"),
        {"type": "error", "code": "engine_error", "message": "No.", "retryable": True, "fatal": False,
         "response": "r"},
    ),
]  # fmt: skip


async def test_every_event_is_told(opened: House):
    async with opened.started() as (client, _):
        talk = opened.talks.last
        for event, told in TOLD:
            talk.tell(event)
            assert await client.next(told["type"]) == told
        turn = events.Turn("r", "i", speech_started=1.0, thinks="llm", probabilities=((0.1, 0.91234),))
        talk.tell(events.ResponseDone("r", "completed", turn, HEARD))
        done = await client.next("response_done")
        assert (done["status"], done["turn"]["thinks"], done["turn"]["probabilities"]) == (
            "completed",
            "llm",
            [[0.1, 0.912]],
        )
        talk.tell(events.Ended("the agent hung up"))
        assert (await client.next("ended"))["reason"] == "the agent hung up"
        assert await client.closed() == (1000, "the agent hung up")
    assert len(opened.sessions) == 0


# what is wrong


@pytest.mark.parametrize(
    ("sent", "code", "says"),
    [
        ("not json", "invalid_request", "not valid JSON"),
        ("[" * 100_000, "invalid_request", "not valid JSON"),
        ("[1]", "invalid_request", "object with a `type`"),
        ('{"type": 5}', "invalid_request", "object with a `type`"),
        ('{"type": "nonsense"}', "invalid_request", "no message 'nonsense'"),
        ('{"type": "message"}', "invalid_request", "content"),
        ('{"type": "message", "content": 5}', "invalid_request", "content"),
        ('{"type": "message", "content": "  "}', "invalid_request", "no text"),
        ('{"type": "message", "content": "a", "sound": 1}', "invalid_request", "no field 'sound'"),
        ('{"type": "played", "position": -1}', "invalid_request", "position"),
        ('{"type": "played", "position": 1e400}', "invalid_request", "position"),
        ('{"type": "commit"}', "invalid_request", "Nothing was said"),
        ('{"type": "start"}', "invalid_request", "begun already"),
        ('{"type": "configure", "speed": NaN}', "invalid_request", "speed"),
        ('{"type": "configure", "voice": "nobody"}', "voice_not_found", "nobody"),
        ('{"type": "configure", "tools": [{"name": "a", "parameters": {"a": NaN}}]}', "invalid_request", "plain JSON"),
        ('{"type": "configure", "tools": [{"name": "a", "parameters": {"a": "\\ud800"}}]}', "invalid_request", "plain"),
        (
            '{"type": "configure", "tools": [{"name": "a", "parameters": %s}]}' % ('{"a":' * 300 + "1" + "}" * 300),
            "invalid_request",
            "deeper",
        ),
        ('{"type": "ping", "\\ud800": 1}', "invalid_request", "unicode"),
        (json.dumps({"type": "ping"} | dict.fromkeys(map(str, range(100)), 1)), "invalid_request", "fields"),
        (b"\0", "invalid_audio", "even number"),
        (b"\0" * 40_000, "too_large", "1 s of sound"),
        (b"\0" * 10_000_000, "too_large", "1 s of sound"),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_what_cannot_be_understood_is_told_and_the_session_lives(opened: House, sent, code: str, says: str):
    async with opened.started() as (client, _):
        await client.socket.send(sent)
        error = await client.next("error")
        assert (error["code"], error["fatal"]) == (code, False)
        assert says in error["message"]
        await client.send("message", content="Still there?")
        assert (await client.next("item"))["item"]["text"] == "Still there?"


async def test_a_message_beyond_all_measure_is_not_looked_at(opened: House):
    async with opened.started() as (client, _):
        await client.socket.send(json.dumps({"type": "ping", "t": "x" * 3_000_000}))
        error = await client.next("error")
        assert (error["code"], error["fatal"]) == ("too_large", False)


async def test_text_as_opus_is_told(opened: House):
    async with opened.started(input={"format": "opus", "rate": 48000}) as (client, _):
        await client.socket.send(b"\xff\xff\xffHello, I am a text and no sound.")
        assert (await client.next("error"))["code"] == "invalid_audio"
        await client.settled()


async def test_a_session_of_text_takes_no_sound_and_one_by_voice_no_messages(opened: House):
    async with opened.started(mode="text") as (client, _):
        assert not opened.talks.last.settings.speak
        await client.socket.send(b"\0\0")
        assert "text only" in (await client.next("error"))["message"]
    async with opened.started(mode="voice") as (client, _):
        await client.send("message", content="Hello")
        assert "voice only" in (await client.next("error"))["message"]


async def test_a_frame_beyond_all_measure_closes_and_the_session_waits(opened: House):
    async with opened.started() as (client, _):
        with suppress(ConnectionClosed):
            await client.socket.send(b"\0" * 13_000_000)
        assert (await client.closed())[0] == 1009
    session = opened.sessions.live(opened.talks.last.id)
    assert session
    await until(lambda: session.left_at is not None)


async def test_nonsense_without_end_closes(opened: House):
    async with opened.started() as (client, _):
        for _ in range(30):
            await client.send("nonsense")
        assert (await client.closed())[0] == 4400


async def test_the_house_closes_while_one_talks(tmp_path: Path):
    async with house(tmp_path) as found, found.started() as (client, _):
        found.talks.last.add(Item("item_5", "user", "Remember me"))
        sessions = found.sessions
        await sessions.close()
        assert (await client.closed())[0] == 1000
        assert len(sessions) == 0


# a dropped connection


async def dropped(opened: House) -> None:
    session = opened.sessions.live(opened.talks.last.id)
    assert session
    await until(lambda: session.left_at is not None)


async def test_a_dropped_connection_goes_on_at_exactly_the_sample(opened: House):
    async with opened.started() as (client, ready):
        talk = opened.talks.last
        await client.socket.send(b"\0\0" * 480)
        talk.say(10)
        first = await client.sound(4)
        client.socket.transport.abort()
    await dropped(opened)
    assert not talk.attached
    received = len(b"".join(first)) // 2
    async with opened.started(session=ready["session"], token=ready["token"], received=received) as (client, again):
        assert (again["resumed"], again["session"], again["position"]) == (True, ready["session"], 4 * 480)
        assert again["heard_input"] == 480
        assert opened.talks.last is talk
        talk.say(3)
        assert (await client.next("audio"))["position"] == 4 * 480
        both = np.frombuffer(b"".join([*first, *await client.sound(3)]), "<i2")
        assert np.array_equal(both, np.arange(7 * 480))


async def test_it_may_go_on_in_another_format(opened: House):
    async with opened.started() as (client, ready):
        client.socket.transport.abort()
    await dropped(opened)
    sound = {"format": "opus", "rate": 48000}
    async with opened.started(**{name: ready[name] for name in ("session", "token")}, output=sound) as (client, again):
        assert (again["output"], again["rate"]) == (sound, 24000)
        opened.talks.last.say(5)
        assert len(await client.sound(4)) == 4


async def test_a_connection_takes_over_from_one_that_hangs(opened: House):
    async with opened.started() as (first, ready):
        asked = {"session": ready["session"], "token": ready["token"]}
        async with opened.started(**asked) as (second, again):
            assert again["resumed"]
            assert (await first.closed()) == (1000, "Another connection goes on with this session.")
            await second.send("message", content="Hello")
            await second.next("item")
            assert opened.sessions.live(ready["session"])


@pytest.mark.parametrize("wrong", ["token", "caller"])
async def test_nobody_takes_over_a_session_that_is_not_his(keyed: House, wrong: str):
    admin = await keyed.studio.accounts.identify(ADMIN)
    key = await keyed.studio.accounts.create_key(admin, "other", ["conversation"])
    async with keyed.client(KEY) as client:
        await client.send("start")
        ready = await client.next("ready")
        headers = KEY if wrong == "token" else {"X-API-Key": key.secret}
        async with keyed.client(headers) as thief:
            token = "guessed" if wrong == "token" else ready["token"]
            await thief.send("start", session=ready["session"], token=token)
            assert (await thief.next("error"))["code"] == "not_found"
        await client.settled()


async def test_after_a_minute_nobody_is_waited_for(opened: House, monkeypatch: pytest.MonkeyPatch):
    async with opened.started() as (client, _):
        client.socket.transport.abort()
    await dropped(opened)
    opened.sessions._look_at(next(iter(opened.sessions._sessions.values())), opened.sessions.clock() + 59)
    assert len(opened.sessions) == 1
    opened.sessions._look_at(next(iter(opened.sessions._sessions.values())), opened.sessions.clock() + 61)
    await until(lambda: opened.talks.last.over and not opened.sessions)
    assert opened.studio.accounts._running.running("local") == 0


async def test_who_comes_back_while_he_is_given_up_is_not_thrown_out_again(opened: House):
    async with opened.started() as (client, ready):
        client.socket.transport.abort()
    await dropped(opened)
    sessions = opened.sessions
    first = sessions.live(ready["session"])
    assert first
    asked = messages.Start(session=ready["session"], token=ready["token"])
    outbox = Outbox(_nowhere, sessions.clock)
    sessions._look_at(first, sessions.clock() + 61)
    session = await sessions.start(first.caller, asked, outbox)
    await until(lambda: opened.talks.opened[0].over)
    assert sessions.live(ready["session"]) is session
    assert not session.over
    assert not outbox.closing


async def test_the_end_of_what_was_is_not_that_of_what_goes_on(opened: House):
    async with opened.started() as (_, ready):
        first = opened.sessions.live(ready["session"])
        assert first
        await opened.sessions.end(first, "test")
        async with opened.started(session=ready["session"], token=ready["token"]) as (again, _):
            second = opened.sessions.live(ready["session"])
            await opened.sessions.end(first, "test")
            assert opened.sessions.live(ready["session"]) is second
            await again.settled()


async def _nowhere(message: dict[str, Any]) -> None: ...


async def test_what_breaks_while_it_ends_leaves_nothing_behind(opened: House, monkeypatch: pytest.MonkeyPatch, caplog):
    async def close(reason: str) -> None:
        raise RuntimeError("a mistake of ours")

    async with opened.started() as (client, ready):
        await client.send("message", content="Remember me")
        await client.next("item")
        monkeypatch.setattr(opened.talks.last, "close", close)
        await client.send("end")
        assert (await client.closed())[0] == 1000
    await until(lambda: not opened.studio.accounts._running.running("local"))
    assert "a mistake of ours" in caplog.text
    opened.talks.last.over = True
    async with opened.started(session=ready["session"], token=ready["token"]) as (_, again):
        assert [item["text"] for item in again["history"]] == ["Remember me", "You wrote: Remember me"]


async def test_a_conversation_that_is_ended_while_nobody_is_there_is_not_gone_on_with(opened: House):
    async with opened.started() as (client, ready):
        client.socket.transport.abort()
    await dropped(opened)
    await opened.talks.last.close("It was deleted.")
    await until(lambda: not opened.sessions)
    async with opened.started(session=ready["session"], token=ready["token"]) as (_, again):
        assert (again["resumed"], opened.talks.last.over) == (False, False)


async def test_the_watch_goes_on_when_one_thing_fails(opened: House, monkeypatch: pytest.MonkeyPatch, caplog):
    looked = asyncio.Event()

    def look_at(session, now):
        if not caplog.records:
            raise RuntimeError("a mistake of ours")
        looked.set()

    monkeypatch.setattr(opened.sessions, "_look_at", look_at)
    async with opened.started():
        await asyncio.wait_for(looked.wait(), 10)
    assert "stumbled" in caplog.text


async def test_after_a_restart_what_was_said_is_still_there(tmp_path: Path):
    async with house(tmp_path) as found, found.started(voice="v", prompt="Be kind.") as (client, ready):
        await client.send("message", content="My name is Ada")
        await client.next("item")
        found.talks.last.add(Item("cut", "assistant", "Hello Ada, how are you?", spoken=True, heard=9))
        found.talks.last.add(Item("call", "assistant", call=ToolCall("c", "time", "{}")))
        await client.settled()
    async with house(tmp_path) as found:
        asked = {"session": ready["session"], "token": ready["token"]}
        async with found.started(**asked, voice="w") as (client, again):
            assert (again["resumed"], again["position"], again["voice"]) == (False, 0, "w")
            assert [item["text"] for item in again["history"]] == [
                "My name is Ada", "You wrote: My name is Ada", "Hello Ada, how are you?", "",
            ]  # fmt: skip
            assert [item["heard"] for item in again["history"]] == [None, None, 9, None]
            assert again["history"][3]["call"]["name"] == "time"
            assert found.talks.last.settings.prompt == "Be kind."
            assert not found.talks.last.begun
            await client.send("start", **asked)
            await client.next("error")
        async with found.client() as other:
            await other.send("start", session=ready["session"], token="guessed")
            assert (await other.next("error"))["code"] in ("not_found",)


async def test_what_was_configured_is_added_to_what_was_asked_for(opened: House):
    async with opened.started(rules={"min_delay": 0.3}, turns="manual") as (client, ready):
        await client.send("configure", rules={"idle": 9})
        await client.settled()
        before = opened.talks.last.settings
        await client.send("end")
        await client.closed()
    async with opened.started(session=ready["session"], token=ready["token"], rules={"stop": 0.3}):
        rules = opened.talks.last.settings.rules
        assert (before.rules.idle, rules.idle, rules.min_delay, rules.mode, rules.stop) == (9, 9, 0.3, "manual", 0.3)


async def test_a_key_that_is_revoked_ends_its_conversations(keyed: House):
    admin = await keyed.studio.accounts.identify(ADMIN)
    key = await keyed.studio.accounts.create_key(admin, "for a while", ["conversation"])
    async with keyed.client({"X-API-Key": key.secret}) as client:
        await client.send("start")
        await client.next("ready")
        await keyed.studio.accounts.revoke_key(admin, key.key.id)
        await keyed.sessions._check_keys()
        assert (await client.next("error"))["code"] == "invalid_api_key"
        assert (await client.closed())[0] == 4401


# too slow, too fast


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
