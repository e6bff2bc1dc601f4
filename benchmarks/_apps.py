"""`python app.py` as benchmarks need it: with scripted engines behind the worker wire, on cores of their choice, in a
folder that is thrown away. Knows nothing of what is measured."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).parent.parent
START_SECONDS = 120.0
SCRIPTED = {
    "VOICEFORGE_SCRIPTED": "1", "STT_ENGINE": "scripted-stt", "TTS_ENGINE": "scripted-tts",
    "LLM_ENGINE": "scripted-llm", "VOICEFORGE_CACHE_MB": "0", "VOICEFORGE_MAX_CONVERSATIONS": "1000",
    "VOICEFORGE_ACCESS": "key", "HOST": "127.0.0.1", "LOG_LEVEL": "WARNING",
}  # fmt: skip


@dataclass(frozen=True)
class House:
    """What processes that belong together share."""

    folder: str
    key: str
    """Of its administrator."""


@dataclass(frozen=True)
class App:
    port: int
    pid: int
    key: str


@contextmanager
def house() -> Iterator[House]:
    with tempfile.TemporaryDirectory() as folder:
        yield House(folder, secrets.token_hex(16))


@asynccontextmanager
async def app(
    house: House,
    *,
    core: int | None = None,
    before: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[App]:
    """One process that answers, with its workers on `core` where one is given, behind the command `before`.

    Raises TimeoutError, RuntimeError.
    """
    port = free_port()
    own = {"PORT": str(port), "VOICEFORGE_DATA_DIR": house.folder, "VOICEFORGE_ADMIN_KEY": house.key}
    pinned = ("taskset", "-c", str(core)) if core is not None else ()
    process = await asyncio.create_subprocess_exec(
        *pinned, *before, sys.executable, "app.py", cwd=ROOT, env=os.environ | SCRIPTED | own | dict(environment or {})
    )
    try:
        await _answers(port, process)
        yield App(port, process.pid, house.key)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _answers(port: int, process: asyncio.subprocess.Process) -> None:
    async with httpx.AsyncClient() as client:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if process.returncode is not None:
                raise RuntimeError(f"the app ended with {process.returncode} before it answered")
            try:
                if (await client.get(f"http://127.0.0.1:{port}/health")).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.2)
    raise TimeoutError(f"the app did not answer within {START_SECONDS:.0f} s")
