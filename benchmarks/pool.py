"""What the worker wire and the pool cost: the first chunk against a direct call, each further chunk against a bare
socket, a herd on a cold engine, and how fast a crash and a cancellation are over."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import threading
import time
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from statistics import median

from benchmarks._harness import Report, alternate, difference, main, ratio
from core.errors import WorkerDied
from core.metrics import Metrics
from engines._packing import pack
from engines._wire import encode
from engines.base import Chunk, EngineConfig, SynthesisRequest
from engines.pool import Pool, PoolConfig
from engines.tts.scripted import Scripted

ENGINE = "scripted-tts"
SHORT = SynthesisRequest("Hello.", "tone")
CHUNKS = 10_000
CALLS = 100

# One thread, one loop, no engine: what any asyncio program pays for these bytes.
BARE = """
import asyncio, sys
async def stream(reader, writer):
    frame = await reader.readexactly(int.from_bytes(await reader.readexactly(4), "little"))
    for _ in range(%d):
        writer.write(frame)
        await writer.drain()
    writer.close()
async def echo(reader, writer):
    while data := await reader.read(1 << 18):
        writer.write(data)
        await writer.drain()
    writer.close()
async def run():
    await asyncio.start_unix_server(stream, sys.argv[1] + "/stream")
    await asyncio.start_unix_server(echo, sys.argv[1] + "/echo")
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
asyncio.run(run())
"""


async def measure(report: Report, args: Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with running(Path(folder)) as pool:
            await first_chunk(report, args.rounds, pool)
            await further_chunks(report, args.rounds, pool, Path(folder))
        await cold(report, args.rounds, Path(folder))
        await herd(report, Path(folder))
        async with running(Path(folder), step=0.001) as pool:
            await crash(report, args.rounds, pool)
            await cancel(report, args.rounds, pool)


@asynccontextmanager
async def running(folder: Path, metrics: Metrics | None = None, **options: float) -> AsyncIterator[Pool]:
    config = PoolConfig(run_dir=folder / "run", options={ENGINE: options})
    pool = Pool(config, metrics, engines={ENGINE: Scripted})
    await pool.start()
    try:
        yield pool
    finally:
        await pool.close()


async def first_chunk(report: Report, rounds: int, pool: Pool) -> None:
    """Milliseconds from the call to the first chunk; each round is the median of many calls."""
    engine, never = Scripted(EngineConfig()), threading.Event()

    def direct() -> float:
        return median(once() for _ in range(CALLS))

    def once() -> float:
        begun = time.perf_counter()
        next(engine.synthesize(SHORT, never))
        return (time.perf_counter() - begun) * 1e3

    async def through_pool() -> float:
        return median([await first_of(pool) for _ in range(CALLS)])

    await through_pool()
    ours, theirs = await alternate(rounds, through_pool, direct)
    report.figure("first_chunk_direct_ms", theirs, unit="ms")
    report.figure("first_chunk_pool_ms", ours, unit="ms")
    report.figure("first_chunk_over_direct_ms", difference(ours, theirs), unit="ms", at_most=0.5)


async def first_of(pool: Pool) -> float:
    begun = time.perf_counter()
    async with aclosing(pool.stream(ENGINE, SHORT)) as answers:
        await anext(answers)
        took = (time.perf_counter() - begun) * 1e3
        async for _ in answers:
            pass
    return took


async def further_chunks(report: Report, rounds: int, pool: Pool, folder: Path) -> None:
    """Microseconds of a chunk of 9.6 KB, many in one stream, against the same frames on bare sockets: echoed, and
    sent one way only, which is the least that any answer costs."""
    text = "The answer is in the second drawer. " * (CHUNKS // 21)
    header, body = pack(Chunk(next(Scripted(EngineConfig()).synthesize(SHORT, threading.Event())).audio))
    frame = encode(header, body) + bytes(body)

    async def ours() -> float:
        begun, count = time.perf_counter(), 0
        async with aclosing(pool.stream(ENGINE, SynthesisRequest(text, "tone"))) as answers:
            async for _ in answers:
                count += 1
        return (time.perf_counter() - begun) / count * 1e6

    async def echo() -> float:
        begun = time.perf_counter()
        reader, writer = await asyncio.open_unix_connection(folder / "echo")
        await asyncio.gather(write_all(writer, frame), read_all(reader))
        writer.close()
        return (time.perf_counter() - begun) / CHUNKS * 1e6

    async def stream() -> float:
        begun = time.perf_counter()
        reader, writer = await asyncio.open_unix_connection(folder / "stream")
        writer.write(len(frame).to_bytes(4, "little") + frame)
        await read_all(reader)
        writer.close()
        return (time.perf_counter() - begun) / CHUNKS * 1e6

    async with bare(folder):
        pooled, echoed, streamed = await alternate(rounds * 2, ours, echo, stream)
    report.figure("chunk_echo_us", echoed, unit="us")
    report.figure("chunk_one_way_us", streamed, unit="us")
    report.figure("chunk_pool_us", pooled, unit="us")
    report.figure("chunk_over_echo", ratio(pooled, echoed), at_most=2.0)
    report.figure("chunk_over_one_way", ratio(pooled, streamed))


async def write_all(writer: asyncio.StreamWriter, frame: bytes) -> None:
    for _ in range(CHUNKS):
        writer.write(frame)
        await writer.drain()


async def read_all(reader: asyncio.StreamReader) -> None:
    for _ in range(CHUNKS):
        sizes = await reader.readexactly(8)
        await reader.readexactly(int.from_bytes(sizes[:4], "little") + int.from_bytes(sizes[4:], "little"))


@asynccontextmanager
async def bare(folder: Path) -> AsyncIterator[None]:
    """A process that sends frames back with nothing but asyncio."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", BARE % CHUNKS, str(folder), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    await process.stdout.readline()
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def cold(report: Report, rounds: int, folder: Path) -> None:
    async def once() -> float:
        async with running(folder) as pool:
            return await first_of(pool)

    report.figure("cold_start_ms", [await once() for _ in range(rounds)], unit="ms")


