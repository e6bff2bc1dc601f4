"""A conversation at moments that nobody plans for: it always goes on, and says nothing twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from core.errors import BadRequest, Conflict
from engines import agent as act
from engines.base import ToolCall
from tests.voice.talk.hall import Hall, held
from voice.simulator.parts import Delays, ScriptedAgent
from voice.talk import events as tell
from voice.talk.items import PENDING, Item, messages
from voice.talk.settings import TalkSettings
from voice.talk.turns import TurnRules

MANUAL = TalkSettings(draft=False, rules=TurnRules(mode="manual"))
CALL = ToolCall("c1", "weather", "{}")


def completed(hall: Hall) -> list[tell.ResponseDone]:
    return [event for event in hall.all(tell.ResponseDone) if event.status == "completed"]


def test_the_end_is_told_although_nobody_is_there():
    async def work(hall: Hall):
        hall.talk.detach()
        hall.talk.write("hello")
        await hall.talk.close("deleted")

    assert [type(event) for event in held(work).events] == [tell.Ended]


def test_while_it_is_held_time_stands_still_and_what_is_asked_for_is_told():
    async def work(hall: Hall):
        hall.talk.write("hello")
        await hall.until(tell.AudioOut)
        hall.talk.hold()
        position = hall.talk.position
        await asyncio.sleep(20)
        assert hall.talk.position == position
        hall.talk.interrupt()
        assert hall.kinds()[-1] == "ResponseDone"
        hall.talk.attach(hall.note, hall.talk.position)
        hall.talk.write("again")
        await hall.until(tell.ResponseDone, 2)

    assert len(completed(held(work))) == 1


@pytest.mark.parametrize("operation", [
    lambda talk: talk.write("hello"),
    lambda talk: talk.respond(),
    lambda talk: talk.aside(),
    lambda talk: talk.commit(),
    lambda talk: talk.tool_result("c1", "rain"),
])  # fmt: skip
def test_nothing_begins_once_it_is_over(operation):
    async def work(hall: Hall):
        await hall.talk.close()
        with pytest.raises(Conflict):
            operation(hall.talk)

    held(work)


def test_a_draft_that_breaks_is_thought_again():
    class Breaks(ScriptedAgent):
        async def respond(self, event, history, *, tools=(), draft=False):
            if draft:
                raise RuntimeError("a mistake of ours")
            async for action in super().respond(event, history, tools=tools):
                yield action

    async def work(hall: Hall):
        await hall.say("good morning", 1.0)
        await hall.until(tell.ResponseDone)

    assert completed(held(work, settings=TalkSettings(draft=True), agent=Breaks()))


def test_a_detector_that_breaks_ends_its_conversations_and_the_ticker_goes_on():
    async def work(hall: Hall):
        detector = hall.parts.ticker._detector

        def breaks(*_):
            del detector.detect  # pyright: ignore[reportAttributeAccessIssue]
            raise RuntimeError("out of memory")

        detector.detect = breaks  # pyright: ignore[reportAttributeAccessIssue]
        await hall.until(tell.Ended)
        other = Hall()
        await other.parts.ticker.close()
        hall.parts.ticker.add(other.talk)
        other.talk.write("hello")
        await other.until(tell.ResponseDone)
        await other.talk.close()
        await asyncio.sleep(1)

    assert held(work).all(tell.Ended)[0].reason == "internal_error"


# tools


def test_what_a_tool_answers_while_something_is_said_is_told_after_it():
    def answer(event: act.Event, history):
        if isinstance(event, act.Heard) and event.text == "weather":
            return (act.Call(CALL),)
        return (act.Say("It rains." if isinstance(event, act.ToolResult) else "Sure, I hurry."),)

    async def work(hall: Hall):
        hall.talk.write("weather")
        await hall.until(tell.ToolCalled)
        hall.talk.write("hurry")
        await hall.until(tell.AudioOut)
        hall.talk.tool_result("c1", "rain")
        await hall.until(tell.ResponseDone, 3)

    hall = held(work, agent=ScriptedAgent(answer))
    assert [item.text.strip() for item in hall.talk.items if item.role == "assistant"] == [
        "",
        "Sure, I hurry.",
        "It rains.",
    ]


def test_a_turn_that_knows_what_a_tool_answered_is_not_followed_by_another_answer():
    def answer(event: act.Event, history):
        return (act.Call(CALL),) if isinstance(event, act.Heard) and event.text == "weather" else (act.Say("Yes."),)

    async def work(hall: Hall):
        hall.talk.write("weather")
        await hall.until(tell.ToolCalled)
        hall.talk.write("hurry")
        await hall.until(tell.AudioOut)
        hall.talk.tool_result("c1", "rain")
        hall.talk.write("well?")
        await hall.quiet(10)

    assert len(held(work, agent=ScriptedAgent(answer)).all(tell.ResponseStarted)) == 3


def test_a_model_reads_every_call_with_an_answer_right_behind_it():
    one, two = ToolCall("a", "one", "{}"), ToolCall("b", "two", "{}")
    items = [
        Item("1", "user", "both"), Item("2", "assistant", "Wait."), Item("3", "assistant", call=one),
        Item("4", "assistant", call=two), Item("5", "tool", "II", call_id="b"), Item("6", "user", "and?"),
        Item("7", "tool", "I", call_id="a"), Item("8", "tool", "?", call_id="x"), Item("9", "assistant", call=one),
    ]  # fmt: skip
    assert [(one.role, one.content, one.call_id) for one in messages(items)] == [
        ("user", "both", ""), ("assistant", "Wait.", ""), ("tool", "II", "b"), ("tool", PENDING, "a"),
        ("user", "and?", ""), ("user", "[one answered: I]", ""), ("user", "[A tool answered: ?]", ""),
        ("assistant", "", ""), ("tool", PENDING, "a"),
    ]  # fmt: skip


# held otherwise in the middle of it


def test_what_was_heard_before_turns_ended_by_themselves_is_no_part_of_one():
    async def work(hall: Hall):
        await hall.sound(8.0)
        hall.talk.configure(replace(hall.talk.settings, rules=TurnRules()))
        await hall.say("hello", 1.0)
        assert hall.talk._theirs._utterance
        hall.seconds = hall.talk._theirs._utterance._seconds  # type: ignore[attr-defined]
        await hall.until(tell.ResponseDone)

    assert held(work, settings=MANUAL).seconds < 2  # type: ignore[attr-defined]


def test_a_pause_ends_when_nobody_may_interrupt_any_more():
    async def work(hall: Hall):
        hall.talk.write("hello")
        await hall.until(tell.AudioOut)
        await hall.quiet(0.5)
        await hall.sound(0.16, 0.3)
        assert hall.all(tell.Paused)
        hall.talk.configure(replace(hall.talk.settings, interruptible=False))
        await hall.until(tell.ResponseDone)

    hall = held(work, settings=TalkSettings(draft=False, rules=TurnRules(start=1.0)))
    assert completed(hall)
    assert hall.all(tell.Resumed)


@pytest.mark.parametrize("respond", [True, False])
def test_what_is_committed_beside_us_is_a_turn(respond: bool):
    async def work(hall: Hall):
        hall.talk.add(Item("before", "user", "hello"))
        hall.talk.respond()
        await hall.until(tell.AudioOut)
        await hall.quiet(0.5)
        await hall.say("yes please", 0.2)
        hall.talk.commit()
        await hall.until(tell.ResponseDone, 2 if respond else 1)

    hall = held(work, settings=replace(MANUAL, respond=respond))
    assert [item.text for item in hall.talk.items if item.spoken and item.role == "user"] == ["yes please"]
    assert bool(hall.all(tell.Interrupted)) == respond
    assert bool(hall.all(tell.Resumed)) != respond


def test_a_turn_is_answered_although_what_came_after_it_was_cleared():
    async def work(hall: Hall):
        await hall.say("one two", 1.0)
        await hall.quiet(0.7)
        await hall.sound(0.3, 0.3)
        await hall.quiet(0.4)
        hall.talk.clear()
        await hall.until(tell.ResponseDone)

    assert len(held(work, delays=Delays(transcript=0.6)).all(tell.ResponseDone)) == 1


# who comes back, and who lies


def test_the_end_of_an_answer_that_is_over_and_did_not_arrive_comes_before_the_next():
    async def work(hall: Hall):
        hall.talk.write("hello")
        await hall.until(tell.ResponseDone)
        end = hall.talk.position
        hall.talk.detach()
        assert hall.talk.attach(hall.note, end - 24000) == end - 24000
        await hall.quiet(2.0)
        assert hall.talk.position == end
        hall.talk.write("again")
        await hall.until(tell.ResponseDone, 2)
        hall.end = end  # type: ignore[attr-defined]

    hall = held(work)
    first, second = (event.response for event in hall.all(tell.ResponseStarted))
    sound = hall.all(tell.AudioOut)
    assert {event.response for event in sound if event.position < hall.end} == {first}  # type: ignore[attr-defined]
    assert {event.response for event in sound if event.position >= hall.end} == {second}  # type: ignore[attr-defined]


@pytest.mark.parametrize("id", ["taken", "root"])
def test_a_message_that_is_refused_stops_nothing(id: str):
    async def work(hall: Hall):
        hall.talk.write("one", "taken")
        await hall.until(tell.AudioOut)
        with pytest.raises(BadRequest):
            hall.talk.write("two", id)
        await hall.until(tell.ResponseDone)

    assert completed(held(work))
