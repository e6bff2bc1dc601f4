import numpy as np
import pytest

from audio.value import Audio
from engines.base import Chunk, Word
from tests.fakes import tone
from voice.timings import PAUSE, Timer, estimate, marked, timings

RATE = 16000


def sound(*parts: float) -> Audio:
    """Seconds of sound, quiet, sound, … in turn."""
    pieces = [Audio.silence(s, RATE) if n % 2 else tone(s, RATE) for n, s in enumerate(parts)]
    return Audio.join(pieces)


def test_words_share_the_sound_by_their_length():
    words = estimate("a banana", sound(2.0))
    assert [word.text for word in words] == ["a", "banana"]
    assert words[0].start == pytest.approx(0, abs=0.02)
    assert words[1].end == pytest.approx(2.0, abs=0.02)
    assert words[0].end - words[0].start < 0.3 * (words[1].end - words[1].start)


def test_quiet_at_both_ends_holds_no_word():
    words = estimate("One two.", Audio.join([Audio.silence(0.5, RATE), sound(1.0, 0.7)]))
    assert words[0].start == pytest.approx(0.5, abs=0.02)
    assert words[-1].end == pytest.approx(1.5, abs=0.02)


def test_a_mark_is_where_the_pause_is():
    words = estimate("Yes indeed, we are open on Sundays.", sound(0.9, 0.3, 1.4))
    assert words[1].text == "indeed,"
    assert words[1].end == pytest.approx(0.9, abs=0.02)
    assert words[2].start == pytest.approx(1.2, abs=0.02)


def test_a_pause_that_no_mark_explains_is_left_out_of_the_words_that_lie_apart():
    words = estimate("one two one two", sound(1.0, 0.5, 1.0))
    assert words[1].end == pytest.approx(1.0, abs=0.05)
    assert words[2].start == pytest.approx(1.5, abs=0.05)


def test_a_short_stop_inside_a_word_is_no_pause():
    assert len(estimate("stop", sound(0.3, PAUSE - 0.03, 0.3))) == 1


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Hello , world !", ["Hello ,", "world !"]),
        ("你好，我想", ["你", "好，", "我", "想"]),
        ("カタカナ。", ["カ", "タ", "カ", "ナ。"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("… — !", []),
        ("", []),
        ("25 €", ["25 €"]),
        ("שלום עולם", ["שלום", "עולם"]),
    ],
)
def test_tokens_of_all_scripts(text, tokens):
    assert [word.text for word in estimate(text, sound(2.0))] == tokens


@pytest.mark.parametrize("audio", [Audio.silence(1, RATE), Audio.silence(0, RATE), tone(0.004, RATE)])
def test_no_sound_has_no_words(audio):
    assert estimate("Hello", audio) == ()


@pytest.mark.parametrize("text", ["Well, well, well, well. No, no. " * 40, "word " * 500, "," * 99 + "a", "好" * 300])
def test_times_never_run_backwards_nor_leave_the_sound(text):
    random = np.random.default_rng(4)
    audio = sound(*random.uniform(0.05, 0.6, 31))
    words = estimate(text, audio, origin=3.0)
    starts = [word.start for word in words]
    assert starts == sorted(starts)
    assert all(word.end >= word.start for word in words)
    assert starts[0] >= 3.0
    assert words[-1].end <= 3.0 + audio.seconds + 1e-6


def test_a_book_is_timed_at_once():
    audio = Audio(np.tile(sound(0.5, 0.2).samples, 400), RATE)
    assert len(estimate("Some words, and others. " * 2000, audio)) == 8000


def test_the_engines_words_get_their_marks_back():
    told = [Word("Hello", 0, 0.4), Word("twenty", 0.5, 0.8), Word("apples", 0.8, 1.2), Word("red", 1.3, 1.5)]
    words = marked("Hello, I like 20 apples (red)!", told)
    assert [word.text for word in words] == ["Hello, I like 20", "twenty", "apples (", "red)!"]
    assert [word.start for word in words] == [word.start for word in told]


def test_what_the_engine_says_is_not_guessed_again():
    told = timings("Hi there.", [Word("Hi", 0.1, 0.3), Word("there", 0.3, 0.6)], sound(2.0))
    assert not told.estimated
    assert [(word.text, word.start) for word in told.words] == [("Hi", 0.1), ("there.", 0.3)]
    assert timings("Hi there.", [], sound(2.0)).estimated


def test_a_timer_counts_on_from_piece_to_piece():
    timer = Timer(RATE)
    timer.feed(Chunk(sound(1.0)))
    first = timer.end("One two.")
    timer.feed(Chunk(Audio.silence(0.5, RATE)))
    timer.feed(Chunk(sound(1.0)))
    second = timer.end("Three four.")
    assert first[-1].end == pytest.approx(1.0, abs=0.02)
    assert second[0].start == pytest.approx(1.5, abs=0.02)
    assert second[-1].end == pytest.approx(2.5, abs=0.02)


def test_a_timer_leaves_a_piece_with_words_alone():
    timer = Timer(RATE)
    timer.feed(Chunk(sound(1.0), (Word("One", 0, 0.5),)))
    assert timer.end("One two.") == ()
    assert timer.end("One two.") == ()
