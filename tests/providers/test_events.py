"""Server-sent events, cut anywhere."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers._events import MOST_BYTES, Events, TooLong

pytestmark = pytest.mark.unit

STREAM = b": hello\r\n\r\ndata: one\r\rdata:two\ndata: three\n\nevent: x\nid: 3\n\ndata: \xc3\xa4\r\n\r\ndata: last"
FOUND = ["one", "two\nthree", "ä", "last"]


def read(parts: list[bytes]) -> list[str]:
    events = Events()
    return [event for part in parts for event in events.feed(part)] + list(events.end())


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_wherever_it_is_cut_the_events_are_the_same(cuts):
    edges = [0, *sorted(cuts), len(STREAM)]
    assert read([STREAM[a:b] for a, b in pairwise(edges)]) == FOUND


@pytest.mark.parametrize("part", [b"data: " + b"x" * 10_000 + b"\n", b"x" * 10_000], ids=["lines", "a line"])
def test_an_event_that_never_ends_is_not_waited_for(part):
    with pytest.raises(TooLong):
        read([part] * (MOST_BYTES // 10_000 + 2))


@given(st.lists(st.binary(max_size=50), max_size=10))
def test_no_bytes_bring_it_down(parts):
    assert all(isinstance(event, str) for event in read(parts))
