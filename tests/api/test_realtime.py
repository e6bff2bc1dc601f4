"""`/v1/realtime` on a real server: what docs/realtime.md says of it. Each event is checked against OpenAI's types."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from accounts.principal import Limits
from audio.g711 import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode
from core.errors import WorkerDied
from engines import agent as act
from engines.base import Message, ToolCall
from storage import usage as usage_rows
from tests.api._realtime import QUICK, Client, House, ScriptedTalks, house, said, silence
from tests.api._socket import until
from voice.simulator.parts import ScriptedAgent, tone
from voice.talk.items import Item

pytestmark = pytest.mark.integration

MANUAL: dict[str, Any] = {"audio": {"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}}}
TEXT: dict[str, Any] = {"output_modalities": ["text"]}
WEATHER: dict[str, Any] = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}


def answer(event: act.Event, history: Sequence[Message]) -> Sequence[Any]:
    """What each word in a question brings about."""
    if isinstance(event, act.ToolResult):
        return (act.Say(f"It is {event.output}."),)
    if isinstance(event, act.Silence):
        return (act.Say("Are you there?"),)
    text = event.text if isinstance(event, act.Heard) else ""
    if "weather" in text:
        return (act.Say("Let me look."), act.Call(ToolCall("call_1", "weather", '{"city": "Oslo"}')))
    if "story" in text:
        return (act.Say("Once upon a time there was a house in which everybody talked and nobody listened at all."),)
    if "break" in text:
        return (act.Say("I am"), WorkerDied("The worker died."))
    if "long" in text:
        return (act.Say("And so"), act.Thought("llm", 3, 2, "length"))
    return (act.Say(f"{len(history)} heard."),)


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, talks=ScriptedTalks(ScriptedAgent(answer, QUICK))) as found:
        yield found


async def ask(client: Client, text: str) -> None:
    await client.send("conversation.item.create", item=said(text))
    await client.send("response.create")


def items(opened: House) -> list[tuple[str, str]]:
    return [(item.role, item.known.strip()) for item in opened.talks.last.talk.items]


# The session


async def test_a_session_begins(opened: House):
    async with opened.client() as client:
        session = (await client.next("session.created"))["session"]
        assert (session["model"], session["object"], session["type"]) == ("llm", "realtime.session", "realtime")
        assert session["audio"]["input"] == {
            "format": {"type": "audio/pcm", "rate": 24000},
            "transcription": None,
            "noise_reduction": None,
            "turn_detection": {
                "type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500,
                "create_response": True, "interrupt_response": True, "idle_timeout_ms": None,
            },
        }  # fmt: skip
        assert "voice assistant" in session["instructions"]
        assert (await client.next("conversation.created"))["conversation"]["id"].startswith("conv_")


async def test_an_update_changes_what_it_names_and_nothing_else(opened: House):
    async with opened.held() as client:
        told = await client.update(
            instructions="Be kind.",
            audio={"output": {"voice": "v", "speed": 1.2}, "input": {"turn_detection": {"silence_duration_ms": 700}}},
        )
        assert (told["instructions"], told["audio"]["output"]["voice"]) == ("Be kind.", "v")
        assert told["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 700
        assert told["audio"]["input"]["turn_detection"]["threshold"] == 0.5
        settings = opened.talks.last.talk.settings
        assert (settings.prompt, settings.voice, settings.speed) == ("Be kind.", "v", 1.2)
        assert (settings.rules.min_delay, settings.rules.max_delay) == (0.7, 0.7)
        told = await client.update(audio={"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "high"}}})
        assert (told["instructions"], told["audio"]["output"]["voice"]) == ("Be kind.", "v")
        assert opened.talks.last.talk.settings.rules.max_delay == 2.0
        await client.update(
            tools=[WEATHER], tool_choice={"type": "function", "name": "weather"}, max_output_tokens=9,
            audio={"input": {"turn_detection": None}},
        )  # fmt: skip
        settings = opened.talks.last.talk.settings
        assert (settings.tool_choice, settings.max_tokens, settings.tools[0].name) == ("weather", 9, "weather")
        assert (settings.rules.mode, settings.respond, settings.interruptible) == ("manual", False, False)


@pytest.mark.parametrize(
    ("session", "param"),
    [
        ({"output_modalities": ["video"]}, "session.output_modalities.0"),
        ({"audio": {"input": {"format": {"type": "audio/mp3"}}}}, "session.audio.input.format"),
        ({"audio": {"input": {"format": {"type": "audio/pcm", "rate": 44100}}}}, "session.audio.input.format.rate"),
        ({"audio": {"output": {"speed": 9}}}, "session.audio.output.speed"),
        ({"audio": {"output": {"voice": "nobody"}}}, "voice"),
        ({"audio": {"input": {"turn_detection": {"threshold": 7}}}}, "session.audio.input.turn_detection.threshold"),
        ({"audio": 3}, "session.audio"),
        ({"tools": [{"type": "mcp", "server_label": "x"}]}, "session.tools.0.type"),
        ({"tool_choice": {"type": "function", "name": "none"}}, "tool_choice"),
        ({"max_output_tokens": 0}, "session.max_output_tokens"),
        ({"type": "transcription"}, "session.type"),
        ({"instructions": 3}, "session.instructions"),
        ({"instructions": "x" * 60_000}, "session.instructions"),
        ({"tracing": [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}, "session"),
    ],
)
async def test_an_update_that_makes_no_sense_changes_nothing(opened: House, session: dict[str, Any], param: str):
    async with opened.held() as client:
        before = opened.talks.last.talk.settings
        error = await client.refused("session.update", session=session)
        assert (error["param"] or "").startswith(param), error
        assert opened.talks.last.talk.settings == before


async def test_any_model_is_taken_and_told_who_it_is(opened: House):
    async with opened.client("?model=gpt-realtime-99") as client:
        assert (await client.next("session.created"))["session"]["model"] == "llm"
        assert (await client.update(model="gpt-realtime-2"))["model"] == "llm"
        assert opened.talks.last.talk.settings.model == "auto"
        await client.update(model="llm")


# Turns


async def test_a_turn_by_voice_is_answered_by_voice(opened: House):
    async with opened.held(audio={"input": {"transcription": {"model": "whisper-1"}}}) as client:
        opened.talks.last.saying.begins("good morning")
        await client.says(0.6)
        await client.says(0.8, 0.0)
        done = await client.next("response.done")
    assert done["response"]["status"] == "completed"
    assert done["response"]["output"][0]["content"] == [{"type": "output_audio", "transcript": "1 heard. "}]
    assert done["response"]["usage"]["total_tokens"] == 15
    assert client.kinds() == [
        "session.created", "conversation.created", "session.updated",
        "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", "input_audio_buffer.committed",
        "conversation.item.added", "conversation.item.done",
        "conversation.item.input_audio_transcription.delta", "conversation.item.input_audio_transcription.completed",
        "response.created", "response.output_item.added", "conversation.item.added", "response.content_part.added",
        "response.output_audio_transcript.delta", "response.output_audio.delta", "response.output_audio.done",
        "response.output_audio_transcript.done", "response.content_part.done", "conversation.item.done",
        "response.output_item.done", "response.done",
    ]  # fmt: skip
    assert len(client.heard()) == pytest.approx(2 * 24000 * 2 * 0.3, abs=1920)
    started, stopped = client.events[3], client.events[4]
    assert started["audio_start_ms"] == pytest.approx(0, abs=60)
    assert stopped["audio_end_ms"] == pytest.approx(1100, abs=100)
    completed = client.all("conversation.item.input_audio_transcription.completed")[0]
    assert completed["transcript"] == "good morning"
    assert completed["usage"]["seconds"] == pytest.approx(1.1, abs=0.1)


async def test_without_transcription_nobody_is_told_what_was_understood(opened: House):
    async with opened.held(**TEXT) as client:
        opened.talks.last.saying.begins("good morning")
        await client.says(0.4)
        await client.says(0.7, 0.0)
        await client.next("response.done")
    assert not [kind for kind in client.kinds() if "transcription" in kind]
    assert items(opened)[0] == ("user", "good morning")


async def test_a_recording_is_committed_and_answered_at_once(opened: House):
    async with opened.held(**MANUAL, **TEXT) as client:
        opened.talks.last.saying.begins("good morning")
        loud = base64.b64encode((tone(12.0, 24000, 350.0, 0.3) * 32767).astype("<i2").tobytes()).decode()
        await client.send("input_audio_buffer.append", audio=loud)
        await client.send("input_audio_buffer.commit")
        await client.send("response.create")
        done = await client.next("response.done")
    assert done["response"]["output"][0]["content"][0]["text"] == "1 heard. "
    assert client.kinds()[3:7] == [
        "input_audio_buffer.committed", "conversation.item.added", "conversation.item.done", "response.created",
    ]  # fmt: skip
    assert client.kinds().index("response.created") < client.kinds().index(
        "conversation.item.input_audio_transcription.completed"
    )
    assert "input_audio_buffer.speech_started" not in client.kinds()


async def test_items_stand_in_the_order_in_which_they_were_made(opened: House):
    async with opened.held(**MANUAL, **TEXT) as client:
        opened.talks.last.saying.begins("spoken first")
        await client.send("input_audio_buffer.append", audio=silence(0.5))
        await client.send("input_audio_buffer.commit")
        await client.send("conversation.item.create", item=said("written second"))
        await client.next("conversation.item.input_audio_transcription.completed")
        assert items(opened) == [("user", "spoken first"), ("user", "written second")]
        told = [event["item"]["id"] for event in client.all("conversation.item.added")]
        assert told == [item.id for item in opened.talks.last.talk.items]


async def test_a_commit_does_not_end_what_is_being_said(opened: House):
    async with opened.held(**MANUAL) as client:
        await ask(client, "tell me a story")
        await client.next("response.output_audio.delta")
        await client.send("input_audio_buffer.append", audio=silence(0.3))
        await client.send("input_audio_buffer.commit")
        await client.next("input_audio_buffer.committed")
        await client.next("response.output_audio.delta")
        await client.send("response.cancel")
        await client.next("response.done")


async def test_turns_are_not_answered_where_nobody_wants_it(opened: House):
    detection = {"type": "server_vad", "create_response": False, "silence_duration_ms": 200}
    async with opened.held(**TEXT, audio={"input": {"turn_detection": detection, "transcription": {}}}) as client:
        opened.talks.last.saying.begins("good morning")
        await client.says(0.4)
        await client.says(0.5, 0.0)
        await client.next("conversation.item.input_audio_transcription.completed")
        assert opened.talks.last.talk.response == ""
        await client.send("response.create")
        await client.next("response.done")


async def test_a_turn_in_which_nothing_was_understood_stays_an_item(opened: House):
    async with opened.held(**MANUAL) as client:
        await client.send("input_audio_buffer.append", audio=silence(0.4))
        await client.send("input_audio_buffer.commit")
        done = await client.next("conversation.item.input_audio_transcription.completed")
        assert done["transcript"] == ""
        await client.send("conversation.item.retrieve", item_id=done["item_id"])
        item = (await client.next("conversation.item.retrieved"))["item"]
        assert item["content"] == [{"type": "input_audio", "transcript": ""}]
        await client.send("conversation.item.create", item=said("hello"), previous_item_id=done["item_id"])
        assert (await client.next("conversation.item.added"))["previous_item_id"] == done["item_id"]
        await client.send("conversation.item.delete", item_id=done["item_id"])
        await client.next("conversation.item.deleted")


async def test_a_turn_that_could_not_be_understood_is_told_as_failed(opened: House):
    opened.talks.deaf = WorkerDied("The recogniser died.")
    async with opened.held(**MANUAL) as client:
        await client.send("input_audio_buffer.append", audio=silence(0.4))
        await client.send("input_audio_buffer.commit")
        failed = await client.next("conversation.item.input_audio_transcription.failed")
        assert failed["item_id"] == client.all("input_audio_buffer.committed")[0]["item_id"]
        assert failed["error"]["code"] == "worker_died"
        await client.send("response.create")
        await client.next("response.done")


async def test_a_turn_may_be_deleted_before_it_is_understood(opened: House):
    async with opened.held(**MANUAL) as client:
        opened.talks.last.saying.begins("never mind")
        await client.send("input_audio_buffer.append", audio=silence(0.4))
        await client.send("input_audio_buffer.commit")
        item = (await client.next("input_audio_buffer.committed"))["item_id"]
        await client.send("conversation.item.delete", item_id=item)
        await client.next("conversation.item.deleted")
        await client.next("conversation.item.input_audio_transcription.completed")
        await until(lambda: not opened.talks.last.talk.items)


async def test_the_buffer_is_cleared(opened: House):
    async with opened.held(**MANUAL) as client:
        await client.send("input_audio_buffer.append", audio=silence(0.4))
        await client.send("input_audio_buffer.clear")
        await client.next("input_audio_buffer.cleared")
        error = await client.refused("input_audio_buffer.commit")
        assert error["code"] == "input_audio_buffer_commit_empty"


async def test_who_says_nothing_is_spoken_to(opened: House):
    async with opened.held(**TEXT, audio={"input": {"turn_detection": {"idle_timeout_ms": 1000}}}) as client:
        event = await client.next("input_audio_buffer.timeout_triggered")
        assert event["item_id"] == (await client.next("input_audio_buffer.committed"))["item_id"]
        done = await client.next("response.done")
        assert done["response"]["output"][0]["content"][0]["text"] == "Are you there? "


async def test_only_sound_that_was_sent_counts_in_times(opened: House):
    async with opened.held(**TEXT) as client:
        await asyncio.sleep(0.8)
        opened.talks.last.saying.begins("good morning")
        await client.says(0.4)
        await client.says(0.7, 0.0)
        await client.next("response.done")
    assert client.all("input_audio_buffer.speech_started")[0]["audio_start_ms"] < 100
    assert client.all("input_audio_buffer.speech_stopped")[0]["audio_end_ms"] == pytest.approx(900, abs=150)


# Formats


@pytest.mark.parametrize("kind", ["audio/pcmu", "audio/pcma"])
async def test_the_sound_of_telephones(opened: House, kind: str):
    encode, decode = (ulaw_encode, ulaw_decode) if kind == "audio/pcmu" else (alaw_encode, alaw_decode)
    async with opened.held(
        audio={"input": {"format": {"type": kind}, "transcription": {}}, "output": {"format": {"type": kind}}}
    ) as client:
        opened.talks.last.saying.begins("good morning")
        for loudness, frames in ((0.3, 25), (0.0, 40)):
            frame = base64.b64encode(encode(tone(0.02, 8000, 350.0, loudness))).decode()
            for _ in range(frames):
                await client.send("input_audio_buffer.append", audio=frame)
                await asyncio.sleep(0.02)
        done = await client.next("response.done")
    assert done["response"]["audio"]["output"]["format"] == {"type": kind}
    samples = decode(client.heard())
    assert len(samples) == pytest.approx(8000 * 0.6, abs=320)
    assert _pitch(samples, 8000) == pytest.approx(150, abs=2)


@pytest.mark.parametrize("rate", [8000, 16000])
async def test_other_rates_of_pcm(opened: House, rate: int):
    form = {"type": "audio/pcm", "rate": rate}
    async with opened.held(audio={"input": {"format": form}, "output": {"format": form}}) as client:
        opened.talks.last.saying.begins("good morning")
        await client.says(0.4, rate=rate)
        await client.says(0.7, 0.0, rate=rate)
        await client.next("response.done")
    samples = np.frombuffer(client.heard(), "<i2") / 32768
    assert len(samples) == pytest.approx(rate * 0.6, abs=rate / 25)
    assert _pitch(samples, rate) == pytest.approx(150, abs=2)


def _pitch(samples: np.ndarray, rate: int) -> float:
    """Hz of the loudest."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 2**17))
    return float(np.argmax(spectrum) * rate / 2**17)


