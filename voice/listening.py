"""One person's speech to text while it is spoken: partial texts on the way, the last one begun before the turn is
certainly over.

Knows the pool by its `stream` and engines by their cards; who speaks when is decided elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import numpy as np

from audio.resample import resample
from audio.value import Audio
from core.errors import VoiceForgeError
from engines.base import Segment, TranscriptionRequest
from engines.pool import Priority
from voice._ahead import AnyPool
from voice._recent import RATE, Recent
from voice.agreement import Agreement, pieces
from voice.hallucinations import heard
from voice.routing import Route, Routing

logger = logging.getLogger(__name__)

LONGEST = 130.0
"""Seconds of audio kept at most, a little more than the longest turn; of more than that the older half is lost."""
SHORTEST = 0.1
"""Seconds below which no engine is asked."""
LIKELY = -0.7
"""Mean log probability of a text that a decision may rest on."""
FIRST = 1.0
"""Seconds of speech before the first partial text; of less, recognisers make up the rest."""
SOONEST, SLOWEST = 0.6, 5.0
"""Seconds of new speech from one partial text to the next."""
SHARE = 0.5
"""Part of the time that an utterance may keep an engine busy with partial texts."""
TRIM, FULL = 15.0, 25.0
"""Seconds of audio from which on whole sentences that are sure are not heard again, and from which on any words."""

OnPartial = Callable[[str, int], object]


@dataclass(frozen=True)
class Understood:
    """What somebody said; `text` is empty for silence."""

    text: str
    language: str
    seconds: float
    """Of the audio that was fed."""
    trusted: bool
    """Whether more than showing it may rest on the text."""
    engine: str
    took: float
    """Seconds from the end of the audio to the text, on the event loop's clock."""


class Listening:
    """Who listens to conversations, through a pool; holds no utterance's state."""

    def __init__(self, pool: AnyPool, routing: Routing, *, model: str = "auto", longest: float = LONGEST):
        self._pool = pool
        self._routing = routing
        self._model = model
        self._longest = longest

    def plan(self, language: str = "") -> Route:
        """Who will listen. Raises BadRequest, UnknownModel, NotInstalled or NotDownloaded."""
        return self._routing.transcription(self._model, language)

    def utterance(self, language: str = "", prompt: str = "", on_partial: OnPartial | None = None) -> Utterance:
        """Something that somebody begins to say.

        `on_partial` is told all of the text so far, and how many of its characters are sure and stay as they are;
        only by engines that can follow speech, and not before they are likely to be right. Where nobody can listen,
        `final` raises what `plan` does.
        """
        try:
            route = self.plan(language)
        except VoiceForgeError as error:
            return Utterance(error, prompt, None, self._longest)
        spec = self._routing.spec(route.engine)
        follows = "partials" in spec.capabilities
        ear = Ear(self._pool, route, spec.rate, follows)
        return Utterance(ear, prompt, on_partial if follows else None, self._longest)


@dataclass(frozen=True)
class Ear:
    """An engine, and how it is asked."""

    pool: AnyPool
    route: Route
    rate: int
    good: bool
    """Whether it hears well enough for decisions to rest on its words."""

    async def hear(
        self, samples: np.ndarray, language: str, prompt: str, priority: Priority, *, words: bool
    ) -> list[Segment]:
        """What was said, without what the engine made up. Raises the pool's errors."""
        audio = Audio(samples, RATE)
        if audio.seconds < SHORTEST:
            return []
        if self.rate != RATE:
            audio = await asyncio.to_thread(resample, audio, self.rate)
        request = TranscriptionRequest(audio, language=language, prompt=prompt, words=words)
        async with aclosing(self.pool.stream(self.route.engine, request, priority=priority)) as answers:
            return heard([segment async for segment in answers], audio.seconds)


