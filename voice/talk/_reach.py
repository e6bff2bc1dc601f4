"""How far into a piece of text its audio has come: from word times, else from the share of the audio, rounded down to a
whole word. Knows one piece; no positions, no conversation."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate, pairwise

from engines.base import Word
from voice._marks import is_joined

SLOWEST = 4.0
"""Letters a second below which no voice speaks, as far as is known before one piece of an item is whole."""
MARGIN = 0.7
"""How much slower than the slowest whole piece the one under way may turn out to be."""
_SKIPPED, _SKIPPED_WORDS = 300, 6
"""Characters, and stretches without white space, that may stand between two words of an engine: markup, an address, a
number. What is found farther on is another word."""

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Scripts that write no spaces between words: each of their characters is taken for one."""
_TOKEN = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]+")
_DENSE = re.compile(rf"[{_UNSPACED}]")
_LETTERS = re.compile(r"[^\W_]+")


class Reach:
    """The words of one piece and when each ends, as far as that is known by now."""

    def __init__(self, text: str, rate: int):
        self._text, self._rate = text, rate
        self._ends, self._weights = _borders(text)
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
        total = self._weights[-1] if self._weights else 0
        if not total or not samples:
            return 0.0
        self._guessed = [-int(-weight * samples // total) for weight in self._weights], self._ends
        return total * self._rate / samples

    def paced(self, pace: float) -> None:
        """All that is known is that the voice speaks no slower than so many letters a second. The last word ends with
        the piece and no earlier."""
        sure = bisect_left(self._weights, self._weights[-1]) if self._weights else 0
        self._guessed = [-int(-weight * self._rate // pace) for weight in self._weights[:sure]], self._ends[:sure]

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
        last = self._found + _SKIPPED + len(sought)
        place = self._text.find(sought, self._found, last)
        while place >= 0 and not _is_word(self._text, place, place + len(sought)):
            place = self._text.find(sought, place + 1, last)
        if place < 0 or len(self._text[self._found : place].split()) > _SKIPPED_WORDS:
            return 0
        self._found = place + len(sought)
        number = bisect_right(self._ends, _bare(self._text, self._found))
        return self._ends[number - 1] if number else 0


def _is_word(text: str, start: int, end: int) -> bool:
    """Whether no letter stands on either side that belongs to the same word."""
    sides = (text[start - 1 : start] + text[start : start + 1], text[end - 1 : end] + text[end : end + 1])
    return not any(len(side) == 2 and side.isalnum() and not _DENSE.search(side) for side in sides)


def _bare(text: str, at: int) -> int:
    """Over the marks that stand behind a word."""
    while at < len(text) and not text[at].isspace() and not text[at].isalnum():
        at += 1
    return at


def _borders(text: str) -> tuple[list[int], list[int]]:
    """Each place where a word ends, marks included, and the weight of all letters up to there."""
    ends = [found.end() for found in _TOKEN.finditer(text) if not is_joined(text, found.end())]
    weights = accumulate(_weight(text[start:end]) for start, end in pairwise([0, *ends]))
    return ends, list(weights)


def _weight(token: str) -> int:
    """Letters; a digit and a letter that is a syllable count threefold."""
    return sum(3 if char.isdigit() or _DENSE.match(char) else 1 for char in token if char.isalnum())
