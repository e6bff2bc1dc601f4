"""One text on its way to being heard: line after line, each made while the one before is played, by another voice where
an engine fails. Knows the pool by its `stream` and engines by their cards."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace

import numpy as np

from audio.value import Audio
from core.errors import EngineError, VoiceForgeError
from engines.base import Chunk, EngineSpec, SynthesisRequest
from engines.pool import Priority
from voice._ahead import AnyPool
from voice._joints import Joints
from voice._plan import SpeechPlan
from voice._saying import DOWN, Fallen, Saying, closed
from voice.care import Cares
from voice.levels import Levels
from voice.routing import Route
from voice.text.parts import Manner
from voice.text.performs import Performs, performs
from voice.text.script import Line, script
from voice.timings import Timer

logger = logging.getLogger(__name__)

Replan = Callable[[SpeechPlan, str, VoiceForgeError], Awaitable[SpeechPlan]]
"""The same request without an engine that has failed, and its error, which is raised where nobody can stand in."""


class Telling:
    """`cards` gives an engine's card.

    An engine that fails before the first sound raises `Fallen`, so that who asked can begin anew with another plan.
    Later the plan is changed here: a line that has not begun is spoken by whoever stands in, a line that breaks off is
    not repeated, and the text goes on at the next one. Where nothing is left to go on with, or the request is strict,
    the error is raised after all that was heard.
    """

    def __init__(
        self,
        plan: SpeechPlan,
        pool: AnyPool,
        cards: Callable[[str], EngineSpec],
        replan: Replan,
        *,
        priority: Priority,
        levels: Levels | None = None,
    ):
        self.plan = plan
        """Changes where an engine fails on the way."""
        self._asked_for = plan
        self._pool, self._cards, self._replan, self._priority = pool, cards, replan, priority
        self._cares = Cares(levels, plan.rate) if levels else None
        self._timer = Timer(plan.rate)
        self._lines = script(plan.parts, self._who, plan.request.dictionary)
        self._sounded = False

    @property
    def as_planned(self) -> bool:
        """Whether nobody had to stand in."""
        return self.plan is self._asked_for

    async def chunks(self) -> AsyncGenerator[Chunk]:
        """All of it, at the plan's rate."""
        joints = Joints(self.plan.rate)
        now, ahead = self._begin(first=True), None
        try:
            await now.begun.wait()
            while line := now.line:
                joints.rest(now.rest)
                broken: VoiceForgeError | None = None
                try:
                    async for chunk in now.chunks:
                        ahead = ahead or self._begin()
                        for part in joints.feed(await self._cared(now.route.voice, chunk)):
                            yield self._heard(part)
                except DOWN as error:
                    await self._fall(now.route, error, first=not self._sounded)
                    broken = error
                ahead = ahead or self._begin()
                await ahead.begun.wait()
                if broken:
                    _note(broken, ahead)
                for part in joints.end(line.reading.ends, last=ahead.line is None):
                    yield self._heard(part)
                if (words := self._timer.end(line.reading.shown)) and self.plan.estimated:
                    yield Chunk(Audio(np.zeros(0, np.float32), self.plan.rate), words)
                now, ahead = ahead, None
            joints.rest(now.rest)
            for part in joints.close():
                yield part
        finally:
            await closed(now, ahead)
        if not self._sounded:
            raise EngineError(f"{self.plan.route.engine_name} could make no speech of this text.")
        if self._cares:
            await self._cares.learn()

    async def _cared(self, voice: str, chunk: Chunk) -> Chunk:
        return await self._cares.feed(voice, chunk) if self._cares else chunk

    def _heard(self, part: Chunk) -> Chunk:
        self._sounded = True
        self._timer.feed(part)
        return part

    def _begin(self, *, first: bool = False) -> Saying:
        """Ask for the next line; its audio, half a minute at most, is taken as fast as the engine makes it."""

        def ask(line: Line) -> tuple[Route, AsyncGenerator[Chunk]]:
            route, asked = self.plan.cast[line.manner], self.plan.request
            speed = asked.speed * line.manner.speed
            if "speed" not in self._cards(route.engine).capabilities:
                speed = 1.0
            said = SynthesisRequest(line.reading.said.text, route.voice_name, route.language, speed, asked.instructions)
            return route, self._pool.stream(route.engine, said, priority=self._priority, continues=not first)

        async def instead(line: Line, route: Route, error: VoiceForgeError) -> Line | None:
            await self._fall(route, error, first=first)
            found = line.read(*self._who(line.manner))
            return replace(line, reading=found) if found else None

        return Saying(self._lines, ask, instead, self.plan.rate)

    async def _fall(self, route: Route, error: VoiceForgeError, *, first: bool) -> None:
        """Go on without an engine that has failed. Raises its error where that cannot be, and `Fallen` where nothing
        was heard yet."""
        if self.plan.request.strict:
            raise error
        if first:
            raise Fallen(route.engine, error)
        if route.engine not in self.plan.without:
            self.plan = await self._replan(self.plan, route.engine, error)

    def _who(self, manner: Manner) -> tuple[str, Performs]:
        route = self.plan.cast[manner]
        return route.language, performs(route.engine, self._cards(route.engine).capabilities)


def _note(broken: VoiceForgeError, ahead: Saying) -> None:
    """Raises the error of a line that broke off where nothing comes after it: its part would pass for the whole."""
    if not ahead.line:
        raise broken
    logger.warning("a sentence broke off and is not repeated: %s", broken.message)
