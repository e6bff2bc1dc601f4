"""What is asked of a conversation: one response otherwise, one beside it, an item cut to what was played."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from core.errors import BadRequest, WorkerDied
from engines import agent as act
from engines.base import ToolCall
from tests.voice.talk.hall import Hall, held
from voice.simulator.parts import ScriptedAgent, tone
from voice.talk import events as tell
from voice.talk.history import FIRST
from voice.talk.items import Item
from voice.talk.settings import TalkSettings
from voice.talk.turns import TurnRules

MANUAL = TalkSettings(draft=False, respond=False, interruptible=False, rules=TurnRules(mode="manual"))
STORY = "Once upon a time there was a house in which everybody talked and nobody listened."


def story(event: act.Event, history) -> tuple[act.Action, ...]:
    if isinstance(event, act.ToolResult):
        return (act.Say(f"It is {event.output}."),)
    if isinstance(event, act.Heard) and "call" in event.text:
        return (act.Call(ToolCall("call_1", "look", "{}")),)
    return (act.Say(STORY),)


def known(hall: Hall) -> list[tuple[str, str]]:
    return [(item.role, item.known.strip()) for item in hall.talk.items]


def test_a_response_is_asked_for_with_settings_and_items_of_its_own():
    async def work(hall: Hall):
        hall.talk.add(Item("a", "user", "hello"))
        hall.talk.respond(replace(hall.talk.settings, speak=False), [Item("x", "user", "something else")])
        with pytest.raises(BadRequest, match="under way"):
            hall.talk.respond()
        await hall.until(tell.ResponseDone)

    hall = held(work, settings=MANUAL)
    assert hall.agent.asked == [act.Heard("something else")]
    assert not hall.all(tell.AudioOut)
    assert known(hall)[0] == ("user", "hello")
    assert len(known(hall)) == 2


def test_a_response_waits_for_what_was_committed_and_is_not_understood_yet():
    async def work(hall: Hall):
        await hall.say("good morning", 0.5)
        hall.talk.commit()
        hall.talk.add(Item("later", "user", "and this"))
        hall.talk.respond()
        assert hall.all(tell.ResponseStarted)
        await hall.until(tell.ResponseDone)

    hall = held(work, settings=MANUAL)
    assert [text for role, text in known(hall) if role == "user"] == ["good morning", "and this"]
    assert hall.agent.asked == [act.Heard("and this")]
    assert len(hall.agent.histories[0]) == 2


def test_turns_stand_in_the_order_in_which_they_ended():
    async def work(hall: Hall):
        hall.talk.add(Item("a", "user", "first"))
        for text in ("second", "third"):
            await hall.say(text, 0.3)
            hall.talk.commit()
            hall.talk.add(Item(f"after {text}", "user", f"after {text}"))
            await hall.quiet(0.2)
        await hall.quiet(0.5)

    found = [text for _, text in known(held(work, settings=MANUAL))]
    assert found == ["first", "second", "after second", "third", "after third"]


def test_a_turn_finds_its_place_when_what_was_before_it_is_gone():
    async def work(hall: Hall):
        await hall.say("second", 0.3)
        hall.talk.commit()
        hall.talk.add(Item("b", "user", "third"))
        await hall.quiet(0.5)
        hall.talk.add(Item("c", "user", "fourth"))
        await hall.say("fifth", 0.3)
        hall.talk.commit()
        hall.talk.delete("c")
        await hall.quiet(0.5)

    found = [text for _, text in known(held(work, settings=MANUAL))]
    assert found == ["second", "third", "fifth"]


def test_the_answer_to_a_tool_is_an_event_of_its_own():
    async def work(hall: Hall):
        hall.talk.add(Item("a", "user", "call"))
        hall.talk.respond()
        await hall.until(tell.ResponseDone)
        hall.talk.add(Item("b", "tool", "cold", call_id="call_1"))
        hall.talk.respond()
        await hall.until(tell.ResponseDone, 2)

    hall = held(work, settings=MANUAL, agent=ScriptedAgent(story))
    assert hall.agent.asked[1] == act.ToolResult("call_1", "cold")
    assert known(hall)[-1] == ("assistant", "It is cold.")


def test_a_commit_leaves_alone_what_is_being_said():
    async def work(hall: Hall):
        hall.talk.respond()
        await hall.until(tell.AudioOut, 10)
        await hall.say("mumble", 0.3)
        hall.talk.commit()
        await hall.until(tell.ResponseDone)

    hall = held(work, settings=MANUAL)
    assert hall.all(tell.ResponseDone)[0].status == "completed"
    assert [role for role, _ in known(hall)] == ["assistant", "user"]


def test_with_manual_turns_all_that_came_is_heard_and_nothing_else():
    fed: list[np.ndarray] = []

    async def work(hall: Hall):
        made = hall.parts.utterance

        def utterance(settings, partial):
            found = made(settings, partial)
            feed = found.feed

            def noted(samples: np.ndarray, *, follow: bool = True) -> None:
                fed.append(samples)
                feed(samples, follow=follow)

            found.feed = noted
            return found

        hall.talk._scene.parts = replace(hall.parts, utterance=utterance)
        await asyncio.sleep(1.0)
        hall.talk.hear(tone(0.99, 16000, 350.0, 0.3))
        await hall.talk.caught_up()
        assert hall.talk.waiting < 0.032
        hall.talk.commit()
        await asyncio.sleep(0.5)

    held(work, settings=MANUAL)
    heard = np.concatenate(fed)
    assert len(heard) == 31 * 512
    assert np.array_equal(heard[: round(0.99 * 16000)], tone(0.99, 16000, 350.0, 0.3))


def test_times_can_be_told_in_sound_that_came():
    async def work(hall: Hall):
        await hall.quiet(0.5)
        await asyncio.sleep(1.0)
        await hall.say("hello", 0.5)
        await hall.until(tell.TurnEnded)
        event = hall.all(tell.SpeechStarted)[0]
        assert event.at == pytest.approx(1.4, abs=0.1)
        assert hall.talk.arrived(event.at) == pytest.approx(0.5, abs=0.1)
        assert hall.talk.arrived(0.3) == 0.3

    held(work)


def test_beside_the_conversation():
    async def work(hall: Hall):
        hall.talk.add(Item("a", "user", "tell me"))
        first = hall.talk.respond()
        await hall.until(tell.AudioOut, 10)
        second = hall.talk.aside(items=[Item("x", "user", "call")])
        third = hall.talk.aside()
        await hall.until(tell.ResponseDone, 2)
        assert hall.talk.response == first
        assert {event.response for event in hall.all(tell.ResponseDone)} == {second, third}
        await hall.until(tell.ResponseDone, 3)

    hall = held(work, settings=MANUAL, agent=ScriptedAgent(story))
    assert known(hall) == [("user", "tell me"), ("assistant", STORY)]
    called = hall.all(tell.ToolCalled)[0]
    done = {event.response: event for event in hall.all(tell.ResponseDone)}
    assert done[called.response].calls == (called.call,)
    spoken = [event for event in hall.all(tell.AudioOut) if event.response not in ("resp_1", called.response)]
    assert sum(len(event.samples) for event in spoken) == len(STORY.split()) * 7200
    assert spoken[0].position == 0


def test_beside_the_conversation_there_is_an_end_too():
    def broken(event: act.Event, history):
        return (act.Say("I am"), WorkerDied("The worker died."))

    async def work(hall: Hall):
        ids = [hall.talk.aside() for _ in range(8)]
        with pytest.raises(BadRequest, match="8 responses"):
            hall.talk.aside()
        hall.talk.cancel(ids[3])
        await hall.until(tell.ResponseDone, 8)
        hall.talk.aside()

    hall = held(work, settings=MANUAL, agent=ScriptedAgent(broken))
    statuses = sorted(event.status for event in hall.all(tell.ResponseDone))
    assert statuses == ["cancelled"] * 2 + ["failed"] * 7
    assert {event.response for event in hall.all(tell.Failed)} < {
        event.response for event in hall.all(tell.ResponseDone)
    }


def test_an_item_is_cut_to_what_was_played():
    async def work(hall: Hall):
        hall.talk.respond()
        await hall.until(tell.ResponseDone)
        item = hall.talk.items[0].id
        for seconds, text in ((1.5, "Once upon a time there"), (0.7, "Once upon"), (0.1, ""), (60.0, STORY)):
            hall.talk.truncate(item, seconds)
            assert known(hall) == [("assistant", text)]
        hall.talk.truncate("nobody", 1.0)

    held(work, settings=MANUAL, agent=ScriptedAgent(story))


def test_what_is_being_said_is_stopped_and_cut():
    async def work(hall: Hall):
        id = hall.talk.respond()
        await hall.until(tell.AudioOut, 100)
        hall.talk.truncate(hall.all(tell.ResponseStarted)[0].item, 0.9)
        assert hall.talk.response == ""
        assert hall.all(tell.ResponseDone)[0].response == id

    hall = held(work, settings=MANUAL, agent=ScriptedAgent(story))
    assert known(hall) == [("assistant", "Once upon a")]


def test_an_item_of_long_ago_is_cut_by_its_share():
    async def work(hall: Hall):
        for number in range(1, 12):
            hall.talk.respond()
            await hall.until(tell.ResponseDone, number)
        first = hall.talk.items[0]
        hall.talk.truncate(first.id, len(STORY.split()) * 0.15)
        (_, text), *_ = known(hall)
        assert STORY.startswith(text)
        assert 0.4 < len(text) / len(STORY) < 0.6

    held(work, settings=MANUAL, agent=ScriptedAgent(story))


def test_items_may_stand_before_all():
    async def work(hall: Hall):
        hall.talk.add(Item("b", "user", "two"))
        hall.talk.add(Item("a", "system", "one"), FIRST)
        assert [item.id for item in hall.talk.items] == ["a", "b"]
        assert hall.all(tell.ItemAdded)[1].after == ""

    held(work, settings=MANUAL)


def test_a_model_that_was_stopped_by_its_limit_is_told():
    async def work(hall: Hall):
        hall.talk.respond()
        await hall.until(tell.ResponseDone)

    cut = ScriptedAgent(lambda event, history: (act.Say("And so"), act.Thought("llm", 1, 2, "length")))
    assert held(work, settings=MANUAL, agent=cut).all(tell.ResponseDone)[0].cut
    assert not held(work, settings=MANUAL).all(tell.ResponseDone)[0].cut


def test_who_interrupts_is_told_before_what_it_ended():
    async def work(hall: Hall):
        hall.talk.write("tell me")
        await hall.until(tell.AudioOut, 50)
        await hall.say("stop it please now", 1.5)
        await hall.until(tell.Interrupted)

    kinds = held(work, agent=ScriptedAgent(story)).kinds()
    assert kinds.index("SpeechStarted") < kinds.index("Interrupted")
