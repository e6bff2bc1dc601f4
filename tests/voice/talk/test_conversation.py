"""A conversation from the first word to the last, in virtual time."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import BadRequest, WorkerDied
from engines import agent as act
from engines.base import ToolCall
from tests.let_go import let_go
from tests.voice.talk.hall import Hall, held
from voice.listening import Utterance
from voice.simulator.parts import Delays, ScriptedAgent, ScriptedVoice
from voice.talk import events as tell
from voice.talk.conversation import Conversation
from voice.talk.items import Item
from voice.talk.response import Response
from voice.talk.settings import TalkSettings
from voice.talk.turns import TurnRules

PLAIN = TalkSettings(draft=False)


def roles(hall: Hall) -> list[tuple[str, str]]:
    return [(item.role, item.known.strip()) for item in hall.talk.items]


def test_a_turn_is_heard_and_answered():
    async def work(hall: Hall):
        await hall.say("good morning", 1.0)
        await hall.until(tell.ResponseDone)

    hall = held(work)
    answer = "You said good morning. And what else can I do for you today?"
    assert roles(hall) == [("user", "good morning"), ("assistant", answer)]
    kinds = hall.kinds()
    order = ["SpeechStarted", "SpeechStopped", "TurnEnded", "Partial", "ItemAdded", "ItemDone", "ResponseStarted"]
    assert kinds[:7] == order
    assert kinds[-4:-1] == ["ItemAdded", "ItemDone", "ResponseDone"]
    sound = np.concatenate([event.samples for event in hall.all(tell.AudioOut)])
    assert len(sound) == pytest.approx(13 * 0.3 * 24000, abs=480)


def test_audio_leaves_at_the_pace_of_being_played_and_its_positions_meet():
    async def work(hall: Hall):
        hall.talk.write("hello")
        await hall.until(tell.ResponseDone)

    hall = held(work, settings=TalkSettings(lead=0.1))
    frames = [(event, time) for event, time in zip(hall.events, hall.times, strict=True)
              if isinstance(event, tell.AudioOut)]  # fmt: skip
    begun = frames[0][1]
    for number, (event, time) in enumerate(frames):
        assert event.position == number * 480
        assert time == pytest.approx(begun + max(0.0, event.position / 24000 - 0.1), abs=0.021)
    # Nobody reports what is played, so the clock is believed: the end is when a listener would have heard all.
    assert hall.at(tell.ResponseDone) == pytest.approx(begun + len(frames) * 0.02, abs=0.05)


def test_times_of_a_turn_are_noted():
    async def work(hall: Hall):
        await hall.quiet(1.0)
        await hall.say("good morning", 1.0)
        await hall.until(tell.ResponseDone)

    hall = held(work)
    turn = hall.all(tell.ResponseDone)[0].turn
    assert turn.speech_started == pytest.approx(1.0, abs=0.05)
    assert turn.speech_stopped == pytest.approx(2.0, abs=0.05)
    times = [turn.ended, turn.transcript, turn.first_text, turn.first_sound, turn.first_frame, turn.done]
    assert turn.ended == pytest.approx(2.5, abs=0.1)
    assert times == sorted(time for time in times if time is not None)
    assert (turn.hears, turn.thinks, turn.speaks) == ("scripted-stt", "scripted-llm", "scripted-tts")
    assert turn.probabilities
    assert turn.heard == pytest.approx(13 * 0.3, abs=0.05)


def test_a_draft_is_thought_of_before_the_turn_is_over():
    async def work(hall: Hall):
        await hall.say("good morning", 1.0)
        await hall.until(tell.ResponseDone)

    plain, drafted = held(work, settings=PLAIN), held(work, settings=TalkSettings(draft=True))
    assert roles(plain) == roles(drafted)
    assert len(drafted.agent.asked) == 1, "the draft is what is said"
    one, other = plain.all(tell.ResponseDone)[0].turn, drafted.all(tell.ResponseDone)[0].turn
    assert (one.drafted, other.drafted) == (False, True)
    assert (one.first_frame or 0) - (other.first_frame or 0) > 0.1
    assert plain.at(tell.ResponseStarted) <= plain.at(tell.TextDelta)
    assert drafted.at(tell.TurnEnded) <= drafted.at(tell.TextDelta), "a draft is told to nobody"


def test_a_draft_is_thrown_away_when_the_turn_goes_on():
    async def work(hall: Hall):
        await hall.say("good morning", 1.0)
        await hall.quiet(0.4)
        await hall.say("my friend", 0.8)
        await hall.until(tell.ResponseDone)

    hall = held(work, settings=TalkSettings(draft=True))
    assert roles(hall)[0] == ("user", "good morning my friend")
    assert len(hall.all(tell.ResponseStarted)) == 1


def test_a_draft_in_which_a_tool_is_wanted_calls_it_once_and_says_nothing_twice():
    def answer(event: act.Event, history):
        if isinstance(event, act.Heard):
            return act.Say("Let me look."), act.Call(ToolCall("call_1", "weather", "{}"))
        return (act.Say("It rains."),) if isinstance(event, act.ToolResult) else ()

    async def work(hall: Hall):
        await hall.say("how is the weather", 1.0)
        await hall.until(tell.ToolCalled)
        hall.talk.tool_result("call_1", "rain")
        await hall.until(tell.ResponseDone, 2)

    hall = held(work, settings=TalkSettings(draft=True), agent=ScriptedAgent(answer))
    assert [text for _, text in roles(hall)] == ["how is the weather", "Let me look.", "", "rain", "It rains."]
    assert len(hall.all(tell.ToolCalled)) == 1
    assert hall.all(tell.ResponseDone)[0].turn.drafted


def test_who_speaks_again_while_he_is_being_understood_is_answered_once():
    async def work(hall: Hall):
        await hall.say("one two", 1.0)
        await hall.quiet(0.7)
        await hall.say("three", 1.0)
        await hall.until(tell.ResponseDone)

    hall = held(work, delays=Delays(transcript=0.6))
    assert " ".join(text for role, text in roles(hall) if role == "user") == "one two three"
    assert len(hall.all(tell.ResponseStarted)) == 1


def test_a_turn_is_answered_although_a_cough_came_after_it():
    async def work(hall: Hall):
        await hall.say("one two", 1.0)
        await hall.quiet(0.7)
        await hall.sound(0.3, 0.3)
        await hall.until(tell.ResponseDone)

    hall = held(work, delays=Delays(transcript=0.6))
    assert roles(hall)[0] == ("user", "one two")
    assert roles(hall)[1][1].startswith("You said one two.")


def test_a_conversation_that_breaks_in_a_tick_ends_and_says_so(caplog: pytest.LogCaptureFixture):
    async def work(hall: Hall):
        hall.talk.windows = lambda now: 1 // 0  # type: ignore[method-assign]
        await hall.until(tell.Ended)

    hall = held(work)
    assert hall.all(tell.Ended)[0].reason == "internal_error"
    assert "broke in a tick" in caplog.text


def test_an_interruption_cuts_the_answer_to_what_was_heard():
    async def work(hall: Hall):
        hall.talk.write("tell me")
        await hall.until(tell.AudioOut)
        await hall.quiet(1.0)
        await hall.say("stop that now", 1.5)
        await hall.until(tell.ResponseDone, 2)

    hall = held(work)
    interrupted = hall.all(tell.Interrupted)[0]
    first = hall.talk.items[1]
    assert first.status == "interrupted"
    assert first.known == interrupted.heard
    # One second until the interruption and a tenth until the pause are three words of 0.3 s.
    assert first.known.split() == first.text.split()[:3]
    assert roles(hall)[2] == ("user", "stop that now")
    assert hall.agent.histories[1][1].content == first.known.strip(), "the agent knows what was heard, and no more"
    done = hall.all(tell.ResponseDone)
    assert [event.status for event in done] == ["interrupted", "completed"]


def test_from_the_interruption_to_the_last_frame_is_no_time():
    async def work(hall: Hall):
        hall.talk.write("tell me")
        await hall.until(tell.AudioOut)
        await hall.quiet(1.0)
        await hall.say("stop that now", 1.5)

    hall = held(work)
    paused = hall.at(tell.Paused)
    frames = [time for event, time in zip(hall.events, hall.times, strict=True) if isinstance(event, tell.AudioOut)]
    assert max(time for time in frames if time < paused + 1.0) <= paused


def test_a_backchannel_resumes_the_same_audio_where_it_stood():
    async def work(hall: Hall):
        hall.talk.write("tell me")
        await hall.until(tell.AudioOut)
        await hall.quiet(1.0)
        await hall.say("mm-hmm", 0.2)
        await hall.until(tell.ResponseDone)

    hall = held(work)
    assert roles(hall) == [
        ("user", "tell me"),
        ("assistant", "You said tell me. And what else can I do for you today?"),
    ]
    positions = [event.position for event in hall.all(tell.AudioOut)]
    assert positions == [number * 480 for number in range(len(positions))]
    assert len(hall.all(tell.Paused)) == len(hall.all(tell.Resumed)) == len(hall.all(tell.Backchannel)) == 1
    assert not hall.all(tell.SpeechStarted), "nobody took the floor"
    pause = hall.at(tell.Resumed) - hall.at(tell.Paused)
    assert 0.1 < pause < 0.8


def test_who_may_not_interrupt_is_not_heard_meanwhile():
    async def work(hall: Hall):
        hall.talk.write("tell me")
        await hall.until(tell.AudioOut)
        await hall.say("stop that now", 1.5)
        await hall.until(tell.ResponseDone)

    hall = held(work, settings=TalkSettings(draft=False, interruptible=False))
    assert hall.all(tell.ResponseDone)[0].status == "completed"
    assert not hall.all(tell.Paused)


def test_a_message_is_a_turn_in_writing_and_interrupts():
    async def work(hall: Hall):
        hall.talk.write("one")
        await hall.until(tell.AudioOut)
        await hall.quiet(0.7)
        hall.talk.write("two")
        await hall.until(tell.ResponseDone, 2)

    hall = held(work)
    assert [role for role, _ in roles(hall)] == ["user", "assistant", "user", "assistant"]
    assert hall.talk.items[1].known.split() == ["You", "said"]
    assert hall.all(tell.Interrupted)[0].reason == "message"


def test_without_sound_the_answer_is_text():
    async def work(hall: Hall):
        hall.talk.write("one")
        await hall.until(tell.ResponseDone)

    hall = held(work, settings=TalkSettings(speak=False))
    assert not hall.all(tell.AudioOut)
    assert roles(hall)[1][1].startswith("You said one.")
    assert hall.talk.items[1].heard is None


def test_push_to_talk_ends_a_turn_by_a_commit_alone():
    async def work(hall: Hall):
        await hall.say("one two", 1.0)
        await hall.quiet(4.0)
        assert not hall.all(tell.TurnEnded)
        hall.talk.commit()
        await hall.until(tell.ResponseDone)

    hall = held(work, settings=TalkSettings(rules=TurnRules(mode="manual")))
    assert roles(hall)[0] == ("user", "one two")


def test_what_is_cleared_was_never_said():
    async def work(hall: Hall):
        await hall.say("one two", 1.0)
        hall.saying.take()
        hall.talk.clear()
        await hall.quiet(2.0)

    hall = held(work)
    assert hall.talk.items == ()
    assert hall.all(tell.Cleared)


def test_silence_is_answered_once_it_has_lasted():
    def answer(event: act.Event, history):
        return (act.Say("Are you still there?"),) if isinstance(event, act.Silence) else ()

    async def work(hall: Hall):
        await hall.until(tell.ResponseDone)

    hall = held(work, settings=TalkSettings(rules=TurnRules(idle=3.0)), agent=ScriptedAgent(answer))
    assert hall.at(tell.Idle) == pytest.approx(3.0, abs=0.2)
    assert roles(hall) == [("assistant", "Are you still there?")]


def test_silence_counts_where_no_audio_comes_at_all():
    import asyncio

    async def work(hall: Hall):
        await asyncio.sleep(5.0)

    hall = held(work, settings=TalkSettings(respond=False, rules=TurnRules(idle=3.0)))
    assert hall.at(tell.Idle) == pytest.approx(3.1, abs=0.2)


def test_a_tool_is_called_answered_and_spoken_of():
    def answer(event: act.Event, history):
        if isinstance(event, act.Heard):
            return act.Say("Let me look."), act.Call(ToolCall("call_1", "weather", "{}"))
        if isinstance(event, act.ToolResult):
            return (act.Say(f"It is {event.output}."),)
        return ()

    async def work(hall: Hall):
        hall.talk.write("how is the weather")
        await hall.until(tell.ToolCalled)
        with pytest.raises(BadRequest):
            hall.talk.tool_result("call_2", "rain")
        hall.talk.tool_result("call_1", "sunny")
        with pytest.raises(BadRequest):
            hall.talk.tool_result("call_1", "sunny")
        await hall.until(tell.ResponseDone, 2)

    hall = held(work, agent=ScriptedAgent(answer))
    assert [role for role, _ in roles(hall)] == ["user", "assistant", "assistant", "tool", "assistant"]
    assert roles(hall)[-1][1] == "It is sunny."
    last = hall.agent.histories[-1]
    assert last[1].calls == (ToolCall("call_1", "weather", "{}"),)
    assert last[2].call_id == "call_1"


def test_a_model_that_fails_is_told_and_the_conversation_goes_on():
    answers = iter((WorkerDied("The engine died."), (act.Say("I am back."),)))

    async def work(hall: Hall):
        hall.talk.write("one")
        await hall.until(tell.ResponseDone)
        hall.talk.write("two")
        await hall.until(tell.ResponseDone, 2)

    hall = held(work, agent=ScriptedAgent(lambda event, history: next(answers) if isinstance(event, act.Heard) else ()))
    assert [event.status for event in hall.all(tell.ResponseDone)] == ["failed", "completed"]
    assert hall.all(tell.Failed)[0].message == "The engine died."
    assert roles(hall)[-1][1] == "I am back."


def test_a_model_that_hangs_is_given_up():
    class Hangs:
        name = "hangs"

        async def respond(self, event, history, *, tools=(), draft=False):
            if not isinstance(event, act.Heard):
                return
            import asyncio

            yield act.Say("One moment. ")
            await asyncio.sleep(1e6)

    async def work(hall: Hall):
        hall.talk.write("one")
        await hall.until(tell.ResponseDone, patience=60)

    hall = held(work, agent=Hangs())
    assert hall.all(tell.Failed)[0].code
    assert roles(hall)[-1] == ("assistant", "One moment.")


def test_a_sentence_that_cannot_be_spoken_is_left_out_and_told():
    fails = ScriptedVoice(fails=lambda text: WorkerDied("It died.") if "Two" in text else None)

    async def work(hall: Hall):
        hall.talk.write("count")
        await hall.until(tell.ResponseDone)

    text = "One is the first of the numbers. Two is the second of them all. Three is the last of these."
    agent = ScriptedAgent(lambda event, history: (act.Say(text),) if isinstance(event, act.Heard) else ())
    hall = held(work, agent=agent, voice=fails)
    assert len(hall.all(tell.Failed)) == 1
    spoken = sum(len(event.samples) for event in hall.all(tell.AudioOut)) / 24000
    assert spoken == pytest.approx((text.count(" ") + 1 - 7) * 0.3, abs=0.05)


def test_who_comes_back_hears_on_from_the_sample_he_had():
    import asyncio

    async def work(hall: Hall):
        hall.talk.write("tell me")
        await hall.until(tell.AudioOut)
        await hall.quiet(0.5)
        hall.talk.detach()
        sent = hall.talk.position
        await asyncio.sleep(20)
        assert hall.talk.position == sent
        assert hall.talk.attach(hall.note, sent - 4800) == sent - 4800
        await hall.until(tell.ResponseDone)

    hall = held(work)
    positions = [event.position for event in hall.all(tell.AudioOut)]
    back = next(at for at in range(1, len(positions)) if positions[at] <= positions[at - 1])
    again = positions[back]
    assert positions[back:] == list(range(again, again + 480 * (len(positions) - back), 480))
    assert hall.all(tell.ResponseDone)[0].status == "completed"
    assert not hall.all(tell.Idle)


def test_a_second_conversation_goes_on_with_the_history_of_the_first():
    history = (Item("a", "user", "My name is Ada."), Item("b", "assistant", "Hello Ada, and welcome.", heard=9))

    async def work(hall: Hall):
        hall.talk.write("what is my name")
        await hall.until(tell.ResponseDone)

    hall = held(work, history=history)
    assert [message.content for message in hall.agent.histories[0]] == [
        "My name is Ada.",
        "Hello Ada",
        "what is my name",
    ]


def test_end_hangs_up_once_all_is_said():
    def answer(event: act.Event, history):
        return (act.Say("Good bye."), act.End("done")) if isinstance(event, act.Heard) else ()

    async def work(hall: Hall):
        hall.talk.write("bye")
        await hall.until(tell.Ended)
        assert hall.talk.over

    hall = held(work, agent=ScriptedAgent(answer))
    assert hall.all(tell.Ended)[0].reason == "done"
    assert hall.at(tell.Ended) > hall.at(tell.AudioOut) + 0.5


@pytest.mark.parametrize("operation", [
    lambda talk: talk.write("  "),
    lambda talk: talk.commit(),
    lambda talk: talk.tool_result("x", "y"),
    lambda talk: talk.delete("x"),
    lambda talk: talk.add(Item("a", "user", "x"), after="nobody"),
    lambda talk: talk.configure(TalkSettings(output_rate=8000)),
])  # fmt: skip
def test_what_makes_no_sense_is_refused_and_nothing_changes(operation):
    async def work(hall: Hall):
        with pytest.raises(BadRequest):
            operation(hall.talk)

    assert held(work).talk.items == ()


def test_one_that_is_over_is_let_go_of_at_once():
    def interrupted() -> None:
        async def work(hall: Hall):
            await hall.say("good morning", 1.0)
            await hall.until(tell.Speaking)
            await hall.say("no, wait, please", 2.0)
            await hall.until(tell.ResponseDone, 2)

        assert held(work, settings=TalkSettings()).all(tell.Interrupted)

    with let_go(Hall, Conversation, Response, Utterance) as left:
        interrupted()
        assert left(0) == []
