import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voice._marks import is_joined
from voice.talk.sentences import FIRST, HELD, MOST, Piece, Stream
from voice.text.markup import parts
from voice.text.parts import Manner, Pause, Spoken

LETTERS = (
    "ab Z19.,!?…:;—\n\r\t \"')(«»。、！？「」。।॥؟۔،กเ็้ประ한국ᄒ\u1161\u11ab日本語"
    "नमस्ते\u094dक\u0301\u200d\ufe0f👩💻🇩🇪🏽\ud83d\ude00*_`~[]<>|#-/:=&;\u2028\u2029\U000f0000"
)
WRITTEN = (
    "```", "\n```\n", "\n~~~py\n", "[pause:1s]", "[pause:99s]", "[voice:x/y]", "[rate:999]", "[lang:zz-bad]", "[S2]",
    "[laugh]", "(sighs)", "*laughs*", "</voice>", "<speak>", "<?xml ?>", "<!DOCTYPE a [<!ENTITY b 'c'>]>", "&b;",
    "[text](https://a.b/c)", "![", "](data:", "https://www.a.de/b?c=d. ", "| a | b |\n", "|---|---|\n", "# ", "- ",
    "1. ", "**", "word ", "A sentence. ", "Is it? ", "\n\n", "e.g. ", "Dr. ",
)  # fmt: skip
pieces_of_text = st.sampled_from(LETTERS) | st.sampled_from(WRITTEN) | st.characters()
texts = st.lists(pieces_of_text, max_size=150).map("".join)
prose = st.text(st.sampled_from("abc ZÄ.,!?…:; \n\n。、！？।॥؟۔،กเ็้ประ한국日本語नमस्ते\u094d"), max_size=600)
limits = st.tuples(st.integers(1, 120), st.integers(1, 300))


def cut(text: str, *sizes: int, first: int = FIRST, most: int = MOST) -> list[Piece]:
    """The pieces, the text fed in deltas of these sizes, the last one again and again."""
    stream, found, at = Stream(first, most), [], 0
    steps = list(sizes) or [len(text) or 1]
    while at < len(text):
        step = steps.pop(0) if len(steps) > 1 else steps[0]
        found += stream.feed(text[at : at + step])
        at += step
    return found + stream.end()


def said(text: str) -> list[str]:
    return [piece.text for piece in cut(text)]


def letters(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


@given(texts, limits, st.lists(st.integers(1, 40), min_size=1, max_size=40))
@settings(deadline=None, max_examples=300)
def test_the_same_pieces_come_however_the_text_arrives(text, limit, sizes):
    first, most = limit
    whole = cut(text, first=first, most=most)
    assert cut(text, 1, first=first, most=most) == whole
    assert cut(text, *sizes, first=first, most=most) == whole


@given(texts, limits)
@settings(deadline=None, max_examples=200)
def test_pieces_are_in_order_and_bounded(text, limit):
    first, most = limit
    place = 0
    for piece in cut(text, first=first, most=most):
        assert place <= piece.start < piece.end <= len(text)
        assert not text[piece.start].isspace()
        assert not text[piece.end - 1].isspace()
        assert piece.end - piece.start <= max(4 * most, most + HELD) + 1
        place = piece.end


@given(prose)
@settings(deadline=None, max_examples=200)
def test_every_letter_of_prose_is_spoken_once(text):
    found = cut(text)
    for piece in found:
        assert letters(piece.text) == letters(text[piece.start : piece.end])
    assert "".join(letters(text[piece.start : piece.end]) for piece in found) == letters(text)


@given(texts)
@settings(deadline=None, max_examples=300)
def test_nothing_that_is_written_can_break_the_speech_or_choose_a_voice(text):
    for piece in cut(text):
        for part in parts(piece.text):
            if isinstance(part, Spoken):
                assert part.manner == Manner()
            else:
                assert isinstance(part, Pause)
                assert 0 < part.seconds <= 3


def test_a_sentence_comes_with_the_first_letter_of_the_next():
    stream = Stream()
    assert stream.feed("That is a sentence. ") == []
    assert stream.feed("A") == [Piece("That is a sentence.", 0, 19)]


def test_a_sentence_of_a_script_with_marks_of_its_own_needs_no_space():
    stream = Stream()
    assert stream.feed("今天天气很好。") == []
    assert stream.feed("我") == [Piece("今天天气很好。", 0, 7)]
    assert said("यह एक लंबा वाक्य है। यह दूसरा वाक्य है, और लंबा।") == ["यह एक लंबा वाक्य है।", "यह दूसरा वाक्य है, और लंबा।"]
    assert said("هذا سؤال طويل؟ نعم، هذا هو السؤال الثاني الآن.")[0] == "هذا سؤال طويل؟"


def test_the_first_piece_is_a_clause_where_that_is_long_enough():
    assert said("If you look at it from this side, it is rather large, and rather heavy, as we know.") == [
        "If you look at it from this side,",
        "it is rather large, and rather heavy, as we know.",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "I met Dr. Smith at 5 p.m. in St. Louis.",
        "It is 3.14 or so, e.g. for circles.",
        "Well… maybe that is so.",
        "She said “Stop. Now.” and left.",
        "Yes. No.",
    ],
)
def test_what_is_no_end_ends_nothing(text):
    assert said(text) == [text] or "Stop" in text


