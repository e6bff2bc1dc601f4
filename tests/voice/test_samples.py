"""Sentences to hear a voice by."""

import re

import pytest

from voice.languages import canonical, guess, name_of
from voice.samples import COUNTING, sentence_for, sentences
from voice.spoken import is_speakable


def test_thirty_languages_and_more_have_a_sentence():
    print(f"{len(sentences())} languages have a sentence")
    assert len(sentences()) >= 60
    assert all(canonical(tag) == tag and name_of(tag) != tag for tag in sentences())


@pytest.mark.parametrize("tag", sorted(sentences()))
def test_a_sentence_is_short(tag):
    assert 15 <= len(sentences()[tag]) <= 80
    assert is_speakable(sentences()[tag])


def test_a_sentence_is_in_its_languages_script():
    for tag in re.findall(r"\w+", "am ar el gu he hi hy ja ka kn ko ml my or pa ru si ta te th uk ur zh"):
        assert canonical(guess(sentences()[tag])) == tag


@pytest.mark.parametrize(
    ("languages", "name", "text"),
    [
        (("en-GB-scotland", "en"), "en-gb-scotland", sentences()["en"]),
        (("cmn", "zh"), "cmn", sentences()["zh"]),
        (("yue", "zh"), "yue-latn-jyutping", COUNTING),
        (("cmn-latn-pinyin",), "x", COUNTING),
        (("piqd",), "piqd", COUNTING),
        (("*",), "tone", COUNTING),
        ((), "", COUNTING),
    ],
)
def test_the_main_language_decides(languages, name, text):
    assert sentence_for(languages, name) == text
