import re
import textwrap
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.base import Word
from voice.captions import LINE, LINES, srt, vtt
from voice.cues import LONGEST, SHORTEST, cues, joined


def words(text: str, pace: float = 0.3, pauses: dict[int, float] | None = None) -> list[Word]:
    """A word each `pace` seconds, with quiet before some."""
    out, at = [], 0.0
    for number, word in enumerate(text.split()):
        at += (pauses or {}).get(number, 0.0)
        out.append(Word(word, at, at + pace))
        at += pace
    return out


def texts(found) -> list[str]:
    return [cue.text for cue in found]


def test_a_sentence_is_a_cue():
    assert texts(cues(words("This is the first sentence. And this is the second one."))) == [
        "This is the first sentence.",
        "And this is the second one.",
    ]


def test_short_sentences_stand_together():
    assert texts(cues(words("Yes. No. Well, all right then."))) == ["Yes. No. Well, all right then."]


def test_an_abbreviation_ends_no_cue():
    assert texts(cues(words("We are going to meet Dr. Brown now."))) == ["We are going to meet Dr. Brown now."]


def test_a_long_sentence_breaks_at_a_clause():
    found = texts(
        cues(words("When the heating does not work on a cold morning, somebody has to call the landlord at once"))
    )
    assert found == ["When the heating does not work on a cold morning,", "somebody has to call the landlord at once"]


def test_quiet_parts_cues():
    found = cues(words("one two three four five six", pauses={3: 2.0}))
    assert texts(found) == ["one two three", "four five six"]
    assert found[0].end <= 1.0 + 1e-9


def test_scripts_without_spaces_get_none():
    assert joined([Word(char, 0, 0) for char in "你好，世界"]) == "你好，世界"
    assert joined([Word("안녕", 0, 0), Word("하세요", 0, 0)]) == "안녕 하세요"


def test_nothing_gives_nothing():
    assert cues([]) == []
    assert cues([Word("  ", 0, 1)]) == []


def test_a_lone_word_stands_for_a_second():
    assert [(cue.start, cue.end) for cue in cues([Word("Yes.", 0.2, 0.5)])] == [(0.2, 1.2)]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.text("abcdefghij,.!?好้क्", min_size=0, max_size=100),
            st.floats(0.02, 1.5),
            st.sampled_from([0.0, 0.1, 3.0]),
        ),
        max_size=60,
    )
)
def test_every_cue_keeps_the_rules(told):
    at, given_words = 0.0, []
    for text, length, quiet in told:
        at += quiet
        given_words.append(Word(text, at, at + length))
        at += length
    found = cues(given_words)
    for cue in found:
        assert len(textwrap.wrap(cue.text, LINE)) <= LINES
        assert 0 < cue.end - cue.start <= LONGEST + 1e-9
    for cue, after in pairwise(found):
        assert cue.end <= after.start + 1e-9
    assert "".join("".join(texts(found)).split()) == "".join(word.text for word in given_words).replace(" ", "")


@pytest.mark.parametrize("pace", [0.1, 0.3, 0.6])
def test_speech_at_any_pace_stands_a_second(pace):
    text = "Hello there. I would like to book a table, please. Yes. For two. Tomorrow evening, if possible. Thanks."
    found = cues(words(text * 5, pace))
    assert min(cue.end - cue.start for cue in found) >= SHORTEST - 1e-9
    assert joined(word for cue in found for word in cue.words) == " ".join((text * 5).split())


def test_the_files_have_two_lines_at_most():
    found = cues(words("a sentence that goes on and on " * 20, 0.25))
    for text in (srt(found, wrap=True), vtt(found, wrap=True)):
        bodies = re.findall(r"-->[^\n]*\n(.*?)\n\n", text, re.S)
        assert len(bodies) == len(found)
        assert all(len(line) <= LINE for body in bodies for line in body.split("\n"))
        assert max(body.count("\n") for body in bodies) == 1
