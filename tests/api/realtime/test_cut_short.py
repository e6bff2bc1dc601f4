"""Responses of `/v1/realtime` that end early, and what is known of them afterwards: what was played."""

from __future__ import annotations

import pytest

from tests.api._realtime import House
from tests.api.realtime._asked import ask, items

pytestmark = pytest.mark.integration


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
