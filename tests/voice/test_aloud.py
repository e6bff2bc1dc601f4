"""What a model thinks before it answers is not said."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice._aloud import Aloud

pytestmark = pytest.mark.unit

TEXTS = {
    "Hello there.": "Hello there.",
    "<think>Hm.\n</think>\n\nHello.": "Hello.",
    " \n<think></think>Hello.": "Hello.",
    "A <think> b </think>": "A <think> b </think>",
    "<thin": "<thin",
    "<think>never": "",
    " <b>": " <b>",
    "<think>a</think>b</think>": "b</think>",
    "": "",
}


@pytest.mark.parametrize("text", TEXTS)
@given(cuts=st.lists(st.integers(0, 30), max_size=8))
def test_wherever_it_is_cut_the_same_is_said(text, cuts):
    aloud = Aloud()
    edges = [0, *sorted(cuts), len(text)]
    parts = [text[a:b] for a, b in pairwise(edges)]
    assert "".join(map(aloud.feed, parts)) + aloud.end() == TEXTS[text]
