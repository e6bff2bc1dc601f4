"""What every benchmark shares: its command line, its table, its JSON object and its verdict. Knows no product code.

A benchmark is a module with one function and one line at its end:

    async def measure(report: Report, args: Namespace) -> None:          # or a plain function
        ours, bare = await alternate(args.rounds, ours_once, bare_once)  # A B A B, one number a round
        report.figure("first_chunk_ms", ours, unit="ms", at_most=0.5)    # many numbers: median and quartiles
        report.figure("cost_ratio", ratio(ours, bare), at_most=2)
        report.figure("words_per_second", 31_000.0, at_least=20_000)     # one number: as it is
        report.note("one sentence under the table")

    if __name__ == "__main__":
        sys.exit(main("pool", measure, rounds=9, short=3))

`python -m benchmarks.pool` prints the table, `--json` one object, `--short` ends within 50 seconds (fewer rounds; read
`args.short` for the rest), `--rounds N` sets the rounds, `--peer NAME` (may be repeated) is handed on in `args.peer`.
Exit 0 when no target is missed, else 1.
"""

from __future__ import annotations

import argparse
import asyncio
import inspect
import json
import os
import platform
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

Measure = Callable[["Report", argparse.Namespace], Awaitable[None] | None]
Once = Callable[[], Awaitable[float] | float]


@dataclass(frozen=True)
class Figure:
    """A measured number; `low` and `high` are the quartiles of `runs` measurements."""

    value: float
    low: float
    high: float
    runs: int
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None

    @property
    def missed(self) -> bool:
        """Also true of a value that is not a number."""
        over = self.at_most is not None and not self.value <= self.at_most
        return over or (self.at_least is not None and not self.value >= self.at_least)


@dataclass
class Report:
    """Figures of one benchmark, in the order in which they were taken."""

    name: str
    figures: dict[str, Figure] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def figure(
        self,
        name: str,
        value: float | Sequence[float],
        *,
        unit: str = "",
        at_most: float | None = None,
        at_least: float | None = None,
    ) -> float:
        """Enter a figure and answer its value: of several numbers the median, with their quartiles as spread."""
        runs = [float(item) for item in value] if isinstance(value, Sequence) else [float(value)]
        low, high = spread(runs)
        self.figures[name] = Figure(median(runs), low, high, len(runs), unit, at_most, at_least)
        return self.figures[name].value

    def note(self, text: str) -> None:
        self.notes.append(text)

    @property
    def missed(self) -> list[str]:
        return [name for name, figure in self.figures.items() if figure.missed]

    def as_object(self) -> dict:
        return {
            "name": self.name,
            "machine": machine(),
            "figures": {name: figure.value for name, figure in self.figures.items()},
            "spread": {name: [item.low, item.high] for name, item in self.figures.items() if item.runs > 1},
            "units": {name: figure.unit for name, figure in self.figures.items() if figure.unit},
            "targets": {name: target for name, figure in self.figures.items() if (target := _target(figure))},
            "missed": self.missed,
            "notes": self.notes,
        }

    def table(self) -> str:
        rows = [("figure", "median", "quartiles", "target", ""), *(_row(*item) for item in self.figures.items())]
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        about = ", ".join(str(value) for value in machine().values())
        return "\n".join([f"{self.name}: {about}", *lines, *self.notes])

    def finish(self, args: argparse.Namespace) -> int:
        """Print, and answer the exit status."""
        print(json.dumps(self.as_object()) if args.json else self.table())
        return 1 if self.missed else 0


def main(
    name: str,
    measure: Measure,
    *,
    rounds: int = 9,
    short: int = 3,
    options: Callable[[argparse.ArgumentParser], None] | None = None,
    argv: Sequence[str] | None = None,
) -> int:
    """Parse the common command line and what `options` adds to it, run `measure` (plain or async) and answer the exit
    status."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--short", action="store_true", help="fewer rounds; ends within 50 seconds")
    parser.add_argument("--rounds", type=int, help=f"rounds of each measurement ({rounds}, with --short {short})")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME", help="measure a peer too, alternating")
    if options:
        options(parser)
    args = parser.parse_args(argv)
    args.rounds = args.rounds or (short if args.short else rounds)
    report = Report(name)
    outcome = measure(report, args)
    if inspect.iscoroutine(outcome):
        asyncio.run(outcome)
    return report.finish(args)


async def alternate(rounds: int, *once: Once) -> list[list[float]]:
    """Call each of the functions in turn, `rounds` times over; the numbers each of them answered."""
    taken: list[list[float]] = [[] for _ in once]
    for _ in range(rounds):
        for numbers, measure in zip(taken, once, strict=True):
            outcome = measure()
            numbers.append(await outcome if inspect.isawaitable(outcome) else outcome)
    return taken


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Round by round, so that what slows the machine for a while slows both sides of a quotient."""
    return [our / their for our, their in zip(ours, theirs, strict=True)]


def difference(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Round by round."""
    return [our - their for our, their in zip(ours, theirs, strict=True)]


def percentile(values: Sequence[float], percent: float) -> float:
    """By the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def spread(values: Sequence[float]) -> tuple[float, float]:
    """The first and the third quartile."""
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = quantiles(values, n=4, method="inclusive")
    return low, high


def machine() -> dict[str, str | int]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {"cpu": _cpu(), "cores": cores, "system": platform.system(), "python": platform.python_version()}


def _cpu() -> str:
    listing = Path("/proc/cpuinfo")
    names = [line for line in listing.read_text().splitlines() if "model name" in line] if listing.exists() else []
    return names[0].split(":", 1)[1].strip() if names else platform.machine()


def _target(figure: Figure) -> dict[str, float]:
    bounds = {"at_most": figure.at_most, "at_least": figure.at_least}
    return {name: bound for name, bound in bounds.items() if bound is not None}


def _row(name: str, figure: Figure) -> tuple[str, str, str, str, str]:
    quartiles = f"{figure.low:.4g} to {figure.high:.4g}" if figure.runs > 1 else ""
    target = " ".join(f"{'<=' if side == 'at_most' else '>='} {bound:g}" for side, bound in _target(figure).items())
    return name, f"{figure.value:.4g} {figure.unit}".strip(), quartiles, target, "MISSED" if figure.missed else ""
