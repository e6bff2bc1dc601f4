"""A conversation with everything around it scripted, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from core.metrics import Metrics
from voice.listening import OnPartial
from voice.simulator import clock
from voice.simulator.parts import Delays, LoudIsSpeech, Saying, ScriptedAgent, ScriptedVoice, parts, tone
from voice.talk import events as tell
from voice.talk.conversation import Conversation
from voice.talk.items import Item
from voice.talk.settings import TalkSettings
from voice.talk.ticker import Ticker

E = TypeVar("E", bound=tell.Event)


class Hall:
    """One conversation and somebody who speaks to it."""

    def __init__(
        self,
        settings: TalkSettings | None = None,
        agent: ScriptedAgent | None = None,
        voice: ScriptedVoice | None = None,
        delays: Delays = Delays(),
        history: Sequence[Item] = (),
        utterance: Callable[[TalkSettings, OnPartial], Any] | None = None,
        metrics: Metrics | None = None,
    ):
        self.saying = Saying()
        self.agent = agent or ScriptedAgent(delays=delays)
        ticker = Ticker(LoudIsSpeech(), inline=True, sleep=clock.sleeping(), metrics=metrics)
        self.parts = parts(
            self.agent, saying=self.saying, ticker=ticker, voice=voice, delays=delays, utterance=utterance
        )
        self.events: list[tell.Event] = []
        self.times: list[float] = []
        self.talk = Conversation(
            self.parts, settings or TalkSettings(draft=False), self.note, id="talk_0", history=history
        )
        self.parts.ticker.add(self.talk)
        self.reports = False

    def note(self, event: tell.Event) -> None:
        self.events.append(event)
        self.times.append(asyncio.get_running_loop().time())
        if self.reports and isinstance(event, tell.Paused):
            self.talk.played(event.position)

    def all(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def at(self, kind: type[tell.Event], number: int = 0) -> float:
        found = [time for event, time in zip(self.events, self.times, strict=True) if isinstance(event, kind)]
        return found[number]

    def kinds(self) -> list[str]:
        """In order, without the audio."""
        return [type(event).__name__ for event in self.events if not isinstance(event, tell.AudioOut)]

    async def say(self, text: str, seconds: float) -> None:
        """By voice."""
        self.saying.begins(text)
        await self.sound(seconds, 0.3)

    async def sound(self, seconds: float, loudness: float = 0.0) -> None:
        for _ in range(round(seconds / 0.02)):
            self.talk.hear(tone(0.02, 16000, 350.0, loudness))
            await asyncio.sleep(0.02)

    async def quiet(self, seconds: float) -> None:
        await self.sound(seconds)

    async def until(self, kind: type[tell.Event], number: int = 1, patience: float = 30.0) -> None:
        end = asyncio.get_running_loop().time() + patience
        while len(self.all(kind)) < number:
            assert asyncio.get_running_loop().time() < end, f"no {kind.__name__}; {self.kinds()}"
            await self.quiet(0.02)


def held(work: Callable[..., Awaitable[Any]], **options: Any) -> Hall:
    """What was left when `work(hall)` was over and the conversation closed."""

    async def whole() -> Hall:
        hall = Hall(**options)
        try:
            await work(hall)
        finally:
            await hall.talk.close()
            await hall.parts.ticker.close()
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert not left, left
        return hall

    return clock.run(whole())
