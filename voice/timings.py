"""When each word of synthesized speech is heard: as the engine says, or, where it does not, by a guess.

The guess gives each word a share of the sound by its syllables and lets the pauses fall where the text has its marks.
Knows text and sound; no engine, no request.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

import numpy as np

from audio.value import Audio
from engines.base import Chunk, Word
from voice._marks import CLAUSES, CLAUSES_ALONE, STOPS, STRONG

LOOK = 0.01
"""Seconds whose power is taken together."""
PAUSE = 0.08
"""Seconds of quiet that are a pause, and no closed consonant."""
QUIET_DB = -38.0
"""Quiet is this much under the loudest moment."""
NEAR = 0.3
"""Of a clause's length: how far from where it is expected its pause may be."""

_BY_CHARACTER = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_TOKEN = re.compile(rf"[{_BY_CHARACTER}][^\s\w]*|[^\s{_BY_CHARACTER}]+")
_VOWELS = re.compile("[aeiouyàáâãäåæèéêëìíîïòóôõöøœùúûüýāēīōūůąęıаеёиоуыэюяіїєαεηιουωάέήίόύώ]+")
_MARK = re.compile(rf"[{re.escape(STOPS)}{STRONG}{CLAUSES}{CLAUSES_ALONE}:]\W*$")


@dataclass(frozen=True)
class Timings:
    """The words of an utterance with the marks that stand at them, in order."""

    words: tuple[Word, ...]
    estimated: bool
    """Whether the times are guessed; such a word is about a syllable off."""


def timings(text: str, words: Sequence[Word], audio: Audio) -> Timings:
    """Of a whole utterance: `words` as the engine gave them, empty where it gives none."""
    if words:
        return Timings(marked(text, words), estimated=False)
    return Timings(estimate(text, audio), estimated=True)


def marked(text: str, words: Iterable[Word]) -> tuple[Word, ...]:
    """The engine's words with what stands in the text up to the next one, since engines leave out marks and more.

    A word that is not in the text, as of a number that was written out, stays as it is.
    """
    told, places, at = list(words), [], 0
    for word in told:
        found = text.find(word.text, at, at + 500)
        places.append(found)
        at = max(at, found + len(word.text)) if found >= 0 else at
    out, end = [], len(text)
    for word, place in zip(reversed(told), reversed(places), strict=True):
        if place >= 0:
            word, end = replace(word, text=text[place:end].strip()), place
        out.append(word)
    return tuple(reversed(out))


def estimate(text: str, audio: Audio, origin: float = 0.0) -> tuple[Word, ...]:
    """Every word of the text within the sound of the audio, whose beginning is at `origin` seconds.

    Text without a letter, and audio without sound, have no words.
    """
    tokens, sounds = _tokens(text), _sounds(audio)
    if not tokens or not sounds:
        return ()
    clock = _Clock(sounds)
    weights = [_weight(token) for token in tokens]
    ends = clock.ends(weights, [bool(_MARK.search(token)) for token in tokens])
    return tuple(
        Word(token, origin + clock.begin(start), origin + clock.end(end))
        for token, (start, end) in zip(tokens, pairwise([0.0, *ends]), strict=True)
    )


class Timer:
    """Goes along with an utterance of several pieces and times those whose engine gave no words."""

    def __init__(self, rate: int):
        self._rate = rate
        self._played = 0
        self._begin()

    def _begin(self) -> None:
        self._origin = self._played
        self._heard: list[np.ndarray] = []
        self._told = False

    def feed(self, chunk: Chunk) -> None:
        """A chunk of the piece, as it is played."""
        self._told = self._told or bool(chunk.words)
        self._heard.append(chunk.audio.samples)
        self._played += len(chunk.audio.samples)

    def end(self, text: str) -> tuple[Word, ...]:
        """The words of the piece that was just fed, on the clock of the whole; none where the engine gave some."""
        words: tuple[Word, ...] = ()
        if self._heard and not self._told:
            words = estimate(text, Audio(np.concatenate(self._heard), self._rate), self._origin / self._rate)
        self._begin()
        return words


