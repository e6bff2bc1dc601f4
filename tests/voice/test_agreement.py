import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.base import Segment, Word
from voice.agreement import Agreement, Piece, pieces


def said(text: str, *, start: float = 0.0, step: float = 0.3) -> list[Piece]:
    """Words, one every `step` seconds."""
    return [Piece(f" {word}", start + n * step, start + (n + 1) * step) for n, word in enumerate(text.split())]


def follow(*texts: str) -> tuple[Agreement, list[tuple[str, str]]]:
    agreement = Agreement()
    return agreement, [(agreement.add(said(text)), agreement.text) for text in texts]


def test_two_that_agree_are_sure_but_for_the_last_word():
    _, told = follow("I want", "I want to fly", "I want to fly home", "I want to fly home")
    assert told == [
        ("I want", ""),
        ("I want to fly", "I want"),
        ("I want to fly home", "I want to fly"),
        ("I want to fly home", "I want to fly"),
    ]


def test_what_they_do_not_agree_on_waits():
    _, told = follow("I won", "I want to fry", "I want to fly to Rome now", "I want to fly to Rome now please")
    assert [sure for _, sure in told] == ["", "I", "I want to", "I want to fly to Rome now"]


def test_neither_case_nor_punctuation_counts_and_the_later_one_is_written():
    _, told = follow("well. i want.", "Well, I want a", "Well, I want a car")
    assert [sure for _, sure in told] == ["", "Well, I want", "Well, I want a"]


def test_what_is_sure_stays_though_it_is_heard_otherwise_later():
    _, told = follow("book a table for", "book a table for two", "look at a table for two people please")
    assert told[1][1] == "book a table for"
    assert told[2] == ("book a table for two people please", "book a table for two")


@pytest.mark.parametrize(
    ("sure", "heard", "rest"),
    [
        ("no no", "no no no no", "no no"),
        ("a b", "a x b c d e", "c d e"),
        ("a b", "a c", ""),
        ("I am", "I'm here", "here"),
        ("I am here", "am here now", "now"),
        ("one two three", "", ""),
        ("one two three", "four five", ""),
    ],
)
def test_the_rest_begins_where_the_sure_words_end(sure, heard, rest):
    agreement = Agreement()
    agreement.add(said(f"{sure} more"))
    agreement.add(said(f"{sure} other"))
    assert agreement.text == sure
    step = {"I'm here": 0.6, "a x b c d e": 0.2}.get(heard, 0.3)
    assert "".join(piece.text for piece in agreement.rest(said(heard, step=step))).strip() == rest


def test_sentences_go_with_their_audio():
    agreement, _ = follow("Hello there. I would like a", "Hello there. I would like a room")
    assert agreement.text == "Hello there. I would like a"
    assert agreement.forget(anywhere=False) == pytest.approx(0.6)
    assert agreement.before == "Hello there."
    assert agreement.overlaps
    whole = agreement.add(said("I would like a room with", start=0.6))
    assert (whole, agreement.text) == (
        "Hello there. I would like a room with",
        "Hello there. I would like a room",
    )
    assert agreement.forget(anywhere=False) is None
    assert agreement.forget(anywhere=True) == pytest.approx(2.1)
    assert not agreement.overlaps
    assert agreement.add(said("with a view", start=2.1)) == "Hello there. I would like a room with a view"


def test_a_pause_is_cut_in_its_middle():
    agreement = Agreement()
    heard = [*said("Yes. It is."), *said("So what", start=3.0)]
    agreement.add(heard)
    agreement.add(heard)
    assert agreement.forget(anywhere=False) == pytest.approx((0.9 + 3.0) / 2)


def segment(text: str, *words: str) -> Segment:
    return Segment(text, 0.0, 1.0, words=tuple(Word(word, n, n + 1) for n, word in enumerate(words)))


@pytest.mark.parametrize(
    ("segments", "language", "text"),
    [
        ([segment("ice-cream, please", "ice", "-cream,", "please")], "en", "ice-cream, please"),
        ([segment("One.", "One."), segment("Two.", "Two.")], "en", "One. Two."),
        ([segment("我想", "我", "想"), segment("去", "去")], "zh", "我想去"),
        ([segment("One.", "One."), segment("No words.")], "de", "One. No words."),
        ([segment("lost in", "lost", "elsewhere", "in")], "en", "lost elsewhere in"),
        ([segment("")], "en", ""),
    ],
)
def test_pieces_put_together_are_the_text(segments, language, text):
    assert "".join(piece.text for piece in pieces(segments, language)).strip() == text


def test_pieces_are_on_the_clock_of_the_utterance():
    (piece,) = pieces([Segment("a", 0.0, 1.0, words=(Word("a", 0.5, 0.75),))], "en", start=10.0)
    assert (piece.start, piece.end) == (10.5, 10.75)


texts = st.lists(st.lists(st.sampled_from(["a", "b", "c.", "d"]), max_size=8).map(" ".join), max_size=8)


@settings(max_examples=40, deadline=None)
@given(texts, st.lists(st.sampled_from([None, False, True]), min_size=8, max_size=8))
def test_what_is_sure_never_changes_and_begins_the_whole(heard, forgotten):
    agreement, sure = Agreement(), ""
    for text, anywhere in zip(heard, forgotten, strict=False):
        whole = agreement.add(said(text))
        assert agreement.text.startswith(sure)
        assert whole.startswith(agreement.text)
        sure = agreement.text
        if anywhere is not None:
            agreement.forget(anywhere=anywhere)
            assert agreement.text == sure
