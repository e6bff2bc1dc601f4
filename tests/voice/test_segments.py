import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.value import Audio
from core.errors import BadRequest
from tests.fakes import LoudIsSpeech, tone
from voice.segments import Rules, Span, SpeechFinder, spans

W = 0.1  # seconds of a window, for sums that can be done by hand
BARE = Rules(min_speech=0, min_silence=0.3, padding=0)
probabilities = st.lists(st.floats(0, 1, width=32), max_size=200)
rules = st.builds(
    Rules,
    threshold=st.floats(0.05, 0.95),
    min_speech=st.floats(0, 1),
    min_silence=st.floats(0, 1),
    padding=st.floats(0, 0.5),
    max_span=st.sampled_from([0.0, 2.5, 5.0]),
)


def found(values: list[float], rules: Rules = BARE) -> list[tuple[float, float]]:
    return [(round(span.start, 6), round(span.end, 6)) for span in spans(values, W, rules)]


def test_speech_begins_at_the_threshold_and_ends_below_the_release():
    assert found([0.0, 0.49, 0.5, 0.4, 0.36, 0.34, 0.0, 0.0, 0.0]) == [(0.2, 0.5)]


def test_a_short_silence_ends_nothing():
    assert found([1, 1, 0, 0, 1, 1, 0, 0, 0]) == [(0.0, 0.6)]
    assert found([1, 1, 0, 0, 0, 1, 1, 0, 0, 0]) == [(0.0, 0.2), (0.5, 0.7)]


def test_a_short_sound_is_no_speech():
    strict = Rules(min_speech=0.25, padding=0)
    assert found([0, 1, 1, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0], strict) == [(0.7, 1.0)]


def test_speech_up_to_the_end_is_closed_by_it():
    assert found([0, 1, 1]) == [(0.1, 0.3)]
    assert found([0, 1, 1, 0, 0]) == [(0.1, 0.3)]


def test_padding_stays_inside_the_recording_and_between_neighbours():
    padded = Rules(min_speech=0, min_silence=0.2, padding=0.15)
    assert found([1, 1, 0, 0, 1, 1], padded) == [(0.0, 0.35), (0.35, 0.6)]
    assert found([0, 0, 1, 1, 0, 0, 0], padded) == [(0.05, 0.55)]


def test_long_speech_is_cut_where_its_last_third_is_quietest():
    values = [1.0] * 10 + [0.4] + [1.0] * 13 + [0.6] + [1.0] * 15
    assert found(values, Rules(min_speech=0, padding=0, max_span=3)) == [(0.0, 2.4), (2.4, 4.0)]


def test_a_cut_in_a_silence_goes_on_where_sound_does():
    values = [1.0] * 27 + [0.0, 0.0] + [1.0] * 10
    assert found(values, Rules(min_speech=0, padding=0, max_span=3)) == [(0.0, 2.8), (2.9, 3.9)]


def test_what_is_left_after_a_cut_is_kept_however_short():
    values = [1.0] * 31 + [0.0] * 5
    assert found(values, Rules(min_speech=1, padding=0, max_span=3)) == [(0.0, 2.9), (2.9, 3.1)]


def test_silence_has_no_speech():
    assert found([]) == found([0.0] * 100) == found([0.49] * 100) == []


@given(probabilities, rules)
@settings(deadline=None)
def test_spans_are_in_order_apart_and_inside(values, rules):
    got = spans(values, W, rules)
    assert all(0 <= span.start < span.end <= len(values) * W + 1e-9 for span in got)
    assert all(before.end <= after.start + 1e-9 for before, after in pairwise(got))
    assert not rules.max_span or all(span.end - span.start <= rules.max_span + 1e-9 for span in got)


@given(probabilities, rules)
@settings(deadline=None)
def test_every_long_loud_stretch_is_found_and_every_span_has_a_reason(values, rules):
    got = spans(values, W, rules)
    long = max(1, math.ceil(rules.min_speech / W - 1e-9))
    for at in range(len(values) - long + 1):
        if all(value >= rules.threshold for value in values[at : at + long]):
            middle = (at + 0.5) * W
            assert any(span.start <= middle <= span.end for span in got)
    for span in got:
        inside = values[max(0, math.floor(span.start / W) - 1) : math.ceil(span.end / W) + 1]
        assert max(inside) >= min(rules.threshold, rules.release)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("threshold", 0.0),
        ("threshold", 1.5),
        ("threshold", math.nan),
        ("min_speech", -1),
        ("min_silence", math.inf),
        ("padding", 100),
        ("max_span", 0.5),
        ("max_span", -3),
    ],
)
def test_rules_that_make_no_sense(name, value):
    with pytest.raises(BadRequest) as caught:
        Rules(**{name: value})
    assert caught.value.param == name


# audio


def test_spans_of_audio_in_blocks_of_any_size():
    audio = Audio.join([Audio.silence(1, 16000), tone(1.0), Audio.silence(1, 16000), tone(0.5)])

    def by(size: int) -> list[Span]:
        finder = SpeechFinder(LoudIsSpeech())
        parts = [Audio(audio.samples[at : at + size], 16000) for at in range(0, len(audio.samples), size)]
        got = [span for part in parts for span in finder.feed(part)] + finder.flush()
        assert finder.heard == pytest.approx(3.5)
        return got

    assert by(16000) == by(700) == by(len(audio.samples))
    first, second = by(16000)
    assert (first.start, first.end) == pytest.approx((0.9, 2.1), abs=0.04)
    assert (second.start, second.end) == pytest.approx((2.9, 3.5), abs=0.04)
    assert second.end <= 3.5


def test_nothing_before_keep_from_is_needed_any_more():
    rng = np.random.default_rng(1)
    finder, needed = SpeechFinder(LoudIsSpeech(), Rules(max_span=2)), 0.0
    for _ in range(200):
        audio = Audio((rng.normal(0, 0.1, 4000) * rng.integers(0, 2)).astype(np.float32), 16000)
        assert all(span.start >= needed for span in finder.feed(audio))
        assert finder.heard - 2.5 <= finder.keep_from <= finder.heard
        assert finder.keep_from >= needed
        needed = finder.keep_from


def test_audio_of_no_length_has_no_speech():
    finder = SpeechFinder(LoudIsSpeech())
    assert finder.feed(Audio.silence(0, 16000)) == finder.flush() == []
