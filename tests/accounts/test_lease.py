"""However a request ends, its row is kept once and its slot is given back once."""

import asyncio
import gc
import logging
import threading

import pytest

from accounts.accounts import Accounts
from accounts.lease import Usage
from accounts.principal import Limits
from core.errors import StorageError
from core.metrics import Metrics
from core.settings import Settings
from storage.db import Storage
from tests.accounts.conftest import ADMIN

pytestmark = pytest.mark.unit


@pytest.fixture
async def caller(accounts, admin):
    """May have one request running."""
    made = await accounts.create_key(admin, "Kitchen", ["speech", "usage"], limits=Limits(concurrent=1))
    return await accounts.identify(made.secret)


async def rows(accounts, caller) -> list[tuple[str, int]]:
    return [(row.status, row.characters) for row in await accounts.recent(caller)]


async def free(accounts, caller) -> bool:
    """Whether his one slot is free."""
    async with await accounts.admit(caller, "speech") as lease:
        await lease.settle(Usage())
    return True


async def test_settled_twice_is_settled_once(accounts, caller):
    async with await accounts.admit(caller, "speech", characters=5) as lease:
        await lease.settle(Usage(characters=5))
        await lease.settle(Usage(characters=50), "failed")
    assert await rows(accounts, caller) == [("ok", 5)]
    assert await free(accounts, caller)


async def test_left_by_an_exception_nothing_was_used(accounts, caller):
    with pytest.raises(ZeroDivisionError):
        async with await accounts.admit(caller, "speech", characters=5):
            _ = 1 / 0
    assert await rows(accounts, caller) == [("failed", 0)]
    assert await free(accounts, caller)


async def test_left_without_a_word(accounts, caller):
    async with await accounts.admit(caller, "speech", characters=5):
        pass
    assert await rows(accounts, caller) == [("failed", 0)]


async def test_cancelled_all_of_the_estimate_was_used(accounts, caller):
    begun = asyncio.Event()

    async def speak() -> None:
        async with await accounts.admit(caller, "speech", characters=5):
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(speak())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await rows(accounts, caller) == [("cancelled", 5)]
    assert await free(accounts, caller)


async def test_a_generator_that_is_closed_was_cancelled(accounts, caller):
    async def chunks():
        async with await accounts.admit(caller, "speech", characters=5):
            yield b"one"
            yield b"two"

    answer = chunks()
    assert await anext(answer) == b"one"
    await answer.aclose()
    assert await rows(accounts, caller) == [("cancelled", 5)]


async def test_cancelled_while_it_settles_the_row_is_kept(tmp_path, accounts, caller):
    go, begun = threading.Event(), threading.Event()

    def wait(database) -> None:
        begun.set()
        go.wait(10)

    accounts._storage.post(wait)
    await asyncio.to_thread(begun.wait, 10)
    lease = await accounts.admit(caller, "speech", characters=5)
    settling = asyncio.create_task(lease.settle(Usage(characters=5)))
    await asyncio.sleep(0)
    settling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await settling
    go.set()
    assert await free(accounts, caller)
    assert ("ok", 5) in await rows(accounts, caller)


async def test_an_answer_that_was_never_begun(accounts, caller):
    await accounts.admit(caller, "speech", characters=5)  # its client left before the first byte
    gc.collect()
    await asyncio.sleep(0)
    assert await free(accounts, caller)
    assert ("cancelled", 5) in await rows(accounts, caller)


async def test_fifty_at_once_are_all_kept(accounts, admin):
    async def speak(number: int) -> None:
        async with await accounts.admit(admin, "speech", request_id=f"req_{number}") as lease:
            await lease.settle(Usage(characters=1))

    await asyncio.gather(*(speak(number) for number in range(50)))
    assert {row.request_id for row in await accounts.recent(admin)} == {f"req_{number}" for number in range(50)}


async def test_a_database_that_is_gone_fails_the_request_and_frees_the_slot(tmp_path, clock, caplog):
    storage = Storage.open("", tmp_path)
    settings = Settings(data_dir=tmp_path, access="key", admin_key=ADMIN)
    accounts = Accounts(storage, settings, clock=clock)
    await accounts.start()
    admin = await accounts.identify(ADMIN)
    lease = await accounts.admit(admin, "speech")
    storage.close()
    with pytest.raises(StorageError, match="closed"):
        async with lease:
            await lease.settle(Usage())
    with caplog.at_level(logging.ERROR), pytest.raises(ZeroDivisionError):
        async with await accounts.admit(admin, "speech"):
            _ = 1 / 0
    assert "could not be kept" in caplog.text
    assert accounts._running.running("admin") == 0


async def test_what_is_counted_for_the_operator(tmp_path, clock):
    storage, metrics = Storage.open("", tmp_path), Metrics()
    accounts = Accounts(storage, Settings(data_dir=tmp_path, access="open"), metrics, clock)
    await accounts.start()
    local = await accounts.identify(None)
    async with await accounts.admit(local, "speech", characters=5) as lease:
        await lease.settle(Usage("flite", "slt", 5, 2.0))
    text = metrics.text().decode()
    assert 'voiceforge_requests_total{engine="flite",op="speech",status="ok"} 1.0' in text
    assert 'voiceforge_characters_total{engine="flite"} 5.0' in text
    storage.close()
