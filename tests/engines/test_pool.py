"""What a caller of the pool sees while everything goes well."""

import asyncio
from contextlib import aclosing

import numpy as np
import pytest

from audio.value import Audio
from core.errors import EngineTimeout, NotInstalled, OutOfMemory, Overloaded, TooLarge, Unavailable, UnknownModel
from engines.base import SynthesisRequest, TranscriptionRequest
from engines.pool import Pool, PoolConfig, Priority
from engines.tts.scripted import Scripted
from tests.engines._faulty import ENGINES
from tests.engines._running import Clock, alive, running, said, until

pytestmark = pytest.mark.integration


async def test_chunks_come_in_order_with_their_words(tmp_path):
    async with running(tmp_path) as pool:
        chunks = await said(pool, "chunks=40 size=2400")
        assert [chunk.words[0].text for chunk in chunks] == [str(number) for number in range(40)]
        assert all(chunk.audio.rate == 24000 for chunk in chunks)
        assert np.array_equal(chunks[-1].audio.samples, np.full(2400, 0.1, np.float32))


async def test_audio_of_minutes_crosses_and_comes_back(tmp_path):
    async with running(tmp_path) as pool:
        audio = Audio(np.ones(16000 * 600, np.float32), 16000)
        request = TranscriptionRequest(audio, prompt="héllo ☃", clips=((0.0, 1.5),), hotwords=("a",), words=True)
        async with aclosing(pool.stream("echo", request)) as answers:
            heard = [answer async for answer in answers]
        assert heard[0].text == "héllo ☃"
        assert heard[0].words[0].end == 16000 * 600
        assert heard[1].tokens == (1, 2)
        chunks = await said(pool, "size=5000000")
        assert len(chunks[0].audio.samples) == 5_000_000


async def test_a_worker_sees_only_the_environment_it_is_given_and_only_its_part_of_the_house(tmp_path):
    async with running(tmp_path, environ={"PATH": "/bin", "HF_HUB_OFFLINE": "1"}) as pool:
        request = TranscriptionRequest(Audio(np.zeros(1, np.float32), 16000))
        async with aclosing(pool.stream("echo", request)) as answers:
            *_, environ, modules = [answer.text async for answer in answers]
    assert set(environ.split()) - {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"} == {
        "PATH",
        "HF_HUB_OFFLINE",
        "OMP_NUM_THREADS",
    }
    house = {"audio", "audio.value", "engines", "engines.base", "engines.schema", "engines._packing"}
    assert set(modules.split()) == house


async def test_a_herd_on_a_cold_engine_loads_it_once(tmp_path):
    async with running(tmp_path) as pool:
        await asyncio.gather(*(said(pool, "chunks=2", "crowd") for _ in range(20)))
        assert pool.figure("loads_total", "crowd") == 1
        assert pool.running("crowd") == 0


async def test_a_second_replica_is_loaded_when_the_first_is_full(tmp_path):
    async with running(tmp_path, replicas={"speaker": 2}, reserve=0) as pool:
        await pool.warm("speaker")
        await said(pool)
        assert len(pool.workers("speaker")) == 1
        async with aclosing(pool.stream("speaker", SynthesisRequest("chunks=9999 size=24000", ""))) as first:
            await anext(first)
            await said(pool)
            assert [worker.running for worker in pool.workers("speaker")] == [1, 0]
        await until(lambda: pool.running("speaker") == 0)


async def test_realtime_overtakes_and_interactive_goes_before_batch(tmp_path):
    async with running(tmp_path) as pool:
        order: list[str] = []

        async def ask(name: str, priority: Priority):
            await said(pool, priority=priority)
            order.append(name)

        async with aclosing(pool.stream("speaker", SynthesisRequest("chunks=2 wait=0.01", ""))) as first:
            await anext(first)
            waiting = [asyncio.create_task(ask("batch", Priority.BATCH))]
            await until(lambda: pool.state()[-1].queued == 1)
            waiting.append(asyncio.create_task(ask("interactive", Priority.INTERACTIVE)))
            await until(lambda: pool.state()[-1].queued == 2)
            waiting.append(asyncio.create_task(ask("realtime", Priority.REALTIME)))
            await until(lambda: pool.state()[-1].queued == 3)
        await asyncio.gather(*waiting)
        assert order == ["realtime", "interactive", "batch"]


