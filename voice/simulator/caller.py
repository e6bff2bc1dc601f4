"""A person at the other end: does one thing after the other, hears what arrives, and reacts as a client would.

Knows of the conversation what a face knows: its operations and its events.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from random import Random
from typing import Protocol

import numpy as np

from voice.simulator.ear import STEP, Ear
from voice.simulator.laws import Laws
from voice.simulator.log import Log, Value, name_of
from voice.simulator.road import Road, Room, Uplink
from voice.simulator.scenario import Act, Scenario
from voice.talk import events as tell

REPORT_STEPS = 5
"""Between two reports of what was played."""

Sleep = Callable[[float], Awaitable[None]]
Sound = np.ndarray | None
"""What the caller says in 20 ms; None is nothing."""


class Talk(Protocol):
    """The conversation, as the caller's client sees it."""

    @property
    def over(self) -> bool: ...
    def hear(self, samples: np.ndarray) -> bool: ...
    def write(self, text: str) -> object: ...
    def commit(self) -> None: ...
    def clear(self) -> None: ...
    def cancel(self) -> None: ...
    def played(self, position: int) -> None: ...
    def tool_result(self, call_id: str, output: str) -> None: ...
    def detach(self) -> None: ...
    def attach(self, emit: Callable[[tell.Event], None], position: int) -> int: ...


class Voice(Protocol):
    """How the caller sounds."""

    def frames(self, act: Act) -> Iterable[np.ndarray]:
        """Of something that is said: 20 ms each, float32 at 16 kHz, asked for as they are said."""
        ...


