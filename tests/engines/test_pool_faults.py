"""What a caller sees when an engine misbehaves, and that nothing of it is left."""

import asyncio
import logging
import os
import random
import signal
import sys
import threading
import time
from contextlib import aclosing, suppress
from pathlib import Path

import pytest

from core.errors import (
    BadRequest,
    CircuitOpen,
    EngineError,
    EngineTimeout,
    NotDownloaded,
    NotInstalled,
    OutOfMemory,
    VoiceForgeError,
    WorkerDied,
)
from engines.base import SynthesisRequest
from tests.engines._running import Clock, alive, running, said, until

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parent.parent.parent


async def test_a_worker_that_dies_before_the_first_chunk_is_replaced_unseen(tmp_path):
    async with running(tmp_path) as pool:
        chunks = await said(pool, f"do=kill once={tmp_path / 'once'} chunks=3")
        assert [chunk.words[0].text for chunk in chunks] == ["0", "1", "2"]
        assert pool.figure("retries_total", "speaker") == 1
        assert pool.figure("loads_total", "speaker") == 2


async def test_a_worker_that_dies_after_the_first_chunk_is_an_error_and_the_next_request_is_served(tmp_path, caplog):
    async with running(tmp_path) as pool:
        async with aclosing(pool.stream("speaker", SynthesisRequest("chunks=5 at=2 do=kill", ""))) as answers:
            assert [(await anext(answers)).words[0].text for _ in range(2)] == ["0", "1"]
            with pytest.raises(WorkerDied, match="stopped"):
                await anext(answers)
        assert len(await said(pool)) == 1
        assert pool.figure("crashes_total", "speaker") == 1
        await until(lambda: "SIGKILL" in caplog.text)


async def test_every_request_of_a_worker_that_dies_is_told_once_and_it_is_one_crash(tmp_path):
    async with running(tmp_path, retries=0) as pool:
        await pool.warm("crowd")
        outcomes = await asyncio.gather(
            *(said(pool, "chunks=1000 wait=0.01", "crowd") for _ in range(5)),
            said(pool, "chunks=5 wait=0.01 at=4 do=kill", "crowd"),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes] == [WorkerDied] * 6
        assert pool.figure("crashes_total", "crowd") == 1
        assert pool.running("crowd") == 0


async def test_a_worker_killed_while_idle_is_replaced_unseen(tmp_path):
    async with running(tmp_path) as pool:
        await said(pool)
        os.kill(pool.workers("speaker")[0].pid, signal.SIGKILL)
        assert len(await said(pool)) == 1
        assert pool.figure("loads_total", "speaker") == 2


async def test_a_worker_killed_while_it_loads_is_tried_once_more(tmp_path):
    options = {"speaker": {"load": "kill", "once": str(tmp_path / "once")}}
    async with running(tmp_path, options=options) as pool:
        assert len(await said(pool)) == 1
        assert pool.figure("crashes_total", "speaker") == 1


@pytest.mark.parametrize(
    ("order", "error"),
    [("kill", WorkerDied), ("exit", WorkerDied), ("raise", EngineError), ("oom", OutOfMemory), ("memory", OutOfMemory),
     ("missing", NotDownloaded), ("import", NotInstalled), ("hang", EngineTimeout)],
)  # fmt: skip
async def test_an_engine_that_does_not_load_says_why(tmp_path, order, error):
    timeout = 0.5 if order == "hang" else 20.0
    async with running(tmp_path, options={"speaker": {"load": order}}, retries=0, load_timeout=timeout) as pool:
        with pytest.raises(VoiceForgeError) as caught:
            await said(pool)
        assert type(caught.value) is error
        assert "/" not in caught.value.message
        assert pool.running("speaker") == 0
        assert pool.state()[-1].last_error == caught.value.message


async def test_everybody_who_waits_for_a_failing_load_is_told(tmp_path):
    async with running(tmp_path, options={"crowd": {"load": "import"}}) as pool:
        outcomes = await asyncio.gather(*(said(pool, "", "crowd") for _ in range(7)), return_exceptions=True)
        assert [str(outcome) for outcome in outcomes] == ["Install it with: pip install faulty"] * 7
        assert pool.running("crowd") == 0


@pytest.mark.parametrize(
    ("order", "error", "message"),
    [("raise", EngineError, "The engine failed"), ("value", BadRequest, "The text cannot be spoken."),
     ("sys.exit", EngineError, "The engine failed")],
)  # fmt: skip
async def test_a_worker_outlives_what_its_engine_raises(tmp_path, order, error, message):
    async with running(tmp_path) as pool:
        with pytest.raises(VoiceForgeError, match=message) as caught:
            await said(pool, f"chunks=3 at=1 do={order}")
        assert type(caught.value) is error
        assert len(await said(pool)) == 1
        assert pool.figure("loads_total", "speaker") == 1
        assert pool.figure("crashes_total", "speaker") == 0


