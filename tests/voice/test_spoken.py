import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.spoken import is_binary, is_speakable, spoken


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("# A heading", "A heading"),
        ("**bold**, *soft*, _soft_ and `code`", "bold, soft, soft and code"),
        ("- one\n- two\n* three", "one\ntwo\nthree"),
        ("[the site](https://example.com/a?b=c) has it", "the site has it"),
        ("<p>Hello <b>you</b></p>", "Hello you"),
        ("3 * 4 < 13 and 2*3 > 5", "3 * 4 < 13 and 2*3 > 5"),
        ("snake_case stays, a-b too", "snake_case stays, a-b too"),
        ("so\u200bft\u00ad hy\u2060phens\ufeff", "soft hyphens"),
        ("Great 👍🏽 job 👩‍👩‍👧 ☀️!", "Great job !"),
        ("bell\x07 and\x1b[0m escape", "bell and [0m escape"),
        ("a  \t b", "a b"),
        ("e\u0301t\u00e9", "été"),
        ("20 °C, 5 %, ™ and №", "20 °C, 5 %, ™ and №"),
        ("क्‍ष नमस्ते", "क्‍ष नमस्ते"),
    ],
)
def test_what_is_read(written, read):
    assert spoken(written) == read


def test_a_tower_of_accents_is_cut_down():
    assert len(spoken("q" + "\u0323" * 10_000)) < 10


@given(st.text(st.characters(categories=["L", "Nd", "Zs"]), max_size=200))
def test_letters_digits_and_their_order_are_kept(text):
    assert spoken(text).split() == unicodedata.normalize("NFC", text).split()


@given(st.text(st.characters(), max_size=200))
def test_what_is_read_can_be_encoded_and_holds_no_control(text):
    assert "\0" not in spoken(text).encode().decode()


@pytest.mark.parametrize("text", ["", "...", "👍", "—!?", "***", "\n"])
def test_nothing_to_speak(text):
    assert not is_speakable(spoken(text))


def test_a_file_is_no_text():
    assert is_binary("RIFF\x00\x00WAVE")
    assert is_binary("\x01\x02\x03")
    assert is_binary("\ufffd\ufffd" + "a" * 50)
    assert not is_binary(
        "A page\fbreak, one odd \x01 among many other characters that are quite ordinary, all of them."
    )
