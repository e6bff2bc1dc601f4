"""What goes both ways on `/ws`: sound, and the messages that docs/protocol.md promises."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from engines.base import ToolCall
from tests.api._socket import Client, House
from voice.talk import events
from voice.talk.items import Item

pytestmark = pytest.mark.integration


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


async def until_interrupted(client: Client) -> list[str]:
    """What comes, by its type."""
    seen = []
    while not seen or seen[-1] != "interrupted":
        got = await client.any()
        seen.append(got["type"] if isinstance(got, dict) else "sound")
    return seen


async def test_what_waits_is_thrown_away_when_it_is_interrupted(opened: House):
    async with opened.started() as (client, _):
        talk = opened.talks.last
        talk.say(40)  # no step of the loop between: nothing of it has left
        talk.tell(events.Interrupted("resp_1", "item_1", "Good", 480, "speech"))
        assert "sound" not in await until_interrupted(client)


async def test_what_waits_is_thrown_away_although_all_of_it_was_told(opened: House):
    async with opened.started() as (client, _):
        talk = opened.talks.last
        talk.say(40)
        talk.tell(events.AudioDone("resp_1", talk.position))
        talk.tell(events.Interrupted("resp_1", "item_1", "Good", 480, "speech"))
        assert "sound" not in await until_interrupted(client)


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
