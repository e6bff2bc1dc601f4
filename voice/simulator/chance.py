"""Calls that nobody wrote: a seed makes the caller's words, when he murmurs and interrupts, the noise and the road.

The same seed makes the same call in every process.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from engines import agent as act
from voice.simulator.parts import WORD_SECONDS, Delays
from voice.simulator.scenario import Act, Echo, Line, Scenario
from voice.talk.settings import TalkSettings

LEAST_SECONDS = 30.0

_WORDS = (
    "table window yesterday seven order green number morning please change open invoice Friday parcel letter again "
    "because tomorrow question answer room second garden evening price small person later early station"
)
WORDS = tuple(_WORDS.split())
MURMURS = ("mm-hmm", "uh-huh", "yes", "right")


def scenario(seed: int) -> Scenario:
    """At least three turns by voice and thirty seconds."""
    chance = Random(seed)
    acts: list[Act] = []
    answers: list[tuple[act.Say, ...]] = []
    for _ in range(chance.randint(3, 4)):
        words = chance.randint(10, 22)
        answers.append((act.Say(_text(chance, words)),))
        acts += _turn(chance, words * WORD_SECONDS)
    return Scenario(
        name=f"call {seed}",
        caller=(*acts, _wait(0.5)),
        settings=TalkSettings(draft=chance.random() < 0.5),
        delays=Delays(
            transcript=chance.uniform(0.05, 0.3), thought=chance.uniform(0.1, 0.5), sound=chance.uniform(0.05, 0.2)
        ),
        line=_line(chance),
        answers=tuple(answers),
        stays=LEAST_SECONDS,
    )


def _turn(chance: Random, answer: float) -> Iterator[Act]:
    """What the caller does until an answer of so many seconds was heard, or interrupted."""
    yield _wait(chance.uniform(0.3, 1.5))
    yield _said(chance, "say", chance.randint(2, 8))
    kind, after = chance.random(), chance.uniform(0.5, answer - 1)
    if kind < 0.25:
        yield _said(chance, "interrupt", chance.randint(4, 8), after)
        return
    if kind < 0.5:
        yield Act("backchannel", chance.choice(MURMURS), chance.uniform(0.15, 0.3), after)
    elif kind < 0.65:  # He takes a breath in the middle of the turn.
        yield _wait(0.34)
        yield _said(chance, "say", chance.randint(2, 5))
    yield Act("wait", "answer")


def _said(chance: Random, does: str, words: int, after: float = 0.0) -> Act:
    return Act(does, _text(chance, words), words * chance.uniform(0.25, 0.4), after)


def _wait(seconds: float) -> Act:
    return Act("wait", seconds=seconds)


def _line(chance: Random) -> Line:
    """Most are good."""
    kind = chance.random()
    return Line(
        delay=chance.uniform(0.005, 0.08),
        noise=chance.uniform(-70, -45) if kind < 0.3 else None,
        echo=Echo(chance.uniform(0.04, 0.2), chance.uniform(0, 20)) if 0.3 <= kind < 0.4 else None,
        lost=chance.uniform(0, 0.03) if 0.4 <= kind < 0.5 else 0.0,
        jitter=chance.uniform(0, 0.05) if 0.5 <= kind < 0.7 else 0.0,
        buffer=0.12,
    )


def _text(chance: Random, words: int) -> str:
    """Sentences of about six words."""
    said = [chance.choice(WORDS) for _ in range(words)]
    sentences = [" ".join(said[at : at + 6]) for at in range(0, words, 6)]
    return " ".join(f"{sentence.capitalize()}." for sentence in sentences)
