"""Twenty conversations coming and going for half an hour: does memory grow, and is all that was opened closed again?

The server is `python app.py` with both roles and scripted engines behind the worker wire. The visitors are those of
benchmarks._visitors: by voice, in writing or both, some with Opus; they interrupt, lose their connection in the middle
of anything, come back to their session or never do.

Memory is the proportional set size (PSS) of the server's process, and that of its workers, every few seconds. One
number counts for each minute, their median, because neighbouring samples tell the same thing; through those behind the
warm-up goes a straight line by least squares. Its slope is flat where the upper end of its 95 % interval (Student's t)
is at most `FLAT` megabytes an hour. In the end tasks, sockets and files must be as many as after the first visits.
"""

from __future__ import annotations

import asyncio
import math
import os
import random
import re
import sys
import time
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist, mean, median

import httpx

from benchmarks._apps import App, app, house
from benchmarks._harness import Report, main
from benchmarks._visitors import Tally, Visitor
from benchmarks.conversations import recorded

SAYINGS = ("Please tell me more about the history of this old house.", "And then?", "Is there a train to the coast?")
AT_ONCE = 20
EVERY_SECONDS = 5.0
WARM_UP = 1 / 6
"""Of the whole time."""
FLAT = 20.0
"""Megabytes an hour, which is 5 to 10 kB for each conversation."""
LEAVE_SECONDS = 90.0
"""After which a session that nobody came back to is gone: 60 s, and some to look."""
DELAYS = {"VOICEFORGE_SCRIPTED_DELAYS": "0.05,0.02", "VOICEFORGE_SCRIPTED_LLM": "0.05,0.005"}


