"""A sealed secret opens with its key, in its place, unchanged, and not otherwise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.keyring import Keyring
from accounts.vault import Vault
from core.errors import StorageError

pytestmark = pytest.mark.unit
NOW, OLD = "n" * 32, "o" * 32


@given(st.binary(max_size=200), st.text("a|é€\0", max_size=50))
def test_what_was_sealed_opens(plain, bound):
    vault = Vault(Keyring((NOW,)))
    assert vault.open(vault.seal(plain, bound), bound) == plain


def test_the_same_secret_is_sealed_differently_each_time():
    vault = Vault(Keyring((NOW,)))
    assert vault.seal("sk-canary", "a") != vault.seal("sk-canary", "a")
    assert b"canary" not in vault.seal("sk-canary", "a")


def test_a_row_in_another_place_is_noticed():
    vault = Vault(Keyring((NOW,)))
    with pytest.raises(StorageError, match="belongs somewhere else"):
        vault.open(vault.seal("sk-canary", "acme|openai|1"), "acme|openai|2")


@pytest.mark.parametrize("place", [0, 2, 7, 20, -1])
def test_a_changed_byte_is_noticed(place):
    vault = Vault(Keyring((NOW,)))
    sealed = bytearray(vault.seal("sk-canary", "a"))
    sealed[place] ^= 1
    with pytest.raises(StorageError):
        vault.open(bytes(sealed), "a")


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01" * 20, b"\x02" * 60])
def test_what_is_not_sealed_is_refused(sealed):
    with pytest.raises(StorageError):
        Vault(Keyring((NOW,))).open(sealed, "a")


def test_a_new_secret_key_opens_what_the_old_one_sealed():
    sealed = Vault(Keyring((OLD,))).seal("sk-canary", "a")
    rotated = Vault(Keyring((NOW, OLD)))
    assert rotated.open(sealed, "a") == b"sk-canary"
    assert not rotated.is_current(sealed)
    again = rotated.seal(rotated.open(sealed, "a"), "a")
    assert rotated.is_current(again)
    assert Vault(Keyring((NOW,))).open(again, "a") == b"sk-canary"


def test_another_secret_key_says_so():
    with pytest.raises(StorageError, match="VOICEFORGE_SECRET_KEY"):
        Vault(Keyring((NOW,))).open(Vault(Keyring((OLD,))).seal("x", "a"), "a")