class _Clock:
    """Seconds of sound, pauses left out, beside seconds of audio."""

    def __init__(self, sounds: Sequence[tuple[float, float]]):
        self._sounds = sounds
        self._before = list(accumulate((end - start for start, end in sounds), initial=0.0))
        self._pauses = [after[0] - before[1] for before, after in pairwise(sounds)]

    def begin(self, sound: float) -> float:
        """Where a word begins that does so after so much sound: behind a pause, not before it."""
        at = min(bisect_right(self._before, sound + 1e-9) - 1, len(self._sounds) - 1)
        return self._sounds[at][0] + sound - self._before[at]

    def end(self, sound: float) -> float:
        """Where a word ends: before a pause."""
        at = max(0, bisect_left(self._before, sound - 1e-9) - 1)
        return self._sounds[at][0] + sound - self._before[at]

    def ends(self, weights: Sequence[float], marks: Sequence[bool]) -> list[float]:
        """The sound after which each word ends. Words share by weight what lies between two marks that have a pause."""
        out: list[float] = []
        left, begun, clause = sum(weights), 0.0, 0
        for number, mark in enumerate(marks, 1):
            if not mark and number < len(weights):
                continue
            own = sum(weights[clause:number])
            expected = begun + (self._before[-1] - begun) * own / left
            end = self._before[-1] if number == len(weights) else self._pause_near(expected, begun)
            if end is not None:
                out += [begun + (end - begun) * share / own for share in accumulate(weights[clause:number])]
                begun, clause, left = end, number, left - own
        return out

    def _pause_near(self, expected: float, begun: float) -> float | None:
        """The sound before the best pause about there: a long one, near."""
        reach = max(0.25, NEAR * (expected - begun))
        first = bisect_right(self._before, max(begun + 0.05, expected - reach), 1, len(self._before) - 1)
        last = bisect_right(self._before, expected + reach, first, len(self._before) - 1)
        near = range(first, last)
        best = max(near, key=lambda at: self._pauses[at - 1] - abs(self._before[at] - expected) / 4, default=None)
        return None if best is None else self._before[best]


def _tokens(text: str) -> list[str]:
    """Words with their marks; of scripts without spaces each character. What has no letter joins the one before."""
    tokens: list[str] = []
    for found in _TOKEN.findall(text):
        if any(char.isalnum() for char in found):
            tokens.append(found)
        elif tokens:
            tokens[-1] += f" {found}"
    return tokens


def _weight(token: str) -> float:
    """Syllables, more or less, and a little for each letter. A digit is a word of one or two."""
    word = unicodedata.normalize("NFC", token.lower())
    letters = sum(char.isalpha() for char in word)
    digits = sum(char.isdigit() for char in word)
    if vowels := len(_VOWELS.findall(word)):
        syllables = vowels - (1 if vowels > 1 and re.search(r"[^aeiouyl]e\W*$", word) else 0)
    elif re.match(f"[{_BY_CHARACTER}]", word):
        return 2.5
    else:
        syllables = letters / 2
    return syllables + 0.3 * letters + 2.5 * digits


def _sounds(audio: Audio) -> list[tuple[float, float]]:
    """Seconds from and to of each stretch of sound between pauses."""
    look = max(1, round(LOOK * audio.rate))
    count = len(audio.samples) // look
    power = (audio.samples[: count * look].astype(np.float64).reshape(-1, look) ** 2).mean(axis=1)
    if not count or power.max() < 1e-9:
        return []
    loud = np.flatnonzero(power > power.max() * 10 ** (QUIET_DB / 10))
    breaks = np.flatnonzero(np.diff(loud) > PAUSE / LOOK)
    starts, ends = loud[np.r_[0, breaks + 1]], loud[np.r_[breaks, len(loud) - 1]] + 1
    seconds = look / audio.rate
    return [(float(start) * seconds, float(end) * seconds) for start, end in zip(starts, ends, strict=True)]
