"""How far into a piece of text its audio has come: from word times, else from the share of the audio, rounded down to a
whole word. Knows one piece; no positions, no conversation."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate

from engines.base import Word
from voice._marks import is_joined

SLOWEST = 4.0
"""Letters a second below which no voice speaks, as far as is known before one piece of an item is whole."""
MARGIN = 0.7
"""How much slower than the slowest whole piece the one under way may turn out to be."""
_SKIPPED = 300
"""Characters of markup, an address mostly, that may stand between two words of an engine."""

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Scripts that write no spaces between words: each of their characters is taken for one."""
_TOKEN = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]+")
_DENSE = re.compile(rf"[{_UNSPACED}]")
_LETTERS = re.compile(r"[^\W_]+")


class Reach:
    """The words of one piece and when each ends, as far as that is known by now."""

    def __init__(self, text: str, rate: int):
        self._text, self._rate = text, rate
        self._borders = _borders(text)
        self._told: tuple[list[int], list[int]] = ([], [])
        self._guessed: tuple[list[int], list[int]] = ([], [])
        self._found = 0

    @property
    def is_told(self) -> bool:
        """Whether words with times have been found in the text."""
        return bool(self._told[0])

    def tell(self, words: Iterable[Word]) -> None:
        """Words in order, their times counted from the piece's first sample. One that is not in the text, as of a
        number that was written out, moves nothing."""
        samples, ends = self._told
        for word in words:
            end = self._place(word.text)
            if end > (ends[-1] if ends else 0):
                at = -int(-max(0.0, word.end) * self._rate // 1)
                samples.append(max(at, samples[-1] if samples else 0))
                ends.append(end)

    def whole(self, samples: int) -> float:
        """All the audio is known: the words share it. Returns letters per second, 0 where there is no telling."""
        total = self._borders[-1][1] if self._borders else 0
        if not total or not samples:
            return 0.0
        self._guessed = _steps(self._borders, samples / total)
        return total * self._rate / samples

    def paced(self, pace: float) -> None:
        """All that is known is that the voice speaks no slower than so many letters a second. The last word ends with
        the piece and no earlier."""
        self._guessed = _steps(self._borders[:-1], self._rate / pace)

    def at(self, samples: int) -> int:
        """The characters that so many samples hold."""
        known, ends = self._told if self._told[0] else self._guessed
        reached = bisect_right(known, samples)
        return ends[reached - 1] if reached else 0

    def _place(self, word: str) -> int:
        """Where a word ends together with the marks behind it, rounded down to a word's end; 0 where it is not."""
        letters = _LETTERS.findall(word)
        if not letters:
            return 0
        sought = word[word.find(letters[0]) : word.rfind(letters[-1]) + len(letters[-1])]
        place = self._text.find(sought, self._found, self._found + _SKIPPED + len(sought))
        while place > 0 and self._text[place - 1].isalnum() and not _DENSE.match(self._text[place - 1]):
            place = self._text.find(sought, place + 1, self._found + _SKIPPED + len(sought))
        if place < 0:
            return 0
        self._found = place + len(sought)
        number = bisect_right(self._borders, _bare(self._text, self._found), key=lambda border: border[0])
        return self._borders[number - 1][0] if number else 0


def _bare(text: str, at: int) -> int:
    """Over the marks that stand behind a word."""
    while at < len(text) and not text[at].isspace() and not text[at].isalnum():
        at += 1
    return at


def _borders(text: str) -> list[tuple[int, int]]:
    """Each place where a word ends, marks included, with the weight of all letters up to there."""
    found = [match.end() for match in _TOKEN.finditer(text)]
    ends = [end for end in found if not is_joined(text, end)]
    starts = [0, *ends[:-1]]
    weights = accumulate(_weight(text[start:end]) for start, end in zip(starts, ends, strict=True))
    borders: list[tuple[int, int]] = []
    for end, weight in zip(ends, weights, strict=True):
        if borders and borders[-1][1] == weight:
            borders[-1] = (end, weight)
        else:
            borders.append((end, weight))
    return borders


def _weight(token: str) -> int:
    """Letters; a digit and a character that is a syllable count threefold."""
    letters = sum(char.isalnum() for char in token)
    return letters + 2 * sum(char.isdigit() for char in token) + 2 * len(_DENSE.findall(token))


def _steps(borders: list[tuple[int, int]], each: float) -> tuple[list[int], list[int]]:
    return [-int(-weight * each // 1) for _, weight in borders], [end for end, _ in borders]
