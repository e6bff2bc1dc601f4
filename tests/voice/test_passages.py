import tracemalloc

import numpy as np
import pytest

from audio.value import Audio
from engines.base import Segment
from tests.fakes import LoudIsSpeech, tone
from voice.passages import Group, Groups, Passage, listen
from voice.segments import Rules, SpeechFinder


def passage(start: float, seconds: float) -> Passage:
    return Passage(tone(seconds), start)


def blocks(audio: Audio) -> list[Audio]:
    return [Audio(audio.samples[at : at + 16000], 16000) for at in range(0, len(audio.samples), 16000)]


def test_passages_hold_the_audio_of_their_time():
    audio = Audio.join([Audio.silence(1.3, 16000), tone(1.9), Audio.silence(2.2, 16000), tone(0.8)])
    heard = list(listen(blocks(audio), SpeechFinder(LoudIsSpeech())))
    passages = [passage for step in heard for passage in step.passages]
    assert len(passages) == 2
    for found in passages:
        assert np.array_equal(found.audio.samples, audio.cut(found.start, found.end).samples)
    assert heard[-1].seconds == audio.seconds


def test_minutes_are_heard_in_the_memory_of_half_a_minute():
    noise = Audio(np.random.default_rng(2).normal(0, 0.1, 16000).astype(np.float32), 16000)

    def minutes():
        for _ in range(240):
            yield Audio(noise.samples.copy(), 16000)

    finder = SpeechFinder(LoudIsSpeech(), Rules(max_span=28))
    tracemalloc.start()
    seconds = sum(found.audio.seconds for step in listen(minutes(), finder) for found in step.passages)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds == pytest.approx(240, abs=0.2)
    assert peak < 8e6  # a half minute is 1.9 MB, all of it would be 15 MB


def test_silence_is_not_kept():
    finder = SpeechFinder(LoudIsSpeech())
    assert [step.passages for step in listen(blocks(Audio.silence(5, 16000)), finder)] == [()] * 6


def test_groups_are_full_by_number_or_by_length():
    by_number = Groups(2, 100)
    assert by_number.add(passage(0, 1)) == []
    assert [len(group.passages) for group in by_number.add(passage(2, 1))] == [2]
    assert by_number.rest() == []
    by_length = Groups(8, 1.5)
    assert by_length.add(passage(0, 1)) == []
    assert [len(group.passages) for group in by_length.add(passage(2, 1))] == [1]
    assert [len(group.passages) for group in by_length.rest()] == [1]


def test_a_group_knows_where_each_time_belongs():
    group = Group((passage(10, 2), passage(20, 1), passage(100, 3)))
    assert group.audio.seconds == 6
    assert group.clips == ((0.0, 2.0), (2.0, 3.0), (3.0, 6.0))
    assert [group.place(Segment("", *times)) for times in [(0, 2), (2, 3), (2.5, 2.9), (3, 6), (6, 7)]] == [
        0,
        1,
        1,
        2,
        2,
    ]
    assert [group.shift(number) for number in range(3)] == [10, 18, 97]
    assert group.end == 103
