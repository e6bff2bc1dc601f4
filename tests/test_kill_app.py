"""The app itself is killed in the middle of everything: what it has acknowledged is there when it opens again."""

import asyncio
import os
import random
import signal
import sqlite3
import sys
from pathlib import Path

import httpx
import pytest

from tests.browser.app import free_port

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROOT = Path(__file__).parent.parent
ADMIN = "an admin key for the app that dies"
KILLS = 20 if os.environ.get("VOICEFORGE_LONG") else 2


class Acknowledged:
    """What the app said it has done."""

    def __init__(self):
        self.keys: set[str] = set()
        self.requests: set[str] = set()


async def start(port: int, folder: Path) -> asyncio.subprocess.Process:
    own = {"PORT": str(port), "VOICEFORGE_DATA_DIR": str(folder), "VOICEFORGE_ACCESS": "key", "HOST": "127.0.0.1"}
    own |= {"VOICEFORGE_ADMIN_KEY": ADMIN, "VOICEFORGE_SCRIPTED": "1", "LOG_LEVEL": "ERROR"}
    return await asyncio.create_subprocess_exec(
        sys.executable, "app.py", cwd=ROOT, env=os.environ | own, start_new_session=True
    )


async def ready(client: httpx.AsyncClient, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(60):
        while True:
            assert process.returncode is None, "the app does not open again"
            try:
                if (await client.get("/health")).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.05)


async def make_keys(client: httpx.AsyncClient, done: Acknowledged) -> None:
    while True:
        answer = await client.post("/v1/keys", json={"name": "one of many", "scopes": ["speech"]})
        done.keys.add(answer.raise_for_status().json()["id"])


async def speak(client: httpx.AsyncClient, done: Acknowledged) -> None:
    while True:
        body = {"model": "scripted-tts", "input": "Hello.", "response_format": "pcm"}
        answer = await client.post("/v1/audio/speech", json=body)
        done.requests.add(answer.raise_for_status().headers["x-request-id"])


async def until_killed(process: asyncio.subprocess.Process, client: httpx.AsyncClient, done: Acknowledged) -> None:
    """Requests side by side, each acknowledged only when its answer has come whole, until there is nobody to answer."""
    workers = [asyncio.create_task(work(client, done)) for work in (make_keys, speak) for _ in range(4)]
    await asyncio.sleep(random.uniform(0.2, 1.5))  # the moment of death is what is tested
    os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
    ended = await asyncio.gather(*workers, return_exceptions=True)
    assert all(isinstance(error, httpx.TransportError) for error in ended), ended


async def test_nothing_acknowledged_is_lost(tmp_path):
    done, port = Acknowledged(), free_port()
    for _ in range(KILLS):
        process = await start(port, tmp_path)
        try:
            headers = {"x-api-key": ADMIN}
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client:
                await ready(client, process)
                await until_killed(process, client, done)
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
    with sqlite3.connect(tmp_path / "voiceforge.db") as database:
        kept = {id for (id,) in database.execute("SELECT id FROM keys")}
        spoken = {id for (id,) in database.execute("SELECT request_id FROM usage")}
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    print(f"{KILLS} kills: {len(done.keys)} keys and {len(done.requests)} answers acknowledged")
    assert len(done.keys) > KILLS
    assert len(done.requests) > KILLS
    assert done.keys <= kept
    assert done.requests <= spoken
