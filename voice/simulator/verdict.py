"""Whether a call went as its scenario expects, each expectation with a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from voice.simulator.log import Entry, Value
from voice.simulator.scenario import Expectation
from voice.talk.items import Item

SHOWN = 3
"""Events that are quoted where another was expected."""


@dataclass(frozen=True)
class Finding:
    expectation: Expectation
    wrong: str = ""
    """A sentence; empty where it is as expected."""

    def __str__(self) -> str:
        told = f"line {self.expectation.line}: " if self.expectation.line else ""
        return f"MISSED {told}{self.wrong}" if self.wrong else f"as expected: {told}{described(self.expectation)}"


def judged(
    expectations: Sequence[Expectation], entries: Sequence[Entry], items: Sequence[Item], *, real: bool = False
) -> list[Finding]:
    """Each of them that holds for this kind of run."""
    return [Finding(each, _wrong(each, entries, items)) for each in expectations if each.real or not real]


def _wrong(expected: Expectation, entries: Sequence[Entry], items: Sequence[Item]) -> str:
    if expected.said:
        return _wrong_items(expected.said, items)
    start = _start(expected, entries)
    if start is None:
        return f"{expected.after} never came, after which {described(expected)} was looked for."
    if expected.order:
        return _wrong_order(expected.order, entries[start:])
    since = entries[start].at if expected.after else 0.0
    kind = [entry for entry in entries[start:] if entry.event == expected.event]
    found = [entry for entry in kind if _fits(entry, expected)]
    if expected.absent:
        return f"{described(expected)} was not to come, and came at {found[0].at:.3f} s." if found else ""
    if expected.count is not None and len(found) != expected.count:
        return f"{described(expected)} was to come {expected.count} times, and came {len(found)} times.{_seen(kind)}"
    if not found:
        return "" if expected.count == 0 else f"{described(expected)} never came.{_seen(kind)}"
    waited = (found[0].at - since) * 1000
    if expected.within_ms is not None and waited > expected.within_ms:
        return f"{described(expected)} came after {waited:.0f} ms."
    return ""


def _start(expected: Expectation, entries: Sequence[Entry]) -> int | None:
    if not expected.after:
        return 0
    return next((index for index, entry in enumerate(entries) if entry.event == expected.after), None)


def _wrong_order(order: Sequence[str], entries: Sequence[Entry]) -> str:
    left = iter(entry.event for entry in entries)
    for number, wanted in enumerate(order):
        if wanted not in left:
            return f"After {', '.join(order[:number]) or 'the beginning'} no {wanted} came."
    return ""


def _wrong_items(said: Sequence[tuple[str, str]], items: Sequence[Item]) -> str:
    found = [(item.role, item.known.strip()) for item in items if not item.call]
    fits = len(found) == len(said) and all(
        role == own and text in known for (role, text), (own, known) in zip(said, found, strict=True)
    )
    return "" if fits else f"What was said in the end is otherwise: {_quoted(found)}."


def _fits(entry: Entry, expected: Expectation) -> bool:
    return all(_holds(entry.fields.get(name), value) for name, value in expected.fields.items())


def _holds(found: Value, wanted: str | int | float) -> bool:
    if isinstance(wanted, str) and isinstance(found, str):
        return wanted in found
    return found == wanted


def described(expected: Expectation) -> str:
    """As one would say it."""
    if expected.said:
        return f"what was said in the end: {_quoted(expected.said)}"
    if expected.order:
        return " then ".join(expected.order)
    told = [expected.event, *(f"{name}={value!r}" for name, value in expected.fields.items())]
    if expected.within_ms is not None:
        told.append(f"within {expected.within_ms:g} ms")
    if expected.after:
        told.append(f"after {expected.after}")
    return ("no " if expected.absent else "") + " ".join(told)


def _seen(kind: Sequence[Entry]) -> str:
    if not kind:
        return ""
    shown = "; ".join(str(entry).strip() for entry in kind[:SHOWN])
    return f" There was: {shown}{'; and more' if len(kind) > SHOWN else ''}"


def _quoted(said: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{role} {text!r}" for role, text in said)
