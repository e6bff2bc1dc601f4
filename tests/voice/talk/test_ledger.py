from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.base import Word
from voice._marks import is_joined
from voice.talk.ledger import ITEMS, RESULTS, Heard, Ledger, Piece, Span

RATE = 1000
TEXT = "Hello there, **my** friend. "


def words(*told: tuple[str, float, float]) -> tuple[Word, ...]:
    return tuple(Word(*one) for one in told)


HELLO = words(("Hello", 0.1, 0.3), ("there,", 0.3, 0.5), ("my", 0.6, 0.7), ("friend", 0.7, 0.9))


def sent(
    ledger: Ledger, samples: int, *, told: tuple[Word, ...] = (), item: str = "a", start: int = 0, text: str = TEXT,
    ended: bool = True,
) -> Piece:  # fmt: skip
    """A piece of which everything has left."""
    piece = ledger.begin(Span(item, start, start + len(text), text))
    piece.add(samples, told)
    ledger.sent(piece, samples)
    if ended:
        ledger.whole(piece)
    return piece


def prefix(ledger: Ledger, position: int, text: str = TEXT, item: str = "a") -> str:
    ledger.played(position)
    return text[: ledger.heard(item).end]


def fresh(text: str, samples: int, told: tuple[Word, ...] = (), *, ended: bool = True, upto: int) -> int:
    ledger = Ledger(RATE)
    sent(ledger, samples, told=told, text=text, ended=ended)
    ledger.played(upto)
    return ledger.heard("a").end


def is_border(text: str, at: int) -> bool:
    dense = any("\u0e00" <= char <= "\u0eff" or char >= "\u2e80" for char in text[max(0, at - 1) : at + 1])
    return at in (0, len(text)) or dense or (text[at].isspace() and not text[at - 1].isspace())


def test_words_are_heard_when_their_time_is_over():
    ledger = Ledger(RATE)
    sent(ledger, 1000, told=HELLO)
    spots = [prefix(ledger, at) for at in (100, 299, 300, 600, 700, 899, 900, 1000)]
    assert spots == ["", "", "Hello", "Hello there,", "Hello there, **my**", "Hello there, **my**", TEXT.strip(), TEXT]
    assert ledger.heard("a") == Heard(len(TEXT), 1.0, "exact", whole=False)
    ledger.end("a")
    assert ledger.heard("a").whole


def test_without_word_times_the_share_of_the_audio_counts_rounded_down():
    ledger = Ledger(RATE)
    sent(ledger, 1800, text="four more easy tales")
    assert [prefix(ledger, at, "four more easy tales") for at in (423, 424, 1270, 1271, 1799, 1800)] == [
        "",
        "four",
        "four more",
        "four more easy",
        "four more easy",
        "four more easy tales",
    ]


def test_a_share_of_the_audio_is_an_estimate_and_a_whole_piece_is_not():
    ledger = Ledger(RATE)
    sent(ledger, 1000)
    ledger.played(500)
    assert ledger.heard("a").confidence == "estimated"
    ledger.played(1000)
    assert ledger.heard("a").confidence == "exact"


def test_pieces_go_on_where_the_one_before_ended():
    ledger = Ledger(RATE)
    sent(ledger, 1000, told=HELLO)
    sent(ledger, 400, start=len(TEXT), text="And more.", told=words(("And", 0.0, 0.2), ("more", 0.2, 0.4)))
    whole = TEXT + "And more."
    assert prefix(ledger, 1000, whole) == TEXT
    assert prefix(ledger, 1199, whole) == TEXT
    assert prefix(ledger, 1200, whole) == TEXT + "And"
    assert ledger.heard("a").seconds == 1.2
    assert prefix(ledger, 1400, whole) == whole


def test_padding_is_no_text_and_no_time():
    ledger = Ledger(RATE)
    sent(ledger, 1000, told=HELLO)
    ledger.sent(None, 500)
    sent(ledger, 100, item="b", text="Yes.")
    ledger.played(1500)
    assert (ledger.heard("a").seconds, ledger.heard("b").seconds) == (1.0, 0.0)
    ledger.played(1600)
    assert ledger.heard("b") == Heard(4, 0.1, "exact")


def test_what_was_not_sent_is_not_heard():
    ledger = Ledger(RATE)
    piece = ledger.begin(Span("a", 0, len(TEXT), TEXT))
    piece.add(1000, HELLO)
    ledger.whole(piece)
    ledger.sent(piece, 500)
    ledger.played(10_000)
    assert ledger.heard("a") == Heard(len("Hello there,"), 0.5)
    assert ledger.heard("never") == Heard()


