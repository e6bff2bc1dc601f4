import hashlib
import logging
import os
import resource
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.blobs import AGAIN_SECONDS, Blobs


def key(name: object) -> str:
    return hashlib.sha256(str(name).encode()).hexdigest()


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def opened(folder: Path, most: int = 1_000_000, **options) -> Blobs:
    blobs = Blobs(folder, max_bytes=most, **options)
    blobs.wait()
    return blobs


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """The system itself refuses to write more, as it does on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_was_put_is_got(tmp_path):
    blobs = opened(tmp_path / "blobs")
    assert blobs.get(key(1)) is None
    assert blobs.put(key(1), b"sound")
    assert blobs.get(key(1)) == b"sound"
    stats = blobs.stats()
    assert (stats.count, stats.bytes, stats.why_off) == (1, files(tmp_path)[0].stat().st_size, "")


def test_only_the_owner_may_look(tmp_path):
    opened(tmp_path / "blobs").put(key(1), b"sound")
    assert files(tmp_path)[0].stat().st_mode & 0o077 == 0
    assert (tmp_path / "blobs" / key(1)[:2]).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("bad", ["", "x", "../" * 21 + "a", "A" * 64, key(1) + "0"])
def test_a_key_is_a_hash_and_leads_nowhere_else(tmp_path, bad):
    blobs = opened(tmp_path)
    for use in (blobs.get, blobs.drop, lambda name: blobs.put(name, b"")):
        with pytest.raises(ValueError, match="sha256"):
            use(bad)


def test_the_longest_unread_goes_first(tmp_path):
    blobs = opened(tmp_path, 3 * 1016)
    for name in (1, 2, 3):
        blobs.put(key(name), bytes(1000))
    blobs.get(key(1))
    blobs.put(key(4), bytes(1000))
    assert [name for name in (1, 2, 3, 4) if blobs.get(key(name)) is not None] == [1, 3, 4]
    assert blobs.stats().bytes == sum(path.stat().st_size for path in files(tmp_path)) == 3 * 1016
    assert blobs.stats().evicted == 1


def test_the_order_of_reading_survives_a_restart(tmp_path):
    blobs = opened(tmp_path)
    for age, name in enumerate((1, 2, 3)):
        blobs.put(key(name), bytes(1000))
        path = tmp_path / key(name)[:2] / key(name)[2:]
        os.utime(path, (0, time.time() - 100 + age))
    blobs.get(key(1))
    again = opened(tmp_path, 2 * 1016)
    assert [name for name in (1, 2, 3) if again.get(key(name)) is not None] == [1, 3]


def test_what_was_put_before_the_count_is_not_counted_twice(tmp_path):
    opened(tmp_path).put(key(1), b"a")
    blobs = Blobs(tmp_path, max_bytes=1000)
    blobs.put(key(2), b"b")
    blobs.get(key(1))
    blobs.wait()
    assert (blobs.stats().count, blobs.stats().bytes) == (2, sum(path.stat().st_size for path in files(tmp_path)))


def test_more_than_there_is_room_for_is_not_kept(tmp_path):
    blobs = opened(tmp_path, 1000)
    blobs.put(key(1), b"small")
    assert not blobs.put(key(2), bytes(1000))
    assert blobs.get(key(1)) == b"small"


def test_without_room_nothing_is_written(tmp_path):
    blobs = opened(tmp_path / "blobs", 0)
    assert not blobs.writable
    assert not blobs.put(key(1), b"")
    assert not (tmp_path / "blobs").exists()


@pytest.mark.parametrize("harm", ["cut", "grown", "flipped", "emptied", "header", "mark"])
def test_a_damaged_file_is_dropped(tmp_path, harm):
    blobs = opened(tmp_path)
    blobs.put(key(1), b"sound" * 100)
    path = files(tmp_path)[0]
    data = bytearray(path.read_bytes())
    path.write_bytes({
        "cut": data[:-1], "grown": data + b"x", "flipped": data[:100] + bytes([data[100] ^ 1]) + data[101:],
        "emptied": b"", "header": data[:7], "mark": b"xxxx" + data[4:],
    }[harm])  # fmt: skip
    assert blobs.get(key(1)) is None
    assert not path.exists()
    assert (blobs.stats().bytes, blobs.stats().count, blobs.stats().damaged) == (0, 0, 1)
    assert blobs.put(key(1), b"new")
    assert blobs.get(key(1)) == b"new"


def test_a_file_somebody_removed_is_forgotten(tmp_path):
    blobs = opened(tmp_path)
    blobs.put(key(1), b"sound")
    files(tmp_path)[0].unlink()
    assert blobs.get(key(1)) is None
    assert blobs.stats().bytes == 0


def test_what_a_crash_left_is_removed_and_what_is_being_written_is_not(tmp_path):
    folder = tmp_path / "ab"
    folder.mkdir()
    old, new, foreign = folder / ".old", folder / ".new", tmp_path / "notes.txt"
    for path in (old, new, foreign):
        path.write_text("")
    for path in (old, foreign):
        os.utime(path, (0, 0))
    opened(tmp_path)
    assert files(tmp_path) == sorted([new, foreign])


def test_many_writers_and_readers_of_few_keys(tmp_path):
    blobs = opened(tmp_path, 40_000)
    bodies = {name: bytes([name]) * (1000 + 500 * name) for name in range(8)}

    def work(turn: int) -> bool:
        name = turn % 8
        blobs.put(key(name), bodies[name])
        return blobs.get(key((turn * 3) % 8)) in (None, bodies[(turn * 3) % 8])

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(work, range(160)))
    assert blobs.stats().damaged == 0
    assert blobs.stats().bytes == sum(path.stat().st_size for path in files(tmp_path)) <= 40_000


def test_a_full_disk_turns_writing_off_with_one_sentence_and_then_on_again(tmp_path, caplog):
    now = [0.0]
    blobs = opened(tmp_path, clock=lambda: now[0])
    blobs.put(key("small"), b"small")
    with caplog.at_level(logging.WARNING), no_file_beyond(65536):
        assert not blobs.put(key(1), bytes(100_000))
        assert not blobs.writable
        assert not blobs.put(key(2), b"x")
        now[0] = AGAIN_SECONDS
        assert not blobs.put(key(1), bytes(100_000))
    assert len(caplog.records) == 1
    assert "Nothing is kept on disk" in blobs.stats().why_off
    assert blobs.get(key("small")) == b"small"
    assert len(files(tmp_path)) == 1
    now[0] = 2 * AGAIN_SECONDS
    assert blobs.put(key(1), bytes(100_000))
    assert blobs.stats().why_off == ""


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path):
    (tmp_path / "file").write_text("")
    blobs = opened(tmp_path / "file" / "blobs")
    assert not blobs.put(key(1), b"x")
    assert blobs.get(key(1)) is None
    assert "not a directory" in blobs.stats().why_off
    assert blobs.clear() == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_still_read(tmp_path):
    opened(tmp_path).put(key(1), b"sound")
    (tmp_path / key(1)[:2]).chmod(0o500)
    tmp_path.chmod(0o500)
    try:
        blobs = opened(tmp_path)
        assert blobs.get(key(1)) == b"sound"
        assert not blobs.put(key(2), b"x")
    finally:
        tmp_path.chmod(0o700)
        (tmp_path / key(1)[:2]).chmod(0o700)


def test_clear_removes_also_what_another_process_wrote(tmp_path):
    blobs, other = opened(tmp_path), opened(tmp_path)
    blobs.put(key(1), bytes(100))
    other.put(key(2), bytes(100))
    assert blobs.clear() == 2 * 116
    assert files(tmp_path) == []
    assert other.get(key(2)) is None
    assert (blobs.stats().bytes, blobs.stats().count) == (0, 0)


def test_a_megabyte_is_got_within_five_milliseconds(tmp_path):
    blobs = opened(tmp_path, 10_000_000)
    blobs.put(key(1), os.urandom(1_000_000))
    took = []
    for _ in range(20):
        begun = time.perf_counter()
        assert blobs.get(key(1)) is not None
        took.append(time.perf_counter() - begun)
    assert min(took) < 0.005
