"""Responses of `/v1/realtime`: asked for, made otherwise, broken, and beside the conversation."""

from __future__ import annotations

import base64

import pytest

from tests.api._realtime import House, said
from tests.api._socket import until
from tests.api.realtime._asked import TEXT, WEATHER, ask, items

pytestmark = pytest.mark.integration


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