def test_short_sentences_go_with_the_next():
    assert said("Hi! How are you? I am fine, thanks. And so is everybody else here.") == [
        "Hi! How are you?",
        "I am fine, thanks. And so is everybody else here.",
    ]


def test_an_answer_that_never_ends_a_sentence_is_cut_between_words():
    found = cut("word " * 200)
    assert [len(piece.text) for piece in found][:3] == [79, 159, 279]
    assert all(piece.text.split() == ["word"] * len(piece.text.split()) for piece in found)


@pytest.mark.parametrize("text", ["ภาษาไทยไม่มีการเว้นวรรคระหว่างคำ" * 9, "日本語の文章を区切らずに" * 30, "a" * 900])
def test_text_without_spaces_is_cut_between_characters(text):
    found = cut(text)
    assert "".join(piece.text for piece in found) == text
    assert len(found) > 2
    assert not any(is_joined(text, piece.start) for piece in found)


def test_a_mark_is_not_parted_from_what_is_written_upon_it():
    text = "今天天气很好吗？\ufe0f我们去公园吧，好吗。"
    assert not any(is_joined(text, piece.end) for piece in cut(text))


def test_flags_are_cut_alike_however_they_arrive():
    text = ("🇩🇪" * 20 + "ab") * 20
    assert cut(text, 1, first=7, most=33) == cut(text, first=7, most=33)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("This is **very bold. And** this is `code`, you know.", ["This is very bold.", "And this is code, you know."]),
        ("# A title of things\nSome text follows it.", ["A title of things", "Some text follows it."]),
        ("- alpha\n- beta\n- gamma", ["alpha.\nbeta", "gamma"]),
        ("1. First do this thing\n2. Then do that", ["1. First do this thing", "2. Then do that"]),
        ("Here:\n```py\nprint('Hello. World')\n```\nThat was the code.", ["Here:", "That was the code."]),
        ("Code at the end:\n\n~~~\nx = 1", ["Code at the end:"]),
        ("```x = 1``` is what it is. So it goes on.", ["is what it is.", "So it goes on."]),
        ("| Name | Age |\n|---|:-:|\n| Robert | 42 |", ["Name, Age.", "Robert, 42."]),
        ("See [the docs. Really](https://a.b/c?d=e) for it.", ["See the docs. Really for it."]),
        ("Go to https://www.example.com/a/b?c=dog. Then go on.", ["Go to example.com.", "Then go on."]),
        ("Go to <https://me:pw@example.com:80/>, now.", ["Go to example.com, now."]),
        ("An image ![of a cat](data:image/png;base64," + "QUJD" * 99 + ") here.", ["An image", "of a cat", "here."]),
        ("Well 😀 done, my\u200b friend\x07.", ["Well done, my friend."]),
        ("[laugh] Oh (sighs) *coughs* well. [pause:500ms] Now [pause:9s] go.", [
            "[laugh] Oh [sigh] [cough] well.", "[pause:0.50s] Now [pause:3.00s] go."]),
        ("[voice:bob]Hello [rate:9999]there [S1][lang:xx-!]you.", ["Hello there you."]),
        ("<speak>Hello <break time='9s'/> there, you.</speak>", ["Hello there, you."]),
        ("[vo**ice:bob]Hello there, [ra__te:9]you.", ["voice:bob Hello there, rate:9 you."]),
        ("<<b>laugh> Hello [pause:0s] there, you.", ["< laugh> Hello there, you."]),
        ("[pause:99s] Hello [voice:bob] there.", ["Hello there."]),
        ("This &amp; that &lt;break/&gt; too.", ["This & that too."]),
        ("😀 --- *** ``", []),
        ("", []),
    ],
)  # fmt: skip
def test_markup_is_read_sensibly_or_left_out(text, pieces):
    assert [" ".join(one.split(" ")) for one in said(text)] == pieces


def test_places_are_those_of_all_that_was_fed():
    text = "One sentence is here. \n\n```\ncode\n```\n  **Another** one is there, too. Last."
    assert [text[piece.start : piece.end] for piece in cut(text, 3)] == [
        "One sentence is here.",
        "**Another** one is there, too.",
        "Last.",
    ]


@pytest.mark.parametrize(
    "unit",
    ["a", "word ", "[<", "a\u0301", "\u0301", "\n", "x\n", "```\nx", ".", "| a ", "🇩", "今", "https://a/", "A. "],
)
def test_memory_is_bounded_and_the_cost_of_a_character_does_not_grow(unit):
    stream, most, costs = Stream(), 0, []
    block = (unit * 4000)[:4000]
    for _ in range(12):
        begun = time.process_time()
        stream.feed(block)
        costs.append(time.process_time() - begun)
        most = max(most, len(stream._text), len(stream._ends))
    assert most <= 4 * MOST + 600
    assert min(costs[6:]) < 4 * min(costs[1:6]) + 0.005


def test_a_random_answer_of_a_model_is_cut_alike_in_tokens():
    dice = random.Random(4)
    for _ in range(200):
        text = "".join(dice.choice([*WRITTEN, *LETTERS, "and ", "the ", "Then "]) for _ in range(dice.randint(1, 200)))
        assert cut(text, *[dice.randint(1, 12) for _ in range(99)]) == cut(text)
