"""Where the secret key comes from, and who may read it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from accounts.keyring import Keyring, load, write_private
from core.errors import StorageError

pytestmark = pytest.mark.unit


def test_it_is_made_once_and_for_its_owner_only(tmp_path):
    first = load("", tmp_path / "data")
    assert load("", tmp_path / "data") == first
    assert (tmp_path / "data" / "secret.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["secret.key"]


def test_processes_that_start_together_agree(tmp_path):
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(lambda _: load("", tmp_path), range(8)))
    assert len(found) == 1


def test_the_setting_comes_first(tmp_path):
    assert load("s" * 32, tmp_path) == Keyring(("s" * 32,))
    assert not (tmp_path / "secret.key").exists()


def test_several_keys_by_commas(tmp_path):
    assert load(f"{'n' * 32}, {'o' * 32}", tmp_path).secrets == ("n" * 32, "o" * 32)
    with_a_comma = "one key, that happens to have a comma in it"
    assert load(with_a_comma, tmp_path).secrets == (with_a_comma,)


@pytest.mark.parametrize("text", ["", "short\n"])
def test_a_damaged_file_is_not_replaced(tmp_path, text):
    (tmp_path / "secret.key").write_text(text)
    with pytest.raises(StorageError, match="damaged"):
        load("", tmp_path)
    assert (tmp_path / "secret.key").read_text() == text


def test_each_use_has_a_key_of_its_own():
    ring = Keyring(("s" * 32,))
    assert ring.derive("api keys") != ring.derive("sign-in tokens")
    assert ring.derive("api keys") == Keyring(("s" * 32,)).derive("api keys")


def test_a_private_file_is_replaced_whole(tmp_path):
    path = tmp_path / "file"
    path.write_text("before, and open to all")
    write_private(path, "after")
    assert path.read_text() == "after"
    assert path.stat().st_mode & 0o777 == 0o600
