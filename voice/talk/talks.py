"""The conversations of a process, and the parts they share."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from weakref import WeakValueDictionary

from core.errors import Overloaded, VoiceForgeError
from core.metrics import Metrics
from engines.agent import Agent
from engines.base import Chunk, SpeechDetector
from engines.pool import Pool, Priority
from voice.listening import Listening, OnPartial, Utterance
from voice.rates import at_rate
from voice.routing import Routing
from voice.speech import Speech, SpeechPlan, SpeechRequest
from voice.talk.completeness import complete
from voice.talk.conversation import Conversation
from voice.talk.interruption import Floor, PauseFirst
from voice.talk.items import Item
from voice.talk.parts import Parts
from voice.talk.scene import Emit
from voice.talk.settings import TalkSettings
from voice.talk.ticker import Ticker
from voice.text.dictionary import Dictionary

logger = logging.getLogger(__name__)


class Talks:
    """Opens conversations, at most `most` at a time. One for a process; its ticker runs while there is one."""

    def __init__(
        self,
        pool: Pool,
        routing: Routing,
        speech: Speech,
        detector: SpeechDetector,
        agent: Callable[[TalkSettings], Agent],
        *,
        thinks: Callable[[TalkSettings], str] = lambda settings: "",
        most: int = 200,
        floor: Callable[[str], Floor] | None = None,
        metrics: Metrics | None = None,
    ):
        """`agent` raises UnknownModel for one there is not; `thinks` names the pool's engine behind it, if one is."""
        self._pool, self._routing, self._speech = pool, routing, speech
        self._agent, self._thinks, self._most = agent, thinks, most
        self._warming: set[asyncio.Task[None]] = set()
        self._floor = floor or _pause_first
        self._ticker = Ticker(detector, metrics=metrics)
        self._open: WeakValueDictionary[str, Conversation] = WeakValueDictionary()
        """By id. The ticker holds those that are not over."""

    @property
    def count(self) -> int:
        return sum(not talk.over for talk in self._open.values())

    @property
    def ticker(self) -> Ticker:
        return self._ticker

    def open(
        self,
        settings: TalkSettings,
        emit: Emit,
        *,
        id: str = "",
        history: Sequence[Item] = (),
        dictionary: Dictionary | None = None,
    ) -> Conversation:
        """A conversation on the ticker, which has said nothing yet: `begin` it.

        `dictionary` is how its owner wants words to be said. Raises Overloaded where there are too many, UnknownModel
        for an agent there is not, and what routing raises where nobody can listen or speak.
        """
        if self.count >= self._most:
            raise Overloaded(f"{self._most} conversations are open; this house holds no more at a time.", retry_after=5)
        engines = {self._routing.transcription(settings.hears, settings.language).engine, self._thinks(settings)}
        if settings.speak:
            engines.add(self._routing.speech(settings.voice, settings.speaks, settings.language).engine)
        talk = Conversation(self._parts(dictionary), settings, emit, id=id or new_id("talk"), history=history)
        self._open[talk.id] = talk
        self._ticker.add(talk)
        self._warm(engines - {""})
        return talk

    def find(self, id: str) -> Conversation | None:
        """The one of this id that is open."""
        talk = self._open.get(id)
        return None if talk is None or talk.over else talk

    async def close(self) -> None:
        for task in self._warming:
            task.cancel()
        await asyncio.gather(*self._warming, return_exceptions=True)
        for talk in list(self._open.values()):
            await talk.close("the house closes")
        await self._ticker.close()

    def _warm(self, engines: set[str]) -> None:
        """Who speaks first should not wait for an engine to load."""
        for engine in engines:
            task = asyncio.get_running_loop().create_task(self._load(engine), name=f"warm {engine}")
            self._warming.add(task)
            task.add_done_callback(self._warming.discard)

    async def _load(self, engine: str) -> None:
        try:
            await self._pool.warm(engine)
        except VoiceForgeError as error:
            logger.warning("%s is not ready for a conversation: %s", engine, error.message)

    def _parts(self, dictionary: Dictionary | None) -> Parts:
        def speak(text: str, settings: TalkSettings) -> AsyncGenerator[tuple[SpeechPlan, Chunk]]:
            return self._speak(text, settings, dictionary)

        return Parts(self._ticker, self._floor, new_id, self._agent, self._utterance, speak, complete)

    def _utterance(self, settings: TalkSettings, on_partial: OnPartial) -> Utterance:
        listening = Listening(self._pool, self._routing, model=settings.hears)
        return listening.utterance(settings.language, "", on_partial)

    async def _speak(
        self, text: str, settings: TalkSettings, dictionary: Dictionary | None
    ) -> AsyncGenerator[tuple[SpeechPlan, Chunk]]:
        request = SpeechRequest(text, settings.voice, settings.speaks, settings.language, settings.speed)
        plan = await self._speech.prepare(replace(request, dictionary=dictionary))
        performance = await self._speech.begin(plan, priority=Priority.REALTIME)
        async with aclosing(at_rate(performance, settings.output_rate)) as spoken:
            async for chunk in spoken:
                yield performance.plan, chunk


def _pause_first(language: str) -> Floor:
    return PauseFirst(language=language)


def new_id(kind: str) -> str:
    return f"{kind}_{secrets.token_hex(10)}"