@dataclass(frozen=True)
class Slope:
    """In units an hour, with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Opened:
    """What a process holds open."""

    tasks: int
    sockets: int
    files: int
    conversations: int


@dataclass(frozen=True)
class Sample:
    at: float
    """Seconds since the beginning."""
    server: float
    workers: float
    """Megabytes."""


def slope(times: list[float], values: list[float]) -> Slope:
    """Least squares; times in seconds. Of fewer than three points nothing is known."""
    count = len(times)
    if count < 3:
        return Slope(math.nan, math.nan, math.nan)
    hours = [at / 3600 for at in times]
    middle, level = mean(hours), mean(values)
    spread = sum((hour - middle) ** 2 for hour in hours)
    value = sum((hour - middle) * (y - level) for hour, y in zip(hours, values, strict=True)) / spread
    left = sum((y - level - value * (hour - middle)) ** 2 for hour, y in zip(hours, values, strict=True))
    error = student(count - 2) * math.sqrt(left / (count - 2) / spread)
    return Slope(value, value - error, value + error)


def student(freedom: int) -> float:
    """The 97.5 % quantile of Student's t, by the first four terms of the expansion in 1/freedom (Abramowitz and Stegun
    26.7.5); within a hundredth from 4 degrees of freedom on, too small below."""
    z = NormalDist().inv_cdf(0.975)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, 1))


def by_minute(samples: list[Sample], minute: float) -> tuple[list[float], list[float], list[float]]:
    """The middle of each minute and the medians of the samples in it, of the server and of its workers."""
    groups: dict[int, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(int(sample.at // minute), []).append(sample)
    times = [(number + 0.5) * minute for number in groups]
    server = [median(sample.server for sample in group) for group in groups.values()]
    return times, server, [median(sample.workers for sample in group) for group in groups.values()]


async def measure(report: Report, args: Namespace) -> None:
    minutes = args.minutes or (0.25 if args.short else 30.0)
    speech = [await recorded(text) for text in SAYINGS]
    with house() as shared:
        async with app(shared, environment=DELAYS) as server, httpx.AsyncClient(timeout=30) as client:
            await soak(report, server, client, speech, minutes, leaves=not args.short)


async def soak(
    report: Report, server: App, client: httpx.AsyncClient, speech: list[bytes], minutes: float, *, leaves: bool
) -> None:
    await first_visits(server, speech)
    before = await empty(server, client, LEAVE_SECONDS)
    tally, samples, closing, began = Tally(), list[Sample](), asyncio.Event(), time.monotonic()
    slots = [
        asyncio.create_task(_slot(server, speech, random.Random(number), tally, closing, leaves))
        for number in range(AT_ONCE)
    ]
    while (now := time.monotonic() - began) < minutes * 60:
        samples.append(Sample(now, pss(server.pid), sum(map(pss, below(server.pid)))))
        await asyncio.sleep(min(EVERY_SECONDS, minutes * 60 / 60))
    closing.set()
    await asyncio.gather(*slots)
    after = await empty(server, client, LEAVE_SECONDS)
    _told(report, tally, samples, minutes, strict=minutes >= 10)
    for name in ("tasks", "sockets", "files"):
        report.figure(f"{name}_before", getattr(before, name))
        report.figure(f"{name}_after", getattr(after, name), at_most=getattr(before, name))
    report.figure("conversations_after", after.conversations, at_most=0)


def _told(report: Report, tally: Tally, samples: list[Sample], minutes: float, *, strict: bool) -> None:
    counts = tally.counts
    for name in ("conversations", "turns", "interruptions", "drops", "resumed", "never_came_back", "said_again"):
        report.figure(name, counts[name])
    report.figure("stuck", counts["stuck"], at_most=0)
    report.figure("errors", len(tally.errors), at_most=0)
    for error in tally.errors[:5]:
        report.note(f"error: {error}")
    behind = [sample for sample in samples if sample.at >= minutes * 60 * WARM_UP]
    times, *columns = by_minute(behind, 60.0 if strict else max(1.0, minutes * 6))
    for name, values in zip(("server", "workers"), columns, strict=True):
        found = slope(times, values)
        report.figure(f"{name}_mb_first", values[0], unit="MB")
        report.figure(f"{name}_mb_last", values[-1], unit="MB")
        report.figure(f"{name}_slope", found.value, unit="MB/h")
        report.figure(f"{name}_slope_low", found.low, unit="MB/h")
        report.figure(f"{name}_slope_high", found.high, unit="MB/h", at_most=FLAT if strict else None)
        report.note(f"{name}, MB: {' '.join(f'{value:.0f}' for value in values)}")
    rate = counts["conversations"] / (minutes / 60)
    report.figure("server_kb_each_conversation", 1000 * slope(times, columns[0]).value / rate, unit="kB")


async def _slot(
    server: App, speech: list[bytes], draw: random.Random, tally: Tally, closing: asyncio.Event, leaves: bool
) -> None:
    """One visitor after the other."""
    await asyncio.sleep(draw.uniform(0, 2))
    while not closing.is_set():
        await Visitor(server.port, server.key, speech, draw, tally).visit(closing, leaves=leaves)
        await asyncio.sleep(draw.uniform(0, 1))


async def first_visits(server: App, speech: list[bytes]) -> None:
    """Each engine is loaded and each library has opened what it keeps open."""
    closing = asyncio.Event()
    closing.set()
    visits = [Visitor(server.port, server.key, speech, random.Random(number), Tally()) for number in range(100, 108)]
    await asyncio.gather(*(visit.visit(closing, drops=0.0) for visit in visits))


async def empty(server: App, client: httpx.AsyncClient, seconds: float) -> Opened:
    """What is open once no conversation is held and what they left has been put away; the last count where that does
    not come."""
    until, last = time.monotonic() + seconds, None
    while True:
        now = await opened(server, client)
        if time.monotonic() > until or (now.conversations == 0 and now == last):
            return now
        last = now
        await asyncio.sleep(1.0)


async def opened(server: App, client: httpx.AsyncClient) -> Opened:
    answer = await client.get(f"http://127.0.0.1:{server.port}/metrics", headers={"X-API-Key": server.key})
    figures = dict(re.findall(r"^voiceforge_(\w+) ([\d.e+]+)$", answer.raise_for_status().text, re.M))
    kinds = descriptors(server.pid)
    sockets = sum(kind.startswith("socket:") for kind in kinds)
    held = round(float(figures.get("conversations", 0)))
    return Opened(round(float(figures["tasks"])), sockets, len(kinds) - sockets, held)


def descriptors(process: int) -> list[str]:
    """What each open file of a process is."""
    return [_link(file) for file in Path(f"/proc/{process}/fd").iterdir()]


def _link(file: Path) -> str:
    try:
        return os.readlink(file)
    except OSError:
        return ""


def below(process: int) -> list[int]:
    """The processes that this one has started, and theirs."""
    found, ahead = [], [process]
    while ahead:
        try:
            children = [
                int(child)
                for task in Path(f"/proc/{ahead.pop()}/task").iterdir()
                for child in (task / "children").read_text().split()
            ]
        except OSError:
            continue
        found += children
        ahead += children
    return found


def pss(process: int) -> float:
    """Megabytes of a process, its share of shared pages included; 0 for one that has ended."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return int(re.search(r"^Pss:\s+(\d+) kB", text, re.M)[1]) / 1024  # type: ignore[index]


def options(parser: ArgumentParser) -> None:
    parser.add_argument("--minutes", type=float, help="how long the conversations come and go (30, with --short 0.25)")


if __name__ == "__main__":
    sys.exit(main("soak", measure, rounds=1, short=1, options=options))