@pytest.mark.parametrize("order", ["memory", "oom"])
async def test_a_worker_that_ran_out_of_memory_is_replaced(tmp_path, order):
    async with running(tmp_path) as pool:
        with pytest.raises(OutOfMemory):
            await said(pool, f"do={order}")
        assert len(await said(pool)) == 1
        assert pool.figure("loads_total", "speaker") == 2
        assert pool.figure("oom_total", "speaker") == 1


async def test_an_engine_that_ends_its_process_is_an_error(tmp_path):
    async with running(tmp_path) as pool:
        with pytest.raises(WorkerDied):
            await said(pool, "chunks=3 at=1 do=exit")


async def test_what_a_library_prints_disturbs_nobody(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    async with running(tmp_path) as pool:
        assert len(await said(pool, "chunks=3 at=1 do=print")) == 3
        await until(lambda: "and from C" in pool.workers("speaker")[0].tail)
        assert "hello from a library" in caplog.text
        assert max(map(len, pool.workers("speaker")[0].tail)) <= 1000


@pytest.mark.parametrize("order", ["hang", "freeze"])
async def test_an_engine_that_hangs_between_chunks_is_ended_in_time(tmp_path, order):
    async with running(tmp_path, chunk_timeout=0.3, ping_interval=0.02) as pool:
        with pytest.raises(EngineTimeout):
            await said(pool, f"chunks=3 at=1 do={order}")
        assert len(await said(pool)) == 1


async def test_the_first_chunk_has_a_limit_of_its_own(tmp_path):
    async with running(tmp_path, first_timeout=0.2) as pool:
        with pytest.raises(EngineTimeout):
            await said(pool, "do=hang")


async def test_a_worker_that_freezes_while_idle_is_replaced(tmp_path):
    async with running(tmp_path, ping_interval=0.05, first_timeout=5.0) as pool:
        await said(pool)
        frozen = pool.workers("speaker")[0].pid
        os.kill(frozen, signal.SIGSTOP)
        await until(lambda: not pool.workers("speaker"))
        await until(lambda: not alive(frozen))
        assert len(await said(pool)) == 1


async def test_a_poisonous_request_opens_the_circuit_which_closes_after_a_minute(tmp_path):
    clock = Clock()
    async with running(tmp_path, clock) as pool:
        with pytest.raises(WorkerDied):
            await said(pool, "do=kill")
        clock.now += 10
        with pytest.raises((WorkerDied, CircuitOpen)):
            await said(pool, "do=kill")
        with pytest.raises(CircuitOpen, match="rests") as caught:
            await said(pool)
        assert caught.value.retry_after == pytest.approx(50)
        assert pool.state()[-1].circuit == "open"
        assert pool.down("speaker") == caught.value.message
        assert pool.down("another") == ""
        assert pool.figure("loads_total", "speaker") == 3
        clock.now += 51
        assert len(await said(pool)) == 1
        assert pool.state()[-1].circuit == "closed"
        assert pool.down("speaker") == ""


async def test_cancelling_stops_the_engine_and_frees_its_place(tmp_path):
    async with running(tmp_path) as pool:
        answers = pool.stream("speaker", SynthesisRequest("chunks=100000 wait=0.005", ""))
        await anext(answers)
        begun = time.monotonic()
        await answers.aclose()
        assert time.monotonic() - begun < 0.1
        await until(lambda: pool.running("speaker") == 0)
        assert pool.figure("cancels_total", "speaker") == 1
        assert len(await said(pool)) == 1
        assert pool.figure("loads_total", "speaker") == 1


async def test_an_engine_that_does_not_listen_is_ended(tmp_path):
    async with running(tmp_path, cancel_timeout=0.1) as pool:
        answers = pool.stream("speaker", SynthesisRequest("chunks=3 at=1 do=hang deaf=1", ""))
        await anext(answers)
        pid = pool.workers("speaker")[0].pid
        await answers.aclose()
        await until(lambda: pool.running("speaker") == 0 and not alive(pid))
        assert len(await said(pool)) == 1


async def test_cancelling_the_only_request_of_a_cold_engine_lets_it_load_for_the_next(tmp_path):
    async with running(tmp_path, options={"speaker": {"load_seconds": 0.2}}) as pool:
        asked = asyncio.create_task(said(pool))
        await until(lambda: pool.state()[-1].loading)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        assert pool.running("speaker") == 0
        assert len(await said(pool)) == 1
        assert pool.figure("loads_total", "speaker") == 1


async def test_closing_while_an_engine_loads_leaves_no_process(tmp_path):
    others = set(descendants(os.getpid()))
    async with running(tmp_path, options={"speaker": {"load": "hang"}}) as pool:
        asked = asyncio.create_task(said(pool))
        await until(lambda: set(descendants(os.getpid())) - others)
        pids = set(descendants(os.getpid())) - others
        await pool.close()
        assert not any(alive(pid) for pid in pids)
        with pytest.raises(VoiceForgeError):
            await asked


async def test_a_request_may_be_cancelled_before_it_starts_and_after_its_end(tmp_path):
    async with running(tmp_path) as pool:
        await pool.stream("speaker", SynthesisRequest("", "")).aclose()
        answers = pool.stream("speaker", SynthesisRequest("", ""))
        assert len([answer async for answer in answers]) == 1
        await answers.aclose()
        assert pool.running("speaker") == 0
        assert pool.figure("cancels_total", "speaker") == 0


async def test_two_hundred_random_cancellations_leave_nothing(tmp_path):
    draw = random.Random(7)
    async with running(tmp_path, max_queue=300) as pool:
        await said(pool, "", "crowd")
        worker = pool.workers("crowd")[0]
        before = held(worker.pid)

        async def one(number: int):
            """Every other one is given up at some moment, the rest after some chunks."""
            request = SynthesisRequest(f"chunks=20 wait={draw.choice((0, 0.001, 0.01))}", "")
            with suppress(TimeoutError):
                async with asyncio.timeout(draw.random() * 0.3 if number % 2 else None):
                    async with aclosing(pool.stream("crowd", request)) as answers:
                        for _ in range(draw.randrange(1, 6)):
                            await anext(answers)

        await asyncio.gather(*(one(number) for number in range(200)))
        await until(lambda: pool.running("crowd") == 0)
        assert worker.running == 0
        assert pool.workers("crowd") == [worker]
        assert pool.figure("cancels_total", "crowd") >= 100
        await until(lambda: all(now <= then for now, then in zip(held(worker.pid), before, strict=True)))
        assert len(await said(pool, "chunks=3", "crowd")) == 3


async def test_a_reader_that_stalls_costs_neither_side_memory(tmp_path):
    async with running(tmp_path) as pool:
        answers = pool.stream("speaker", SynthesisRequest("chunks=100000", ""))
        await anext(answers)
        worker = pool.workers("speaker")[0]
        here, there = resident(os.getpid()), resident(worker.pid)
        await until(lambda: blocked(worker.pid))
        assert resident(os.getpid()) - here < 8
        assert resident(worker.pid) - there < 8
        await answers.aclose()
        await until(lambda: pool.running("speaker") == 0)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
async def test_workers_and_what_they_started_end_with_the_app(tmp_path, how):
    script = (
        "import asyncio, signal, sys; from pathlib import Path\n"
        "from engines.pool import Pool, PoolConfig; from tests.engines._faulty import ENGINES\n"
        "from tests.engines._running import said\n"
        # Who is started in the background of a shell is born deaf to it.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "async def main():\n"
        "    pool = Pool(PoolConfig(run_dir=Path(sys.argv[1])), engines=ENGINES); await pool.start()\n"
        "    await said(pool, 'do=child'); print('ready', flush=True); await asyncio.sleep(1000)\n"
        "asyncio.run(main())\n"
    )
    app = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(tmp_path / "run"), cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert app.stdout
    assert await app.stdout.readline() == b"ready\n"
    family = descendants(app.pid)
    assert len(family) == 2
    app.send_signal(how)
    await app.wait()
    await until(lambda: not any(living(pid) for pid in family))


def descendants(pid: int) -> set[int]:
    parents = {int(path.name): _field(path, 1) for path in Path("/proc").iterdir() if path.name.isdecimal()}
    found, more = set(), {pid}
    while more := {child for child, parent in parents.items() if parent and int(parent) in more}:
        found |= more
    return found


def living(pid: int) -> bool:
    return _field(Path(f"/proc/{pid}"), 0) not in ("", "Z", "X")


def blocked(pid: int) -> bool:
    """Whether no thread of the process has anything to do."""
    tasks = list(Path(f"/proc/{pid}/task").iterdir())
    return all(_field(task, 0) == "S" for task in tasks)


def resident(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def held(pid: int) -> tuple[int, int, int]:
    """Open files here and there, and threads here."""
    return len(os.listdir("/proc/self/fd")), len(os.listdir(f"/proc/{pid}/fd")), threading.active_count()


def _field(process: Path, number: int) -> str:
    """A field of /proc/*/stat after the name, empty for a process that has left."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[number]
    except (FileNotFoundError, ProcessLookupError):
        return ""
