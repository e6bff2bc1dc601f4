"""The picture of a turn: well formed whatever a turn holds, and it says what happened when and why."""

from __future__ import annotations

import math
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from voice.talk.events import Turn
from voice.talk.picture import LEFT, RIGHT, WIDTH, Shown, draw

SVG = "{http://www.w3.org/2000/svg}"
SPOKEN = Turn(
    "resp", "item", speech_started=2.0, speech_stopped=4.0, ended=4.5, reason="silence", transcript=4.6, first_text=5.0,
    first_sound=5.2, first_frame=5.25, done=9.0, heard=3.5, hears="ears", thinks="brain", speaks="mouth",
    probabilities=tuple((1.7 + 0.032 * n, 0.9 if 10 < n < 72 else 0.05) for n in range(100)),
    partials=((3.0, "What is"), (3.8, "What is the weather")),
)  # fmt: skip
WRITTEN = Turn("resp", "item", ended=7.0, reason="message", first_text=7.4, thinks="brain")

moment = st.none() | st.floats()
turns = st.builds(
    Turn, st.just("r"), st.text(), moment, moment, moment, st.text(), moment, moment, moment, moment, moment,
    st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.text(), st.text(), st.text(), st.just(0),
    st.just(0), st.lists(st.tuples(st.floats(), st.floats()), max_size=5).map(tuple),
    st.lists(st.tuples(st.floats(), st.text()), max_size=3).map(tuple),
)  # fmt: skip


def texts(svg: str) -> list[str]:
    return ["".join(node.itertext()) for node in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def bars(svg: str) -> list[tuple[float, float]]:
    """From where to where the bars reach, in the order of the rows."""
    found = [node for node in ElementTree.fromstring(svg).iter(f"{SVG}rect") if node.get("rx")]
    return [(float(node.get("x", 0)), float(node.get("x", 0)) + float(node.get("width", 0))) for node in found]


@settings(max_examples=25)
@example(Turn("r", "", speech_started=2.0, speech_stopped=1.0), None, False)
@given(turns, moment, st.booleans())
def test_every_turn_has_a_picture_that_is_well_formed(turn: Turn, heard: float | None, dark: bool):
    svg = draw(Shown(turn, heard), dark=dark)
    for node in ElementTree.fromstring(svg).iter():
        for name in ("x", "cx", "width"):
            value = float(node.get(name, 0))
            assert math.isfinite(value)
            assert 0 <= value <= WIDTH + 1


def test_it_says_when_and_why():
    svg = draw(Shown(SPOKEN, first_heard=5.4))
    said = texts(svg)
    assert "The answer was heard 1.40 s after the end of speech" in said
    assert "heard by ears · thought by brain · spoken by mouth" in said
    assert "+0.50 s: it was quiet long enough" in said
    assert "final +0.60 s" in said
    assert '"What is the weather"' in said
    assert "3.5 s of it, from +1.40 s on" in said


def test_each_step_begins_where_the_one_before_has_ended():
    over, thinking, voice, way, heard = bars(draw(Shown(SPOKEN, first_heard=5.4)))
    assert LEFT < over[0] < over[1] < thinking[0] < thinking[1] == pytest.approx(voice[0], abs=0.2)
    assert voice[1] == pytest.approx(way[0], abs=0.2)
    assert way[0] < way[1] == pytest.approx(heard[0], abs=0.2)
    assert heard[1] <= RIGHT


def test_the_longer_it_took_the_longer_the_bar():
    slow = replace(SPOKEN, first_text=6.0, first_sound=6.2, first_frame=6.25)
    quick, late = (bars(draw(Shown(turn)))[1] for turn in (SPOKEN, slow))
    assert late[1] - late[0] > quick[1] - quick[0]


def test_a_turn_in_writing_has_no_speech():
    said = texts(draw(Shown(WRITTEN)))
    assert "nothing was said aloud" in said
    assert "The answer was there as text 0.40 s after the message" in said
    assert "+0.00 s: it was written" in said


def test_nothing_of_a_stranger_becomes_markup():
    evil = '</text><script>alert(1)</script><image href="http://foreign/"/>\x00\ud800'
    svg = draw(Shown(replace(SPOKEN, hears=evil, reason=evil, partials=((3.0, evil),))))
    tags = {node.tag for node in ElementTree.fromstring(svg).iter()}
    assert tags == {f"{SVG}{name}" for name in ("svg", "rect", "text", "path", "circle", "title")}
    assert svg.encode()


def test_a_turn_of_a_minute_shows_its_end():
    svg = draw(Shown(replace(SPOKEN, speech_started=-60.0)))
    assert bars(svg)[0][1] - bars(svg)[0][0] > 20


def test_dark_is_another_ground():
    light, dark = draw(Shown(SPOKEN)), draw(Shown(SPOKEN), dark=True)
    assert light != dark
    assert texts(light) == texts(dark)
