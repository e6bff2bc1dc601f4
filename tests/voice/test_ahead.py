import asyncio
from contextlib import aclosing

import pytest

from tests.let_go import let_go
from voice._ahead import Ahead, one_ahead


class Steps:
    """An endless source that counts how often it was asked, and knows whether it is closed."""

    def __init__(self, most: int = 1000, error: Exception | None = None):
        self.given, self.closed, self.most, self.error = 0, False, most, error

    async def run(self):
        try:
            while self.given < self.most:
                self.given += 1
                yield self.given
            if self.error:
                raise self.error
        finally:
            self.closed = True


async def settled():
    for _ in range(10):
        await asyncio.sleep(0)


async def test_all_is_taken_at_once_and_kept_in_order():
    steps = Steps(5)
    ahead = Ahead(steps.run())
    await settled()
    assert (steps.given, steps.closed) == (5, True)
    assert [item async for item in ahead] == [1, 2, 3, 4, 5]


async def test_an_error_comes_after_what_was_given():
    items = aiter(Ahead(Steps(2, OSError("broken")).run()))
    assert [await anext(items), await anext(items)] == [1, 2]
    with pytest.raises(OSError, match="broken"):
        await anext(items)


async def test_an_error_nobody_waited_for_is_not_reported_later():
    ahead = Ahead(Steps(0, OSError("broken")).run())
    await settled()
    ahead.cancel()
    await ahead.closed()


async def test_one_item_is_under_way_while_one_is_read():
    steps = Steps()
    async with aclosing(one_ahead(steps.run())) as items:
        assert await anext(items) == 1
        await settled()
        assert steps.given == 2
        assert await anext(items) == 2
        await settled()
        assert steps.given == 3
    assert steps.closed


async def test_closing_cancels_what_is_under_way():
    closed = False

    async def stuck():
        nonlocal closed
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            closed = True

    async with aclosing(one_ahead(stuck())) as items:
        assert await anext(items) == 1
        await settled()
    assert closed


async def test_the_source_s_error_arrives():
    async with aclosing(one_ahead(Steps(1, OSError("broken")).run())) as items:
        assert await anext(items) == 1
        with pytest.raises(OSError, match="broken"):
            await anext(items)


async def test_who_holds_one_that_was_cancelled_is_let_go_of_though_nobody_waited_for_its_end():
    class Holder:
        def __init__(self):
            self.ahead = Ahead(self.run())

        async def run(self):
            yield 1
            await asyncio.Event().wait()

    with let_go(Holder, Ahead) as left:
        holder = Holder()
        await settled()
        holder.ahead.cancel()
        await settled()
        del holder
        assert left(0) == []
