"""What a house that is used for long still does at once: reports over a million rows of usage, a page of ten thousand
keys, the memory that sessions leave behind, and what a row takes on disk.

On SQLite, and on PostgreSQL where its server and its driver are here. `--short` takes 100,000 rows and fewer sessions.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
from peewee import Database

from accounts.accounts import Accounts
from accounts.principal import ADMIN, Limits, Principal
from benchmarks._harness import Report, main, percentile
from benchmarks.start import app, free_port, pss_mb, wait_for_page
from core.settings import Settings
from storage import keys, usage
from storage.db import Storage
from storage.keys import KeyRecord
from storage.migrations import m002_usage_days
from storage.usage import DAY, UsageRecord
from tests import postgresql

ROWS, KEYS, DAYS = 1_000_000, 10_000, 30
SPENDERS = 100
"""Keys that have used something, each every operation and engine on every day."""
NOW = 1_795_176_000 + 12_345
FILL = """INSERT INTO usage (at, day, key_id, op, engine, voice, characters, audio_seconds, milliseconds, status,
    request_id) WITH RECURSIVE n (i) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < {rows} - 1)
    SELECT {start} + i * {seconds} / {rows}, ({start} + i * {seconds} / {rows}) / 86400,
    'key' || ((i / 12) % {spenders}),
    CASE i % 3 WHEN 0 THEN 'speech' WHEN 1 THEN 'transcription' ELSE 'convert' END,
    CASE (i / 3) % 4 WHEN 0 THEN 'flite' WHEN 1 THEN 'espeak-ng' WHEN 2 THEN 'kokoro' ELSE 'faster-whisper' END,
    'flite/slt', i % 500, (i % 60) / 2.0, i % 900, CASE i % 50 WHEN 0 THEN 'failed' ELSE 'ok' END,
    'req_0123456789abcdef01234567' FROM n"""
WARM, MORE = 300, 500
"""Sessions until as many are kept as ever will be, and those after them, which may leave nothing."""
SLOWEST_MS = 100


async def measure(report: Report, args: Namespace) -> None:
    rows = ROWS // 10 if args.short else ROWS
    with tempfile.TemporaryDirectory() as folder:
        await database(report, "sqlite", "", Path(folder), rows, args.rounds)
    if postgresql.is_here():
        with postgresql.server() as socket, tempfile.TemporaryDirectory() as folder:
            await database(report, "postgresql", postgresql.made(socket), Path(folder), rows, args.rounds)
    else:
        report.note("PostgreSQL is not here: apt-get install postgresql, pip install 'psycopg[binary]'")
    await sessions(report, *(part // 5 if args.short else part for part in (WARM, MORE)))
    report.note(f"{rows:,} rows of {DAYS} days by {SPENDERS} keys; {KEYS:,} keys.")


async def database(report: Report, name: str, url: str, folder: Path, rows: int, rounds: int) -> None:
    storage = Storage.open(url, folder)
    try:
        before = await storage.read(size, folder)
        report.figure(f"{name}_fill_seconds", await fill(storage, rows), unit="s")
        report.figure(f"{name}_bytes_per_row", (await storage.read(size, folder) - before) / rows, at_most=300)
        await storage.write(add_keys)
        accounts = Accounts(storage, Settings(data_dir=folder), clock=lambda: float(NOW))
        await accounts.start()
        for question, ask in questions(accounts).items():
            await timed(report, f"{name}_{question}", ask, rounds * 5)
        await writes(report, name, storage, rounds * 20)
    finally:
        storage.close()


async def fill(storage: Storage, rows: int) -> float:
    """Seconds to write the rows, and the sums of their days as an update of the app makes them."""
    begun = time.perf_counter()
    start, seconds = NOW - DAYS * DAY, DAYS * DAY
    for statement in ("DROP TABLE usage_days", FILL.format(rows=rows, start=start, seconds=seconds, spenders=SPENDERS)):
        await storage.write(run, statement)
    await storage.write(m002_usage_days)
    await storage.write(run, "ANALYZE")
    return time.perf_counter() - begun


def run(database: Database, statement: str) -> None:
    database.execute_sql(statement.replace("%", "%%") if database.param == "%s" else statement)


def size(database: Database, folder: Path) -> int:
    """Bytes that the data takes, indexes too."""
    if files := list(folder.glob("voiceforge.db*")):
        return sum(file.stat().st_size for file in files)
    return database.execute_sql("SELECT pg_database_size(current_database())").fetchone()[0]


def add_keys(database: Database) -> None:
    for number in range(KEYS):
        name, digest = f"Key number {number}", f"{number:064x}"
        keys.add(database, KeyRecord(f"key{number}", name, digest, "vf_live_abcd", "wxyz", ("speech",), float(number)))


def questions(accounts: Accounts) -> dict[str, Callable[[], Awaitable[object]]]:
    """What the page and the HTTP API ask."""
    own = Principal("key:key7", "Key number 7", frozenset({"usage"}), Limits())
    since, until = NOW - DAYS * DAY + 40_000.0, float(NOW)

    def sums(who: Principal, group: str, end: float = until) -> Callable[[], Awaitable[object]]:
        return lambda: accounts.usage(who, since=since, until=end, group=group)

    return {
        **{f"sums_by_{group}": sums(ADMIN, group) for group in usage.GROUPS},
        "sums_of_cut_days": sums(ADMIN, "day", until - 1.5 * DAY),
        "sums_of_one_key": sums(own, "day"),
        "recent": lambda: accounts.recent(ADMIN, 100),
        "recent_of_one_key": lambda: accounts.recent(own, 100),
        "characters_of_a_month": lambda: accounts._storage.read(usage.characters_since, "key7", until - 20 * DAY),
        "keys_first_page": lambda: page(accounts, 0),
        "keys_last_page": lambda: page(accounts, KEYS - 100),
    }


async def page(accounts: Accounts, offset: int) -> None:
    """As `/v1/keys` does it."""
    assert len(await accounts.list_keys(ADMIN, offset=offset, limit=100)) == 100
    assert await accounts.count_keys(ADMIN) >= KEYS


async def timed(report: Report, name: str, ask: Callable[[], Awaitable[object]], times: int) -> None:
    """The first answer counts as any other: nobody asks for the same report twice."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        await ask()
        taken.append((time.perf_counter() - begun) * 1000)
    report.figure(f"{name}_ms", taken, unit="ms", at_most=SLOWEST_MS)
    report.figure(f"{name}_slowest_ms", max(taken), unit="ms", at_most=SLOWEST_MS)


