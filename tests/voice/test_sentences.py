import time
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voice._marks import is_joined
from voice.sentences import Piece, _ends, cut

LETTERS = (
    "ab Z19.,!?…:;—\n\r\t \"')(«»。、！？「」。।॥؟۔،กเ็้ประ한국ᄒ\u1161\u11ab日本語"
    "नमस्ते\u094dक\u0301\u200d\ufe0f👩💻🇩🇪🏽\ud83d\ude00"
)
texts = st.text(st.sampled_from(LETTERS) | st.characters(), max_size=600)


def said(text: str, **limits: int) -> list[str]:
    return [piece.text for piece in cut(text, **limits)]


def sentences(text: str) -> list[str]:
    """The text cut at every sentence's end."""
    ends = [end for end, kind in _ends(text, 0, len(text)) if kind == "sentence"]
    return [text[start:end].strip() for start, end in pairwise(dict.fromkeys([0, *ends, len(text)]))]


@given(texts, st.integers(10, 120), st.integers(10, 300))
@settings(deadline=None)
def test_nothing_is_lost_and_the_order_is_kept(text, first, most):
    place = 0
    for piece in cut(text, first, most):
        assert piece.start >= place
        assert piece.text == text[piece.start : piece.end] != ""
        assert not text[place : piece.start].strip()
        place = piece.end
    assert not text[place:].strip()


@given(texts, st.integers(10, 120), st.integers(10, 300))
@settings(deadline=None)
def test_no_piece_splits_a_character_or_exceeds_its_limit(text, first, most):
    for number, piece in enumerate(cut(text, first, most)):
        assert not is_joined(text, piece.start)
        limit = min(first, most) if number == 0 else most
        whole_character = all(is_joined(text, at) for at in range(piece.start + limit, piece.end))
        assert piece.end - piece.start <= limit or whole_character


@given(texts)
def test_no_piece_begins_or_ends_with_white_space(text):
    assert all(piece == piece.strip() for piece in said(text))


def test_the_first_piece_is_one_sentence_and_later_ones_are_several():
    text = "This is the first sentence. " * 30
    pieces = said(text)
    assert pieces[0] == "This is the first sentence."
    assert pieces[1].count("sentence.") == 5
    assert all(piece.count("sentence.") == 10 for piece in pieces[2:-1])


def test_a_long_first_sentence_is_cut_at_its_first_clause():
    text = "When I was a young boy, I lived by the sea with my grandmother and all of her seven cats, happily. Yes."
    assert said(text)[0] == "When I was a young boy,"


def test_without_a_clause_the_cut_is_between_words():
    text = "word " * 100
    assert all(set(piece.split()) == {"word"} for piece in said(text))
    assert len(said(text)[0]) == 79


@pytest.mark.parametrize(
    "text",
    [
        "Dr. Smith and Mrs. Jones met at 10.30 a.m. near St. James.",
        "It costs $3.14, i.e. about 2.90 € per 1,000 pieces, e.g. of cake.",
        "J. R. R. Tolkien wrote approx. 100 letters to C. S. Lewis.",
        "Wir kommen z. B. am 3. Oktober gegen 10 Uhr, d. h. bzw. ca. um elf.",
        "See https://example.com/a.b?q=1!x and mail me@example.org.",
        "“Really?” he asked, and so did we all… but quietly.",
        "Мы живём на ул. Ленина, д. 5, т. е. в г. Томске.",
    ],
)
def test_stops_inside_a_sentence_end_nothing(text):
    assert sentences(f"{text} Next one here.") == [text, "Next one here."]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("今日は良い天気です。散歩に行きましょう！", ["今日は良い天気です。", "散歩に行きましょう！"]),
        ("他说：“你好。”然后走了。", ["他说：“你好。”", "然后走了。"]),
        ("मैं ठीक हूँ। आप कैसे हैं?", ["मैं ठीक हूँ।", "आप कैसे हैं?"]),
        ("هل أنت بخير؟ نعم أنا بخير۔ شكرا", ["هل أنت بخير؟", "نعم أنا بخير۔", "شكرا"]),
        ('He said "Stop it now." Then (as always) he left.', ['He said "Stop it now."', "Then (as always) he left."]),
        ("What is this?! It is a test...  Is it over?", ["What is this?!", "It is a test...", "Is it over?"]),
    ],
)
def test_sentences_end_in_every_script(text, pieces):
    assert sentences(text) == pieces


