"""What HTTP costs over asking an engine directly, with 50 callers, and whether a long text is heard as soon as a short.

The server is `python app.py`, the callers are another process; the engine plays a script, so the difference is ours.
"""

import asyncio
import os
import secrets
import socket
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks._callers import FIRST, STEP, Connection
from benchmarks._harness import Report, alternate, difference, main, percentile, ratio
from benchmarks._ordered import Ask, ordered

ROOT = Path(__file__).parent.parent
CALLERS = 50
SENTENCE = "The quick brown fox jumps over the lazy dog."
HOUR = " ".join([SENTENCE] * 1340)
"""60,000 characters, which take about an hour to say."""


async def measure(report: Report, args: Namespace) -> None:
    async with server() as (port, key):
        await fifty_callers(report, args, port, key)
        await long_text(report, args, port, key)


async def fifty_callers(report: Report, args: Namespace, port: int, key: str) -> None:
    """Percentiles over HTTP less the same percentiles of direct calls, round by round, each round ten seconds."""
    direct: list[dict[str, Any]] = []
    http: list[dict[str, Any]] = []
    async with callers(port, key) as ask:
        order = {"callers": CALLERS, "each": 3 if args.short else 5, "pause_seconds": 1.0, "text": SENTENCE}
        for way in ("direct", "http"):
            await ask(order | {"way": way, "each": 2})
        for _ in range(args.rounds):
            direct.append(await ask(order | {"way": "direct"}))
            http.append(await ask(order | {"way": "http"}))
    for part, name in (("first", "first_audio"), ("whole", "whole_answer")):
        for percent, most in ((50, 2), (99, 10)):
            ours, bare = ([percentile(one[part], percent) for one in way] for way in (http, direct))
            report.figure(f"{name}_over_p{percent}_ms", difference(ours, bare), unit="ms", at_most=most)
            report.figure(f"{name}_direct_p{percent}_ms", bare, unit="ms")
    report.figure("requests", sum(len(one["whole"]) for one in http))
    report.figure("lost", sum(one["lost"] for one in http), at_most=0)


async def long_text(report: Report, args: Namespace, port: int, key: str) -> None:
    """An hour of text and one sentence in turn, by the engine that speaks when nobody chooses, each hung up on at its
    first audio."""

    async def first(text: str) -> float:
        connection = Connection(port, key, "tts-1", "alloy")
        await connection.open()
        taken = await connection.call(text, until_first=True)
        await asyncio.sleep(0.2)
        return taken.first

    for text in (SENTENCE, HOUR):
        await first(text)
    short, hour = await alternate(args.rounds * 4, lambda: first(SENTENCE), lambda: first(HOUR))
    report.figure("sentence_first_audio_ms", short, unit="ms")
    report.figure("hour_first_audio_ms", hour, unit="ms")
    report.figure("hour_over_sentence", ratio(hour, short), at_most=1.2)


@asynccontextmanager
async def server() -> AsyncIterator[tuple[int, str]]:
    """`python app.py` with scripted engines and a key without limits: its port and the key."""
    admin = secrets.token_hex(16)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        own = {"VOICEFORGE_SCRIPTED": "1", "VOICEFORGE_ACCESS": "key", "VOICEFORGE_ADMIN_KEY": admin}
        own |= {"VOICEFORGE_SCRIPTED_DELAYS": f"{FIRST},{STEP}", "VOICEFORGE_CACHE_MB": "0"}
        own |= {"HOST": "127.0.0.1", "PORT": str(port), "VOICEFORGE_DATA_DIR": folder, "LOG_LEVEL": "WARNING"}
        process = await asyncio.create_subprocess_exec(sys.executable, "app.py", cwd=ROOT, env=os.environ | own)
        try:
            yield port, await _made_key(port, admin, process)
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def _made_key(port: int, admin: str, process: asyncio.subprocess.Process) -> str:
    """Wait until the server answers, and make a key."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers={"x-api-key": admin}) as client:
        until = time.monotonic() + 120
        while time.monotonic() < until and process.returncode is None:
            try:
                if (await client.get("/ready")).status_code == 200:
                    break
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.2)
        response = await client.post("/v1/keys", json={"name": "callers", "limits": {"requests_per_minute": 1_000_000}})
        return response.raise_for_status().json()["secret"]


def callers(port: int, key: str) -> AbstractAsyncContextManager[Ask]:
    """Their process."""
    return ordered("benchmarks._callers", port, key)


if __name__ == "__main__":
    sys.exit(main("http", measure, rounds=7, short=2))