# Responses


async def test_a_message_is_answered_when_it_is_asked_for(opened: House):
    async with opened.held(**TEXT) as client:
        await ask(client, "hello")
        done = await client.next("response.done")
    assert done["response"]["output"][0]["content"][0]["text"] == "1 heard. "
    assert client.kinds()[3:] == [
        "conversation.item.added", "conversation.item.done", "response.created", "response.output_item.added",
        "conversation.item.added", "response.content_part.added", "response.output_text.delta",
        "response.output_text.done", "response.content_part.done", "conversation.item.done",
        "response.output_item.done", "response.done",
    ]  # fmt: skip


async def test_a_tool_is_called_and_its_answer_goes_on(opened: House):
    async with opened.held(**TEXT, tools=[WEATHER]) as client:
        await ask(client, "weather")
        called = await client.next("response.function_call_arguments.done")
        done = await client.next("response.done")
        output = {"type": "function_call_output", "call_id": called["call_id"], "output": "cold"}
        await client.send("conversation.item.create", item=output)
        await client.send("response.create")
        last = await client.next("response.done")
    assert [item["type"] for item in done["response"]["output"]] == ["message", "function_call"]
    assert done["response"]["output"][1]["arguments"] == '{"city": "Oslo"}'
    assert last["response"]["output"][0]["content"][0]["text"] == "It is cold. "
    assert items(opened) == [
        ("user", "weather"), ("assistant", "Let me look."), ("assistant", ""), ("tool", "cold"),
        ("assistant", "It is cold."),
    ]  # fmt: skip
    kinds = client.kinds()
    at = kinds.index("response.function_call_arguments.delta")
    assert kinds[at - 2 : at + 5] == [
        "response.output_item.added", "conversation.item.added", "response.function_call_arguments.delta",
        "response.function_call_arguments.done", "conversation.item.done", "response.output_item.done",
        "response.done",
    ]  # fmt: skip


