"""One call from the first ring to the last word, in virtual time: the same scenario and seed give the same log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from core.errors import EngineError, VoiceForgeError
from engines import agent as act
from engines.base import Message
from voice.simulator import clock
from voice.simulator.caller import Caller
from voice.simulator.ear import STEP
from voice.simulator.floor import ByLength
from voice.simulator.laws import Laws
from voice.simulator.log import Entry, Log
from voice.simulator.parts import WORD_SECONDS, Answer, Hiss, Saying, ScriptedAgent, ScriptedVoice, parts, tone
from voice.simulator.scenario import Act, Scenario, Step
from voice.simulator.verdict import Finding, judged
from voice.talk.conversation import Conversation
from voice.talk.items import Item
from voice.talk.settings import INPUT_RATE

logger = logging.getLogger(__name__)

PITCH = 350.0
"""Hz of the caller's voice; ours is lower."""


@dataclass(frozen=True)
class Call:
    """What came of it."""

    scenario: Scenario
    seconds: float
    entries: tuple[Entry, ...]
    items: tuple[Item, ...]
    findings: tuple[Finding, ...]
    broken: tuple[str, ...]
    """Laws of every call."""
    log: str

    @property
    def passed(self) -> bool:
        return not self.broken and not any(finding.wrong for finding in self.findings)


def simulate(scenario: Scenario, seed: int = 0) -> Call:
    """Hold it with everything scripted. The seed makes the accidents of the line."""
    return clock.run(_held(scenario, seed))


async def _held(scenario: Scenario, seed: int) -> Call:
    saying = Saying()
    delays = scenario.delays
    made = parts(
        ScriptedAgent(answering(scenario), delays),
        saying=saying,
        floor=ByLength(),
        voice=ScriptedVoice(
            delays,
            Breaks(scenario.mute, "The voice does not begin.", always=True),
            Breaks(scenario.dies, "The voice broke off."),
            Hiss(),
        ),
        delays=delays,
    )
    loop = asyncio.get_running_loop()
    log, laws = Log(loop.time), Laws(0.0 if scenario.mute or scenario.dies else WORD_SECONDS)
    caller = Caller(scenario, ScriptedCaller(saying), log, laws, Random(seed), sleep=clock.sleeping())
    talk = Conversation(made, scenario.settings, caller.emit, id="talk_0")
    made.ticker.add(talk)
    talk.begin()
    try:
        await caller.live(talk)
    finally:
        await talk.close()
        await made.ticker.close()
    if left := [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()]:
        laws.broken.append(f"Tasks are left: {', '.join(sorted(left))}.")
    return over(scenario, log, laws, talk)


def over(scenario: Scenario, log: Log, laws: Laws, talk: Conversation, *, real: bool = False) -> Call:
    """The call as a value, judged."""
    laws.close()
    findings = judged(scenario.expect, log.entries, talk.items, real=real)
    seconds = log.entries[-1].at if log.entries else 0.0
    return Call(scenario, seconds, tuple(log.entries), talk.items, tuple(findings), tuple(laws.broken), log.text())


class ScriptedCaller:
    """A tone. Each of its words is told to the scripted recogniser when it was said."""

    def __init__(self, saying: Saying):
        self._saying = saying

    def frames(self, act: Act) -> Iterator[np.ndarray]:
        words = act.text.split()
        steps = round((act.seconds or max(1, len(words)) * WORD_SECONDS) / STEP)
        frame, told = tone(STEP, INPUT_RATE, PITCH, act.loudness), 0
        for step in range(1, steps + 1):
            yield frame
            while told < len(words) * step // steps:
                self._saying.begins(words[told])
                told += 1


def answering(scenario: Scenario) -> Answer:
    """The scenario's answers, each to the turn of its place: a draft that is thought of again is the same."""

    def answer(event: act.Event, history: Sequence[Message]) -> Sequence[Step]:
        if isinstance(event, act.Silence):
            return (act.Say(scenario.idle),) if scenario.idle else ()
        if not isinstance(event, act.Heard | act.ToolResult):
            return ()
        turn = sum(message.role in ("user", "tool") for message in history) - 1
        if 0 <= turn < len(scenario.answers):
            return scenario.answers[turn]
        told = event.text if isinstance(event, act.Heard) else event.output
        return (act.Say(f"You said {told}. And what else can I do for you today?"),)

    return answer


class Breaks:
    """An error for a sentence that holds a text, if there is one: the first time, or `always`."""

    def __init__(self, text: str, message: str, *, always: bool = False):
        self._text, self._message, self._always = text, message, always

    def __call__(self, sentence: str) -> VoiceForgeError | None:
        if not self._text or self._text not in sentence:
            return None
        if not self._always:
            self._text = ""
        return EngineError(self._message)
