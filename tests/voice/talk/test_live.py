"""What is seen of a session: whose turn it is, lines about what happens, and that neither grows."""

from __future__ import annotations

import pytest

from engines.base import ToolCall
from voice.talk import events
from voice.talk.items import Item
from voice.talk.live import KEPT, WORDS, Live, Seen, Sound


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def seen(clock: Clock) -> Seen:
    return Seen("chat", "conv_1", "key:1", "Robot", lambda: Sound(1.0, 2.0), clock=clock)


def done(status: str = "completed", **turn: object) -> events.ResponseDone:
    told = events.Turn("resp", "answer", thinks="llm", input_tokens=7, output_tokens=5, **turn)  # pyright: ignore
    return events.ResponseDone("resp", status, told, Item("answer", "assistant", "It is five degrees."))


def test_whose_turn_it_is(seen: Seen):
    states = []
    for event in (
        events.SpeechStarted(1.0, "item"),
        events.TurnEnded(2.0, "item", "silence", 0.5),
        events.ResponseStarted("resp", "answer"),
        events.Speaking("resp", "answer", 0, 5, 0, "alloy", "kokoro"),
        events.TurnEnded(2.0, "item", "backchannel", 0.1),
        events.AudioDone("resp", 100),
        done(),
    ):
        seen.tell(event)
        states.append(seen.state)
    assert states == ["listening", "thinking", "thinking", "speaking", "speaking", "speaking", "listening"]
    seen.away = True
    assert seen.state == "away"


def test_what_a_turn_came_to(seen: Seen):
    seen.tell(events.Speaking("resp", "answer", 0, 5, 0, "alloy", "kokoro"))
    seen.tell(done(ended=2.0, first_text=2.2, first_frame=2.62))
    seen.tell(done("interrupted"))
    assert (seen.input_tokens, seen.output_tokens, seen.cost) == (14, 10, None)
    assert (seen.voice, seen.models) == ("alloy", {"speaks": "kokoro", "thinks": "llm"})
    assert [line.about for line in seen.lines()] == ["kokoro", "completed, first after 620 ms", "interrupted"]
    seen.spent(1, 1, 0.25)
    seen.spent(0, 0, 0.5)
    assert (seen.input_tokens, seen.cost) == (15, 0.75)


def test_what_is_said_stands_in_words_alone(seen: Seen):
    secret = "my number is 4711"
    seen.tell(events.ItemAdded(Item("item", "user", secret, spoken=True)))
    seen.tell(events.Backchannel(0.4, secret))
    seen.tell(events.ToolCalled("resp", "answer", ToolCall("1", "look_up", f'{{"q": "{secret}"}}')))
    seen.tell(events.TransferAsked(secret))
    seen.tell(events.DigitsAsked(secret))
    seen.tell(events.Interrupted("resp", "answer", secret, 5, "speech"))
    seen.tell(events.Partial("item", secret))
    seen.tell(events.TextDelta("resp", "answer", secret))
    seen.tell(events.Failed("engine_error", secret))
    lines = seen.lines()
    assert [line.type for line in lines] == [
        "item", "backchannel", "tool_call", "transfer", "digits", "interrupted", "error",
    ]  # fmt: skip
    assert all("4711" not in line.type + line.about for line in lines)
    assert ["4711" in line.words for line in lines] == [True] * 5 + [False] * 2


def test_a_line_that_happens_again_is_counted_and_seen_again(seen: Seen, clock: Clock):
    seen.note("input_audio_buffer.commit", asked=True)
    clock.now = 101.0
    assert seen.lines(after=100.0) == []
    seen.note("input_audio_buffer.commit", asked=True)
    seen.note("input_audio_buffer.commit")
    first, second = seen.lines(after=100.0)
    assert (first.number, first.times, first.asked) == (1, 2, True)
    assert (second.number, second.times) == (2, 1)
    seen.note("item", "written", "a")
    seen.note("item", "written", "b")
    assert [line.words for line in seen.lines()[2:]] == ["a", "b"]


def test_nothing_grows(seen: Seen):
    for number in range(10 * KEPT):
        seen.note("item", "written", f"{number} " + "x" * 10_000)
    assert len(seen.lines()) == KEPT
    assert max(len(line.words) for line in seen.lines()) == WORDS
    assert seen.lines()[-1].number == 10 * KEPT


async def test_sessions_are_ones_own_or_everybodys():
    live, ended = Live(), []

    async def end(reason: str) -> None:
        ended.append(reason)
        live.drop("a")

    for id, owner in (("a", "key:1"), ("b", "key:2")):
        live.add(Seen("realtime", id, owner, owner, lambda: Sound(0, 0)), end)
    assert [seen.id for seen in live.of("key:1")] == ["a"]
    assert [seen.id for seen in live.of(None)] == ["a", "b"]
    assert live.find("b", "key:1") is None
    await live.end("a", "Enough.")
    await live.end("a", "Enough.")
    assert ended == ["Enough."]
    assert [seen.id for seen in live.of(None)] == ["b"]