async def herd(report: Report, folder: Path) -> None:
    metrics = Metrics()
    async with running(folder, metrics) as pool:
        await asyncio.gather(*(first_of(pool) for _ in range(20)))
    report.figure("loads_of_20_requests", loads(metrics), at_most=1, at_least=1)


def loads(metrics: Metrics) -> float:
    lines = metrics.text().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("voiceforge_loads_total"))


async def crash(report: Report, rounds: int, pool: Pool) -> None:
    """From kill -9 in the middle of a stream to the error at its reader."""

    async def once() -> float:
        async with aclosing(pool.stream(ENGINE, SynthesisRequest("a " * 100_000, "tone"))) as answers:
            await anext(answers)
            begun = time.perf_counter()
            os.kill(pool.state()[0].pids[0], signal.SIGKILL)
            try:
                async for _ in answers:
                    pass
            except WorkerDied:
                return (time.perf_counter() - begun) * 1e3
        raise AssertionError("the stream survived its worker")

    # A third crash within a minute opens the circuit.
    report.figure("crash_to_error_ms", [await once() for _ in range(min(rounds, 2))], unit="ms")


async def cancel(report: Report, rounds: int, pool: Pool) -> None:
    """From closing a stream to the engine being idle; the engine makes a chunk every millisecond."""

    async def once() -> float:
        answers = pool.stream(ENGINE, SynthesisRequest("a " * 100_000, "tone"))
        await anext(answers)
        begun = time.perf_counter()
        await answers.aclose()
        while pool.state()[0].running:  # noqa: ASYNC110 - only this benchmark wants to know
            await asyncio.sleep(0.0002)
        return (time.perf_counter() - begun) * 1e3

    report.figure("cancel_to_idle_ms", [await once() for _ in range(rounds * 5)], unit="ms")


if __name__ == "__main__":
    sys.exit(main("pool", measure))
