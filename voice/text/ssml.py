"""The subset of SSML 1.1 that is understood, as parts. Entities and document types are refused.

https://www.w3.org/TR/speech-synthesis11/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from xml.parsers import expat

from core.errors import BadRequest, TooLarge
from voice.languages import checked
from voice.text.parts import Alias, Manner, Mark, Part, Pause, Phoneme, SayAs, Stretch, pause_seconds
from voice.text.tags import rate

DEEPEST = 32
MOST_ELEMENTS = 10_000
MOST_CHARS = 1_000_000
_REFERENCE = re.compile(r"&#?\w{1,10};")
_BREAKS = {"none": 0.0, "x-weak": 0.1, "weak": 0.2, "medium": 0.4, "strong": 0.8, "x-strong": 1.2}
"""Seconds."""
_RESTS = {"p": 0.6, "s": 0.0}
_READ_WHOLE = ("say-as", "phoneme", "sub")
_ENTITY = "A document type or an entity has no place in speech markup"


def is_ssml(text: str) -> bool:
    """Whether it begins with `<speak`, or as only XML does: then it is no text to be read aloud, whatever it is."""
    head = text[:200].lstrip("\ufeff \t\r\n")
    if head.startswith(("<?xml", "<!DOCTYPE")):
        return True
    return head.startswith("<speak") and head[6:7] in ("", ">", "/", " ", "\t", "\r", "\n")


@dataclass
class _Open:
    """An element that has begun."""

    name: str
    manner: Manner
    attributes: dict[str, str]
    start: int


def ssml(text: str) -> Iterator[Part]:
    """The parts of a document, with spans in it. Raises BadRequest naming the line, and TooLarge."""
    if len(text) > MOST_CHARS:
        raise TooLarge(f"Speech markup may have {MOST_CHARS:,} characters at most.", param="input")
    return iter(_Reader(text).read())


class _Reader:
    """One document's way through expat."""

    def __init__(self, text: str):
        self._text = text
        self._data = text.encode("utf-8", "replace")
        self._parser = expat.ParserCreate("utf-8")
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.EntityDeclHandler = self._refuse
        self._parts: list[Part] = []
        self._stretch = Stretch()
        self._open: list[_Open] = []
        self._inner: list[str] | None = None
        self._elements = 0
        self._byte = self._char = 0
        self._pending = ""
        self._pending_at = 0

    def read(self) -> list[Part]:
        try:
            self._parser.Parse(self._data, True)
        except expat.ExpatError as error:
            reason = expat.ErrorString(error.code)
            raise BadRequest(f"Speech markup is broken in line {error.lineno}: {reason}.", param="input") from error
        self._flush(len(self._text))
        self._take()
        return self._parts

    def _fail(self, sentence: str) -> BadRequest:
        return BadRequest(f"{sentence} (line {self._parser.CurrentLineNumber}).", param="input")

    def _refuse(self, *_: object) -> None:
        raise self._fail(_ENTITY)

    def _at(self) -> int:
        """The place in the text, in characters, of what expat is at."""
        byte = max(self._byte, self._parser.CurrentByteIndex)
        self._char += sum(1 for code in self._data[self._byte : byte] if code & 0xC0 != 0x80)
        self._byte = byte
        return self._char

    @property
    def _manner(self) -> Manner:
        return self._open[-1].manner if self._open else Manner()

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        here = self._at()
        self._flush(here)
        name = name.rpartition(":")[2]
        self._elements += 1
        if len(self._open) >= DEEPEST:
            raise self._fail(f"Speech markup may be nested {DEEPEST} deep at most")
        if self._elements > MOST_ELEMENTS:
            raise self._fail(f"Speech markup may have {MOST_ELEMENTS:,} elements at most")
        if not self._open and name != "speak":
            raise self._fail("Speech markup begins with speak")
        manner = self._changed(name, attributes)
        if manner != self._manner or name in _RESTS:
            self._take()
        self._open.append(_Open(name, manner, attributes, here))
        if name == "break":
            self._take()
            self._parts.append(Pause(self._break(attributes), here, here))
        elif name in _READ_WHOLE and self._inner is None:
            self._inner = []

    def _end(self, name: str) -> None:
        here = self._at()
        self._flush(here)
        opened = self._open[-1]
        if opened.name in _READ_WHOLE and self._inner is not None and not self._is_inside():
            self._stretch.mark(self._mark(opened, "".join(self._inner)), opened.start, here)
            self._inner = None
        outer = self._open[-2].manner if len(self._open) > 1 else Manner()
        if outer != opened.manner or opened.name in _RESTS:
            self._take()
        self._open.pop()
        if _RESTS.get(opened.name):
            self._parts.append(Pause(_RESTS[opened.name], here, here))

    def _characters(self, data: str) -> None:
        here = self._at()
        self._flush(here)
        self._pending, self._pending_at = data, here

    def _flush(self, end: int) -> None:
        """Text is added once its end in the original is known: `&amp;` is five characters there."""
        if not self._pending:
            return
        if self._inner is not None:
            self._inner.append(self._pending)
        elif self._open:
            at, length = self._pending_at, len(self._pending)
            entity = _REFERENCE.match(self._text, at) if length == 1 else None
            plain = self._text[at : at + length] == self._pending
            if entity:
                self._stretch.add_changed(self._pending, at, entity.end())
            elif plain:
                self._stretch.add(self._pending, at, at + length)
            else:
                self._stretch.add_changed(self._pending, at, end)
        self._pending = ""

    def _take(self) -> None:
        self._parts += self._stretch.take(self._manner)

    def _is_inside(self) -> bool:
        return any(opened.name in _READ_WHOLE for opened in self._open[:-1])

    def _changed(self, name: str, attributes: dict[str, str]) -> Manner:
        manner = self._manner
        try:
            if language := attributes.get("xml:lang"):
                # A document's own language is that of the request, unless a part says otherwise.
                manner = replace(manner, language=checked(language))
            if name == "voice" and (voice := attributes.get("name")):
                manner = replace(manner, voice=voice)
            if name == "prosody" and (pace := attributes.get("rate")):
                manner = replace(manner, speed=max(0.25, min(4.0, manner.speed * rate(pace))))
        except BadRequest as error:
            raise self._fail(error.message.rstrip(".")) from error
        return manner

    def _break(self, attributes: dict[str, str]) -> float:
        if time := attributes.get("time"):
            try:
                return pause_seconds(time)
            except BadRequest as error:
                raise self._fail(error.message.rstrip(".")) from error
        return _BREAKS.get(attributes.get("strength", "medium"), 0.4)

    def _mark(self, opened: _Open, text: str) -> Mark:
        attributes = opened.attributes
        if opened.name == "sub":
            return Alias(text, attributes.get("alias", text))
        if opened.name == "phoneme":
            known = attributes.get("alphabet", "ipa") == "ipa" and attributes.get("ph")
            return Phoneme(text, attributes["ph"]) if known else Alias(text, text)
        return SayAs(text, attributes.get("interpret-as", "").lower(), attributes.get("format", "").lower())