class Utterance:
    """One utterance, from its first sample to its text. Belongs to one event loop; `close` it in the end."""

    def __init__(self, ear: Ear | VoiceForgeError, prompt: str, on_partial: OnPartial | None, longest: float):
        self._ear = ear
        self._prompt = prompt
        self._on_partial = on_partial
        self._language = "" if isinstance(ear, VoiceForgeError) else ear.route.language
        self._audio = Recent(longest)
        self._agreement = Agreement()
        self._told = ("", 0)
        self._next, self._interval = FIRST, SOONEST
        self._partial: asyncio.Task[None] | None = None
        self._last: asyncio.Task[Understood] | None = None
        self._settled = asyncio.Event()
        self._running: set[asyncio.Task[Any]] = set()
        self._closed = False

    @property
    def follows(self) -> bool:
        """Whether there are partial texts, and decisions may rest on them."""
        return self._on_partial is not None

    def feed(self, samples: np.ndarray, *, follow: bool = True) -> None:
        """More of it: float32, 16 kHz, any length; it is copied. A last transcription that was begun is void. Where
        nobody speaks no partial text is asked for without `follow`."""
        if self._closed or not len(samples):
            return
        self._audio.add(samples)
        if self._last:
            self._last.cancel()
            self._last = None
            self._settled.clear()
        if not (follow and self._on_partial) or self._audio.end < self._next:
            return
        if not self._partial or self._partial.done():
            self._partial = self._start(self._follow(self._on_partial))

    def settle(self) -> None:
        """It may be over: begin to transcribe all of it now. Nothing happens where that has begun already."""
        if self._closed or self._last:
            return
        if self._partial:
            self._partial.cancel()
        self._last = self._start(self._finish())
        self._settled.set()

    async def final(self) -> Understood:
        """The text of all that was fed. Settles it; where more is fed meanwhile, waits until that is settled too.

        Raises what keeps anybody from listening, and the pool's errors; once the utterance is closed, CancelledError.
        """
        self.settle()
        while not self._closed:
            await self._settled.wait()
            if last := self._last:
                await asyncio.wait((last,))
                if self._last is last:
                    return last.result()
        raise asyncio.CancelledError

    def close(self) -> None:
        """Cancel all that runs; it has ended when the event loop has gone round a few times."""
        self._closed = True
        self._settled.set()
        for task in self._running:
            task.cancel()

    async def closed(self) -> None:
        """Close, and wait until nothing runs any more."""
        self.close()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if task.cancelled() or not (error := task.exception()):
            return
        if not isinstance(error, VoiceForgeError):
            logger.error("A transcription failed.", exc_info=error)

    def _listener(self) -> Ear:
        if isinstance(self._ear, VoiceForgeError):
            raise self._ear
        return self._ear

    async def _hear(self, priority: Priority, *, words: bool) -> list[Segment]:
        prompt = f"{self._prompt} {self._agreement.before}".strip()
        return await self._listener().hear(self._audio.samples, self._language, prompt, priority, words=words)

    async def _follow(self, on_partial: OnPartial) -> None:
        """One partial text. All that changes here changes after the engine's answer, so it may be cancelled."""
        clock = asyncio.get_running_loop().time
        began, start, end = clock(), self._audio.start, self._audio.end
        try:
            segments = await self._hear(Priority.INTERACTIVE, words=True)
        except VoiceForgeError as error:
            logger.debug("No partial text: %s", error)
            self._interval = min(2 * self._interval, SLOWEST)
            segments = []
        else:
            self._interval = min(max(SOONEST, (clock() - began) / SHARE), SLOWEST)
        self._next = end + self._interval
        if not likely(segments):
            return
        language = self._language or segments[0].language
        text = self._agreement.add(pieces(segments, language, start))
        self._forget(language)
        if self._told != (told := (text, len(self._agreement.text))):
            self._told = told
            on_partial(*told)

    def _forget(self, language: str) -> None:
        """Sure words go with their audio once there is much of it; the language stays what it was with them."""
        length = self._audio.end - self._audio.start
        before = self._agreement.forget(anywhere=length > FULL) if length > TRIM else None
        if before is not None:
            self._audio.drop(before)
            self._language = language

    async def _finish(self) -> Understood:
        clock = asyncio.get_running_loop().time
        ear, began, start, end = self._listener(), clock(), self._audio.start, self._audio.end
        segments = await self._hear(Priority.REALTIME, words=self._agreement.overlaps)
        language = self._language or next((one.language for one in segments if one.language), "")
        text = self._agreement.whole(self._agreement.rest(pieces(segments, language, start)))
        return Understood(text, language, end, ear.good and likely(segments), ear.route.engine, clock() - began)


def likely(segments: list[Segment]) -> bool:
    """Whether the engine was sure of what it wrote, on the mean over the text; of no text it is not."""
    weights = [len(segment.text) for segment in segments]
    total = sum(weights)
    mean = sum(segment.logprob * weight for segment, weight in zip(segments, weights, strict=True))
    return total > 0 and mean / total > LIKELY