async def test_a_place_is_kept_for_realtime(tmp_path):
    async with running(tmp_path, max_queue=1) as pool:
        await pool.warm("crowd")
        jobs = [asyncio.create_task(said(pool, "wait=1000", "crowd", priority=Priority.BATCH)) for _ in range(8)]
        await until(lambda: pool.running("crowd") == 7)
        assert len(await said(pool, "chunks=3", "crowd", priority=Priority.REALTIME)) == 3
        with pytest.raises(Overloaded):
            await said(pool, "", "crowd", priority=Priority.BATCH)
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        await until(lambda: pool.running("crowd") == 0)


async def test_work_that_waits_beyond_its_deadline_is_dropped(tmp_path):
    async with running(tmp_path) as pool:
        async with aclosing(pool.stream("speaker", SynthesisRequest("chunks=9 wait=0.01", ""))) as first:
            await anext(first)
            with pytest.raises(EngineTimeout):
                await said(pool, deadline=0.01)
            assert pool.state()[-1].queued == 0
        assert len(await said(pool)) == 1


async def test_the_least_recently_used_idle_engine_leaves_when_memory_is_short(tmp_path):
    engines = {"echo", "speaker", "crowd"}
    async with running(tmp_path, memory_mb=250) as pool:
        await pool.warm("echo")
        await pool.warm("speaker")
        async with aclosing(pool.stream("echo", TranscriptionRequest(Audio.silence(1, 16000)))) as answers:
            await anext(answers)
        await until(lambda: pool.running("echo") == 0)
        for lane in engines:
            for worker in pool.workers(lane):
                worker.memory_mb = 100.0
        await pool.warm("crowd")
        assert {engine for engine in engines if pool.workers(engine)} == {"echo", "crowd"}
        assert pool.figure("evictions_total", "speaker") == 1


async def test_a_pinned_engine_stays_and_a_busy_one_is_waited_for(tmp_path):
    async with running(tmp_path, memory_mb=250, pinned=frozenset({"echo"})) as pool:
        await pool.warm("echo")
        async with aclosing(pool.stream("speaker", SynthesisRequest("chunks=2", ""))) as busy:
            await anext(busy)
            for worker in [*pool.workers("echo"), *pool.workers("speaker")]:
                worker.memory_mb = 100.0
            waiting = asyncio.create_task(said(pool, "", "crowd"))
            await until(lambda: next(state.loading for state in pool.state() if state.name == "crowd"))
            assert not pool.workers("crowd")
            await anext(busy)
            with pytest.raises(StopAsyncIteration):
                await anext(busy)
            assert len(await waiting) == 1
        assert pool.workers("echo")
        assert not pool.workers("speaker")


async def test_what_can_never_fit_is_refused_at_once(tmp_path):
    async with running(tmp_path, memory_mb=50) as pool:
        with pytest.raises(OutOfMemory, match="needs 100 MB"):
            await said(pool)


async def test_an_engine_that_nobody_uses_is_unloaded(tmp_path):
    clock = Clock()
    # A busy machine answers pings late, and here only the clock may end a worker.
    patient = {"ping_interval": 0.01, "ping_misses": 10_000}
    async with running(tmp_path, clock, idle_unload=900.0, pinned=frozenset({"echo"}), **patient) as pool:
        await pool.warm("speaker")
        await pool.warm("echo")
        clock.now += 899
        await until(lambda: pool.figure("rss_mb", "speaker") > 5)
        assert pool.workers("speaker")
        clock.now += 2
        await until(lambda: not pool.workers("speaker"))
        assert pool.workers("echo")


