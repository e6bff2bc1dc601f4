"""Timed words to the cues of captions: two lines of 42 characters at most, one to seven seconds, none over another.

`captions.srt(cues(words), wrap=True)` and `captions.vtt` write them. Knows words and their times only.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence
from itertools import pairwise

from engines.base import Segment, Word, replace
from voice._marks import CLAUSES, CLAUSES_ALONE, CLOSERS, STOPS, STRONG, ends_by_dot, is_joined
from voice.captions import LINE, LINES

SHORTEST, LONGEST = 1.0, 7.0
"""Seconds a cue stands."""
BREATH = 1.0
"""Seconds of quiet between two words that are never in one cue."""

_CLOSED = f"[{re.escape(CLOSERS)}]*$"
_SENTENCE = re.compile(f"[{re.escape(STOPS)}{STRONG}]{_CLOSED}")
_CLAUSE = re.compile(f"[{CLAUSES}{CLAUSES_ALONE}]{_CLOSED}")
_UNSPACED = re.compile("[\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\uffef\U00020000-\U0003ffff]")


def cues(words: Iterable[Word], language: str = "") -> list[Segment]:
    """Segments in order of time. A lone short word stands for a second, beyond the end of the sound if need be."""
    groups: list[list[Word]] = []
    for word in _ordered(words):
        if groups and _goes_on(groups[-1], word):
            groups[-1].append(word)
        elif groups and not _fits([*groups[-1], word]):
            groups[-1], rest = _broken(groups[-1], word)
            groups.append([*rest, word])
        else:
            groups.append([word])
    return _segments(_gathered(groups), language)


def joined(words: Iterable[Word]) -> str:
    """Their text; without spaces in scripts that put none."""
    text = ""
    for word in words:
        gap = text and not (_UNSPACED.match(text[-1]) and _UNSPACED.match(word.text[:1]))
        text += f" {word.text}" if gap else word.text
    return text


def _ordered(words: Iterable[Word]) -> list[Word]:
    """None begins before the one before, none is longer than a line, none is empty."""
    out: list[Word] = []
    for word in words:
        start = max(word.start, out[-1].start) if out else max(0.0, word.start)
        text = " ".join(word.text.split())
        if text:
            out += _parts(replace(word, text=text, start=start, end=max(word.end, start)))
    return out


def _parts(word: Word) -> list[Word]:
    """A word longer than a line, in pieces; each gets time by its length."""
    ends = [0]
    while len(word.text) - ends[-1] > LINE:
        end = ends[-1] + LINE
        while end > ends[-1] + LINE // 2 and is_joined(word.text, end):
            end -= 1
        ends.append(end)
    ends.append(len(word.text))
    pace = (word.end - word.start) / len(word.text)
    return [Word(word.text[a:b].strip(), word.start + pace * a, word.start + pace * b) for a, b in pairwise(ends)]


def _fits(group: Sequence[Word]) -> bool:
    return group[-1].end - group[0].start <= LONGEST and len(textwrap.wrap(joined(group), LINE)) <= LINES


def _goes_on(group: Sequence[Word], word: Word) -> bool:
    if not _fits([*group, word]) or word.start - group[-1].end > BREATH:
        return False
    return not (_ends_sentence(group[-1].text) and word.start - group[0].start >= SHORTEST)


def _ends_sentence(text: str) -> bool:
    found = _SENTENCE.search(text)
    return bool(found) and (text[found.start()] != "." or ends_by_dot(text, 0, found.start()))


def _broken(group: list[Word], word: Word) -> tuple[list[Word], list[Word]]:
    """A full cue, cut at its last clause where both sides then stand long enough; else behind its last word."""
    for at in range(len(group) - 1, len(group) // 2, -1):
        long_enough = group[at].start - group[0].start >= SHORTEST
        if _CLAUSE.search(group[at - 1].text) and long_enough and _fits([*group[at:], word]):
            return group[:at], group[at:]
    return group, []


def _gathered(groups: list[list[Word]]) -> list[list[Word]]:
    """Cues that cannot stand a second before the next begins are put to it, or to the one before."""
    out: list[list[Word]] = []
    for number, group in enumerate(groups):
        after = groups[number + 1] if number + 1 < len(groups) else None
        if after and after[0].start - group[0].start < SHORTEST and _fits([*group, *after]):
            groups[number + 1] = [*group, *after]
        elif after and out and after[0].start - group[0].start < SHORTEST and _fits([*out[-1], *group]):
            out[-1] = [*out[-1], *group]
        else:
            out.append(group)
    return out


def _segments(groups: Sequence[Sequence[Word]], language: str) -> list[Segment]:
    starts = [group[0].start for group in groups]
    segments: list[Segment] = []
    for group, after in zip(groups, [*starts[1:], float("inf")][: len(groups)], strict=True):
        start = group[0].start
        end = min(max(group[-1].end, start + SHORTEST), start + LONGEST, after)
        segments.append(Segment(joined(group), start, end, language, tuple(group)))
    return segments