class Caller:
    """Give `emit` to the conversation, then await `live`."""

    def __init__(self, scenario: Scenario, voice: Voice, log: Log, laws: Laws, chance: Random, *, sleep: Sleep):
        rate, line = scenario.settings.output_rate, scenario.line
        self._scenario, self._voice, self._log, self._laws = scenario, voice, log, laws
        self._loop = asyncio.get_running_loop()
        self._line, self._chance, self._sleep = line, chance, sleep
        self._down = Road(line, chance)
        self._room = Room(line, rate, chance)
        self.ear = Ear(rate, line.buffer)
        self._talk: Talk | None = None
        self._there = True
        self._sounds = False
        self._seen: Counter[str] = Counter()
        self._before: Counter[str] = Counter()
        """What was seen when the last act began: what is waited for comes after."""
        self._answered, self._wanted = 0, 1
        self._old = ""
        """The response that was heard when the last words of the caller began."""
        self._calls: list[str] = []
        self._began = 0.0

    def _note(self, event: str, **fields: Value) -> None:
        self._seen[event] += 1
        self._log.note(event, **fields)

    # What arrives

    def emit(self, event: tell.Event) -> None:
        self._log.add(event)
        self._laws.add(event)
        at = self._down.arrival(self._loop.time())
        if isinstance(event, tell.AudioOut):
            self.ear.arrive(at, (event.response, event.samples, event.position))
        else:
            self._loop.call_at(at, self._react, event)

    def _react(self, event: tell.Event) -> None:
        now = self._loop.time()
        if not self._there:
            return
        self._seen[name_of(type(event))] += 1
        if isinstance(event, tell.Paused):
            self.ear.pause(now)
            self._stops(now)
        elif isinstance(event, tell.Resumed):
            self.ear.resume()
        elif isinstance(event, tell.Interrupted):
            self._laws.heard(event, self.ear.seconds if self.ear.response == event.response else 0.0)
            self.ear.drop(now)
            self._stops(now)
        elif isinstance(event, tell.AudioDone):
            self.ear.whole(event.response)
        elif isinstance(event, tell.ResponseDone):
            self._answered += event.status in ("completed", "failed")
        elif isinstance(event, tell.ToolCalled):
            self._calls.append(event.call.id)

    def _stops(self, now: float) -> None:
        """We were asked to be silent."""
        if self._sounds:
            self._note("falls_silent", position=self.ear.position(now))
        self._sounds = False
        self._report()

    def _report(self) -> None:
        if self._line.reports:
            self._loop.call_later(self._line.delay, self._reported, self.ear.position(self._loop.time()))

    def _reported(self, position: int) -> None:
        if self._there and self._talk and not self._talk.over:
            self._talk.played(position)

    # What happens each 20 ms

    async def live(self, talk: Talk) -> None:
        """All he has to do, to the end."""
        self._talk = talk
        uplink = Uplink(self._line, self._chance, talk.hear)
        clock = self._loop.time
        begun = self._began = clock()
        for number, said in enumerate(self._acts(talk)):
            now = clock()
            played = self._listen(now)
            if not self._there:
                uplink.clear()
            else:
                uplink.send(now, self._room.hears(said, played))
                uplink.deliver(now)
                if played is not None and number % REPORT_STEPS == 0:
                    self._report()
            if talk.over:
                break
            await self._sleep(max(0.0, begun + (number + 1) * STEP - clock()))

    def _listen(self, now: float) -> Sound:
        before = self.ear.response
        played = self.ear.play(now)
        if played is not None:
            if not self._sounds or before != self.ear.response:
                self._note("hears", response=self.ear.response, position=self.ear.position(now))
            self._sounds = True
        elif self._sounds:
            self._sounds = False
            self._note("hears_no_more", position=self.ear.position(now))
            self._report()
        return played

    # What he does

    def _acts(self, talk: Talk) -> Iterator[Sound]:
        does = {
            "say": self._speak, "interrupt": self._interrupt, "backchannel": self._murmur, "hold": self._hold,
            "wait": self._wait, "type": self._type, "tool": self._tool, "drop": self._drop, "clear": self._clear,
            "cancel": self._cancel, "hang_up": self._hang_up,
        }  # fmt: skip
        for act in self._scenario.caller:
            if act.does != "wait":
                self._before = self._seen.copy()
            yield from does[act.does](act, talk)
        yield from self._pause(self._began + self._scenario.stays - self._loop.time())

    def _takes_the_floor(self) -> None:
        self._wanted, self._old = self._answered + 1, self.ear.response

    def _speak(self, act: Act, talk: Talk) -> Iterator[Sound]:
        self._takes_the_floor()
        yield from self._say(act, talk)

    def _say(self, act: Act, talk: Talk, how: str = "says") -> Iterator[Sound]:
        """By voice, whoever has the floor."""
        self._note(how, text=act.text)
        yield from self._voice.frames(act)

    def _interrupt(self, act: Act, talk: Talk) -> Iterator[Sound]:
        yield from self._into_the_answer(act)
        self._takes_the_floor()
        yield from self._say(act, talk, "interrupts")

    def _murmur(self, act: Act, talk: Talk) -> Iterator[Sound]:
        yield from self._into_the_answer(act)
        yield from self._say(act, talk, "murmurs")

    def _hold(self, act: Act, talk: Talk) -> Iterator[Sound]:
        """Push to talk: the turn ends when the key is let go, once all of it is there."""
        self._takes_the_floor()
        yield from self._say(act, talk)
        yield from self._pause(2 * self._line.delay + self._line.jitter + 2 * STEP)
        self._note("commits")
        talk.commit()

    def _wait(self, act: Act, talk: Talk) -> Iterator[Sound]:
        if not act.text:
            yield from self._pause(act.seconds)
            return
        if act.text == "answer":
            yield from self._until(self._is_answered, "answer")
        else:
            yield from self._until(lambda: self._seen[act.text] > self._before[act.text], act.text)
        self._wanted, self._before = self._answered + 1, self._seen.copy()

    def _type(self, act: Act, talk: Talk) -> Iterator[Sound]:
        self._takes_the_floor()
        self._note("types", text=act.text)
        talk.write(act.text)
        yield None

    def _tool(self, act: Act, talk: Talk) -> Iterator[Sound]:
        """Answers the first call that is open."""
        yield from self._until(lambda: bool(self._calls), "tool_called")
        if self._calls:
            self._takes_the_floor()
            self._note("answers_tool", output=act.text)
            talk.tool_result(self._calls.pop(0), act.text)

    def _drop(self, act: Act, talk: Talk) -> Iterator[Sound]:
        self._note("is_gone", position=self.ear.received)
        self._there = False
        talk.detach()
        self.ear.lose()
        yield from self._pause(act.seconds)
        self._there = True
        position = talk.attach(self.emit, self.ear.received)
        self._laws.back(position)
        self._note("is_back", position=position)

    def _clear(self, act: Act, talk: Talk) -> Iterator[Sound]:
        self._note("clears")
        talk.clear()
        yield None

    def _cancel(self, act: Act, talk: Talk) -> Iterator[Sound]:
        yield from self._into_the_answer(act)
        self._note("cancels")
        talk.cancel()
        yield None

    def _hang_up(self, act: Act, talk: Talk) -> Iterator[Sound]:
        self._note("hangs_up")
        yield None

    def _into_the_answer(self, act: Act) -> Iterator[Sound]:
        """Until so much of the answer was heard, or all of a shorter one."""
        yield from self._until(
            lambda: (
                (self.ear.response != self._old and self.ear.seconds >= act.after and self.ear.samples > 0)
                or (self._is_answered() and bool(self.ear.samples))
            ),
            "answer",
        )

    def _is_answered(self) -> bool:
        return self._answered >= self._wanted and self.ear.empty and not self._sounds

    def _until(self, reached: Callable[[], bool], what: str) -> Iterator[Sound]:
        end = self._loop.time() + self._scenario.patience
        while not reached():
            if self._loop.time() >= end:
                self._note("gives_up", waited_for=what)
                return
            yield None

    def _pause(self, seconds: float) -> Iterator[Sound]:
        for _ in range(round(seconds / STEP)):
            yield None
