"""One person's speech to text while it is spoken: begun before the turn is certainly over, void if it goes on.

Knows the pool by its `stream` and engines by their cards; who speaks when is decided elsewhere.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np

from audio.resample import resample
from audio.value import Audio
from engines.base import Segment, TranscriptionRequest
from engines.pool import Priority
from voice._ahead import AnyPool
from voice.routing import Route, Routing
from voice.transcription import joined

RATE = 16000
LONGEST = 130.0
"""Seconds of audio kept at most; what is older is forgotten. Above the longest turn there is."""
SHORTEST = 0.1
"""Seconds below which no engine is asked."""
LIKELY = -0.7
"""Mean log probability of a text that a decision may rest on."""

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
    """Seconds from the end of the audio to the text."""


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
        """Something that somebody begins to say. `on_partial` is told all of the text so far, and how many characters
        of it are sure; only by engines that can follow speech. Raises what `plan` raises."""
        route = self.plan(language)
        trusted = "partials" in self._routing.spec(route.engine).capabilities
        ear = _Ear(self._pool, route, self._routing.spec(route.engine).rate, trusted)
        return Utterance(ear, prompt, self._longest)


@dataclass(frozen=True)
class _Ear:
    """An engine, and how it is asked."""

    pool: AnyPool
    route: Route
    rate: int
    trusted: bool

    async def hear(self, samples: np.ndarray, prompt: str, priority: Priority) -> list[Segment]:
        audio = Audio(samples, RATE)
        if audio.seconds < SHORTEST:
            return []
        if self.rate != RATE:
            audio = await asyncio.to_thread(resample, audio, self.rate)
        request = TranscriptionRequest(audio, language=self.route.language, prompt=prompt)
        async with aclosing(self.pool.stream(self.route.engine, request, priority=priority)) as answers:
            return [segment async for segment in answers]


class Utterance:
    """One utterance, from its first sample to its text. Belongs to one event loop; `close` it in the end."""

    def __init__(self, ear: _Ear, prompt: str, longest: float):
        self._ear = ear
        self._prompt = prompt
        self._audio = Recent(longest)
        self._last: asyncio.Task[Understood] | None = None
        self._running: set[asyncio.Task] = set()
        self._closed = False

    def feed(self, samples: np.ndarray) -> None:
        """More of it: float32, 16 kHz, any length; it is copied. A transcription that was begun is void."""
        if self._closed or not len(samples):
            return
        self._audio.add(samples)
        if self._last:
            self._last.cancel()
            self._last = None

    def settle(self) -> None:
        """It may be over: begin to transcribe all of it now. Nothing happens where that has begun already."""
        if not self._last and not self._closed:
            self._last = self._start(self._finish())

    async def final(self) -> Understood:
        """The text of all that was fed, also of what is fed while this waits.

        Raises the pool's errors; once the utterance is closed, CancelledError.
        """
        while not self._closed:
            self.settle()
            if (last := self._last) is None:
                break
            await asyncio.wait((last,))
            if self._last is last:
                return last.result()
        raise asyncio.CancelledError

    def close(self) -> None:
        """Cancel all that runs."""
        self._closed = True
        for task in self._running:
            task.cancel()

    async def closed(self) -> None:
        """Close, and wait until nothing runs any more."""
        self.close()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _start(self, work) -> asyncio.Task:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waits for the text gets it; where nobody does, it is no matter

    async def _finish(self) -> Understood:
        clock = asyncio.get_running_loop().time
        began = clock()
        segments = await self._ear.hear(self._audio.samples, self._prompt, Priority.REALTIME)
        language = self._ear.route.language or next((one.language for one in segments if one.language), "")
        text, trusted = joined(segments, language), self._ear.trusted and likely(segments)
        return Understood(text, language, self._audio.end, trusted, self._ear.route.engine, clock() - began)


def likely(segments: list[Segment]) -> bool:
    """Whether the engine was sure of what it wrote, on the mean over the text."""
    weights = [len(segment.text) for segment in segments]
    if not sum(weights):
        return False
    return float(np.average([segment.logprob for segment in segments], weights=weights)) > LIKELY


class Recent:
    """The end of a stream of audio, at most so many seconds of it, in one piece."""

    def __init__(self, longest: float):
        self._most = math.ceil(longest * RATE)
        self._kept = np.empty(4 * RATE, np.float32)
        self._count = 0
        self._dropped = 0

    @property
    def start(self) -> float:
        """Seconds of the stream before what is kept."""
        return self._dropped / RATE

    @property
    def end(self) -> float:
        """Seconds of the stream."""
        return (self._dropped + self._count) / RATE

    @property
    def samples(self) -> np.ndarray:
        """What is kept. Stays as it is, whatever is added or dropped later."""
        return self._kept[: self._count]

    def add(self, samples: np.ndarray) -> None:
        needed = self._count + len(samples)
        if needed > len(self._kept):
            larger = np.empty(max(needed, 2 * len(self._kept)), np.float32)
            larger[: self._count] = self.samples
            self._kept = larger
        self._kept[self._count : needed] = samples
        self._count = needed
        if self._count > self._most:
            self._drop(self._count - self._most // 2)

    def drop(self, before: float) -> None:
        """Forget what lies before a time."""
        self._drop(round(before * RATE) - self._dropped)

    def _drop(self, count: int) -> None:
        count = min(max(0, count), self._count)
        if count:
            self._kept = np.concatenate((self._kept[count : self._count], np.empty(4 * RATE, np.float32)))
            self._count -= count
            self._dropped += count
