from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.value import Audio
from engines.base import Chunk, Word
from tests.fakes import tone
from voice._joints import FADE, LEAD, PAUSES, QUIET, TAIL, Joints

RATE = 16000


def chunks(audio: Audio, size: int = 960, words: tuple[Word, ...] = ()) -> list[Chunk]:
    parts = [Audio(audio.samples[at : at + size], audio.rate) for at in range(0, len(audio.samples), size)]
    return [Chunk(part, words if number == 0 else ()) for number, part in enumerate(parts)]


def play(*pieces: tuple[list[Chunk], str]) -> tuple[Audio, list[Word]]:
    joints, out = Joints(RATE), []
    for number, (given_chunks, ends) in enumerate(pieces, 1):
        for chunk in given_chunks:
            out += joints.feed(chunk)
        out += joints.end(ends, last=number == len(pieces))
    return Audio.join([chunk.audio for chunk in out] or [Audio.silence(0, RATE)]), [
        w for chunk in out for w in chunk.words
    ]


def quiet_runs(audio: Audio) -> list[float]:
    """Seconds of each stretch of quiet longer than 10 ms."""
    loud = np.flatnonzero(np.abs(audio.samples) > QUIET)
    gaps = np.diff(np.concatenate([[-1], loud, [len(audio.samples)]])) - 1
    return [float(gap) / audio.rate for gap in gaps if gap > 160]


def padded(before: float, seconds: float, after: float) -> Audio:
    return Audio.join([Audio.silence(before, RATE), tone(seconds), Audio.silence(after, RATE)])


@pytest.mark.parametrize("around", [0.0, 0.05, 0.4, 2.0])
@pytest.mark.parametrize("ends", ["paragraph", "sentence", "clause"])
def test_the_pause_is_natural_whatever_silence_an_engine_adds(around, ends):
    piece = padded(around, 0.5, around)
    audio, _ = play((chunks(piece), ends), (chunks(piece), ends))
    pause = quiet_runs(audio)[1 if around else 0]
    assert pause == pytest.approx(PAUSES[ends], abs=LEAD + 0.01)


def test_silence_inside_a_piece_is_kept():
    piece = Audio.join([tone(0.3), Audio.silence(0.8, RATE), tone(0.3)])
    assert quiet_runs(play((chunks(piece), "sentence"))[0]) == [pytest.approx(0.8, abs=0.01)]


def test_silence_at_both_ends_is_cut_to_a_rest():
    audio, _ = play((chunks(padded(3, 0.5, 3)), "sentence"))
    assert quiet_runs(audio) == [pytest.approx(LEAD, abs=0.005), pytest.approx(TAIL, abs=0.01)]


def test_edges_rise_from_and_fall_to_nothing():
    step = Audio(np.full(RATE // 2, 0.5, np.float32), RATE)
    audio, _ = play((chunks(step), "sentence"), (chunks(step), "sentence"))
    jumps = np.abs(np.diff(np.concatenate([[0.0], audio.samples, [0.0]])))
    assert jumps.max() < 0.5 / (FADE * RATE) * 1.5


def test_the_middle_is_untouched():
    piece = tone(0.5)
    audio, _ = play((chunks(piece), "sentence"))
    edge = round(FADE * RATE)
    assert len(audio.samples) == len(piece.samples)
    assert np.array_equal(audio.samples[edge:-edge], piece.samples[edge:-edge])


def test_sound_is_given_out_at_once():
    given_out = Joints(RATE).feed(Chunk(tone(0.06)))
    assert sum(chunk.audio.seconds for chunk in given_out) > 0.05


def test_word_times_follow_what_is_played():
    piece = padded(1.0, 0.5, 1.0)
    words = (Word("one", 1.0, 1.2), Word("two", 1.3, 1.5))
    audio, heard = play((chunks(piece, words=words), "sentence"), (chunks(piece, words=words), "sentence"))
    second = LEAD + 0.5 + PAUSES["sentence"] + LEAD
    assert [word.text for word in heard] == ["one", "two", "one", "two"]
    assert [word.start for word in heard] == pytest.approx([LEAD, LEAD + 0.3, second, second + 0.3], abs=0.015)
    assert [word.end - word.start for word in heard] == pytest.approx([0.2] * 4, abs=1e-9)
    sound = np.flatnonzero(np.abs(audio.samples) > QUIET) / RATE
    assert sound[np.searchsorted(sound, second - 0.05)] == pytest.approx(heard[2].start, abs=0.01)


def test_words_come_with_the_chunk_they_begin_in():
    joints, clock = Joints(RATE), 0.0
    words = tuple(Word(str(n), n * 0.1, n * 0.1 + 0.1) for n in range(10))
    out = [part for chunk in chunks(tone(1.0), words=words) for part in joints.feed(chunk)] + joints.end("sentence")
    for chunk in out:
        assert all(clock <= word.start < clock + chunk.audio.seconds + 1e-9 for word in chunk.words)
        clock += chunk.audio.seconds
    assert sum(len(chunk.words) for chunk in out) == 10


def test_a_piece_without_sound_leaves_no_double_pause():
    silent = (chunks(Audio.silence(1, RATE)), "sentence")
    audio, _ = play((chunks(tone(0.5)), "sentence"), silent, ([], "sentence"), (chunks(tone(0.5)), "sentence"))
    assert quiet_runs(audio)[0] == pytest.approx(PAUSES["sentence"], abs=0.03)
    assert play(silent)[0].seconds == 0


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=12), st.integers(0, 4000), st.integers(0, 4000))
@settings(deadline=None)
def test_how_a_piece_is_cut_into_chunks_makes_no_difference(sizes, before, after):
    piece = padded(before / RATE, 0.2, after / RATE)
    edges = [0, *np.cumsum(sizes).tolist(), len(piece.samples)]
    cut = [Chunk(Audio(piece.samples[a:b], RATE)) for a, b in pairwise(edges)]
    one, many = play(([Chunk(piece)], "sentence"))[0], play((cut, "sentence"))[0]
    assert np.allclose(one.samples, many.samples, atol=1e-6)