async def writes(report: Report, name: str, storage: Storage, times: int) -> None:
    """Until the row of a request is kept, one after another."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        await storage.write(usage.add, UsageRecord(float(NOW), "key1", "speech", "flite", characters=5))
        taken.append((time.perf_counter() - begun) * 1000)
    report.figure(f"{name}_row_kept_ms", taken, unit="ms", at_most=5)
    report.figure(f"{name}_row_kept_p99_ms", percentile(taken, 99), unit="ms")


async def sessions(report: Report, warm: int, more: int) -> None:
    """Visitors one after another, each with a page, its connections and an event; the server's memory between them."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, app(Path(sys.executable), Path(folder), port) as process:
        await asyncio.to_thread(wait_for_page, process, f"http://127.0.0.1:{port}/")
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            config = (await client.get("/config")).json()
            event = next(item["id"] for item in config["dependencies"] if item.get("api_name") == "version")
            await visits(client, event, "first", warm)
            before = pss_mb(process.pid)
            begun = time.perf_counter()
            await visits(client, event, "more", more)
            spent = time.perf_counter() - begun
            await asyncio.sleep(1)
            after = pss_mb(process.pid)
    report.figure("memory_after_warm_sessions_mb", before, unit="MB")
    report.figure("memory_grown_mb", after - before, unit="MB", at_most=10)
    report.figure("memory_grown_kb_per_session", (after - before) * 1000 / more, unit="kB")
    report.figure("session_ms", spent * 1000 / more, unit="ms")


async def visits(client: httpx.AsyncClient, event: int, name: str, count: int) -> None:
    for number in range(count):
        await visit(client, event, f"{name}{number}")


async def visit(client: httpx.AsyncClient, event: int, session: str) -> None:
    await client.get("/")
    body: dict[str, Any] = {"data": [], "fn_index": event, "session_hash": session}
    async with client.stream("GET", f"/gradio_api/heartbeat/{session}"):
        (await client.post("/gradio_api/queue/join", json=body)).raise_for_status()
        async with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as answer:
            async for line in answer.aiter_lines():
                if "process_completed" in line:
                    return
    raise RuntimeError("the event never ended")


if __name__ == "__main__":
    sys.exit(main("growth", measure, rounds=9, short=3))
