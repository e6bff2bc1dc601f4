"""Recordings of any length to text with times: speech is found first, and only speech is given to an engine.

Knows the pool by its `stream`, engines by their cards, and a speech detector.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from audio.decode import blocks
from audio.resample import resample
from audio.value import Audio
from core.errors import BadRequest, TooLarge
from core.threads import in_thread
from engines.base import EngineSpec, Segment, SpeechDetector, TranscriptionRequest
from engines.pool import Priority
from voice._ahead import AnyPool, one_ahead
from voice.languages import is_spaced
from voice.passages import Group, Groups, listen
from voice.routing import Route, Routing
from voice.segments import Rules, Span, SpeechFinder

Source = bytes | Path | BinaryIO
Told = Callable[[float], object]

RATE = 16000
PASSAGE = Rules(max_span=28.0)
"""How a recording is cut for engines that take half a minute at most."""
BATCH, BATCH_SECONDS = 8, 240.0
"""Passages and seconds in one request to an engine that batches."""
MAX_PROMPT, MAX_GRAMMAR, MAX_HOTWORDS = 8000, 65536, 500


@dataclass(frozen=True)
class TranscriptionOptions:
    """What is wanted of a recording, as the faces take it."""

    model: str = "auto"
    language: str = ""
    """A tag or an English name; empty lets the engine find out, from the first minutes."""
    task: str = "transcribe"
    """`transcribe` keeps the language, `translate` writes English."""
    prompt: str = ""
    hotwords: tuple[str, ...] = ()
    """Names and terms that are likely; a hint to engines that take hints."""
    temperature: float = 0.0
    words: bool = False
    grammar: str = ""
    """JSGF: only what it allows is heard."""


@dataclass(frozen=True)
class Transcript:
    """All that was heard."""

    text: str
    language: str
    """A tag; empty where nothing was said and nobody named the language."""
    duration: float
    """Seconds of the recording, silence included."""
    segments: tuple[Segment, ...]
    task: str = "transcribe"


class Transcription:
    """Hears through a pool; holds no request's state."""

    def __init__(self, pool: AnyPool, routing: Routing, detector: SpeechDetector, *, max_seconds: float):
        self._pool = pool
        self._routing = routing
        self._detector = detector
        self._max_seconds = max_seconds

    def plan(self, options: TranscriptionOptions) -> Route:
        """Who will hear. Raises BadRequest, TooLarge, UnknownModel, NotInstalled or NotDownloaded."""
        _check(options)
        needs = {"translate": options.task == "translate", "grammar": bool(options.grammar), "words": options.words}
        return self._routing.transcription(options.model, options.language, [need for need in needs if needs[need]])

    async def stream(
        self,
        source: Source,
        options: TranscriptionOptions,
        *,
        route: Route | None = None,
        priority: Priority = Priority.INTERACTIVE,
        meter: Told | None = None,
        progress: Told | None = None,
    ) -> AsyncGenerator[Segment]:
        """Segments in order of time, on the clock of the recording; none for silence.

        `meter` is told how many seconds have been decoded so far, the whole length at the end, and may raise to end
        it all; `progress` how many seconds are done with. Use with `contextlib.aclosing`: closing cancels. Raises
        what `plan` raises, BadAudio, TooLarge and the pool's errors.
        """
        route = route or self.plan(options)
        spec, language, told = self._routing.spec(route.engine), route.language, _Furthest(meter)
        groups, begun = one_ahead(self._groups(source, spec, told)), False
        async with aclosing(groups):
            async for group in groups:
                request = await _request(group, spec, options, language)
                asked = self._pool.stream(route.engine, request, priority=priority, continues=begun)
                begun = True
                async with aclosing(asked) as answers:
                    async for answer in answers:
                        language = language or answer.language
                        yield _placed(answer, group)
                if progress:
                    progress(group.end)
        if progress:
            progress(told.seconds)

    async def whole(
        self,
        source: Source,
        options: TranscriptionOptions,
        *,
        route: Route | None = None,
        priority: Priority = Priority.INTERACTIVE,
        meter: Told | None = None,
        progress: Told | None = None,
    ) -> Transcript:
        """All of `stream` at once, under the same promises."""
        route, told = route or self.plan(options), _Furthest(meter)
        segments = self.stream(source, options, route=route, priority=priority, meter=told, progress=progress)
        async with aclosing(segments):
            found = tuple([segment async for segment in segments])
        language = route.language or next((segment.language for segment in found if segment.language), "")
        return Transcript(joined(found, language), language, told.seconds, found, options.task)

    async def segments(self, source: Source, rules: Rules | None = None, *, meter: Told | None = None) -> list[Span]:
        """Where there is speech in a recording; no engine is asked. `meter` as in `stream`."""
        finder = SpeechFinder(self._detector, rules, rate=RATE)
        found: list[Span] = []
        async with aclosing(in_thread(lambda: _spans(self._blocks(source), finder))) as steps:
            async for seconds, spans in steps:
                found += spans
                if meter:
                    meter(seconds)
        return found

    def _blocks(self, source: Source) -> Iterator[Audio]:
        return blocks(source, RATE, max_seconds=self._max_seconds)

    async def _groups(self, source: Source, spec: EngineSpec, meter: Told) -> AsyncGenerator[Group]:
        """The passages of a recording, put together as the engine takes them."""
        groups = Groups(BATCH if "batch" in spec.capabilities else 1, BATCH_SECONDS)
        finder = SpeechFinder(self._detector, PASSAGE, rate=RATE)
        async with aclosing(in_thread(lambda: listen(self._blocks(source), finder))) as steps:
            async for heard in steps:
                meter(heard.seconds)
                for group in [group for passage in heard.passages for group in groups.add(passage)]:
                    yield group
        for group in groups.rest():
            yield group


