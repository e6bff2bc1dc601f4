import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadRequest
from voice.talk.turns import Continued, Ended, Event, Idle, Started, Stopped, TurnRules, Turns

W = 0.1  # seconds of a window, for sums that can be done by hand
RULES = TurnRules(start=0.2, stop=0.2, min_delay=0.5, max_delay=1.0, longest=5.0)
MANUAL = TurnRules(start=0.2, stop=0.2, min_delay=0.5, max_delay=1.0, mode="manual")

rules = st.builds(
    TurnRules,
    threshold=st.floats(0.4, 0.9),
    release=st.floats(0.05, 0.4),
    start=st.floats(0, 0.5),
    stop=st.floats(0.02, 1),
    min_delay=st.floats(0, 1),
    max_delay=st.floats(1, 3),
    idle=st.sampled_from([0.0, 1.0, 2.0]),
    mode=st.sampled_from(["vad", "manual"]),
    longest=st.floats(1, 5),
)
probability = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1), st.just(math.nan))
step = st.one_of(
    st.lists(probability, max_size=30),
    st.sampled_from(["commit", "clear", "quiet", "busy"]),
    rules,
    st.tuples(st.just("hint"), st.one_of(st.none(), st.floats(-1, 2), st.just(math.nan))),
)


def fed(turns: Turns, probabilities: Sequence[float]) -> list[Event]:
    return [event for probability in probabilities for event in turns.feed(probability)]


def rounded(events: Sequence[Event]) -> list[tuple]:
    return [
        (
            type(event).__name__,
            *(round(value, 6) if isinstance(value, float) else value for value in vars(event).values()),
        )
        for event in events
    ]


def test_a_turn_begins_stops_and_ends():
    turns = Turns(RULES, W)
    assert rounded(fed(turns, [0, 1, 1, 1, 0, 0, 0, 0, 0, 0])) == [
        ("Started", 0.1),
        ("Stopped", 0.4),
        ("Ended", 0.9, 0.1, "silence", 0.5),
    ]


def test_a_click_begins_nothing():
    turns = Turns(RULES, W)
    assert fed(turns, [1, 0, 1, 0, 0, 1, 0]) == []
    assert not turns.speaking
    assert turns.clock == pytest.approx(0.7)


def test_speech_goes_on_at_the_release_and_begins_at_the_threshold():
    assert fed(Turns(RULES, W), [0.49] * 9) == []
    turns = Turns(RULES, W)
    assert rounded(fed(turns, [0.5, 0.36, 0.36, 0.36])) == [("Started", 0.0)]
    assert rounded(fed(turns, [0.34, 0.34])) == [("Stopped", 0.4)]


def test_speech_after_a_breath_continues_the_turn():
    turns = Turns(RULES, W)
    events = fed(turns, [1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0])
    assert rounded(events) == [
        ("Started", 0.0),
        ("Stopped", 0.2),
        ("Continued", 0.5),
        ("Stopped", 0.8),
        ("Ended", 1.3, 0.0, "silence", 0.5),
    ]


def test_no_turn_ends_while_a_sound_may_become_speech():
    turns = Turns(TurnRules(start=0.3, stop=0.2, min_delay=0.5, max_delay=0.5), W)
    assert rounded(fed(turns, [1, 1, 1, 0, 0, 0, 0, 1, 1])) == [("Started", 0.0), ("Stopped", 0.3)]
    assert rounded(fed(turns, [1])) == [("Continued", 0.7)]


def test_a_click_in_the_silence_does_not_prolong_it():
    turns = Turns(RULES, W)
    assert rounded(fed(turns, [1, 1, 0, 0, 0, 1, 0]))[-1] == ("Ended", 0.7, 0.0, "silence", 0.5)


@pytest.mark.parametrize(
    ("complete", "silence", "reason"),
    [
        (None, 5, "silence"),
        (1.0, 5, "semantic"),
        (0.0, 10, "semantic"),
        (0.5, 8, "semantic"),
        (math.nan, 5, "semantic"),
    ],
)
def test_a_hint_moves_the_endpoint(complete, silence, reason):
    turns = Turns(RULES, W)
    fed(turns, [1, 1])
    turns.hint(complete)
    assert [type(event) for event in fed(turns, [0] * (silence - 1))] == [Stopped]
    (ended,) = fed(turns, [0])
    assert isinstance(ended, Ended)
    assert (ended.reason, round(ended.waited, 6)) == (reason, silence * W)


def test_a_hint_that_comes_late_ends_the_turn_at_the_next_window():
    turns = Turns(RULES, W)
    fed(turns, [1, 1])
    turns.hint(0.0)
    fed(turns, [0] * 7)
    turns.hint(1.0)
    (ended,) = turns.feed(0)
    assert isinstance(ended, Ended)
    assert ended.waited == pytest.approx(0.8)


def test_a_hint_is_forgotten_with_its_turn():
    turns = Turns(RULES, W)
    fed(turns, [1, 1])
    turns.hint(0.0)
    fed(turns, [0] * 10)
    assert rounded(fed(turns, [1, 1] + [0] * 5))[-1][3] == "silence"


def test_whoever_speaks_on_is_ended_and_begins_anew():
    turns = Turns(RULES, W)
    events = fed(turns, [1] * 52)
    assert rounded(events) == [("Started", 0.0), ("Ended", 5.0, 0.0, "longest", 0.0), ("Started", 5.0)]


