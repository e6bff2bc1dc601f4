"""Text in words keeps the way back to what was written, whatever was written, in time that grows with its length."""

import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voice.text.normalise import languages, normalise
from voice.text.spans import Mapped, kept, replaced

TAGS = sorted(languages())
PIECES = st.sampled_from(
    ["$5.50", "1,234", "3/4/2024", "½", "14:30",
     "XIV.", "Louis XIV", "Dr.",
     "a@b.com", "+49 30 123", "٢٥", "१२३", "²", "①",
     "5–10 km",
     "\u200b", "\u202e", "👩‍👩‍👧", "و", "हिन्दी", "—", "…", "&", "#1", "-5", "1.2.3", "www.x.de/", "г.", "🇩🇪", "e\u0301"]
)  # fmt: skip
WORDS = ("apple", "Häuser", "été", "дом", "книга", "घर", "kedi", "كتاب", "straße", "niño")
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=6), st.just(" ")), max_size=12).map("".join)


def check_spans(made: Mapped, source: str) -> None:
    """In order, without gaps, over both texts; what is kept is the same."""
    place = source_place = 0
    for span in made.spans:
        assert (span.start, span.source_start) == (place, source_place)
        assert span.end >= span.start
        assert span.source_end >= span.source_start
        if span.kept:
            assert made.text[span.start : span.end] == source[span.source_start : span.source_end]
        place, source_place = span.end, span.source_end
    assert (place, source_place) == (len(made.text), len(source))


@given(TEXTS, st.sampled_from([*TAGS, "sv", ""]))
@settings(max_examples=600, deadline=None)
def test_every_character_has_its_source(text, language):
    made = normalise(text, language)
    check_spans(made, text)
    assert "".join(text[span.source_start : span.source_end] for span in made.spans) == text


@given(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join))
def test_plain_words_stay_as_they_are(text):
    for language in TAGS:
        assert normalise(text, language).text == text


@pytest.mark.parametrize("language", TAGS)
def test_what_is_in_words_is_not_changed_again(language):
    said = normalise("7 8 90 123", language).text
    assert not any(char.isdigit() for char in said)
    assert normalise(said, language).text == said


@given(TEXTS, TEXTS, st.data())
@settings(max_examples=200, deadline=None)
def test_two_steps_map_as_one(first, second, data):
    """Random changes of random changes still cover everything and stay in order."""

    def changed(text: str) -> Mapped:
        cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6, unique=True)))
        ranges = zip(cuts[::2], cuts[1::2], strict=False)
        return replaced(text, [(start, end, data.draw(st.text("ab", max_size=3))) for start, end in ranges])

    inner = changed(first)
    outer = changed(inner.text)
    check_spans(outer.before(inner), first)


def test_a_range_of_the_text_has_its_source():
    text = "I paid $5.50 in 1984."
    made = normalise(text, "en")
    assert made.text == "I paid five dollars and fifty cents in nineteen eighty-four."
    begin = made.text.index("fifty")
    assert text[slice(*made.source(begin, begin + 5))] == "$5.50"
    assert text[slice(*made.source(2, 6))] == "paid"
    begin = made.text.index("eighty")
    assert text[slice(*made.source(begin, begin + 11))] == "1984"


def test_a_language_without_rules_is_left_to_its_engine():
    assert normalise("Jag har 3 katter för 5 kr.", "sv") == kept("Jag har 3 katter för 5 kr.")


def test_a_region_does_not_matter():
    assert normalise("3", "pt-BR").text == "três"


@pytest.mark.parametrize(
    "unit",
    ["He paid $5.50 on 3/4/2024 & left at 5:30 pm. ", "1", "a.", "1,", "1-", "ab@cd.", "1.000", "1 ", "@", "FBI ",
     ". . ",
     "http://", "٢", "½", "\u0301", "XIV. "],
)  # fmt: skip
@pytest.mark.parametrize("language", ["en", "ru", "ar"])
def test_time_grows_with_the_length_only(unit, language):
    """Four times the text, at most about four times the time: a quadratic rule would take sixteen times."""
    normalise(unit, language)

    def seconds(length: int) -> float:
        text = (unit * length)[:length]
        begin = time.process_time()
        normalise(text, language)
        return time.process_time() - begin

    short = min(seconds(4_000) for _ in range(3))
    assert min(seconds(16_000) for _ in range(3)) < 10 * short + 0.02


def test_a_hundred_kilobytes_take_less_than_a_second():
    text = ("He paid $5.50 on 3/4/2024 for 3 cats, e.g. Tom & Kit, at 5:30 pm in London. " * 1400)[:100_000]
    begin = time.process_time()
    normalise(text, "en")
    # Counting lines for coverage takes most of the time where it is on.
    assert time.process_time() - begin < (1 if sys.gettrace() is None else 10)


@pytest.mark.parametrize(
    ("text", "language", "said"),
    [
        ("HELLO WORLD THIS IS XYZ", "en", "HELLO WORLD THIS IS XYZ"),
        ("mp3 and B2B", "en", "mp3 and B2B"),
        ("5G and 3D", "en", "five G and three D"),
        ("12345678901234567890", "en", "one two three four five six seven eight nine zero " * 2),
        ("32.13.2024", "de", "zweiunddreißig Punkt dreizehn Punkt zweitausendvierundzwanzig"),
        ("25:99", "en", "twenty-five:ninety-nine"),
        ("version 1.2.3", "en", "version one dot two dot three"),
        ("1 234 567", "ru", "миллион двести тридцать четыре тысячи пятьсот шестьдесят семь"),
        ("\u200b5\u200d", "en", "\u200bfive\u200d"),
        ("مرحبا 3", "ar", "مرحبا ثلاثة"),
        ("🎉5🎉", "en", "🎉five🎉"),
    ],
)
def test_edges(text, language, said):
    assert normalise(text, language).text.strip() == said.strip()