def test_it_says_what_stands_between_pieces():
    text = "A first heading here\n\nA sentence follows it. And one more is there, with a clause that is long."
    assert [piece.ends for piece in cut(text, 30, 30)] == ["paragraph", "sentence", "clause", "sentence"]


def test_no_piece_goes_beyond_a_paragraph():
    text = "Chapter one\n\nIt was late. It rained.\n \nAnd so on.\nAnd on."
    assert said(text) == ["Chapter one", "It was late. It rained.", "And so on.\nAnd on."]
    assert [piece.ends for piece in cut(text)] == ["paragraph", "paragraph", "sentence"]


def test_one_word_of_a_hundred_thousand_letters():
    pieces = said("x" * 100_000)
    assert "".join(pieces) == "x" * 100_000
    assert max(map(len, pieces)) == 280


def test_scripts_of_syllables_get_shorter_pieces():
    assert max(map(len, said("漢" * 1000))) == 280 // 3


def test_an_emoji_of_many_parts_stays_whole():
    family = "👩‍👩‍👧‍👦"
    assert said(family * 3, first=1, most=10) == [family] * 3


@pytest.mark.parametrize(
    "character",
    [
        "\r\n",
        "e\u0301",
        "क्ष",
        "กำ",
        "เก",
        "각",
        "\u1100\u1161\u11a8",
        "👩\u200d💻",
        "👍🏽",
        "❤\ufe0f",
        "1\ufe0f\u20e3",
        "🏴\U000e0067\U000e0062\U000e007f",
        "\ud83d\ude00",
        "🇩🇪",
    ],
)
def test_what_a_reader_sees_as_one_character_is_never_cut(character):
    text = f"a{character}a"
    assert [at for at in range(2, len(character) + 1) if not is_joined(text, at)] == []
    assert not is_joined(text, len(character) + 1)


def test_flags_stay_pairs():
    assert all(len(piece) % 2 == 0 for piece in said("🇩🇪🇫🇷" * 200))


def test_spans_are_exact():
    assert list(cut("  One two.\n Three. ", 8, 8)) == [Piece("One two.", 2, 10), Piece("Three.", 12, 18)]


def test_nothing_gives_nothing():
    assert said("") == said(" \n\t ") == []


class Watched(str):
    """A text that knows how far it was read by index."""

    furthest = 0

    def __getitem__(self, key):  # type: ignore[override]
        if isinstance(key, int):
            self.furthest = max(self.furthest, key)
        return super().__getitem__(key)


def test_the_first_piece_needs_only_the_beginning():
    book = "This is a sentence of a book. " * 100_000
    begun = time.perf_counter()
    for _ in range(100):
        next(cut(book))
    assert time.perf_counter() - begun < 0.25
    watched = Watched("x" * 10_000)
    assert [piece.end for piece in islice(cut(watched), 1)] == [80]
    assert 0 < watched.furthest < 200


@pytest.mark.parametrize(
    "unit",
    ["Hello there, you. ", "x", "あ", "A! ", ".)", '"', "a\u0301", "🇩🇪", "\n", " ", "a\n\n", "e.g. ", "((((", "Dr."],
)
def test_time_grows_with_the_length_only(unit):
    def seconds(length: int) -> float:
        text = (unit * length)[:length] + "."
        begun = time.perf_counter()
        assert sum(piece.end - piece.start for piece in cut(text)) > 0
        return time.perf_counter() - begun

    seconds(1000)
    assert min(seconds(40_000) for _ in range(2)) < 40 * min(seconds(4_000) for _ in range(2)) + 0.05
