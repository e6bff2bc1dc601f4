"""Entries are found as whole words, the longest first, once, and fast; what they write is not matched again."""

import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadRequest, TooLarge
from engines.base import Word
from tests.voice.text.test_normalise import check_spans
from voice.text.dictionary import MOST_ENTRIES, Dictionary, Entry
from voice.text.markup import parts
from voice.text.parts import Spoken
from voice.text.performs import performs
from voice.text.reading import Reading, readings
from voice.text.timing import ShownWords


def test_whole_words_and_the_longest():
    words = Dictionary([Entry("York", "yawk"), Entry("New York", "the apple"), Entry("SQL", "sequel")])
    assert (
        words.apply("New York, York and Yorkshire; sql, MySQL.").text == "the apple, yawk and Yorkshire; sequel, MySQL."
    )


def test_case_matters_where_it_is_asked_for():
    words = Dictionary([Entry("US", "U S", case_sensitive=True), Entry("us", "uss", case_sensitive=True)])
    assert words.apply("US us Us").text == "U S uss Us"


def test_a_language_of_its_own_goes_before_all_languages():
    words = Dictionary(
        [Entry("Gift", "present", language="en"), Entry("Gift", "poison", language="de"), Entry("x", "y")]
    )
    assert words.apply("Gift x", "de-AT").text == "poison y"
    assert words.apply("Gift x", "en").text == "present y"
    assert words.apply("Gift x", "fr").text == "Gift y"


@pytest.mark.parametrize(
    ("written", "text", "found"),
    [
        ("дом", "дом дома дом.", "X дома X."),
        ("北京", "我爱北京天安门", "我爱X天安门"),
        ("राम", "राम रामायण", "X रामायण"),
        ("كتاب", "كتاب كتابي", "X كتابي"),
        ("C++", "C++ or C", "X or C"),
        ("café", "cafe\u0301 CAFÉ", "X X"),
        ("👍", "ok 👍", "ok X"),
        ("STRASSE", "Straße", "X"),
        ("R&D", "the R&D team", "the X team"),
        ("New York", "New\nYork", "X"),
    ],
)
def test_words_in_any_script(written, text, found):
    assert Dictionary([Entry(written, "X")]).apply(text).text == found


def test_a_cycle_does_no_harm():
    words = Dictionary([Entry("a", "b"), Entry("b", "a a b"), Entry("c", "c c")])
    assert words.apply("a b c").text == "b a a b c c"


@given(
    st.text("ab c.\u0301\u200b北é", max_size=30),
    st.lists(st.tuples(st.text("ab c北é", min_size=1, max_size=5), st.text("xyz", min_size=1, max_size=4)), max_size=6),
)
@settings(deadline=None)
def test_spans_hold(text, rows):
    rows = [(written, spoken) for written, spoken in rows if written.strip()]
    check_spans(Dictionary(Entry(*row) for row in rows).apply(text), text)


@pytest.mark.parametrize(
    "entry", [Entry("", "a"), Entry(" ", "a"), Entry("a", ""), Entry("a\0", "b"), Entry("a", "b\u202e")]
)
def test_an_entry_that_cannot_be_is_refused(entry):
    with pytest.raises(BadRequest):
        Dictionary([entry])


@pytest.mark.parametrize("entry", [Entry("a" * 201, "a"), Entry("a", "b" * 201), Entry("a " * 25, "b")])
def test_an_entry_that_is_too_long_is_refused(entry):
    with pytest.raises(TooLarge):
        Dictionary([entry])


def test_too_many_entries_are_refused():
    with pytest.raises(TooLarge):
        Dictionary(Entry("a", "b") for _ in range(MOST_ENTRIES + 1))


@pytest.mark.slow
def test_a_hundred_thousand_entries_are_ready_in_a_second_and_applied_in_five_milliseconds():
    entries = [Entry(f"word{number} of {number % 7}", "x") for number in range(MOST_ENTRIES)]
    begin = time.process_time()
    words = Dictionary(entries)
    slower = 1 if sys.gettrace() is None else 10
    assert time.process_time() - begin < slower
    text = ("word5 of 5 and plain text. " * 40)[:1000]
    begin = time.process_time()
    words.apply(text)
    assert time.process_time() - begin < 0.005 * slower


def test_the_worst_dictionary_stays_linear():
    words = Dictionary(Entry("a " * count + f"b{count}", "x") for count in range(1, 23))

    def seconds(length: int) -> float:
        begin = time.process_time()
        words.apply("a " * length)
        return time.process_time() - begin

    short = min(seconds(1000), seconds(1000))
    assert seconds(4000) < 10 * short + 0.02


def read(text: str, words: Dictionary | None = None, engine: str = "", can: tuple[str, ...] = ()) -> Reading:
    (part,) = [part for part in parts(text) if isinstance(part, Spoken)]
    return next(readings(part, "en", performs(engine, can), words))


def test_the_dictionary_goes_before_numbers_and_after_markup():
    words = Dictionary([Entry("GIF", "jif", ipa="dʒɪf"), Entry("No. 5", "number five, the scent")])
    assert (
        read("[laugh] A GIF of No. 5 in 1984", words).said.text.strip()
        == "A jif of number five, the scent in nineteen eighty-four"
    )
    assert read("A GIF", words, can=("phonemes",)).said.text == "A [jif](/dʒɪf/)"


def test_word_times_show_what_was_written():
    piece = read("I paid $5.50 [laugh] to **Dr.** Who in 1984.")
    assert piece.said.text == "I paid five dollars and fifty cents  to Doctor Who in nineteen eighty-four."
    spoken = piece.said.text.replace("-", " ").split()
    times = [Word(word.strip("."), at, at + 1) for at, word in enumerate(spoken)]
    shown = ShownWords(piece)
    found = [*shown.feed(times[:5]), *shown.feed(times[5:]), *shown.end()]
    assert [(word.text, word.start, word.end) for word in found] == [
        ("I", 0, 1), ("paid", 1, 2), ("$5.50", 2, 7), ("to", 7, 8), ("Dr.", 8, 9),
        ("Who", 9, 10), ("in", 10, 11), ("1984", 11, 14),
    ]  # fmt: skip


def test_a_word_the_engine_made_up_is_kept():
    shown = ShownWords(read("Hello there."))
    found = [*shown.feed([Word("Hello", 0, 1), Word("uh", 1, 2), Word("there", 2, 3)]), *shown.end()]
    assert [word.text for word in found] == ["Hello", "uh", "there"]
