"""Conversations at a time on ONE core: how late their audio leaves, what a turn takes beyond its scripted delays, and
what each costs.

The server is `python app.py` with ROLES=media and its workers, all on one core; callers speak from another process on
the other cores, 20 ms frames, with real speech that the real detector hears. Recogniser, model and voice are scripted
and take the delays they are told to, through the worker wire.

Lateness of a frame: behind the schedule that its run's first frame began, less the lead that was promised, once that is
built up. Added turn latency: from the caller's frame that decided the end of the turn (the window that completed the
silence) to the first audio, less the scripted voice's delay; everything before it (transcript, thought) is meant to be
over by then.

The second table is `--pages`: ten page users beside 10 conversations (50 without `--short`), roles together and apart.
"""

from __future__ import annotations

import base64
import os
import re
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from audio.resample import resample
from audio.value import Audio
from benchmarks import _beside_pages, _peers
from benchmarks._apps import app, house
from benchmarks._harness import Report, main, percentile
from benchmarks._ordered import Ask, ordered
from engines.base import EngineConfig, SynthesisRequest
from engines.pool import Pool, PoolConfig
from engines.registry import find
from engines.vad.silero import Silero
from voice.talk.interruption import WINDOW, Rules

VOICE_DELAYS, MODEL_DELAYS = (0.08, 0.02), (0.1, 0.005)
"""Seconds before the first and before every further chunk or word."""
SAYINGS = (
    "I would like to know whether the train to the northern coast leaves before seven in the morning tomorrow or later",
    "Please tell me everything that you know about the history of this old house and the people who used to live in it",
    "We were wondering if there might be a table for six people near the window on the second Saturday of next month",
)
ANSWER = "Certainly, and this is an answer that takes about as long to say as the question took before."
RATE, SIZE = 16000, 512
"""Of what callers send, and samples of a window."""
WINDOWS_A_SECOND = 31.25
"""That the detector judges of each conversation."""
SHARE = 0.4
"""Of a caller's time in which he talks."""


async def measure(report: Report, args: Namespace) -> None:
    _peers.known(args.peer)
    recordings = [await recorded(text) for text in SAYINGS]
    if args.peer:
        work = _peers.Work(server, callers, order, cpu_seconds, ANSWER, VOICE_DELAYS, MODEL_DELAYS)
        await _peers.compare(report, args, work, recordings)
        return
    speech = sum(len(pcm) for pcm in recordings) / len(recordings) / 32000
    if not args.short or args.pages:
        count, turns = (10, 1) if args.short else (50, 3)
        warm, asked = order(recordings, 1, 1, speech), order(recordings, count, turns, speech)
        await _beside_pages.table(report, callers, warm, asked, VOICE_DELAYS[0], delays())
    if args.pages:
        return
    levels = [20] if args.short else [1, 10, 50, 100, 200]
    report.figure("speech_of_a_turn", speech, unit="s", at_least=5.0 if not args.short else None)
    await interruptions(report, recordings, speech, 4 if args.short else 12)
    for count in levels:
        async with server() as (port, process, key), callers(port, key) as ask:
            await ask(order(recordings, 1, 1, speech))
            turns = 2 if args.short else 3
            await level(report, ask, process, lambda: judged(port, key), recordings, count, turns, speech)


async def interruptions(report: Report, recordings: list[bytes], speech: float, turns: int) -> None:
    """Five callers who interrupt each answer after a second: from their first sample to the order to stop playing, and
    how much of that was more than it takes to hear that somebody speaks; and what still came after the order."""
    async with server() as (port, _, key), callers(port, key) as ask:
        await ask(order(recordings, 1, 1, speech))
        result = await ask(order(recordings, 5, turns, speech) | {"interrupt": 1.0})
    pauses = [1000 * seconds for _, seconds in result["pauses"]]
    heard = [1000 * voice(pcm) for pcm in recordings]
    added = [1000 * seconds - heard[which] for which, seconds in result["pauses"]]
    report.figure("interruptions", len(pauses), at_least=5 * (turns - 1))
    report.figure("voice_to_pause_p50_ms", percentile(pauses, 50), unit="ms")
    report.figure("voice_to_pause_p99_ms", percentile(pauses, 99), unit="ms")
    report.figure("voice_heard_after_ms", min(heard), unit="ms")
    report.figure("heard_to_pause_p50_ms", percentile(added, 50), unit="ms")
    report.figure("heard_to_pause_p99_ms", percentile(added, 99), unit="ms", at_most=60)
    report.figure("frames_after_pause", result["after"], at_most=0)
    report.figure("interrupted_share", result["interrupted"] / max(1, len(pauses)), at_least=0.99)


