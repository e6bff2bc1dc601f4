"""The whole way: markup, dictionary, numbers and engines' own forms, in the order of the text."""

import pytest

from core.errors import BadRequest
from voice.text.dictionary import Dictionary, Entry
from voice.text.parts import Manner, Pause
from voice.text.performs import Performs, performs
from voice.text.script import Line, manners, parsed, script

TEXT = "I have 3 GIFs. [pause:1s] [voice:hans][lang:de]Ich habe 3 Katzen. [laugh][/lang][/voice] Done in 1984."


def who(manner: Manner) -> tuple[str, Performs]:
    return manner.language or "en", performs("orpheus" if manner.voice else "")


def test_a_text_becomes_lines_and_rests():
    words = Dictionary([Entry("GIFs", "jifs")])
    found = [
        (one.manner.voice, one.reading.said.text, one.reading.shown.strip()) if isinstance(one, Line) else one.seconds
        for one in script(parsed(TEXT), who, words)
    ]
    assert found == [
        ("", "I have three jifs.", "I have 3 GIFs."),
        1.0,
        ("hans", "Ich habe drei Katzen. <laugh>", "Ich habe 3 Katzen."),
        ("", "Done in nineteen eighty-four.", "Done in 1984."),
    ]


def test_lines_know_where_they_stood():
    lines = [one for one in script(parsed(TEXT), who) if isinstance(one, Line)]
    assert [TEXT[line.reading.start : line.reading.end] for line in lines] == [
        "I have 3 GIFs.",
        "Ich habe 3 Katzen. [laugh]",
        "Done in 1984.",
    ]


def test_the_manners_of_a_text_are_known_before_it_is_spoken():
    assert manners(parsed(TEXT)) == [Manner(), Manner(voice="hans", language="de")]
    assert [manner.speaker for manner in manners(parsed("[S1] a [S2] b [S1] c"))] == ["S1", "S2"]
    assert [manner.speaker for manner in manners(parsed("[S1] a [S2] b", dialogue=True))] == [""]
    with pytest.raises(BadRequest):
        parsed("a [pause:never]")


def test_the_first_line_does_not_wait_for_the_last():
    asked = []

    def noted(manner: Manner) -> tuple[str, Performs]:
        asked.append(manner.voice)
        return "en", Performs()

    lines = script(parsed("[voice:a]One. [voice:b]Two."), noted)
    assert isinstance(next(lines), Line)
    assert asked == ["a"]


def test_a_text_of_rests_only_has_no_line():
    assert all(isinstance(one, Pause) for one in script(parsed("[pause:1s] … [pause]"), who))