def test_words_that_come_late_take_nothing_back():
    ledger = Ledger(RATE)
    text = "a b c d e f g h i j"
    piece = sent(ledger, 2000, text=text)
    ledger.played(1000)
    before = ledger.heard("a").end
    piece.add(0, words(("a", 0.0, 1.5)))
    assert ledger.heard("a").end == before == len("a b c d e")
    ledger.played(1600)
    assert ledger.heard("a").end == before


@pytest.mark.parametrize(
    ("text", "told", "heard"),
    [
        ("It is 5 o'clock, sir.", ("It", "is", "o'clock"), "It is 5 o'clock,"),
        ("See https://www.example.com/a for it", ("See", "example.com"), "See"),
        ("See https://www.example.com/a for it", ("See", "example.com", "for"), "See https://www.example.com/a for"),
        ("well—yes, I do", ("well",), ""),
        ("well—yes, I do", ("well", "yes"), "well—yes,"),
        ("Hello — world", ("Hello",), "Hello"),
        ("after all a day", ("a",), "after all a"),
        ("今天天气很好", ("今天", "天气"), "今天天气"),
        ("สวัสดีครับ", ("สวัสดี",), "สวัสดี"),
        ("نعم، هذا هو", ("نعم", "هذا"), "نعم، هذا"),
        ("one two", ("", "...", "one"), "one"),
    ],
)
def test_words_are_found_in_the_text_as_it_is_written(text, told, heard):
    timed = tuple(Word(word, number / 10, (number + 1) / 10) for number, word in enumerate(told))
    assert text[: fresh(text, 2000, timed, upto=800)] == heard


@pytest.mark.parametrize(("text", "word"), [("one two three four", "uno"), ("a " * 9 + "the end", "the")])
def test_words_that_are_not_there_or_too_far_on_leave_it_to_the_share_of_the_audio(text, word):
    timed = (Word(word, 0.0, 0.1),)
    assert [fresh(text, 2000, timed, upto=at) for at in range(0, 2001, 100)] == [
        fresh(text, 2000, upto=at) for at in range(0, 2001, 100)
    ]


def test_no_character_is_heard_in_part():
    text = "เธอและเขา"
    assert not any(is_joined(text, fresh(text, 900, upto=at)) for at in range(901))


def test_without_its_text_a_piece_is_heard_whole_or_not_at_all():
    ledger = Ledger(RATE)
    piece = ledger.begin(Span("a", 0, 10))
    piece.add(100, HELLO)
    ledger.whole(piece)
    ledger.sent(piece, 100)
    ledger.played(99)
    assert ledger.heard("a").end == 0
    ledger.played(100)
    assert ledger.heard("a").end == 10


def test_an_exact_report_corrects_an_estimate_and_never_the_other_way():
    ledger = Ledger(RATE)
    sent(ledger, 1000, told=HELLO)
    ledger.assume(800)
    assert ledger.heard("a") == Heard(19, 0.8, "estimated")
    ledger.played(350)
    assert ledger.heard("a") == Heard(5, 0.35, "exact")
    ledger.played(300)
    ledger.played(310, "estimated")
    assert ledger.heard("a") == Heard(5, 0.35, "exact")
    ledger.played(600, "estimated")
    assert ledger.heard("a") == Heard(12, 0.6, "estimated")
    assert ledger.reached == 600


def test_what_was_thrown_away_is_not_heard_though_later_audio_is():
    ledger = Ledger(RATE)
    sent(ledger, 1000, told=HELLO)
    ledger.played(350)
    ledger.cut()
    ledger.assume(1000)
    assert ledger.heard("a").end == 5
    sent(ledger, 500, item="b", text="Oh yes.")
    ledger.played(1500)
    assert (ledger.heard("a").end, ledger.heard("b").end) == (5, 7)
    ledger.played(610)
    assert ledger.heard("a") == Heard(12, 0.61, "exact")
    assert ledger.heard("b").end == 7


def test_a_report_of_all_that_was_sent_counts_for_what_was_cut_until_more_is_sent():
    ledger = Ledger(RATE)
    sent(ledger, 1000, told=HELLO)
    ledger.cut()
    ledger.played(1000)
    assert ledger.heard("a").end == len(TEXT)


def test_going_back_takes_back_what_seemed_to_be_heard():
    ledger = Ledger(RATE)
    sent(ledger, 1000, told=HELLO)
    ledger.assume(1000)
    ledger.rewound(350)
    assert ledger.heard("a").end == 5
    ledger.played(900)
    assert ledger.heard("a").end == 5, "it was not sent again yet"
    ledger.sent(None, 650)
    ledger.played(900)
    assert ledger.heard("a").end == len(TEXT.strip())


