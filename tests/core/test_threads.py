import asyncio
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing

import pytest

from core.threads import behind_others, in_thread, step


class Source:
    """A blocking generator that says what happened to it and can be held inside a step."""

    def __init__(self, count: int = 3):
        self.count = count
        self.threads: set[int] = set()
        self.made = 0
        self.closed = threading.Event()
        self.inside = threading.Event()
        self.go = threading.Event()
        self.go.set()

    def __call__(self):
        try:
            for number in range(self.count):
                self.threads.add(threading.get_ident())
                self.inside.set()
                assert self.go.wait(5)
                self.made += 1
                yield number
        finally:
            self.threads.add(threading.get_ident())
            self.closed.set()


async def test_items_come_in_order_and_from_other_threads():
    source = Source()
    assert [item async for item in in_thread(source)] == [0, 1, 2]
    assert threading.get_ident() not in source.threads
    assert source.closed.is_set()


async def test_nothing_is_made_before_it_is_asked_for():
    source = Source()
    async with aclosing(in_thread(source)) as items:
        assert await anext(items) == 0
        assert source.made == 1


async def test_the_loop_runs_while_a_step_blocks():
    source = Source(count=1)
    source.go.clear()
    items = in_thread(source)
    step = asyncio.ensure_future(anext(items))
    await asyncio.to_thread(source.inside.wait, 5)
    assert not step.done()
    source.go.set()
    assert await step == 0
    await items.aclose()


async def test_leaving_early_closes_the_iterator_before_control_returns():
    source = Source()
    async with aclosing(in_thread(source)) as items:
        await anext(items)
    assert source.closed.is_set()
    assert source.made == 1
    assert threading.get_ident() not in source.threads


async def test_cancelling_in_the_middle_of_a_step_ends_the_step_then_closes():
    source = Source()
    source.go.clear()

    async def consume():
        async with aclosing(in_thread(source)) as items:
            async for _ in items:
                pass

    task = asyncio.create_task(consume())
    await asyncio.to_thread(source.inside.wait, 5)
    task.cancel()
    asyncio.get_running_loop().call_later(0.01, source.go.set)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert source.closed.is_set()
    assert source.made == 1


async def test_a_step_still_waiting_for_a_thread_never_runs_after_cancelling():
    with ThreadPoolExecutor(1) as one_thread:
        busy = threading.Event()
        one_thread.submit(busy.wait, 5)
        source = Source()

        async def consume():
            async with aclosing(in_thread(source, one_thread)) as items:
                await anext(items)

        task = asyncio.create_task(consume())
        await asyncio.sleep(0)
        task.cancel()
        asyncio.get_running_loop().call_later(0.01, busy.set)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert source.made == 0


async def test_an_error_in_the_iterator_arrives_as_itself():
    def broken():
        yield 1
        raise ZeroDivisionError("here")

    items = in_thread(broken)
    assert await anext(items) == 1
    with pytest.raises(ZeroDivisionError, match="here"):
        await anext(items)


async def test_an_error_in_the_factory_arrives_as_itself():
    def unmade():
        raise FileNotFoundError("gone")

    with pytest.raises(FileNotFoundError, match="gone"):
        await anext(in_thread(unmade))


async def test_an_iterator_without_close_will_do():
    assert [item async for item in in_thread(lambda: iter((1, 2)))] == [1, 2]
    async with aclosing(in_thread(lambda: iter((1, 2)))) as items:
        assert await anext(items) == 1


async def test_a_given_executor_is_used():
    def names():
        yield threading.current_thread().name

    with ThreadPoolExecutor(1, thread_name_prefix="decoder") as executor:
        assert [name async for name in in_thread(names, executor)] == ["decoder_0"]


async def test_a_step_gives_what_the_work_gives_and_raises_what_it_raises():
    assert await step(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await step(lambda: 1 // 0)


async def test_who_is_cancelled_goes_on_once_the_work_has_ended():
    inside, go, order = threading.Event(), threading.Event(), []

    def work():
        inside.set()
        assert go.wait(5)
        order.append("worked")

    async def whole():
        try:
            await step(work)
        finally:
            order.append("closed")

    task = asyncio.ensure_future(whole())
    await asyncio.to_thread(inside.wait, 5)
    task.cancel()
    asyncio.get_running_loop().call_later(0.02, go.set)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert order == ["worked", "closed"]


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no nice value of their own")
def test_a_thread_stands_behind_the_others():
    with ThreadPoolExecutor(1, initializer=behind_others) as behind, ThreadPoolExecutor(1) as usual:
        own = [threads.submit(os.getpriority, os.PRIO_PROCESS, 0).result() for threads in (behind, usual)]
    assert own[0] > own[1] == os.getpriority(os.PRIO_PROCESS, 0)
