"""A recording made into segments for a page, metered under the caller's key. Knows no component."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from accounts.lease import Usage
from accounts.principal import Principal
from engines.base import Segment
from engines.pool import Priority
from studio import Studio
from voice.routing import Route
from voice.transcription import Transcript, TranscriptionOptions, joined


@dataclass
class Heard:
    """A transcript while it grows and after. Times in seconds."""

    route: Route
    options: TranscriptionOptions
    segments: list[Segment] = field(default_factory=list)
    until: float = 0.0
    """How much of the recording has been heard."""
    duration: float = 0.0
    """Of what has been decoded, the whole recording in the end."""
    began: float = field(default_factory=time.monotonic)
    took: float = 0.0

    def text(self) -> str:
        return joined(self.segments, self.language())

    def language(self) -> str:
        found = (segment.language for segment in self.segments if segment.language)
        return self.route.language or next(found, "")

    def transcript(self) -> Transcript:
        return Transcript(self.text(), self.language(), self.duration, tuple(self.segments), self.options.task)

    def decoded(self, seconds: float) -> None:
        self.duration = seconds


async def hear(
    studio: Studio, principal: Principal, source: Path, options: TranscriptionOptions
) -> AsyncGenerator[Heard, None]:
    """Yields the same transcript once it is admitted, as it grows, and when it is whole. Closed early it stops."""
    heard = Heard(studio.transcription.plan(options), options)
    op = "translation" if options.task == "translate" else "transcription"
    async with await studio.accounts.admit(principal, op) as lease:
        stream = studio.transcription.stream(
            source, options, route=heard.route, priority=Priority.INTERACTIVE, meter=heard.decoded
        )
        yield heard
        async with aclosing(stream) as segments:
            async for segment in segments:
                heard.segments.append(segment)
                heard.until, heard.took = segment.end, time.monotonic() - heard.began
                yield heard
        heard.took = time.monotonic() - heard.began
        await lease.settle(Usage(engine=heard.route.engine, audio_seconds=heard.duration))
    yield heard