def test_the_text_goes_no_further_than_its_first_hole():
    ledger = Ledger(RATE)
    sent(ledger, 1000, told=HELLO)
    ledger.played(350)
    ledger.cut()
    assert ledger.reached == 1000
    sent(ledger, 500, start=len(TEXT), text="And more.")
    ledger.end("a")
    ledger.played(1500)
    assert ledger.heard("a") == Heard(5, 0.85, whole=False)


def test_what_was_not_heard_is_not_forgotten_and_what_was_stays_heard():
    ledger = Ledger(RATE)
    for number in range(4):
        sent(ledger, 100, start=number * 6, text="Hello ")
    ledger.played(200)
    ledger.forget(400)
    assert len(ledger._items["a"].pieces) == 2
    assert ledger.heard("a") == Heard(12, 0.2)
    ledger.played(400)
    assert ledger.heard("a") == Heard(24, 0.4)


def test_positions_given_up_by_going_back_belong_to_what_comes_next():
    ledger = Ledger(RATE)
    sent(ledger, 1000, told=HELLO)
    ledger.rewound(350)
    ledger.cut()
    sent(ledger, 1000, item="b", text="Oh yes.")
    ledger.played(1350)
    assert ledger.heard("a").end <= 5
    assert ledger.heard("b").end == 7


TOKENS = [
    "Hello",
    "a",
    "สวัสดีครับ",
    "it's",
    "**bold**",
    "3.14",
    "今天",
    "นี่",
    "world,",
    "—",
    "(so)",
    "https://a.bc/d",
    "नमस्ते।",
    "\n",
]
written = st.lists(st.sampled_from(TOKENS), min_size=1, max_size=30).map(" ".join)
timed = st.lists(st.tuples(st.sampled_from([*TOKENS, "bold", "so", "a.bc"]), st.floats(0, 3)), max_size=20)


@given(written, st.integers(1, 3000), timed, st.booleans())
@settings(deadline=None, max_examples=60)
def test_heard_text_is_a_growing_prefix_that_ends_with_a_word(text, samples, told, ended):
    told = tuple(Word(word, 0.0, end) for word, end in told)
    ends = [fresh(text, samples, told, ended=ended, upto=at) for at in range(0, samples + 1, max(1, samples // 20))]
    assert all(before <= after for before, after in pairwise(ends))
    assert all(is_border(text, end) and not is_joined(text, end) for end in ends)
    assert fresh(text, samples, told, upto=samples) == len(text)


@given(st.lists(written, min_size=2, max_size=5), st.floats(5, 40), st.lists(st.floats(0.75, 1.3), min_size=5))
@settings(deadline=None, max_examples=40)
def test_before_a_piece_is_whole_no_more_is_heard_than_afterwards(texts, pace, paces):
    def ledger(*, ended: bool) -> Ledger:
        made, start = Ledger(RATE), 0
        for number, text in enumerate(texts):
            samples = round(_letters(text) * RATE / (pace * (0.85 + 0.15 * paces[number % len(paces)])))
            sent(made, max(samples, 1), start=start, text=text, ended=ended or number < len(texts) - 1)
            start += len(text)
        return made

    under_way, whole = ledger(ended=False), ledger(ended=True)
    for at in range(0, whole.position + 1, 1 + whole.position // 50):
        under_way.played(at)
        whole.played(at)
        assert under_way.heard("a").end <= whole.heard("a").end


def _letters(text: str) -> int:
    piece = Ledger(RATE).begin(Span("a", 0, len(text), text))
    piece.add(RATE)
    assert piece.reach
    return round(piece.reach.whole(RATE))


def test_of_a_long_item_what_was_heard_is_folded():
    ledger = Ledger(RATE)
    for number in range(500):
        sent(ledger, 100, start=number * 6, text="Hello ")
        ledger.played(ledger.position)
        ledger.forget(ledger.position - 1000)
        assert ledger.heard("a") == Heard((number + 1) * 6, (number + 1) / 10)
        assert len(ledger._items["a"].pieces) <= 11


def test_of_many_items_the_results_stay_and_of_very_many_the_last():
    ledger = Ledger(RATE)
    for number in range(ITEMS + RESULTS + 50):
        sent(ledger, 100, item=str(number))
        ledger.end(str(number))
        ledger.played(ledger.position)
        ledger.cut()
    assert len(ledger._items) == ITEMS
    assert len(ledger._results) == RESULTS
    assert len(ledger._runs) <= ITEMS + 1
    assert ledger.heard("60") == Heard(len(TEXT), 0.1, whole=True)
    assert ledger.heard("3") == Heard()