def test_with_manual_nothing_but_a_commit_ends_a_turn():
    turns = Turns(MANUAL, W)
    events = fed(turns, [0, 1, 1] + [0] * 100 + [1, 1] + [0] * 2000)
    assert [type(event) for event in events] == [Started, Stopped, Continued, Stopped]
    (ended,) = turns.commit()
    assert rounded([ended]) == [("Ended", 210.5, 0.0, "commit", 200.0)]
    assert turns.commit() == ()


def test_with_manual_what_no_detector_heard_is_a_turn_too():
    turns = Turns(MANUAL, W)
    assert turns.commit() == ()
    fed(turns, [0.1] * 10)
    assert rounded(turns.commit()) == [("Started", 0.0), ("Ended", 1.0, 0.0, "commit", 0.0)]
    fed(turns, [0.1] * 5)
    turns.clear()
    assert turns.commit() == ()


def test_a_commit_ends_what_is_open_or_beginning_and_else_nothing():
    turns = Turns(RULES, W)
    fed(turns, [0] * 5)
    assert turns.commit() == ()
    fed(turns, [1])
    assert rounded(turns.commit("backchannel")) == [("Started", 0.5), ("Ended", 0.6, 0.5, "backchannel", 0.0)]
    assert fed(turns, [0] * 20) == []


def test_clear_forgets_the_open_turn():
    turns = Turns(RULES, W)
    fed(turns, [1, 1, 1])
    assert turns.speaking
    turns.clear()
    assert not turns.speaking
    assert fed(turns, [0] * 20) == []


def test_idle_is_told_while_quiet_counts():
    turns = Turns(TurnRules(idle=1.0), W)
    assert fed(turns, [0] * 30) == []
    turns.quiet(True)
    assert rounded(fed(turns, [0] * 20)) == [("Idle", 1.0), ("Idle", 2.0)]
    fed(turns, [0] * 9)
    turns.quiet(False)
    turns.quiet(True)
    assert fed(turns, [0] * 9) == []
    assert rounded(fed(turns, [0])) == [("Idle", 1.0)]


def test_idle_begins_anew_after_speech():
    turns = Turns(TurnRules(idle=1.0, start=0.2, stop=0.2), W)
    turns.quiet(True)
    fed(turns, [0] * 9 + [1] + [0] * 9)
    assert rounded(fed(turns, [0])) == [("Idle", 1.0)]


def test_new_rules_hold_for_the_open_turn():
    turns = Turns(RULES, W)
    fed(turns, [1, 1, 0, 0, 0])
    turns.configure(TurnRules(stop=0.2, min_delay=2.0, max_delay=3.0))
    assert fed(turns, [0] * 16) == []
    assert rounded(fed(turns, [0])) == [("Ended", 2.2, 0.0, "silence", 2.0)]


def test_the_clock_counts_windows_exactly():
    turns = Turns()
    for _ in range(100_000):
        turns.feed(0.0)
    assert turns.clock == 100_000 * 0.032


@pytest.mark.parametrize(
    "wrong",
    [
        {"threshold": 2}, {"release": 0.9}, {"stop": 0}, {"max_delay": 0.1}, {"mode": "half"}, {"start": math.nan},
        {"idle": 0.03}, {"idle": -1}, {"idle": math.nan},
    ],
)  # fmt: skip
def test_rules_that_make_no_sense(wrong):
    with pytest.raises(BadRequest) as caught:
        TurnRules(**wrong)
    assert caught.value.param == next(iter(wrong))


@settings(max_examples=40, deadline=None)
@given(rules, st.lists(step, max_size=8))
def test_whatever_comes_the_events_alternate_and_lie_in_order(first, steps):
    turns = Turns(first, W)
    state, before, windows = "none", 0.0, 0
    for step in steps:
        events: list[tuple[float, Event]] = []
        if isinstance(step, list):
            for probability in step:
                windows += 1
                events += [(windows * W, event) for event in turns.feed(probability)]
        elif step == "commit":
            events = [(windows * W, event) for event in turns.commit()]
        elif step == "clear":
            turns.clear()
            state = "none"
        elif step in ("quiet", "busy"):
            turns.quiet(step == "quiet")
        elif isinstance(step, TurnRules):
            turns.configure(step)
        else:
            turns.hint(step[1])
        for now, event in events:
            state = _next(state, event)
            at = now if isinstance(event, Idle) else event.at
            assert before - 1e-9 <= at <= now + 1e-9
            before = at
            if isinstance(event, Ended):
                assert event.at == pytest.approx(now)
                assert 0 <= event.began <= event.at
                assert 0 <= event.waited <= event.at - event.began + 1e-9
        assert turns.clock == windows * W
        assert turns.speaking == (state == "speaking")
        assert turns.open == (state != "none")


def _next(state: str, event: Event) -> str:
    before, after = {
        Started: (("none",), "speaking"),
        Stopped: (("speaking",), "stopped"),
        Continued: (("stopped",), "speaking"),
        Ended: (("speaking", "stopped"), "none"),
        Idle: (("none",), "none"),
    }[type(event)]
    assert state in before
    return after


@settings(max_examples=40, deadline=None)
@given(rules.filter(lambda rules: rules.mode == "vad"), st.lists(probability, max_size=200))
def test_silence_ends_every_turn(rules, probabilities):
    turns = Turns(rules, W)
    fed(turns, probabilities)
    fed(turns, [0.0] * (math.ceil(rules.min_delay / W) + math.ceil(rules.stop / W) + 1))
    assert not turns.open
