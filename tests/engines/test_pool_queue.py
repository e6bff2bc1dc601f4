"""Turns, memory and crashes, without a process: the parts of the pool that only decide."""

import asyncio
import random
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import CircuitOpen, EngineTimeout, Overloaded, Unavailable
from engines._circuit import Circuit
from engines._lane import Lane
from engines._ledger import Ledger
from engines._process import Launch, Worker
from engines._queue import Priority, Queue
from engines._rundir import RunDir
from engines.base import EngineConfig
from tests.engines._faulty import Speaker
from tests.engines._running import until

pytestmark = pytest.mark.unit


async def test_everybody_gets_a_turn_by_priority_and_then_by_age():
    queue = Queue(places=1, reserve=1, most=10)
    await queue.enter(Priority.BATCH)
    order: list[str] = []

    async def wait(name: str, priority: Priority):
        await queue.enter(priority)
        order.append(name)
        queue.leave()

    names = [("b1", 2), ("i1", 1), ("b2", 2), ("r1", 0), ("i2", 1), ("r2", 0)]
    tasks = [asyncio.create_task(wait(name, Priority(level))) for name, level in names]
    await until(lambda: len(queue) == 6)
    queue.leave()
    await asyncio.gather(*tasks)
    assert order == ["r1", "r2", "i1", "i2", "b1", "b2"]
    assert (queue.running, len(queue)) == (0, 0)


async def test_the_reserve_is_for_realtime_but_never_the_only_place():
    queue = Queue(places=3, reserve=1, most=0)
    await queue.enter(Priority.BATCH)
    await queue.enter(Priority.INTERACTIVE)
    with pytest.raises(Overloaded) as caught:
        await queue.enter(Priority.INTERACTIVE)
    assert caught.value.retry_after
    await queue.enter(Priority.REALTIME)
    with pytest.raises(Overloaded):
        await queue.enter(Priority.REALTIME)
    await Queue(places=1, reserve=5, most=0).enter(Priority.BATCH)


async def test_who_was_admitted_before_waits_even_where_the_queue_is_full():
    queue = Queue(places=1, reserve=0, most=0)
    await queue.enter(Priority.BATCH)
    further = asyncio.create_task(queue.enter(Priority.BATCH, admitted=True))
    await until(lambda: len(queue) == 1)
    queue.leave()
    await further
    assert queue.running == 1


async def test_a_cancelled_turn_goes_to_the_next_one():
    queue = Queue(places=1, reserve=0, most=10)
    await queue.enter(Priority.BATCH)
    first, second = (asyncio.create_task(queue.enter(Priority.BATCH)) for _ in range(2))
    await until(lambda: len(queue) == 2)
    queue.leave()
    first.cancel()
    await second
    assert first.cancelled()
    assert queue.running == 1


async def test_a_waiter_who_leaves_makes_room_for_those_behind():
    """A realtime request at the head holds nobody up once it is gone."""
    queue = Queue(places=2, reserve=1, most=10)
    await queue.enter(Priority.REALTIME)
    await queue.enter(Priority.REALTIME)
    gone = asyncio.create_task(queue.enter(Priority.REALTIME, 0.001))
    with pytest.raises(EngineTimeout):
        await gone
    assert len(queue) == 0


async def test_closing_turns_away_all_who_wait():
    queue = Queue(places=1, reserve=0, most=10)
    await queue.enter(Priority.BATCH)
    waiting = asyncio.create_task(queue.enter(Priority.BATCH))
    await until(lambda: len(queue) == 1)
    queue.close(Unavailable("The app is shutting down."))
    with pytest.raises(Unavailable):
        await waiting
    assert (queue.running, len(queue)) == (1, 0)


async def test_no_place_is_lost_or_given_twice_in_a_random_crowd():
    draw = random.Random(3)
    queue, most = Queue(places=4, reserve=1, most=1000), 0

    async def one():
        nonlocal most
        try:
            await queue.enter(Priority(draw.randrange(3)), draw.choice((None, 0.0, 0.002, 1.0)))
        except EngineTimeout:
            return
        try:
            most = max(most, queue.running)
            for _ in range(draw.randrange(3)):
                await asyncio.sleep(0)
        finally:
            queue.leave()

    tasks = [asyncio.create_task(one()) for _ in range(500)]
    for task in draw.sample(tasks, 100):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (queue.running, len(queue), most) == (0, 0, 4)


def test_the_circuit_opens_at_three_crashes_in_a_minute():
    circuit = Circuit()
    for now in (0.0, 30.0, 70.0):
        circuit.record(now)
    circuit.check("x", 70.0)
    circuit.record(80.0)
    with pytest.raises(CircuitOpen, match="rests for 10 seconds") as caught:
        circuit.check("x", 80.0)
    assert caught.value.retry_after == 10.0
    circuit.check("x", 90.0)
    assert circuit.crashes == 4


def lane(name: str, memory_mb: float) -> Lane:
    return Lane(name, "", Speaker, Queue(places=1, reserve=0, most=0), 1, memory_mb)


def worker(memory_mb: float, last_used: float, running: int = 0) -> Worker:
    made = Worker(Launch("x", "x", Path(), "", EngineConfig(), {}, 1.0), Path())
    made.memory_mb, made.last_used, made.running = memory_mb, last_used, running
    return made


def test_the_idle_worker_that_was_used_longest_ago_leaves():
    ledger = Ledger(100, pinned=["pinned"])
    lanes = {name: lane(name, 10) for name in ("old", "new", "busy", "pinned")}
    for name, used, running in (("old", 5, 0), ("new", 9, 0), ("busy", 1, 1), ("pinned", 0, 0)):
        lanes[name].workers.append(worker(10, used, running))
    for expected in ("old", "new"):
        leaver = ledger.leaver(lanes)
        assert leaver
        assert leaver[0].key == expected
        leaver[0].workers.clear()
    assert ledger.leaver(lanes) is None


def test_what_is_being_loaded_counts():
    ledger = Ledger(100)
    big, small = lane("big", 60), lane("small", 50)
    lanes = {"big": big, "small": small}
    assert ledger.fits(small, lanes)
    ledger.reserve(big)
    assert ledger.used_mb(lanes) == 60
    assert not ledger.fits(small, lanes)
    ledger.settle(big)
    assert ledger.fits(small, lanes)


def test_lanes_prefer_the_least_busy_worker_that_answers():
    crowd = lane("crowd", 1)
    crowd.cls = type("Three", (Speaker,), {"spec": replace(Speaker.spec, concurrency=3)})
    crowd.workers += [worker(1, 0, running) for running in (2, 1, 3, 0)]
    crowd.workers[3].retired = True
    assert crowd.free() is crowd.workers[1]
    crowd.workers[1].misses = 1
    assert crowd.free() is crowd.workers[0]
    crowd.workers[0].running = crowd.workers[1].running = 3
    assert crowd.free() is None


def test_sockets_lie_where_only_this_user_may_look(tmp_path):
    ours = RunDir(tmp_path / "ours")
    assert ours.open().parent == tmp_path / "ours"
    assert [folder.stat().st_mode & 0o777 for folder in (ours.path, ours.path.parent)] == [0o700, 0o700]
    ours.close()
    assert [path.name for path in (tmp_path / "ours").iterdir()] == ["lock"]


def test_a_folder_that_others_may_enter_is_not_used(tmp_path):
    (tmp_path / "theirs").mkdir(mode=0o755)
    other = RunDir(tmp_path / "theirs")
    path = other.open()
    assert tmp_path not in path.parents
    other.close()
    assert not path.parent.exists()
    assert not list((tmp_path / "theirs").iterdir())
