"""What is kept of the detector's probabilities, for a turn's picture."""

from __future__ import annotations

from voice.talk.trace import MOST_WINDOWS, Probabilities, Trace


def seen(count: int) -> Probabilities:
    found = Probabilities()
    for number in range(count):
        found.add(number / 4, number / count)
    return found


def test_those_of_a_turn_are_drawn_from_half_a_second_before_it():
    turn = Trace(speech_started=1.0).turn("resp_1", "item_1", 0.0, 9.0, seen(8))
    assert turn.probabilities == tuple((number / 4, number / 8) for number in range(2, 8))


def test_a_turn_without_any_has_none():
    assert Trace().turn("resp_1", "item_1", 0.0, 9.0).probabilities == ()
    assert Trace(speech_started=1.0).turn("resp_1", "item_1", 0.0, 9.0, seen(2)).probabilities == ()


def test_the_last_minute_is_kept_however_long_it_goes_on():
    for count in (MOST_WINDOWS, MOST_WINDOWS + 1, 2 * MOST_WINDOWS, 5 * MOST_WINDOWS - 1):
        drawn = seen(count).since(0.0)
        assert drawn == tuple((n / 4, n / count) for n in range(count - MOST_WINDOWS, count))
    assert len(seen(100 * MOST_WINDOWS)._times) < 2 * MOST_WINDOWS