async def test_unload_lets_a_busy_worker_finish(tmp_path):
    async with running(tmp_path) as pool:
        async with aclosing(pool.stream("speaker", SynthesisRequest("chunks=3 wait=0.01", ""))) as busy:
            await anext(busy)
            await pool.unload("speaker")
            assert len([chunk async for chunk in busy]) == 2
        assert not pool.workers("speaker")
        assert len(await said(pool)) == 1


async def test_a_scripted_voice_stops_within_a_chunk(tmp_path):
    config = PoolConfig(run_dir=tmp_path / "run", options={"scripted-tts": {"step": 1000.0}})
    pool = Pool(config, engines={"scripted-tts": Scripted})
    await pool.start()
    answers = pool.stream("scripted-tts", SynthesisRequest("A sentence of some length.", "tone"))
    assert (await anext(answers)).audio.seconds == pytest.approx(0.1)
    await answers.aclose()
    await until(lambda: pool.state()[0].running == 0, 1.0)
    assert pool.state()[0].crashes == 0
    await pool.close()


async def test_the_state_tells_what_is_loaded_and_what_was_printed(tmp_path):
    async with running(tmp_path) as pool:
        await said(pool, "do=print")
        await until(lambda: "hello from a library" in pool.state()[-1].log)
        state = {state.name: state for state in pool.state()}
        assert (state["speaker"].loaded, state["speaker"].running, state["speaker"].circuit) == (1, 0, "closed")
        assert state["speaker"].memory_mb > 5
        assert state["echo"].loaded == 0


async def test_what_is_not_here_says_how_to_get_it(tmp_path):
    async with running(tmp_path, python={"other": "/no/such/python"}) as pool:
        with pytest.raises(UnknownModel):
            await said(pool, engine="nobody")
        with pytest.raises(NotInstalled, match="pip install absent"):
            await said(pool, engine="absent")
        with pytest.raises(NotInstalled, match="not installed"):
            await said(pool, engine="elsewhere")
        assert pool.figure("crashes_total", "elsewhere") == 0


async def test_an_environment_without_a_python_is_not_installed(tmp_path):
    async with running(tmp_path) as pool:
        with pytest.raises(NotInstalled, match="environment other"):
            await said(pool, engine="elsewhere")


async def test_a_request_beyond_the_wire_is_too_large_and_takes_no_place(tmp_path):
    async with running(tmp_path) as pool:
        with pytest.raises(TooLarge):
            await said(pool, "x" * 5_000_000)
        assert pool.running("speaker") == 0
        assert len(await said(pool)) == 1


async def test_a_closed_pool_turns_everybody_away(tmp_path):
    async with running(tmp_path) as pool:
        busy = pool.stream("speaker", SynthesisRequest("chunks=2 wait=1000 at=1", ""))
        hung = asyncio.create_task(anext(busy))
        await until(lambda: pool.workers("speaker") and pool.workers("speaker")[0].running)
        queued = asyncio.create_task(said(pool))
        await until(lambda: pool.state()[-1].queued)
        pid = pool.workers("speaker")[0].pid
        await pool.close()
        assert not alive(pid)
        with pytest.raises(Unavailable):
            await hung
        with pytest.raises(Unavailable):
            await queued
        with pytest.raises(Unavailable):
            await said(pool)


async def test_folders_of_dead_apps_are_swept_and_those_of_living_ones_stay(tmp_path):
    async with running(tmp_path) as first:
        (tmp_path / "run" / "dead").mkdir()
        (tmp_path / "run" / "dead" / "0.sock").touch()
        second = Pool(PoolConfig(run_dir=tmp_path / "run"), engines=ENGINES)
        await second.start()
        assert not (tmp_path / "run" / "dead").exists()
        assert len(await said(first)) == 1
        await second.close()
        assert len(await said(first)) == 1
