"""Text of any length to one stream of audio, a line at a time, each made while the one before is being played.

Knows the pool by its `stream` and engines by their cards.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

import numpy as np

from audio.enhance import ENHANCEMENTS
from audio.value import Audio
from core.errors import BadRequest, EngineError, TooLarge
from engines.base import Chunk, SynthesisRequest, Word
from engines.pool import Priority
from voice._ahead import AnyPool
from voice._joints import Joints
from voice._saying import Saying, closed
from voice.cache import SpeechCache, key_of
from voice.care import Cares, enhanced
from voice.levels import Levels
from voice.routing import Route, Routing
from voice.spoken import is_binary, is_speakable, spoken
from voice.text.dictionary import Dictionary
from voice.text.parts import Manner, Part, Pause, Spoken
from voice.text.performs import Performs, performs
from voice.text.script import Line, manners, parsed, script
from voice.timings import Timer, marked
from voice.versions import Versions

SLOWEST, FASTEST = 0.25, 4.0
MAX_INSTRUCTIONS = 4096
LONG_TEXT = 10_000
"""Characters whose markup takes longer to read than a thread to start."""


@dataclass(frozen=True)
class SpeechRequest:
    """A text to be spoken, as the faces take it."""

    text: str
    """Plain, with tags such as `[pause:1s]` and `[voice:…]`, or SSML."""
    voice: str = ""
    """An id, a bare name or an alias; empty is the best for the language."""
    model: str = "auto"
    language: str = ""
    speed: float = 1.0
    """0.25 to 4; 1 is the voice's own pace."""
    instructions: str = ""
    """How to speak, in words; engines that cannot follow them ignore them."""
    enhancement: tuple[str, ...] = ()
    """Any of `denoise` and `clarity`."""
    dictionary: Dictionary | None = None
    """How the owner wants words to be said."""