async def test_one_response_may_be_made_otherwise(opened: House):
    async with opened.held() as client:
        asked = {"output_modalities": ["text"], "metadata": {"mine": "1"}, "input": [said("long")],
                 "max_output_tokens": 7}  # fmt: skip
        await client.send("response.create", response=asked)
        response = (await client.next("response.done"))["response"]
    assert (response["output_modalities"], response["metadata"]) == (["text"], {"mine": "1"})
    assert (response["status"], response["max_output_tokens"]) == ("incomplete", 7)
    assert response["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
    assert response["conversation_id"].startswith("conv_")


async def test_a_response_that_breaks_is_told_as_failed(opened: House):
    async with opened.held(**TEXT) as client:
        await ask(client, "break")
        response = (await client.next("response.done"))["response"]
        assert response["status"] == "failed"
        assert response["status_details"]["error"]["code"] == "worker_died"
        assert "error" not in client.kinds()
        await ask(client, "hello")
        assert (await client.next("response.done"))["response"]["status"] == "completed"


async def test_a_response_beside_the_conversation(opened: House):
    async with opened.held() as client:
        await ask(client, "tell me a story")
        await client.next("response.output_audio.delta")
        beside = {"conversation": "none", "output_modalities": ["text"], "metadata": {"topic": "x"}}
        await client.send("response.create", response=beside | {"input": [said("hello"), said("there")]})
        first = await client.next("response.done")
        await client.send("response.create", response={"conversation": "none", "input": [said("weather")]})
        second = await client.next("response.done")
        assert opened.talks.last.talk.response != ""
        await until(lambda: opened.talks.last.talk.position > 24000)
        await client.send("response.cancel")
        await client.next("response.done")
    assert first["response"]["metadata"] == {"topic": "x"}
    assert first["response"]["conversation_id"] is None
    assert first["response"]["output"][0]["content"][0]["text"] == "2 heard. "
    assert [item["type"] for item in second["response"]["output"]] == ["message", "function_call"]
    spoken = [
        event for event in client.all("response.output_audio.delta")
        if event["response_id"] == second["response"]["id"]
    ]  # fmt: skip
    assert sum(len(base64.b64decode(event["delta"])) for event in spoken) == pytest.approx(48000 * 0.9, abs=960)
    assert [role for role, _ in items(opened)] == ["user", "assistant"]


async def test_a_response_beside_may_be_cancelled_by_its_id(opened: House):
    async with opened.held(**TEXT) as client:
        asked = {"conversation": "none", "input": [said("tell me a story")]}
        await client.send("response.create", response=asked)
        id = (await client.next("response.created"))["response"]["id"]
        await client.send("response.cancel", response_id=id)
        response = (await client.next("response.done"))["response"]
        assert (response["id"], response["status"]) == (id, "cancelled")
        for _ in range(9):
            await client.send("response.create", response=asked)
        assert "8 responses" in (await client.next("error"))["error"]["message"]


async def test_items_may_be_referred_to(opened: House):
    async with opened.held(**TEXT) as client:
        await client.send("conversation.item.create", item=said("hello") | {"id": "mine"})
        asked = {"conversation": "none", "input": [{"type": "item_reference", "id": "mine"}, said("there")]}
        await client.send("response.create", response=asked)
        done = await client.next("response.done")
        assert done["response"]["output"][0]["content"][0]["text"] == "2 heard. "


async def test_an_interruption(opened: House):
    async with opened.held() as client:
        await ask(client, "tell me a story")
        await client.next("response.output_audio.delta")
        await client.says(0.5, 0.0)
        opened.talks.last.saying.begins("stop it")
        await client.says(1.0)
        await client.says(0.8, 0.0)
        first = await client.next("response.done")
        await client.next("response.done")
    assert first["response"]["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert first["response"]["output"][0]["status"] == "incomplete"
    kinds = client.kinds()
    at = kinds.index("input_audio_buffer.speech_started")
    assert kinds[at : at + 7] == [
        "input_audio_buffer.speech_started", "response.output_audio.done", "response.output_audio_transcript.done",
        "response.content_part.done", "conversation.item.done", "response.output_item.done", "response.done",
    ]  # fmt: skip
    _, told = items(opened)[1]
    assert told.startswith("Once")
    assert len(told.split()) < 16


async def test_what_was_played_is_what_is_known(opened: House):
    async with opened.held() as client:
        await ask(client, "tell me a story")
        while len(client.heard()) < 48000 * 1.5:
            await client.next("response.output_audio.delta")
        await client.send("response.cancel")
        done = await client.next("response.done")
        item = done["response"]["output"][0]["id"]
        assert done["response"]["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
        assert (await client.refused("conversation.item.truncate", item_id=item, content_index=0,
                                     audio_end_ms=60_000))["param"] == "audio_end_ms"  # fmt: skip
        await client.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=900)
        assert (await client.next("conversation.item.truncated"))["audio_end_ms"] == 900
        assert items(opened)[1] == ("assistant", "Once upon a")
        await client.send("conversation.item.retrieve", item_id=item)
        known = (await client.next("conversation.item.retrieved"))["item"]["content"][0]["transcript"]
        assert known == "Once upon a"


async def test_what_is_being_said_may_be_truncated(opened: House):
    async with opened.held() as client:
        await ask(client, "tell me a story")
        item = ""
        while len(client.heard()) < 48000 * 1.3:
            item = (await client.next("response.output_audio.delta"))["item_id"]
        await client.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=600)
        assert (await client.next("response.done"))["response"]["status"] == "cancelled"
        await client.next("conversation.item.truncated")
        assert items(opened)[1] == ("assistant", "Once upon")


async def test_our_sound_is_thrown_away(opened: House):
    async with opened.held() as client:
        await ask(client, "tell me a story")
        await client.next("response.output_audio.delta")
        await client.send("output_audio_buffer.clear")
        cleared = await client.next("output_audio_buffer.cleared")
        assert cleared["response_id"] == client.all("response.done")[0]["response"]["id"]
        await client.send("output_audio_buffer.clear")
        await ask(client, "hello")
        await client.next("response.done")


async def test_a_call_is_told_of_the_buffer_and_of_keys(opened: House):
    async with opened.held() as client:
        talk = next(iter(opened.rooms._talks.values()))[0]
        talk.told.buffered = True
        talk.digit("5")
        assert (await client.next("input_audio_buffer.dtmf_event_received"))["event"] == "5"
        await ask(client, "hello")
        await client.next("output_audio_buffer.stopped")
        await ask(client, "tell me a story")
        await client.next("output_audio_buffer.started")
        await client.send("output_audio_buffer.clear")
        await client.next("output_audio_buffer.cleared")
    assert client.kinds().index("output_audio_buffer.started") < client.kinds().index("response.output_audio.delta")


# Items


async def test_items_are_made_moved_in_and_deleted(opened: House):
    async with opened.held() as client:
        await client.send("conversation.item.create", item=said("two") | {"id": "b"})
        await client.send("conversation.item.create", item=said("one", "system") | {"id": "a"}, previous_item_id="root")
        await client.send("conversation.item.create", item=said("half", "assistant"), previous_item_id="a")
        call = {"type": "function_call", "id": "c", "call_id": "k", "name": "weather", "arguments": "{}"}
        await client.send("conversation.item.create", item=call)
        output = {"type": "function_call_output", "call_id": "k", "output": "sun"}
        await client.send("conversation.item.create", item=output)
        await client.next("conversation.item.done", previous_item_id="c")
        assert items(opened) == [
            ("system", "one"), ("assistant", "half"), ("user", "two"), ("assistant", ""), ("tool", "sun"),
        ]  # fmt: skip
        assert [event["previous_item_id"] for event in client.all("conversation.item.added")] == [
            None, None, "a", "b", "c",
        ]  # fmt: skip
        await client.send("conversation.item.delete", item_id="b")
        assert (await client.next("conversation.item.deleted"))["item_id"] == "b"
        assert len(items(opened)) == 4


async def test_sound_in_an_item_is_understood(opened: House):
    async with opened.held(**TEXT) as client:
        loud = base64.b64encode((tone(1.0, 24000, 350.0, 0.3) * 32767).astype("<i2").tobytes()).decode()
        item = {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": loud}]}
        await client.send("conversation.item.create", item=item)
        added = (await client.next("conversation.item.added"))["item"]
        assert added["content"] == [{"type": "input_audio", "transcript": "good morning"}]
        assert items(opened) == [("user", "good morning")]


async def test_what_is_being_said_can_be_looked_at_and_not_deleted(opened: House):
    async with opened.held() as client:
        await ask(client, "tell me a story")
        id = (await client.next("response.output_audio.delta"))["item_id"]
        await client.send("conversation.item.retrieve", item_id=id)
        assert (await client.next("conversation.item.retrieved"))["item"]["status"] == "in_progress"
        assert (await client.refused("conversation.item.delete", item_id=id))["code"] == "item_delete_in_progress"


# Transcription


@pytest.mark.parametrize("way", ["intent", "update"])
async def test_a_session_that_only_listens(opened: House, way: str):
    async with opened.client("?intent=transcription") as client:
        session = (await client.next("session.created"))["session"]
        assert (session["type"], session["object"]) == ("transcription", "realtime.transcription_session")
        if way == "update":
            change = {"type": "transcription", "audio": {"input": {"transcription": {"model": "gpt-4o-transcribe"}}}}
            await client.send("session.update", session=change)
            await client.next("session.updated")
        opened.talks.last.saying.begins("good morning")
        await client.says(0.4)
        await client.says(0.7, 0.0)
        done = await client.next("conversation.item.input_audio_transcription.completed")
        assert done["transcript"] == "good morning"
        assert "no responses" in (await client.refused("response.create"))["message"]
    assert not [kind for kind in client.kinds() if kind.startswith("response.")]
    assert opened.talks.last.talk.items == (Item(done["item_id"], "user", "good morning", spoken=True),)


# The bill, and the end


async def test_what_it_came_to_is_kept(opened: House):
    async with opened.held() as client:
        await client.says(0.3, 0.0)
        await ask(client, "hello")
        await client.next("response.done")
    rows = []
    async with asyncio.timeout(5):
        while not rows:
            rows = await opened.studio.storage.read(usage_rows.recent, 10)
    assert len(opened.rooms) == 0
    assert [row.op for row in rows] == ["conversation"]
    assert rows[0].characters == len("1 heard. ")
    assert rows[0].audio_seconds == pytest.approx(0.3 + 0.6, abs=0.05)
    assert (rows[0].engine, rows[0].input_tokens, rows[0].output_tokens) == ("scripted-tts", 10, 5)


async def test_a_session_expires(tmp_path: Path):
    async with house(tmp_path, longest=1.0) as opened, opened.held() as client:
        assert (await client.next("error"))["error"]["code"] == "session_expired"
        assert (await client.closed())[0] == 1000


async def test_the_house_closes(tmp_path: Path):
    async with house(tmp_path) as opened, opened.held() as client:
        await opened.rooms.close()
        assert await client.closed() == (1000, "The house closes.")


async def test_a_key_s_limit_is_told(opened: House):
    admin = await opened.studio.accounts.identify("an-admin-key-for-these-tests")
    key = await opened.studio.accounts.create_key(admin, "k", ["conversation"], limits=Limits(requests_per_minute=7))
    async with opened.client(key=key.secret) as client:
        await client.update(**TEXT)
        await ask(client, "hello")
        limits = (await client.next("rate_limits.updated"))["rate_limits"]
        assert (limits[0]["name"], limits[0]["limit"], limits[0]["remaining"]) == ("requests", 7, 6)
