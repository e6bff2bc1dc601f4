"""Simulated calls: a thousand of at least thirty seconds and three turns, held twice, under two seeds of hashing.

    python -m benchmarks.simulator            1,000 calls in two processes, then 100 in one

The detector is scripted and everything else of a conversation is the product's. Each process holds every second call
and tells what came of each; a batch is all of them. The batches run under different PYTHONHASHSEEDs, and the logs of
both must be the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

from benchmarks._harness import Report, main, percentile
from voice.simulator.call import simulate
from voice.simulator.chance import scenario

CALLS = 1000
ALONE = 100
"""Calls in a single process."""
SHORT = 60
PROCESSES = 2
ROOT = Path(__file__).parent.parent
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Idle threads of the linear algebra would keep the other core busy."""


@dataclass(frozen=True)
class Batch:
    """What came of all calls, in the order of their seeds."""

    seconds: float
    """By the wall, the start of the processes included."""
    lasted: list[float]
    turns: list[int]
    wrong: list[str]
    digest: str
    """Of all logs."""
    cpu: float


def hold(first: int, calls: int, step: int) -> dict:
    """What one process does: every `step`-th of the calls, from `first` on."""
    told, begun = [], time.process_time()
    for seed in range(first, calls, step):
        call = simulate(scenario(seed), seed)
        wrong = [f"call {seed}: {sentence}" for sentence in call.broken]
        wrong += [f"call {seed}: {entry}" for entry in call.entries if entry.event == "gives_up"]
        turns = sum(entry.event == "turn_ended" for entry in call.entries)
        digest = hashlib.sha256(call.log.encode()).hexdigest()
        told.append({"seed": seed, "seconds": call.seconds, "turns": turns, "wrong": wrong, "digest": digest})
    return {"calls": told, "cpu": time.process_time() - begun}


def batch(calls: int, processes: int, hash_seed: int) -> Batch:
    """All calls, in processes of their own."""
    environ = {**os.environ, **ONE_THREAD, "PYTHONHASHSEED": str(hash_seed)}
    begun = time.perf_counter()
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.simulator", "--hold", str(first), str(calls), str(processes)],
            cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True,
        )
        for first in range(processes)
    ]  # fmt: skip
    told = [process.communicate()[0] for process in running]
    seconds = time.perf_counter() - begun
    if any(process.returncode for process in running):
        raise SystemExit("A process of simulated calls failed.")
    return gathered([json.loads(text) for text in told], seconds)


def gathered(told: list[dict], seconds: float) -> Batch:
    found = sorted((call for each in told for call in each["calls"]), key=lambda call: call["seed"])
    return Batch(
        seconds,
        [call["seconds"] for call in found],
        [call["turns"] for call in found],
        [sentence for call in found for sentence in call["wrong"]],
        hashlib.sha256("".join(call["digest"] for call in found).encode()).hexdigest(),
        sum(each["cpu"] for each in told),
    )


def measure(report: Report, args: Namespace) -> None:
    calls = SHORT if args.short else CALLS
    one, other = (batch(calls, PROCESSES, seed) for seed in (1, 2))
    alone = batch(min(calls, ALONE), 1, 1)
    report.figure("calls", len(one.lasted), at_least=calls)
    report.figure("shortest_call", min(one.lasted), unit="s", at_least=30)
    report.figure("fewest_turns", min(one.turns), at_least=3)
    seconds = min(one.seconds, other.seconds)
    report.figure("seconds_for_all", seconds, unit="s", at_most=60)
    report.figure("calls_per_second_two_processes", calls / seconds)
    report.figure("calls_per_second_one_process", len(alone.lasted) / alone.seconds)
    report.figure("cpu_per_call", 1000 * min(one.cpu, other.cpu) / calls, unit="ms")
    report.figure("times_real_time", sum(one.lasted) / seconds)
    report.figure("calls_that_went_wrong", len(one.wrong), at_most=0)
    report.figure("logs_that_differ", int(one.digest != other.digest), at_most=0)
    report.note(
        f"The batches took {one.seconds:.1f} and {other.seconds:.1f} s, and {one.cpu:.1f} and {other.cpu:.1f} s of CPU."
    )
    report.note(f"Logs under PYTHONHASHSEED=1: sha256 {one.digest}")
    report.note(f"Logs under PYTHONHASHSEED=2: sha256 {other.digest}")
    report.note(f"A call lasts {percentile(one.lasted, 50):.1f} s in the median, {max(one.lasted):.1f} s at most.")
    for sentence in one.wrong[:5]:
        report.note(sentence)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--hold"]:
        print(json.dumps(hold(*map(int, sys.argv[2:5]))))
        sys.exit()
    sys.exit(main("simulator", measure, rounds=1, short=1))
