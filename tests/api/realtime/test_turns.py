"""What is said to `/v1/realtime`: turns that it finds, that are committed, and that nobody understands."""

from __future__ import annotations

import asyncio
import base64

import pytest

from api._realtime.talk import Talk
from api._realtime.told import Told
from api._wire.outbox import Outbox
from core.errors import WorkerDied
from tests.api._realtime import House, said, silence
from tests.api._socket import until
from tests.api.realtime._asked import MANUAL, TEXT, ask, items
from tests.let_go import let_go
from voice.simulator.parts import tone

pytestmark = pytest.mark.integration


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


async def test_a_session_that_is_over_is_let_go_of_at_once(opened: House):
    with let_go(Talk, Told, Outbox) as left:
        async with opened.held() as client:
            opened.talks.last.saying.begins("good morning")
            await client.says(0.6)
            await client.says(0.8, 0.0)
            await client.next("response.done")
        await until(lambda: not left(0))
