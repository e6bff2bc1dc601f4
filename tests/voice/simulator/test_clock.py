"""Virtual time: it skips, it keeps its order, and it does not wait for ever."""

from __future__ import annotations

import asyncio
import time

import pytest

from voice.simulator import clock


def test_hours_take_no_time():
    async def work() -> float:
        await asyncio.sleep(3600)
        await clock.sleeping()(1800)
        return asyncio.get_running_loop().time()

    begun = time.monotonic()
    assert clock.run(work()) == 5400
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("sleep", ["asyncio", "loop"])
def test_who_went_to_sleep_first_wakes_first(sleep):
    woken: list[int] = []

    async def sleeper(number: int) -> None:
        await (asyncio.sleep if sleep == "asyncio" else clock.sleeping())(1.0)
        woken.append(number)

    async def work() -> None:
        await asyncio.gather(*(sleeper(number) for number in range(20)))

    clock.run(work())
    assert woken == list(range(20))


def test_a_timeout_is_cancelled_and_moves_no_clock():
    async def work() -> float:
        async with asyncio.timeout(100):
            await asyncio.sleep(1)
        task = asyncio.create_task(asyncio.sleep(50))
        waits = asyncio.ensure_future(clock.sleeping()(60))
        await asyncio.sleep(0)
        task.cancel()
        waits.cancel()
        await asyncio.wait((task, waits))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await asyncio.sleep(5)
        return asyncio.get_running_loop().time()

    assert clock.run(work()) == 3


def test_who_waits_for_nobody_is_told_so():
    async def work() -> None:
        await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match="Everybody waits"):
        clock.run(work())
