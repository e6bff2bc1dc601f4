"""A text with markup as a list of what is to be spoken, by whom and how, and of the rests between. Values only.

What stands for itself inside a stretch of text (a sound, a spelled word, a phoneme) is a single private character of
`Spoken.text`; the stretch stays one, so a voice speaks it in one breath.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from core.errors import BadRequest
from voice.text.spans import Mapped, Span

FIRST_MARK, MARKS = 0xF0000, 0xF000
"""Private characters of Unicode's plane 15; a text's own are blanked. Those left over are for the dictionary."""
MOST_PAUSE, MOST_PAUSES = 60.0, 600.0
"""Seconds of one rest and of all rests of a text."""
SLOWEST, FASTEST = 0.25, 4.0


@dataclass(frozen=True)
class Sound:
    """A sound or a manner that some engines perform and none may read aloud."""

    name: str
    """As in performs.toml: laugh, sigh …"""


@dataclass(frozen=True)
class SayAs:
    """Text that is to be read in a given way, as SSML's `say-as`."""

    text: str
    interpret: str
    format: str = ""


@dataclass(frozen=True)
class Phoneme:
    """A word and how it sounds, in IPA."""

    text: str
    ipa: str


@dataclass(frozen=True)
class Alias:
    """What is read instead of what is written."""

    text: str
    spoken: str


@dataclass(frozen=True)
class Speaker:
    """Who speaks from here on, for engines that perform a dialogue themselves."""

    name: str


Mark = Sound | SayAs | Phoneme | Alias | Speaker


@dataclass(frozen=True)
class Manner:
    """What holds for a stretch of text; empty and 1 are what the request says."""

    voice: str = ""
    language: str = ""
    speed: float = 1.0
    """Times the request's own speed."""
    speaker: str = ""
    """S1, S2 … of a dialogue."""


@dataclass(frozen=True)
class Spoken:
    """Text for one voice, from `start` to `end` of the original."""

    text: str
    start: int
    end: int
    manner: Manner = Manner()
    marks: tuple[Mark, ...] = ()
    spans: tuple[Span, ...] = ()
    """From `text` to the original."""

    @cached_property
    def mapped(self) -> Mapped:
        return Mapped(self.text, self.spans)


@dataclass(frozen=True)
class Pause:
    """Silence; `start` to `end` is the markup that asked for it."""

    seconds: float
    start: int
    end: int


Part = Spoken | Pause


@dataclass
class Stretch:
    """A `Spoken` that is being put together. Owned by one parser."""

    texts: list[str] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    length: int = 0

    def add(self, text: str, start: int, end: int) -> None:
        """Text that stands from `start` to `end` of the original."""
        place = 0
        for found in _OWN_MARKS.finditer(text):
            self._append(text[place : found.start()], start + place, start + found.start(), kept=True)
            place = found.end()
            self._append(" ", start + found.start(), start + place, kept=False)
        self._append(text[place:], start + place, end, kept=True)

    def add_changed(self, text: str, start: int, end: int) -> None:
        """Text that does not stand there letter for letter."""
        self._append(_OWN_MARKS.sub(" ", text), start, end, kept=False)

    def mark(self, mark: Mark, start: int, end: int) -> None:
        if len(self.marks) >= MARKS:
            raise BadRequest("There are too many tags in this text.", param="input")
        self._append(chr(FIRST_MARK + len(self.marks)), start, end, kept=False)
        self.marks.append(mark)

    def drop(self, start: int, end: int) -> None:
        """Markup that leaves nothing behind."""
        self._append("", start, end, kept=False)

    def _append(self, text: str, start: int, end: int, *, kept: bool) -> None:
        """Whatever lies between this and the stretch so far was markup, and left nothing."""
        begin = self.spans[-1].source_end if self.spans else start
        if start > begin:
            self.spans.append(Span(self.length, self.length, begin, start, False))
        if kept and self.spans and self.spans[-1].kept and self.spans[-1].source_end == start:
            last = self.spans.pop()
            self.spans.append(Span(last.start, self.length + len(text), last.source_start, end, True))
        elif text or end > start:
            self.spans.append(Span(self.length, self.length + len(text), start, end, kept))
        self.texts.append(text)
        self.length += len(text)

    def take(self, manner: Manner) -> Iterator[Spoken]:
        """The stretch, if it holds anything, and a fresh beginning."""
        text = "".join(self.texts)
        if text.strip():
            yield Spoken(
                text,
                self.spans[0].source_start,
                self.spans[-1].source_end,
                manner,
                tuple(self.marks),
                tuple(self.spans),
            )
        self.texts, self.spans, self.marks, self.length = [], [], [], 0


_OWN_MARKS = re.compile(f"[{chr(FIRST_MARK)}-\U000fffff]")


def pause_seconds(text: str) -> float:
    """Seconds of `1s`, `1.5s`, `500ms` or a bare number of seconds. Raises BadRequest."""
    number = text.strip().lower()
    factor = 0.001 if number.endswith("ms") else 1.0
    digits = number.removesuffix("ms").removesuffix("s").strip()
    if not (digits.isascii() and digits.replace(".", "", 1).isdigit() and len(digits) < 10):
        raise BadRequest(f"{text[:20]!r} is no length of a pause; give one such as 500ms or 1.5s.", param="input")
    seconds = float(digits) * factor
    if seconds > MOST_PAUSE:
        raise BadRequest(f"A pause may last {MOST_PAUSE:g} seconds at most.", param="input")
    return seconds


def bounded(parts: Iterator[Part]) -> Iterator[Part]:
    """The same parts, as long as all pauses together stay within bounds."""
    total = 0.0
    for part in parts:
        if isinstance(part, Pause):
            total += part.seconds
            if total > MOST_PAUSES:
                raise BadRequest(f"All pauses together may last {MOST_PAUSES:g} seconds at most.", param="input")
        yield part
