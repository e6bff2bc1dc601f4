"""Expectations that are not met, each with the sentence that tells it."""

from __future__ import annotations

import pytest

from voice.simulator.laws import Laws
from voice.simulator.log import Entry
from voice.simulator.scenario import Expectation
from voice.simulator.verdict import judged
from voice.talk import events as tell
from voice.talk.items import Item

ENTRIES = (
    Entry(1.0, "says", {"text": "hello"}),
    Entry(2.5, "turn_ended", {"reason": "silence", "waited": 0.5}),
    Entry(3.0, "response_done", {"status": "completed"}),
    Entry(4.0, "response_done", {"status": "interrupted"}),
)
ITEMS = (Item("a", "user", "hello there"), Item("b", "assistant", "Good morning.", heard=4))


def wrong(expected: Expectation, **options) -> str:
    (found,) = judged([expected], ENTRIES, ITEMS, **options)
    return found.wrong


@pytest.mark.parametrize(
    "expected",
    [
        Expectation("turn_ended", {"waited": 0.5}, after="says", within_ms=1500),
        Expectation("response_done", {"status": "complete"}, count=1),
        Expectation("idle", count=0),
        Expectation("idle", absent=True),
        Expectation("says", after="turn_ended", absent=True),
        Expectation(order=("says", "response_done", "response_done")),
        Expectation(said=(("user", "hello"), ("assistant", "Good"))),
    ],
)
def test_what_is_as_expected(expected):
    assert wrong(expected) == ""


@pytest.mark.parametrize(
    ("expected", "sentence"),
    [
        (Expectation("idle"), "idle never came."),
        (
            Expectation("turn_ended", {"reason": "commit"}),
            "turn_ended reason='commit' never came. There was: 2.500 turn_ended reason=silence waited=0.500",
        ),
        (
            Expectation("turn_ended", after="says", within_ms=1000),
            "turn_ended within 1000 ms after says came after 1500 ms.",
        ),
        (Expectation("says", absent=True), "no says was not to come, and came at 1.000 s."),
        (Expectation("says", count=2), "says was to come 2 times, and came 1 times. There was: 1.000 says text=hello"),
        (Expectation("says", after="idle"), "idle never came, after which says after idle was looked for."),
        (Expectation(order=("turn_ended", "says")), "After turn_ended no says came."),
        (
            Expectation(said=(("user", "bye"),)),
            "What was said in the end is otherwise: user 'hello there', assistant 'Good'.",
        ),
    ],
)
def test_what_is_otherwise_is_told(expected, sentence):
    assert wrong(expected) == sentence


def test_what_does_not_hold_with_real_engines_is_not_asked_of_them():
    expected = Expectation("idle", real=False)
    assert wrong(expected)
    assert judged([expected], ENTRIES, ITEMS, real=True) == []


def test_laws_are_told_when_they_are_broken():
    import numpy as np

    frame = np.zeros(480, np.float32)
    laws = Laws(word=0.3)
    for event in (
        tell.ResponseStarted("r1", "i1"),
        tell.TextDelta("r1", "i1", "One two three."),
        tell.AudioOut("r1", frame, 0),
        tell.AudioOut("r1", frame, 960),
        tell.Paused("r1", 1440),
        tell.AudioOut("r1", frame, 1440),
        tell.Interrupted("r1", "i1", "One three", 1440, "long"),
        tell.ResponseStarted("r2", "i2"),
        tell.AudioOut("r1", frame, 1920),
        tell.Failed("internal_error", "Oh."),
    ):
        laws.add(event)
    laws.heard(tell.Interrupted("r1", "i1", "One two", 1440, "long"), 3.0)
    laws.close()
    assert laws.broken == [
        "After position 480 came 960.",
        "Audio left at position 1440 while we were to be silent.",
        "What was heard of r1 is not how its text begins: 'One three'.",
        "r2 began while r1 was not over.",
        "Audio of r1 left while it was not the response under way.",
        "Audio left at position 1920 while we were to be silent.",
        "Something broke: Oh.",
        "Of r1 3.00 s were played, and remembered is 'One two'.",
        "r2 was never over.",
        "The end was told 0 times.",
    ]
