"""A recording of any length to the passages of speech in it, holding no more audio than the passage under way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from audio.value import Audio
from engines.base import Segment
from voice.segments import Span, SpeechFinder


@dataclass(frozen=True)
class Passage:
    """Speech, and where in the recording it begins, in seconds."""

    audio: Audio
    start: float

    @property
    def end(self) -> float:
        return self.start + self.audio.seconds


@dataclass(frozen=True)
class Listened:
    """Seconds of the recording heard so far, and the passages that have ended since the last one."""

    seconds: float
    passages: tuple[Passage, ...] = ()


def listen(blocks: Iterable[Audio], finder: SpeechFinder) -> Iterator[Listened]:
    """One answer for each block and one for the end. The blocks are at the finder's rate."""
    kept = _Kept(finder.rate)
    for block in blocks:
        kept.add(block)
        found = tuple(kept.passage(span) for span in finder.feed(block))
        kept.forget(finder.keep_from)
        yield Listened(finder.heard, found)
    yield Listened(finder.heard, tuple(kept.passage(span) for span in finder.flush()))


class _Kept:
    """The end of a recording, as far back as it is needed."""

    def __init__(self, rate: int):
        self._rate = rate
        self._blocks: list[np.ndarray] = []
        self._first = 0

    def add(self, block: Audio) -> None:
        self._blocks.append(block.samples)

    def passage(self, span: Span) -> Passage:
        samples = np.concatenate(self._blocks)
        start, end = round(span.start * self._rate) - self._first, round(span.end * self._rate) - self._first
        return Passage(Audio(samples[start:end].copy(), self._rate), span.start)

    def forget(self, before: float) -> None:
        """Whole blocks only: a little more is kept than needed."""
        while self._blocks and self._first + len(self._blocks[0]) <= before * self._rate:
            self._first += len(self._blocks.pop(0))


@dataclass(frozen=True)
class Group:
    """Passages for one request to an engine, put one behind the other."""

    passages: tuple[Passage, ...]

    @property
    def audio(self) -> Audio:
        return Audio.join(passage.audio for passage in self.passages)

    @property
    def end(self) -> float:
        """Where the last passage ends, in seconds of the recording."""
        return self.passages[-1].end

    @cached_property
    def clips(self) -> tuple[tuple[float, float], ...]:
        """Where in `audio` each passage lies, in seconds."""
        edges = [0, *np.cumsum([len(passage.audio.samples) for passage in self.passages]).tolist()]
        rate = self.passages[0].audio.rate
        return tuple((start / rate, end / rate) for start, end in pairwise(edges))

    def place(self, segment: Segment) -> int:
        """The number of the passage that a segment, by its middle, falls into."""
        middle = (segment.start + segment.end) / 2
        return next((number for number, (_, end) in enumerate(self.clips) if middle < end), len(self.passages) - 1)

    def shift(self, number: int) -> float:
        """Seconds from a passage's time in `audio` to its time in the recording."""
        return self.passages[number].start - self.clips[number][0]


class Groups:
    """Collects passages until a request is full: `most` of them or `seconds` of audio."""

    def __init__(self, most: int, seconds: float):
        self._most, self._seconds = most, seconds
        self._open: list[Passage] = []

    def add(self, passage: Passage) -> list[Group]:
        full = []
        if self._open and self._length() + passage.audio.seconds > self._seconds:
            full = self.rest()
        self._open.append(passage)
        return full + (self.rest() if len(self._open) >= self._most else [])

    def rest(self) -> list[Group]:
        """What is left, as a last group; none where nothing is."""
        group = [Group(tuple(self._open))] if self._open else []
        self._open = []
        return group

    def _length(self) -> float:
        return sum(passage.audio.seconds for passage in self._open)
