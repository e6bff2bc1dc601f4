"""Holds the calls of scenario files and prints what happened: python -m voice.simulator [FILE ...] [--seed N] [--real].

Exit 0 when everything was as expected, else 1, and 2 for a file that is no scenario.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from core.errors import BadRequest
from voice.simulator.call import Call, simulate
from voice.simulator.reading import load
from voice.simulator.scenario import SHIPPED, Scenario


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m voice.simulator")
    parser.add_argument("file", nargs="*", help="scenarios, or names of those that are here (all of them)")
    parser.add_argument("--seed", type=int, default=0, help="of the accidents on the line (0)")
    parser.add_argument("--real", action="store_true", help="real engines, in real time; needs what they need")
    parser.add_argument("--quiet", action="store_true", help="the verdict, without what happened")
    args = parser.parse_args(argv)
    try:
        scenarios = [load(_path(name)) for name in args.file or _shipped()]
    except BadRequest as error:
        print(error.message, file=sys.stderr)
        return 2
    return _hold(scenarios, args)


def _hold(scenarios: Sequence[Scenario], args: argparse.Namespace) -> int:
    passed = True
    for call in _calls(scenarios, args):
        print(told(call, args.quiet), flush=True)
        passed = passed and call.passed
    return 0 if passed else 1


def _calls(scenarios: Sequence[Scenario], args: argparse.Namespace):
    if not args.real:
        yield from (simulate(scenario, args.seed) for scenario in scenarios)
        return
    from voice.simulator.real import hold

    yield from asyncio.run(hold(scenarios, args.seed))


def told(call: Call, quiet: bool = False) -> str:
    """The call as text: its events and what became of each expectation."""
    lines = [f"{call.scenario.name}: {call.scenario.about}"]
    if not quiet:
        lines.append(call.log)
    lines += [str(finding) for finding in call.findings if finding.wrong or not quiet]
    lines += [f"MISSED in every call: {sentence}" for sentence in call.broken]
    missed = len(call.broken) + sum(bool(finding.wrong) for finding in call.findings)
    lines.append(f"{call.scenario.name}: {len(call.findings)} expectations, {missed} missed, {call.seconds:.1f} s")
    return "\n".join(lines)


def _path(name: str) -> Path:
    shipped = SHIPPED / f"{name}.yaml"
    return shipped if shipped.is_file() and not Path(name).is_file() else Path(name)


def _shipped() -> list[str]:
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


if __name__ == "__main__":
    sys.exit(main())
