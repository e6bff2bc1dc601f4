"""The second table of benchmarks.conversations: the same conversations while ten people use the pages, with both roles
in one process and with each in its own.

Whatever the arrangement, all of the house (one process or two, and their workers) runs on the first core; callers and
page users are processes on the others. So apart gains nothing by more cores, only by the kernel taking turns between
two processes where one loop would let a page's work finish first; and by the process for pages being the nicer one, as
`python -m deploy.start` starts it. A page user does something every two seconds, one thing in ten is to load a page.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

from benchmarks._apps import ROOT, App, app, house
from benchmarks._harness import Report, percentile
from deploy.start import FIRST

ARRANGEMENTS: Mapping[str, Mapping[str, Sequence[str]]] = {"together": {"web,media": ()}, "apart": FIRST}


async def table(
    report: Report,
    callers: Callable[[int, str], Any],
    warm: dict[str, Any],
    order: dict[str, Any],
    voice_delay: float,
    delays: Mapping[str, str],
) -> None:
    """Both arrangements without and with page users; `warm` and `order` are for the callers."""
    for arrangement, roles in ARRANGEMENTS.items():
        for busy in (False, True):
            async with AsyncExitStack() as stack:
                core = stack.enter_context(first_core())
                shared = stack.enter_context(house())
                # The one for pages stands first.
                apps = [
                    await stack.enter_async_context(
                        app(shared, core=core, before=before, environment={**delays, "ROLES": role})
                    )
                    for role, before in roles.items()
                ]
                ask = await stack.enter_async_context(callers(apps[-1].port, shared.key))
                await ask(warm)
                name = f"{arrangement}_{'with' if busy else 'without'}_pages"
                if busy:
                    async with users(apps[0], report, name):
                        result = await ask(order)
                else:
                    result = await ask(order)
            _told(report, name, result, voice_delay)


def _told(report: Report, name: str, result: dict[str, Any], voice_delay: float) -> None:
    late = [1000 * value for value in result["lateness"]]
    added = [1000 * (value - voice_delay) for value in result["turns"]]
    report.figure(f"{name}_late_p99_ms", percentile(late, 99), unit="ms")
    report.figure(f"{name}_late_worst_ms", max(late), unit="ms")
    report.figure(f"{name}_added_turn_p50_ms", percentile(added, 50), unit="ms")
    report.figure(f"{name}_added_turn_p99_ms", percentile(added, 99), unit="ms")
    report.figure(f"{name}_frames_lost", result["lost"], at_most=0)
    report.figure(f"{name}_not_finished", result["unfinished"] + len(result["errors"]), at_most=0)


@asynccontextmanager
async def users(pages: App, report: Report, name: str) -> AsyncIterator[None]:
    """Ten people at work in a process of their own; what they did stands in the report behind it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks._users", str(pages.port), pages.key, cwd=ROOT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield
    finally:
        out, _ = await process.communicate(b"")
    done = json.loads(out)
    report.figure(f"{name}_calls", done["calls"], at_least=10)
    report.figure(f"{name}_page_loads", done["pages"])
    report.figure(f"{name}_call_p50_ms", done["p50_ms"], unit="ms")
    report.figure(f"{name}_failed", done["failed"], at_most=0)


@contextmanager
def first_core() -> Iterator[int]:
    """For the house; everything else that is started meanwhile runs on the others, where there are any."""
    first, *others = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, set(others) or {first})
    try:
        yield first
    finally:
        os.sched_setaffinity(0, {first, *others})
