"""Peers on the work of benchmarks.conversations, each in an environment of its own, in turn with ours (A B A B).

All sides get the same: callers, recordings, one core, 0.5 s of silence to the end of a turn, scripted engines with the
same delays. What is measured is the callers' clock alone, from the last frame of speech to the first of the answer.
"""

from __future__ import annotations

import array
import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import venv
from argparse import Namespace
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from benchmarks._harness import Report, percentile

ROOT = Path(__file__).parent.parent
LEVELS = [1, 4, 8, 12, 16, 24, 32]
ENDPOINT = 0.5
"""Seconds of silence that end a turn, everywhere."""
PACKAGES = {
    "pipecat": ("pipecat-ai[websocket]==1.14.0", "fastapi==0.165.0", "uvicorn==0.54.0", "websockets==17.4"),
    "livekit": ("livekit-agents==1.8.9", "fastapi==0.165.0", "uvicorn==0.54.0", "websockets==17.4"),
}
Server = Callable[[], AbstractAsyncContextManager[tuple[int, int, str]]]


@dataclass(frozen=True)
class Work:
    """What benchmarks.conversations measures with."""

    ours: Server
    callers: Callable[[int, str], AbstractAsyncContextManager[Any]]
    order: Callable[[list[bytes], int, int, float], dict[str, Any]]
    cost: Callable[[int], float]
    text: str
    voice: tuple[float, float]
    model: tuple[float, float]

    @property
    def scripted(self) -> dict[str, float]:
        """Seconds of scripted delays that each side leaves behind the end of a turn: Pipecat thinks only then, the
        others have thought by then."""
        thought = self.model[0] + self.model[1] * (len(self.text.split()) - 1)
        return {"ours": self.voice[0], "livekit": self.voice[0], "pipecat": self.voice[0] + thought}


def known(names: Sequence[str]) -> None:
    """Ends with a sentence where there is no such peer."""
    for name in names:
        if name not in PACKAGES:
            raise SystemExit(f"There is no peer {name}. Known are: {', '.join(PACKAGES)}.")


async def compare(report: Report, args: Namespace, work: Work, recordings: list[bytes]) -> None:
    """Each level on each side, ours first, as long as a side is healthy."""
    recordings = [trimmed(pcm) for pcm in recordings]
    speech = sum(map(len, recordings)) / len(recordings) / 32000
    sides: dict[str, Server] = {"ours": work.ours}
    for name in dict.fromkeys(args.peer):
        sides[name] = server(name, environment(name), work)
    turns = 2 if args.short else 3
    for count in [4] if args.short else LEVELS:
        taken: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
        for _ in range(args.rounds):
            for name, begin in sides.items():
                taken[name].append(await once(report, name, begin, work, recordings, count, turns, speech))
        for name, rounds in taken.items():
            for figure, unit in UNITS.items():
                report.figure(f"{name}_at_{count}_{figure}", [each[figure] for each in rounds], unit=unit)
        for name in [name for name, rounds in taken.items() if name != "ours" and not healthy(rounds)]:
            report.note(f"{name} is no longer healthy at {count}: no more of it.")
            del sides[name]
        if len(sides) == 1:
            break


UNITS = {
    "cpu_of_a_core_each": "%", "voice_to_voice_p50_ms": "ms", "added_turn_p50_ms": "ms", "added_turn_p99_ms": "ms",
    "late_p99_ms": "ms", "frames_lost": "", "not_finished": "", "turns": "", "load": "",
}  # fmt: skip


def healthy(rounds: list[dict[str, float]]) -> bool:
    return not any(each["not_finished"] or each["added_turn_p99_ms"] > 1000 for each in rounds)


async def once(
    report: Report, name: str, begin: Server, work: Work, recordings: list[bytes], count: int, turns: int, speech: float
) -> dict[str, float]:
    """`late_p99_ms` is behind the moment at which a frame is played where playing begins with the first frame."""
    async with begin() as (port, process, key), work.callers(port, key) as ask:
        await ask(work.order(recordings, 1, 1, speech))
        before, began = work.cost(process), time.perf_counter()
        result = await ask(work.order(recordings, count, turns, speech))
        used, seconds = work.cost(process) - before, time.perf_counter() - began
    for error in result["errors"]:
        report.note(f"{name} at {count}: {error}")
    answers = [1000 * value for value in result["answers"]] or [float("nan")]
    added = [value - 1000 * (ENDPOINT + work.scripted[name]) for value in answers]
    late = [1000 * (value - result["lead"]) for value in result["lateness"]] or [float("nan")]
    return {
        "cpu_of_a_core_each": 100 * used / seconds / count,
        "voice_to_voice_p50_ms": percentile(answers, 50),
        "added_turn_p50_ms": percentile(added, 50),
        "added_turn_p99_ms": percentile(added, 99),
        "late_p99_ms": percentile(late, 99),
        "frames_lost": result["lost"],
        "not_finished": result["unfinished"] + len(result["errors"]),
        "turns": len(result["answers"]),
        "load": os.getloadavg()[0],
    }


def trimmed(pcm: bytes) -> bytes:
    """16 kHz PCM16 without the quiet at its end, in whole frames of 20 ms, so that the last one is speech."""
    samples = array.array("h", pcm)
    last = max((at for at, value in enumerate(samples) if abs(value) > 300), default=len(samples) - 1)
    return pcm[: -(-(last + 1) // 320) * 640]


def environment(name: str) -> Path:
    """The Python of a peer's environment, made under the user's cache on first use."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "voiceforge-peers"
    folder = cache / f"{name}-{PACKAGES[name][0].rpartition('==')[2]}-py{sys.version_info[0]}{sys.version_info[1]}"
    python = folder / "bin" / "python"
    done = folder / "complete"
    if not done.exists():
        print(f"Installing {', '.join(PACKAGES[name])} into {folder}.", file=sys.stderr)
        venv.create(folder, clear=True, symlinks=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES[name]], check=True)
        done.touch()
    return python


def server(name: str, python: Path, work: Work) -> Server:
    """As benchmarks.conversations.server, of a peer."""

    @asynccontextmanager
    async def begin() -> AsyncIterator[tuple[int, int, str]]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        first, *others = sorted(os.sched_getaffinity(0))
        script = json.dumps({"text": work.text, "voice": work.voice, "model": work.model})
        process = await asyncio.create_subprocess_exec(
            "taskset", "-c", str(first), python, "-m", f"benchmarks._peer_{name}", str(port), script, cwd=ROOT
        )
        os.sched_setaffinity(0, set(others) or {first})
        try:
            await asyncio.to_thread(_ready, port)
            yield port, process.pid, ""
        finally:
            os.sched_setaffinity(0, {first, *others})
            if process.returncode is None:
                process.kill()
            await process.wait()

    return begin


def _ready(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            with urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError("the peer did not answer within 60 s")
