"""A part of a text to the pieces that an engine is given, with the way back to what its author wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from xml.sax.saxutils import escape

from voice.sentences import Piece, cut
from voice.spoken import is_speakable, spoken
from voice.text.dictionary import Dictionary
from voice.text.normalise import normalise
from voice.text.parts import FIRST_MARK, Alias, Mark, Phoneme, SayAs, Sound, Speaker, Spoken
from voice.text.performs import Performs
from voice.text.say_as import say_as
from voice.text.spans import Mapped, kept, replaced


@dataclass(frozen=True)
class Reading:
    """A piece as the engine gets it."""

    said: Mapped
    """Its text, mapped to `shown`."""
    shown: str
    """What a reader sees: the author's words without markup."""
    start: int
    end: int
    """Where the piece stands in the original, markup included."""
    ends: str
    """What stands after it, as of `voice.sentences.Piece`."""


def readings(
    part: Spoken, language: str, performs: Performs | None = None, dictionary: Dictionary | None = None
) -> Iterator[Reading]:
    """The pieces of a part in order, made as they are taken; those that hold nothing to speak are left out."""
    for piece in cut(part.text):
        if found := reading(part, piece, language, performs or Performs(), dictionary):
            yield found


def reading(
    part: Spoken, piece: Piece, language: str, performs: Performs, dictionary: Dictionary | None = None
) -> Reading | None:
    """A piece of a part; None where it holds nothing to speak."""
    said, shown = _said(spoken(piece.text), part.marks, language, performs, dictionary)
    if not is_speakable(said.text):
        return None
    start, end = part.mapped.source(piece.start, piece.end)
    return Reading(said, shown, start, end, piece.ends)


def _said(
    cleaned: str, marks: tuple[Mark, ...], language: str, performs: Performs, dictionary: Dictionary | None
) -> tuple[Mapped, str]:
    """Through the dictionary, then the language's rules; at last the private characters by what they stand for."""
    own: list[Mark] = []
    said = kept(cleaned)
    if dictionary:
        said = dictionary.marked(cleaned, language, FIRST_MARK + len(marks), own)
    said = normalise(said.text, language).before(said)
    if performs.ssml:
        said = replaced(said.text, _escaped(said.text)).before(said)
    if not marks and not own:
        return said, cleaned
    said = replaced(said.text, _opened(said.text, (marks, own), language, performs)).before(said)
    shown = replaced(cleaned, _written(cleaned, marks))
    return said.before(shown.inverse(cleaned)), shown.text


def _escaped(text: str) -> Iterator[tuple[int, int, str]]:
    return ((found.start(), found.end(), escape(found[0])) for found in re.finditer("[&<>]", text))


def _opened(
    text: str, marks: tuple[Sequence[Mark], Sequence[Mark]], language: str, performs: Performs
) -> Iterator[tuple[int, int, str]]:
    """The text's own marks, and behind them in number the dictionary's."""
    first, second = marks
    for place, char in enumerate(text):
        if 0 <= (number := ord(char) - FIRST_MARK) < len(first) + len(second):
            mark = first[number] if number < len(first) else second[number - len(first)]
            yield place, place + 1, _performed(mark, language, performs)


def _performed(mark: Mark, language: str, performs: Performs) -> str:
    """A mark as the engine takes it, or what every engine can read."""
    if isinstance(mark, Phoneme) and (said := performs.phoneme(mark)):
        return said
    said = _in_words(mark, language, performs)
    return escape(said) if performs.ssml else said


def _in_words(mark: Mark, language: str, performs: Performs) -> str:
    match mark:
        case Sound(name):
            return performs.sounds.get(name, "")
        case Speaker(name):
            return performs.speaker.replace("{name}", name)
        case Alias():
            return normalise(spoken(mark.spoken), language).text
        case SayAs():
            return say_as(replace(mark, text=spoken(mark.text)), language)
        case Phoneme():
            return normalise(spoken(mark.text), language).text


def _written(text: str, marks: tuple[Mark, ...]) -> Iterator[tuple[int, int, str]]:
    """The written form for each private character; nothing for sounds and speakers."""
    for place, char in enumerate(text):
        number = ord(char) - FIRST_MARK
        if 0 <= number < len(marks):
            mark = marks[number]
            yield place, place + 1, "" if isinstance(mark, Sound | Speaker) else mark.text
