"""Text of any length to one stream of audio, a line at a time, each made while the one before is being played.

Knows the pool by its `stream` and engines by their cards.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from audio.enhance import ENHANCEMENTS
from core.errors import BadRequest, TooLarge, VoiceForgeError
from engines.base import Chunk, Word
from engines.pool import Priority
from voice._ahead import AnyPool
from voice._plan import SpeechPlan, SpeechRequest
from voice._saying import Fallen
from voice._telling import Telling
from voice.cache import SpeechCache, key_of
from voice.care import enhanced
from voice.levels import Levels
from voice.needs import needs_of
from voice.routing import Route, Routing, Terms
from voice.spoken import is_binary, is_speakable, spoken
from voice.text.parts import Manner, Pause, Spoken
from voice.text.performs import Performs, performs
from voice.text.script import Line, manners, parsed, script
from voice.timings import marked
from voice.versions import Versions

__all__ = ["Performance", "Speech", "SpeechPlan", "SpeechRequest"]

logger = logging.getLogger(__name__)

SLOWEST, FASTEST = 0.25, 4.0
MAX_INSTRUCTIONS = 4096
LONG_TEXT = 10_000
"""Characters whose markup takes longer to read than a thread to start."""
MOST_FALLS = 2
"""Engines that may fail one request before it is taken for the cause."""


class Performance:
    """Speech that has begun: iterate over it once for its audio, and close it."""

    def __init__(self, plan: SpeechPlan, first: Chunk, rest: AsyncGenerator[Chunk]):
        self.plan = plan
        """Who really speaks, and why."""
        self._first: Chunk | None = first
        self._rest = rest

    def __aiter__(self) -> AsyncIterator[Chunk]:
        return self

    async def __anext__(self) -> Chunk:
        if self._first is None:
            return await anext(self._rest)
        first, self._first = self._first, None
        return first

    async def aclose(self) -> None:
        await self._rest.aclose()


class Speech:
    """Speaks through a pool; holds no request's state. Without `levels` voices keep their own loudness, without a
    `cache` everything is made anew; `versions` tell what was kept before an engine changed."""

    def __init__(
        self,
        pool: AnyPool,
        routing: Routing,
        *,
        max_text_chars: int,
        levels: Levels | None = None,
        cache: SpeechCache | None = None,
        versions: Versions | None = None,
    ):
        self._pool = pool
        self._routing = routing
        self._max_text_chars = max_text_chars
        self._levels = levels
        self._cache = cache
        self._versions = versions

    async def prepare(self, request: SpeechRequest) -> SpeechPlan:
        """`plan`, off the event loop where the text is long."""
        if len(request.text) > LONG_TEXT:
            return await asyncio.to_thread(self.plan, request)
        return self.plan(request)

    def plan(self, request: SpeechRequest) -> SpeechPlan:
        """Makes no sound yet. Raises BadRequest, TooLarge, Unknown{Voice,Model} and Unavailable."""
        self._check(request)
        return self._planned(request, {})

    async def begin(self, plan: SpeechPlan, *, priority: Priority = Priority.INTERACTIVE) -> Performance:
        """The plan's speech once its first audio is here, all at `plan.rate`, its words on the clock of the whole.

        Where an engine fails before that, the next best voice speaks instead, so the performance's own plan may be
        another one. Where one fails later on, a sentence that has not begun is spoken by the next best voice, and one
        that breaks off is left and the text goes on at the next. Strict requests get the error in all these cases.
        Close it: that cancels the line under way and the one asked for ahead. Raises the pool's errors where nobody
        can stand in, and EngineError where the engine makes no sound of the text.
        """
        while True:
            chunks = self._chunks(plan, priority)
            try:
                return Performance(plan, await anext(chunks), chunks)
            except Fallen as fallen:
                plan = await self._replanned(plan, fallen.engine, fallen.error)

    async def stream(self, plan: SpeechPlan, *, priority: Priority = Priority.INTERACTIVE) -> AsyncGenerator[Chunk]:
        """As `begin`, for who need not know who speaks. Use with `contextlib.aclosing`."""
        async with aclosing(await self.begin(plan, priority=priority)) as chunks:
            async for chunk in chunks:
                yield chunk

    def marked(self, plan: SpeechPlan, words: Iterable[Word]) -> tuple[Word, ...]:
        """All the words that `stream` gave, with the marks that stand at them in the text, as captions need them. Takes
        as long as reading the text; engines leave marks out, and some run small words together."""
        shown = (item.reading.shown for item in self._script(plan) if isinstance(item, Line))
        return marked(" ".join(shown), words)

    def is_kept(self, plan: SpeechPlan) -> bool:
        """Whether the same has been spoken before and comes from the disk. Blocks: it looks at the weights' version."""
        return bool(self._cache) and self._may_be_kept(plan) and self._cache.has(self._key(plan))

    # planning

    def _planned(self, request: SpeechRequest, without: Mapping[str, str]) -> SpeechPlan:
        parts = parsed(request.text)
        terms = Terms(request.strict, needs_of(request.speed, request.instructions, parts), without)
        route = self._routing.speech(request.voice, request.model, request.language, request.text, terms)
        spec = self._routing.spec(route.engine)
        if request.speed != 1 and "speed" not in spec.capabilities:
            raise BadRequest(f"{spec.name} cannot change its pace; leave speed at 1.", param="speed")
        if self._performs(route).speaker:
            parts = parsed(request.text, dialogue=True)
        cast = self._cast(request, route, manners(parts), terms)
        able = [self._routing.spec(one.engine).capabilities for one in cast.values()]
        estimated = any("words" not in each for each in able)
        plan = SpeechPlan(request, route, spec.rate, parts, cast, estimated, without)
        plain = any(_is_speakable(part.text) for part in parts if isinstance(part, Spoken))
        if not plain and not any(isinstance(item, Line) for item in self._script(plan)):
            raise BadRequest("There is nothing to speak in this text: no letter and no digit.", param="input")
        return plan

    async def _replanned(self, plan: SpeechPlan, engine: str, error: VoiceForgeError) -> SpeechPlan:
        """The same request at the same rate without an engine that has failed. Raises its error where nobody is left,
        or too many have failed: then it may be the text."""
        if plan.request.strict or len(plan.without) >= MOST_FALLS:
            raise error
        without = {**plan.without, engine: error.message}
        work = partial(self._planned, plan.request, without)
        try:
            other = await asyncio.to_thread(work) if len(plan.request.text) > LONG_TEXT else work()
        except VoiceForgeError:
            raise error from None
        if any(route.engine in without for route in other.cast.values()):
            raise error
        logger.warning("%s failed, %s speaks: %s", engine, other.route.voice, error.message)
        return replace(other, rate=plan.rate)

    def _script(self, plan: SpeechPlan) -> Iterator[Line | Pause]:
        def who(manner: Manner) -> tuple[str, Performs]:
            route = plan.cast[manner]
            return route.language, self._performs(route)

        return script(plan.parts, who, plan.request.dictionary)

    def _performs(self, route: Route) -> Performs:
        return performs(route.engine, self._routing.spec(route.engine).capabilities)

    def _cast(self, request: SpeechRequest, route: Route, found: list[Manner], terms: Terms) -> dict[Manner, Route]:
        """Who speaks each manner: what the text names, a voice of his own for each further speaker, else `route`."""
        speakers = list(dict.fromkeys(manner.speaker for manner in found if manner.speaker))
        cast: dict[Manner, Route] = {}
        for manner in found:
            _check_speed(request.speed * manner.speed)
            voice, language = manner.voice, manner.language or request.language
            if not voice and manner.speaker in speakers[1:]:
                voice = self._other_voice(route, language, speakers.index(manner.speaker), terms)
            if voice:
                cast[manner] = self._routing.speech(voice, "auto", language, request.text, terms)
            elif manner.language:
                cast[manner] = self._routing.speech("", request.model, manner.language, request.text, terms)
            else:
                cast[manner] = route
        return cast

    def _other_voice(self, route: Route, language: str, number: int, terms: Terms) -> str:
        """The voice of a dialogue's next speaker: another one than the first speaker's, as long as there are any."""
        voices = self._routing.candidates(language or route.language, terms)
        others = [voice.id for voice in voices if voice.id != route.voice] or [route.voice]
        return others[(number - 1) % len(others)]

    # making

    async def _chunks(self, plan: SpeechPlan, priority: Priority) -> AsyncGenerator[Chunk]:
        """From the cache, or made. Raises `Fallen` where an engine fails before the first of them."""
        telling = Telling(plan, self._pool, self._routing.spec, self._replanned, priority=priority, levels=self._levels)
        made = partial(self._made, telling, plan)
        if self._cache and self._may_be_kept(plan):
            chunks = self._cache.stream(self._key(plan), made, lane=priority, keep=lambda: telling.as_planned)
        else:
            chunks = made()
        async with aclosing(chunks):
            async for chunk in chunks:
                yield chunk

    def _made(self, telling: Telling, plan: SpeechPlan) -> AsyncGenerator[Chunk]:
        chunks, wanted = telling.chunks(), plan.request.enhancement
        return enhanced(chunks, plan.rate, wanted) if wanted else chunks

    def _may_be_kept(self, plan: SpeechPlan) -> bool:
        """A scripted engine plays at making speech; what it made is worth nothing."""
        return all(self._routing.spec(route.engine).quality >= 0 for route in plan.cast.values())

    def _key(self, plan: SpeechPlan) -> str:
        asked, route = plan.request, plan.route
        versions = {self._versions.of(one.engine) for one in plan.cast.values()} if self._versions else ()
        return key_of(
            asked.text,
            voice=route.voice,
            language=route.language,
            speed=asked.speed,
            instructions=asked.instructions,
            engine=route.engine,
            version=" ".join(sorted(versions)),
            rate=plan.rate,
            more={
                "cast": [(one.engine, one.voice, one.language) for one in plan.cast.values()],
                "enhancement": sorted(asked.enhancement),
                "dictionary": asked.dictionary.digest if asked.dictionary else "",
            },
        )

    def _check(self, request: SpeechRequest) -> None:
        text = request.text
        if len(text) > self._max_text_chars:
            raise TooLarge(
                f"The text has {len(text):,} characters; at most {self._max_text_chars:,} are spoken at a time.",
                param="input",
            )
        if not text.strip():
            raise BadRequest("There is no text to speak.", param="input")
        if is_binary(text):
            raise BadRequest("This is not text: it holds control characters, as a file does.", param="input")
        _check_speed(request.speed)
        if len(request.instructions) > MAX_INSTRUCTIONS:
            raise TooLarge(f"The instructions are longer than {MAX_INSTRUCTIONS} characters.", param="instructions")
        if unknown := set(request.enhancement) - set(ENHANCEMENTS):
            raise BadRequest(
                f"enhancement does not know {min(unknown)[:40]!r}; it takes {' and '.join(ENHANCEMENTS)}.",
                param="enhancement",
            )


def _check_speed(speed: float) -> None:
    if not (math.isfinite(speed) and SLOWEST <= speed <= FASTEST):
        raise BadRequest(f"speed is {speed:g}; it takes {SLOWEST} to {FASTEST:g}.", param="speed")


def _is_speakable(text: str) -> bool:
    """Looks no further than the first words."""
    return any(is_speakable(spoken(text[at : at + 200])) for at in range(0, len(text), 200))
