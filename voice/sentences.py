"""Text into pieces a voice can speak: at sentences, then clauses, then words, a short piece first.

Works through the text piece by piece and looks no further than the piece it is about to give, so the first piece of a
book costs as much as that of a sentence. Knows nothing of voices or engines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from voice._marks import CLAUSES, CLAUSES_ALONE, CLOSERS, STOPS, STRONG, ends_by_dot, is_joined

_ENDS = re.compile(
    rf"(?P<strong>[{STRONG}][{STRONG}{STOPS}]*)|(?P<stop>[{re.escape(STOPS)}{STRONG}]+)"
    rf"|(?P<clause>[{CLAUSES}{CLAUSES_ALONE}])|(?P<line>\n[^\S\n]*\n|\u2029|\n|\u2028)"
)
_SPACE = re.compile(r"\s+")
_BLANK_LINE = re.compile(r"[^\S\n]*\n[^\S\n]*\n")
_TEXT = re.compile(r"\S")
_WIDE = re.compile(r"[\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]")
_CLOSERS, _STRONG = frozenset(CLOSERS), frozenset(STRONG)
_LOOK_AHEAD = 64


@dataclass(frozen=True)
class Piece:
    """A part of a text: `text` is exactly what stands from `start` to `end`, without white space around it."""

    text: str
    start: int
    end: int
    ends: str = "sentence"
    """What stands after it: the end of a `paragraph`, `sentence`, `clause` or `word`, or nothing but its own length
    (`cut`)."""


def cut(text: str, first: int = 80, most: int = 280) -> Iterator[Piece]:
    """Pieces in order that together hold everything but the white space between them.

    The first piece is one sentence or clause of at most `first` characters, later ones hold as many sentences as fit
    a limit that doubles up to `most`; scripts that write a syllable per character get a third of it. A single
    character that is longer than the limit (a letter with hundreds of accents) stays whole.
    """
    limit, opening = min(first, most), True
    place = _after_space(text, 0)
    while place < len(text):
        piece = _next_piece(text, place, _in_breaths(text, place, limit), opening=opening)
        yield piece
        limit, opening = min(most, limit * 2), False
        place = _after_space(text, piece.end)


def _after_space(text: str, at: int) -> int:
    found = _TEXT.search(text, at)
    return found.start() if found else len(text)


def _in_breaths(text: str, at: int, limit: int) -> int:
    """The limit in characters of this text: a third of it where every character is a syllable."""
    wide = len(_WIDE.findall(text, at, at + limit))
    return max(1, limit // 3) if wide * 2 > min(limit, len(text) - at) else limit


def _next_piece(text: str, start: int, limit: int, *, opening: bool) -> Piece:
    end, kind = _best_end(text, start, limit, opening)
    while end > start and text[end - 1].isspace():
        end -= 1
    if _BLANK_LINE.match(text, end):
        kind = "paragraph"
    return Piece(text[start:end], start, end, kind)


def _best_end(text: str, start: int, limit: int, opening: bool) -> tuple[int, str]:
    stop = start + limit
    ends = _to_paragraph(_ends(text, start, min(stop, len(text))))
    kinds = dict(ends)
    rest = next((end for end, kind in ends if kind == "paragraph"), len(text))
    sentences = [end for end, kind in ends if kind in ("sentence", "paragraph") and end - start >= limit // 4]
    if opening and sentences:
        return sentences[0], kinds[sentences[0]]
    if rest <= stop:
        return rest, kinds.get(rest, "sentence")
    if sentences:
        return sentences[-1], kinds[sentences[-1]]
    for least in (limit // 4, limit // 8):
        if clauses := [end for end, _ in ends if end - start >= least]:
            chosen = clauses[0] if opening else clauses[-1]
            return chosen, kinds[chosen]
    return _between_words(text, start, stop)


def _to_paragraph(ends: Iterator[tuple[int, str]]) -> list[tuple[int, str]]:
    """The ends up to that of the paragraph, which no piece goes beyond."""
    found = []
    for end in ends:
        found.append(end)
        if end[1] == "paragraph":
            break
    return found


def _between_words(text: str, start: int, stop: int) -> tuple[int, str]:
    """The last space before `stop`, else the last place that splits no character, else the first one after."""
    if text[stop].isspace():
        return stop, "word"
    spaces = [found.start() for found in _SPACE.finditer(text, start + 1, stop)]
    if spaces:
        return spaces[-1], "word"
    end = stop
    while end > start and is_joined(text, end):
        end -= 1
    if end > start:
        return end, "cut"
    end = stop
    while is_joined(text, end):
        end += 1
    return end, "cut"


def _ends(text: str, start: int, stop: int) -> Iterator[tuple[int, str]]:
    """Every place in the stretch where a sentence or clause ends, with its kind, in order."""
    for found in _ENDS.finditer(text, start, stop):
        name, at = found.lastgroup, found.end()
        if name == "line":
            kind = _line_kind(text, found)
        else:
            at = _after_closers(text, at, stop)
            kind = _mark_kind(text, start, found, at)
        if kind and at <= stop and not is_joined(text, at):
            yield at, kind


def _after_closers(text: str, at: int, stop: int) -> int:
    while at < stop and text[at] in _CLOSERS:
        at += 1
    return at


def _line_kind(text: str, found: re.Match[str]) -> str:
    if len(found[0]) > 1 or found[0] == "\u2029":
        return "paragraph"
    return "clause" if _begins_new(text, found.end()) else ""


def _mark_kind(text: str, start: int, found: re.Match[str], end: int) -> str:
    """What a mark is, from the word before it and the character after it; empty if it ends nothing."""
    spaced = end >= len(text) or text[end].isspace()
    mark = found[0]
    if found.lastgroup == "clause":
        digits = end < len(text) and text[end].isdigit()
        return "clause" if spaced or (mark in CLAUSES_ALONE and not digits) else ""
    if found.lastgroup == "strong" or not _STRONG.isdisjoint(mark):
        return "sentence"
    if mark == "．":
        return "" if end < len(text) and text[end].isdigit() else "sentence"
    if not spaced:
        return ""
    if mark == "." and not ends_by_dot(text, start, found.start()):
        return ""
    if _begins_new(text, end):
        return "sentence"
    return "" if mark == "." else "clause"


def _begins_new(text: str, at: int) -> bool:
    """Whether what follows looks like a beginning: anything but a small letter."""
    found = _TEXT.search(text, at, at + _LOOK_AHEAD)
    return not (found and found[0].islower())