@dataclass(frozen=True)
class SpeechPlan:
    """A request that was found good, and who serves it."""

    request: SpeechRequest
    route: Route
    """Who speaks where the text does not say."""
    rate: int
    """Hz of all the audio that `Speech.stream` will give."""
    parts: tuple[Part, ...] = ()
    cast: Mapping[Manner, Route] = field(default_factory=dict)
    """Who speaks each manner of the text."""
    estimated: bool = False
    """Whether word times are guessed, since an engine of the cast gives none."""

    @property
    def voices(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(route.voice for route in self.cast.values()))


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
        """Makes no sound yet. Raises BadRequest, TooLarge, Unknown{Voice,Model} and Not{Installed,Downloaded}."""
        self._check(request)
        route = self._routing.speech(request.voice, request.model, request.language, request.text)
        spec = self._routing.spec(route.engine)
        if request.speed != 1 and "speed" not in spec.capabilities:
            raise BadRequest(f"{spec.name} cannot change its pace; leave speed at 1.", param="speed")
        parts = parsed(request.text, dialogue=bool(self._performs(route).speaker))
        cast = self._cast(request, route, manners(parts))
        able = [self._routing.spec(one.engine).capabilities for one in cast.values()]
        plan = SpeechPlan(request, route, spec.rate, parts, cast, any("words" not in each for each in able))
        plain = any(_is_speakable(part.text) for part in parts if isinstance(part, Spoken))
        if not plain and not any(isinstance(item, Line) for item in self._script(plan)):
            raise BadRequest("There is nothing to speak in this text: no letter and no digit.", param="input")
        return plan

    async def stream(self, plan: SpeechPlan, *, priority: Priority = Priority.INTERACTIVE) -> AsyncGenerator[Chunk]:
        """Audio as soon as it exists, all at `plan.rate`, with word times on the clock of the whole.

        Use with `contextlib.aclosing`: closing cancels the line under way and the one asked for ahead. Raises the
        pool's errors, and EngineError where the engine makes no sound of the text.
        """
        if self._cache and self._may_be_kept(plan):
            chunks = self._cache.stream(self._key(plan), lambda: self._made(plan, priority), lane=priority)
        else:
            chunks = self._made(plan, priority)
        async with aclosing(chunks):
            async for chunk in chunks:
                yield chunk

    def marked(self, plan: SpeechPlan, words: Iterable[Word]) -> tuple[Word, ...]:
        """All the words that `stream` gave, with the marks that stand at them in the text, as captions need them. Takes
        as long as reading the text; engines leave marks out, and some run small words together."""
        shown = (item.reading.shown for item in self._script(plan) if isinstance(item, Line))
        return marked(" ".join(shown), words)

    def _made(self, plan: SpeechPlan, priority: Priority) -> AsyncGenerator[Chunk]:
        chunks = self._spoken(plan, priority)
        return enhanced(chunks, plan.rate, plan.request.enhancement) if plan.request.enhancement else chunks

    async def _spoken(self, plan: SpeechPlan, priority: Priority) -> AsyncGenerator[Chunk]:
        joints, lines, sounded = Joints(plan.rate), self._script(plan), False
        cares = Cares(self._levels, plan.rate) if self._levels else None
        timer = Timer(plan.rate) if plan.estimated else None
        now, ahead = self._begin(plan, lines, priority, continues=False), None
        try:
            await now.begun.wait()
            while line := now.line:
                joints.rest(now.rest)
                voice = plan.cast[line.manner].voice
                async for chunk in now.chunks:
                    ahead = ahead or self._begin(plan, lines, priority)
                    for part in joints.feed(await cares.feed(voice, chunk) if cares else chunk):
                        sounded = True
                        if timer:
                            timer.feed(part)
                        yield part
                ahead = ahead or self._begin(plan, lines, priority)
                await ahead.begun.wait()
                for part in joints.end(line.reading.ends, last=ahead.line is None):
                    if timer:
                        timer.feed(part)
                    yield part
                if timer and (words := timer.end(line.reading.shown)):
                    yield Chunk(Audio(np.zeros(0, np.float32), plan.rate), words)
                now, ahead = ahead, None
            joints.rest(now.rest)
            for part in joints.close():
                yield part
        finally:
            await closed(now, ahead)
        if not sounded:
            raise EngineError(f"{plan.route.engine_name} could make no speech of this text.")
        if cares:
            await cares.learn()

    def _begin(
        self, plan: SpeechPlan, lines: Iterator[Line | Pause], priority: Priority, *, continues: bool = True
    ) -> Saying:
        """Ask for the next line; its audio, half a minute at most, is taken as fast as the engine makes it."""

        def ask(line: Line) -> AsyncGenerator[Chunk]:
            route, speed = plan.cast[line.manner], plan.request.speed * line.manner.speed
            if "speed" not in self._routing.spec(route.engine).capabilities:
                speed = 1.0
            said = SynthesisRequest(
                line.reading.said.text, route.voice_name, route.language, speed, plan.request.instructions
            )
            return self._pool.stream(route.engine, said, priority=priority, continues=continues)

        return Saying(lines, ask, plan.rate)

    def _script(self, plan: SpeechPlan) -> Iterator[Line | Pause]:
        def who(manner: Manner) -> tuple[str, Performs]:
            route = plan.cast[manner]
            return route.language, self._performs(route)

        return script(plan.parts, who, plan.request.dictionary)

    def _performs(self, route: Route) -> Performs:
        return performs(route.engine, self._routing.spec(route.engine).capabilities)

    def _cast(self, request: SpeechRequest, route: Route, found: list[Manner]) -> dict[Manner, Route]:
        """Who speaks each manner: what the text names, a voice of his own for each further speaker, else `route`."""
        speakers = list(dict.fromkeys(manner.speaker for manner in found if manner.speaker))
        cast: dict[Manner, Route] = {}
        for manner in found:
            _check_speed(request.speed * manner.speed)
            voice, language = manner.voice, manner.language or request.language
            if not voice and manner.speaker in speakers[1:]:
                voice = self._other_voice(route, language, speakers.index(manner.speaker))
            if voice:
                cast[manner] = self._routing.speech(voice, "auto", language, request.text)
            elif manner.language:
                cast[manner] = self._routing.speech("", request.model, manner.language, request.text)
            else:
                cast[manner] = route
        return cast

    def _other_voice(self, route: Route, language: str, number: int) -> str:
        """The voice of a dialogue's next speaker: another one than the first speaker's, as long as there are any."""
        voices = self._routing.voices.preferred(language or route.language)
        others = [voice.id for voice in voices if voice.id != route.voice] or [route.voice]
        return others[(number - 1) % len(others)]

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
