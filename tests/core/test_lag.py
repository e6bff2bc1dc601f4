"""How late a loop is, on a clock that the test moves."""

import asyncio

from core.lag import Lag, LoopLag


class Clock:
    """Every sleep takes what is asked, and as much longer as the script says."""

    def __init__(self, late: list[float]):
        self.now, self.late = 0.0, list(late)
        self.over = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        if not self.late:
            self.over.set()
            await asyncio.Event().wait()
        self.now += seconds + self.late.pop(0)


async def watched(late: list[float], interval: float = 0.1) -> Lag:
    clock = Clock(late)
    lag = LoopLag(lambda: clock.now, clock.sleep, interval)
    lag.start()
    await clock.over.wait()
    await lag.close()
    return lag.now()


async def test_percentiles_are_those_of_the_samples():
    lag = await watched([0.001] * 98 + [0.050, 0.200])
    assert [round(value, 3) for value in (lag.p50, lag.p99, lag.most)] == [0.001, 0.05, 0.2]
    assert lag.samples == 100


async def test_only_the_last_minute_counts():
    lag = await watched([5.0] * 10 + [0.002] * 60, interval=1.0)
    assert (round(lag.most, 6), lag.samples) == (0.002, 60)


def test_nothing_is_known_before_the_first_sample():
    assert LoopLag().now() == Lag(0.0, 0.0, 0.0, 0)


async def test_a_loop_that_is_kept_busy_is_seen():
    loop, lag = asyncio.get_running_loop(), LoopLag(interval=0.001)
    lag.start()
    await asyncio.sleep(0.005)
    until = loop.time() + 0.05
    while loop.time() < until:
        pass
    await asyncio.sleep(0.005)
    await lag.close()
    assert lag.now().most > 0.03


async def test_closing_ends_the_task():
    lag = LoopLag()
    lag.start()
    await lag.close()
    assert [task for task in asyncio.all_tasks() if task.get_name() == "loop lag"] == []
