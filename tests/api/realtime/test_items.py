"""Items of `/v1/realtime`: made, moved in, looked at and deleted."""

from __future__ import annotations

import base64

import pytest

from tests.api._realtime import House, said
from tests.api.realtime._asked import TEXT, ask, items
from voice.simulator.parts import tone

pytestmark = pytest.mark.integration


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