def voice(pcm: bytes) -> float:
    """Seconds of a recording until so many windows of it hold voice that we pause, however the windows happen to fall:
    the soonest that could be."""
    vad, samples = Silero(EngineConfig()), np.frombuffer(pcm, "<i2")[:RATE].astype(np.float32) / 32768
    needed, soonest = round(Rules().pause / WINDOW), float("inf")
    for early in range(0, SIZE, SIZE // 8):
        row = np.concatenate([np.zeros(RATE + early, np.float32), samples])
        states, voiced = [vad.begin(RATE)], 0
        for at in range(0, len(row) - SIZE, SIZE):
            voiced += vad.detect(row[None, at : at + SIZE], states)[0] >= Rules().threshold
            if voiced == needed:
                soonest = min(soonest, (at + SIZE - RATE - early) / RATE)
                break
    return soonest


def order(recordings: list[bytes], count: int, turns: int, speech: float) -> dict[str, Any]:
    cycle = speech / SHARE
    answer = len(ANSWER) * 0.06
    rest = max(0.5, cycle - speech - answer - 0.9)
    return {
        "count": count, "turns": turns, "rest": rest, "spread": cycle if count > 1 else 0.0,
        "recordings": [base64.b64encode(pcm).decode() for pcm in recordings],
        "start": {"model": "scripted-llm", "prompt": f"Say: {ANSWER}"},
        "timeout": cycle * (turns + 1) + 60,
    }  # fmt: skip


async def level(
    report: Report,
    ask: Ask,
    process: int,
    windows: Callable[[], Awaitable[float]],
    recordings: list[bytes],
    count: int,
    turns: int,
    speech: float,
) -> None:
    """One number of conversations: its figures, with targets at 100. `windows` are those judged since the start."""
    judged_before = await windows()
    before = cpu_seconds(process)
    began = time.perf_counter()
    result = await ask(order(recordings, count, turns, speech))
    seconds = time.perf_counter() - began
    used = cpu_seconds(process) - before
    heard = await windows() - judged_before
    target = count == 100
    name = f"at_{count}"
    late = [1000 * value for value in result["lateness"]]
    added = [1000 * (value - VOICE_DELAYS[0]) for value in result["turns"]]
    report.figure(f"{name}_late_p99_ms", percentile(late, 99), unit="ms", at_most=20 if target else None)
    report.figure(f"{name}_late_worst_ms", max(late), unit="ms")
    report.figure(f"{name}_added_turn_p50_ms", percentile(added, 50), unit="ms")
    report.figure(f"{name}_added_turn_p99_ms", percentile(added, 99), unit="ms", at_most=30 if target else None)
    report.figure(f"{name}_frames_lost", result["lost"], at_most=0)
    report.figure(f"{name}_not_finished", result["unfinished"] + len(result["errors"]), at_most=0)
    report.figure(f"{name}_turns", len(added), at_least=count * turns)
    report.figure(f"{name}_cpu_of_a_core_each", 100 * used / seconds / count, unit="%")
    # Each caller speaks until the last of them is done: the number of conversations, times the seconds of each.
    due = result["frames_sent"] * 0.02 * WINDOWS_A_SECOND
    report.figure(f"{name}_windows_judged", heard, at_least=0.98 * due, at_most=1.02 * due)
    report.figure(f"{name}_talk_share", result["speech_seconds"] / (result["frames_sent"] * 0.02))
    for error in result["errors"]:
        report.note(f"{name}: {error}")


async def judged(port: int, key: str) -> float:
    """Windows that the server's detector has judged since it began."""
    async with httpx.AsyncClient(headers={"X-API-Key": key}) as client:
        answer = await client.get(f"http://127.0.0.1:{port}/metrics")
    found = re.search(r"^voiceforge_detector_windows_total ([\d.e+]+)$", answer.raise_for_status().text, re.M)
    if found is None:
        raise LookupError("the server does not tell how many windows were judged")
    return float(found[1])


async def recorded(text: str) -> bytes:
    """A saying as PCM16 at 16 kHz, spoken by espeak-ng."""
    with tempfile.TemporaryDirectory() as folder:
        pool = Pool(PoolConfig(models_dir=Path(folder)), engines=find(scripted=False))
        await pool.start()
        try:
            request = SynthesisRequest(text, "en-us", speed=1.05)
            async with aclosing(pool.stream("espeak-ng", request)) as chunks:
                parts = [chunk.audio async for chunk in chunks]
        finally:
            await pool.close()
    audio = resample(Audio(np.concatenate([part.samples for part in parts]), parts[0].rate), 16000)
    return audio.pcm16()


@asynccontextmanager
async def server() -> AsyncIterator[tuple[int, int, str]]:
    """The app for sockets alone, on the first core: its port, its process and a key."""
    with _beside_pages.first_core() as core, house() as own:
        async with app(own, core=core, environment=delays() | {"ROLES": "media"}) as found:
            yield found.port, found.pid, found.key


def callers(port: int, key: str) -> AbstractAsyncContextManager[Ask]:
    """Their process."""
    return ordered("benchmarks._talkers", port, key)


def delays() -> dict[str, str]:
    """What the scripted engines take, as the app is told."""
    told = {"VOICEFORGE_SCRIPTED_DELAYS": VOICE_DELAYS, "VOICEFORGE_SCRIPTED_LLM": MODEL_DELAYS}
    return {name: ",".join(map(str, seconds)) for name, seconds in told.items()}


def options(parser: ArgumentParser) -> None:
    parser.add_argument("--pages", action="store_true", help="only the second table, which --short leaves out")


def cpu_seconds(process: int) -> float:
    """Of a process and all that it started, ended or not."""
    ticks = os.sysconf("SC_CLK_TCK")
    total, ahead = 0.0, [process]
    while ahead:
        one = ahead.pop()
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            ahead += [int(child) for task in Path(f"/proc/{one}/task").iterdir()
                      for child in (task / "children").read_text().split()]  # fmt: skip
        except OSError:
            continue
        total += sum(map(int, fields[11:15])) / ticks
    return total


if __name__ == "__main__":
    sys.exit(main("conversations", measure, rounds=1, short=1, options=options))
