"""One behaviour on every database: what was acknowledged is kept, and a failure stays with who caused it."""

import asyncio
import logging
import threading
from importlib.util import find_spec

import pytest

from core.errors import Conflict, NotFound, StorageError
from storage import keys, usage
from storage.db import Storage
from storage.keys import KeyRecord
from storage.usage import UsageRecord

pytestmark = pytest.mark.integration


def key(number: int, name: str = "Kitchen") -> KeyRecord:
    return KeyRecord(f"k{number}", name, f"{number:064x}", "vf_live_abcd", "wxyz", ("speech", "usage"), float(number))


class Busy:
    """Holds the writer up, so that what is written meanwhile waits together."""

    def __init__(self, storage: Storage):
        self._go, begun = threading.Event(), threading.Event()

        def wait(database) -> None:
            begun.set()
            self._go.wait(10)

        storage.post(wait)
        assert begun.wait(10)

    def end(self) -> None:
        self._go.set()


async def test_what_was_acknowledged_is_there_after_reopening(reopen):
    first = reopen()
    await first.write(keys.add, key(1))
    assert await first.read(keys.get, "k1") == key(1)
    first.close()
    assert await reopen().read(keys.get, "k1") == key(1)


async def test_a_write_that_fails_takes_no_other_with_it(storage):
    busy = Busy(storage)
    writes = [storage.write(keys.add, key(number)) for number in (1, 2, 2, 3)]
    busy.end()
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [type(None), type(None), Conflict, type(None)]
    assert await storage.read(keys.count, "") == 3


async def test_a_function_that_fails_half_way_leaves_nothing(storage):
    def half(database) -> None:
        keys.add(database, key(1))
        raise NotFound("the other half is not here")

    with pytest.raises(NotFound, match="other half"):
        await storage.write(half)
    assert await storage.read(keys.get, "k1") is None


async def test_close_does_what_was_asked_for(reopen):
    storage = reopen()
    busy = Busy(storage)
    writes = [storage.write(keys.add, key(number)) for number in range(20)]
    threading.Timer(0.01, busy.end).start()
    await asyncio.to_thread(storage.close)
    await asyncio.gather(*writes)
    assert await reopen().read(keys.count, "") == 20


async def test_a_closed_database_says_so(storage):
    storage.close()
    with pytest.raises(StorageError, match="closed"):
        await storage.write(keys.add, key(1))
    with pytest.raises(StorageError, match="closed"):
        storage.read_sync(keys.get, "k1")


async def test_a_write_cancelled_before_its_turn_is_not_done(storage):
    busy = Busy(storage)
    write = storage.write(keys.add, key(1))
    write.cancel()
    await asyncio.sleep(0)  # the loop hands the cancellation on in its next round
    busy.end()
    await storage.write(keys.add, key(2))
    assert await storage.read(keys.get, "k1") is None


async def test_peewee_stays_in_here(storage):
    def wrong(database) -> None:
        database.execute_sql("SELECT nothing FROM nowhere")

    for run in (storage.read, storage.write):
        with pytest.raises(StorageError):
            await run(wrong)
    await storage.write(keys.add, key(1))
    assert await storage.read(keys.get, "k1") is not None


async def test_a_lost_note_is_logged(storage, caplog):
    storage.write_sync(keys.add, key(1))
    with caplog.at_level(logging.WARNING):
        storage.post(keys.add, key(1))
        await storage.write(keys.touch, "k1", 5.0)
    assert "lost" in caplog.text


def test_from_scripts_without_a_loop(storage):
    storage.write_sync(usage.add, UsageRecord(1.0, "k1", "speech", characters=3))
    assert storage.read_sync(usage.recent, 10) == [UsageRecord(1.0, "k1", "speech", characters=3, id=1)]


async def test_a_full_queue_makes_writers_wait(url, tmp_path):
    roomy = Storage.open(url, tmp_path)
    storage = Storage(roomy._database, room=2)
    busy = Busy(storage)
    writes = [storage.write(keys.add, key(number)) for number in range(10)]
    done, _ = await asyncio.wait(writes, timeout=0.02)
    assert not done
    busy.end()
    await asyncio.gather(*writes)
    assert await storage.read(keys.count, "") == 10
    storage.close()
    roomy.close()


async def test_writes_that_wait_together_share_a_commit(tmp_path):
    storage = Storage.open("", tmp_path)
    statements: list[str] = []
    await storage.write(lambda database: database.connection().set_trace_callback(statements.append))
    busy = Busy(storage)
    writes = [storage.write(usage.add, UsageRecord(1.0, "k", "speech")) for _ in range(50)]
    busy.end()
    await asyncio.gather(*writes)
    storage.close()
    # the trace's own, the one that held the others up, and theirs
    assert statements.count("COMMIT") <= 3
    assert sum("INSERT INTO usage (" in statement for statement in statements) == 50


async def test_a_server_that_dropped_the_connection_is_found_again(empty_postgresql, tmp_path):
    storage = Storage.open(empty_postgresql, tmp_path)
    await storage.write(keys.add, key(1))
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    await storage.read(keys.get, "k1")
    await storage.read(lambda database: database.execute_sql(others).fetchall())
    await storage.write(keys.add, key(2))
    assert await asyncio.gather(*(storage.read(keys.count, "") for _ in range(8))) == [2] * 8
    storage.close()


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "voiceforge.db").write_bytes(b"This is a letter to my grandmother. " * 100)
    with pytest.raises(StorageError, match="cannot be opened"):
        Storage.open("", tmp_path)


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be written"):
        Storage.open("", tmp_path / "file")


def test_only_the_owner_may_read_the_file(tmp_path):
    Storage.open("", tmp_path / "new").close()
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "new" / "voiceforge.db").stat().st_mode & 0o777 == 0o600


def test_another_database_is_refused_without_its_password(tmp_path):
    with pytest.raises(StorageError) as refused:
        Storage.open("mysql://me:canary@there/db", tmp_path)
    assert "canary" not in str(refused.value)


@pytest.mark.skipif(find_spec("psycopg") is not None, reason="needs psycopg to be missing")
def test_postgresql_without_its_driver_names_the_command(tmp_path):
    with pytest.raises(StorageError, match=r"pip install 'psycopg\[binary\]'"):
        Storage.open("postgresql://me:canary@there/db", tmp_path)