class _Furthest:
    """Remembers the seconds it was told, and passes them on."""

    def __init__(self, meter: Told | None):
        self._meter = meter
        self.seconds = 0.0

    def __call__(self, seconds: float) -> None:
        self.seconds = seconds
        if self._meter:
            self._meter(seconds)


def joined(segments: Iterable[Segment], language: str = "") -> str:
    """The text of segments as one, with spaces where the language writes any."""
    space = " " if is_spaced(language) else ""
    return space.join(text for segment in segments if (text := segment.text.strip()))


def _check(options: TranscriptionOptions) -> None:
    if options.task not in ("transcribe", "translate"):
        raise BadRequest(f"task is {options.task[:40]!r}; it takes transcribe or translate.", param="task")
    if not (math.isfinite(options.temperature) and 0 <= options.temperature <= 1):
        raise BadRequest(f"temperature is {options.temperature:g}; it takes 0 to 1.", param="temperature")
    if len(options.prompt) > MAX_PROMPT:
        raise TooLarge(f"The prompt is longer than {MAX_PROMPT} characters.", param="prompt")
    if len(options.grammar) > MAX_GRAMMAR:
        raise TooLarge(f"The grammar is longer than {MAX_GRAMMAR} characters.", param="grammar")
    if len(options.hotwords) > MAX_HOTWORDS or sum(map(len, options.hotwords)) > MAX_PROMPT:
        raise TooLarge(
            f"There are more than {MAX_HOTWORDS} hotwords or {MAX_PROMPT} letters in them.", param="hotwords"
        )


async def _request(
    group: Group, spec: EngineSpec, options: TranscriptionOptions, language: str
) -> TranscriptionRequest:
    audio = group.audio
    if spec.rate != audio.rate:
        audio = await asyncio.to_thread(resample, audio, spec.rate)
    return TranscriptionRequest(
        audio,
        language=language,
        task=options.task,
        prompt=options.prompt,
        hotwords=options.hotwords,
        grammar=options.grammar,
        words=options.words,
        temperature=options.temperature,
        clips=group.clips if "batch" in spec.capabilities else (),
    )


def _placed(segment: Segment, group: Group) -> Segment:
    """From the times of the request to those of the recording; nothing reaches out of its passage."""
    number = group.place(segment)
    shift, passage = group.shift(number), group.passages[number]

    def at(time: float) -> float:
        return min(max(time + shift, passage.start), passage.end)

    words = tuple(replace(word, start=at(word.start), end=at(word.end)) for word in segment.words)
    return replace(segment, start=at(segment.start), end=at(segment.end), words=words)


def _spans(recording: Iterator[Audio], finder: SpeechFinder) -> Iterator[tuple[float, list[Span]]]:
    for block in recording:
        found = finder.feed(block)
        yield finder.heard, found
    yield finder.heard, finder.flush()
