"""Sign-in tokens: what was signed is believed until it ends, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.tokens import Claim, issue, read
from core.errors import Unauthorized

pytestmark = pytest.mark.unit
KEY = b"k" * 32
CLAIM = Claim("abc", "0123456789abcdef", 1000.0)


def test_it_is_believed_until_it_ends():
    token = issue(KEY, CLAIM)
    assert read((KEY,), token, 999.9) == CLAIM
    with pytest.raises(Unauthorized, match="ended"):
        read((KEY,), token, 1000.0)


def test_an_older_key_still_reads_what_it_signed():
    assert read((b"n" * 32, KEY), issue(KEY, CLAIM), 0.0) == CLAIM
    with pytest.raises(Unauthorized):
        read((b"n" * 32,), issue(KEY, CLAIM), 0.0)


def test_no_part_can_be_exchanged():
    token, other = issue(KEY, CLAIM), issue(KEY, Claim("abc", "0123456789abcdef", 9000.0))
    forged = f"{other.partition('.')[0]}.{token.partition('.')[2]}"
    with pytest.raises(Unauthorized):
        read((KEY,), forged, 0.0)


@given(st.text("aZ0_-.=é\0") | st.integers(0, 80).map(lambda cut: issue(KEY, CLAIM)[:cut]))
def test_anything_else_is_refused(text):
    with pytest.raises(Unauthorized):
        read((KEY,), text, 0.0)
