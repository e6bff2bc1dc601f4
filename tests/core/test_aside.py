import asyncio
import threading

import pytest

from core.aside import Aside


async def test_work_runs_in_another_thread_and_its_outcome_comes_back():
    aside = Aside("aside")

    async def where() -> int:
        return threading.get_ident()

    async def broken() -> None:
        raise ValueError("no")

    assert await aside.run(where()) == await aside.run(where()) != threading.get_ident()
    with pytest.raises(ValueError, match="no"):
        await aside.run(broken())
    await aside.close()


async def test_a_cancellation_reaches_the_work():
    aside, began, ended = Aside("aside"), threading.Event(), threading.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    running = aside.run(work())
    assert await asyncio.to_thread(began.wait, 5)
    running.cancel()
    assert await asyncio.to_thread(ended.wait, 5)
    await aside.close()


async def test_close_ends_what_runs_and_the_thread():
    aside, began, ended = Aside("aside to be closed"), threading.Event(), threading.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    running = aside.run(work())
    assert await asyncio.to_thread(began.wait, 5)
    await aside.close()
    assert ended.is_set()
    assert "aside to be closed" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_nothing_is_begun_where_nothing_runs():
    before = threading.active_count()
    await Aside("aside").close()
    assert threading.active_count() <= before + 1
