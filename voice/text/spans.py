"""A text made from another, and which part came from where. Knows nothing of what the texts say."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Span:
    """Characters `start` to `end` of a text stand for `source_start` to `source_end` of its source."""

    start: int
    end: int
    source_start: int
    source_end: int
    kept: bool
    """Whether they are the very same characters, one for one."""


@dataclass(frozen=True)
class Mapped:
    """A text and its spans: in order, without gaps, from the beginnings to the ends of both texts."""

    text: str
    spans: tuple[Span, ...]

    @cached_property
    def _starts(self) -> list[int]:
        return [span.start for span in self.spans]

    def source(self, start: int, end: int) -> tuple[int, int]:
        """The range of the source that a range of the text stands for; whole spans where they are not kept."""
        if not self.spans:
            return 0, 0
        first = self.spans[max(0, bisect_right(self._starts, start) - 1)]
        last = self.spans[max(0, bisect_left(self._starts, max(end, start + 1)) - 1)]
        begin = first.source_start + (start - first.start if first.kept else 0)
        stop = last.source_start + (end - last.start) if last.kept else last.source_end
        return begin, max(begin, min(stop, last.source_end))

    def inverse(self, source: str) -> Mapped:
        """The source, mapped to this text."""
        turned = (Span(one.source_start, one.source_end, one.start, one.end, one.kept) for one in self.spans)
        return Mapped(source, tuple(turned))

    def before(self, inner: Mapped) -> Mapped:
        """This text, whose source is the text of `inner`, mapped to the source of `inner`."""
        if not self.spans or not inner.spans:
            return whole(self.text, inner.spans[-1].source_end if inner.spans else 0)
        return Mapped(self.text, tuple(_composed(self, inner)))


def kept(text: str) -> Mapped:
    """A text that is its own source."""
    return Mapped(text, (Span(0, len(text), 0, len(text), True),) if text else ())


def whole(text: str, source_length: int) -> Mapped:
    """A text that stands for all of its source."""
    return Mapped(text, (Span(0, len(text), 0, source_length, False),) if text or source_length else ())


def replaced(source: str, changes: Iterable[tuple[int, int, str]]) -> Mapped:
    """The source with stretches (start, end, new text) changed; they come in order and do not overlap."""
    parts, spans, place, length = [], [], 0, 0
    for start, end, new in changes:
        if start > place:
            spans.append(Span(length, length + start - place, place, start, True))
            parts.append(source[place:start])
            length += start - place
        spans.append(Span(length, length + len(new), start, end, False))
        parts.append(new)
        length, place = length + len(new), end
    if place < len(source):
        spans.append(Span(length, length + len(source) - place, place, len(source), True))
        parts.append(source[place:])
    return Mapped("".join(parts), tuple(spans))


def _composed(outer: Mapped, inner: Mapped) -> Iterator[Span]:
    """Cuts where neither text has a stretch that cannot be cut."""
    starts = [span.start for span in outer.spans]
    outer_starts = [span.source_start for span in outer.spans]
    inner_starts = [span.start for span in inner.spans]
    here = (0, 0)

    def upto(there: tuple[int, int]) -> Span:
        same = there[0] - here[0] == there[1] - here[1]
        same = same and _is_kept(outer, starts, inner, inner_starts, here[0], there[0])
        return Span(here[0], there[0], here[1], there[1], same)

    for point in sorted({*outer_starts, *inner_starts})[1:]:
        start = _into(outer.spans, outer_starts, point, forth=False)
        source = _into(inner.spans, inner_starts, point, forth=True)
        if start is None or source is None:
            continue
        yield upto((start, source))
        here = (start, source)
    yield upto((len(outer.text), inner.spans[-1].source_end))


def _into(spans: tuple[Span, ...], starts: list[int], point: int, *, forth: bool) -> int | None:
    """Where a point of the middle text lies on the far side; nothing inside a stretch that cannot be cut."""
    index = bisect_left(starts, point)
    if index < len(starts) and starts[index] == point:
        return spans[index].source_start if forth else spans[index].start
    span = spans[index - 1]
    begin, end = (span.start, span.end) if forth else (span.source_start, span.source_end)
    if point >= end:
        return span.source_end if forth else span.end
    if not span.kept:
        return None
    return (span.source_start if forth else span.start) + point - begin


def _is_kept(outer: Mapped, starts: list[int], inner: Mapped, inner_starts: list[int], here: int, there: int) -> bool:
    """Whether a stretch of the outer text is one for one what stands in the inner source."""
    span = outer.spans[bisect_right(starts, here) - 1]
    if there <= here or not span.kept or span.end < there:
        return False
    middle = span.source_start + here - span.start
    below = inner.spans[bisect_right(inner_starts, middle) - 1]
    return below.kept and below.end >= middle + there - here
