"""What a key looks like, and what is kept of it."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.keys import PREFIX, digest, looks_valid, new_secret

pytestmark = pytest.mark.unit
BASE62 = string.digits + string.ascii_letters


def test_the_form():
    secret = new_secret()
    assert secret.startswith(PREFIX)
    assert len(secret) == 44
    assert set(secret.removeprefix(PREFIX)) <= set(BASE62)
    assert looks_valid(secret)
    assert len({new_secret() for _ in range(1000)}) == 1000


def test_a_golden_key():
    # zlib.crc32 of the body is 2415458320, which is 2·62⁵ + 39·62⁴ + 29·62³ + 1·62² + 3·62 + 10
    assert looks_valid(f"vf_live_{'0' * 30}2dT13A")
    assert not looks_valid(f"vf_test_{'0' * 30}2dT13A")


@given(st.integers(8, 43), st.sampled_from(BASE62))
def test_one_wrong_character_is_noticed(place, other):
    secret = f"vf_live_{'0' * 30}2dT13A"
    wrong = secret[:place] + other + secret[place + 1 :]
    assert looks_valid(wrong) is (wrong == secret)


@given(st.text(BASE62 + "_-é\0", max_size=60))
def test_other_texts_are_not_keys(text):
    assert not looks_valid(text)


def test_a_digest_needs_the_pepper():
    assert digest(b"a" * 32, "secret") != digest(b"b" * 32, "secret")
    assert len(digest(b"a" * 32, "\ud800")) == 64
