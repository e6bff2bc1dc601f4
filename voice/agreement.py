"""Which words of speech still going on are sure: those that two transcriptions in a row agree on.

LocalAgreement-2, from Liu, Spanakis and Niehues, "Low-Latency Sequence-to-Sequence Speech Recognition and Translation
by Partial Hypothesis Selection" (Interspeech 2020). Knows words and their times, and neither audio nor engines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile

from engines.base import Segment
from voice.hallucinations import bare
from voice.languages import is_spaced

_ENDS = re.compile(r"[.!?。！？।؟…]['\"”»)\]]*$")


@dataclass(frozen=True)
class Piece:
    """A word with what stands before it, so that the pieces put together are the text."""

    text: str
    start: float
    """Seconds on the utterance's clock, as is `end`."""
    end: float

    @cached_property
    def key(self) -> str:
        """What agrees with another transcription's word: neither case nor punctuation counts, unless it is all."""
        return bare(self.text).replace(" ", "") or self.text.strip()

    @property
    def ends_sentence(self) -> bool:
        return bool(_ENDS.search(self.text))


def pieces(segments: Iterable[Segment], language: str, start: float = 0.0) -> list[Piece]:
    """The words of a transcription that began at `start`, spaced as in the segments' text; a segment without words is
    one piece."""
    space = " " if is_spaced(language) else ""
    found: list[Piece] = []
    for segment in segments:
        text, at = segment.text.strip(), 0
        for word in segment.words:
            begin = text.find(word.text, at)
            lead = (text[at:begin] if begin >= at else " ") if at else space
            at = begin + len(word.text) if begin >= at else at
            found.append(Piece(lead + word.text, start + word.start, start + word.end))
        if text and not segment.words:
            found.append(Piece(space + text, start + segment.start, start + segment.end))
    return found


class Agreement:
    """What is sure of one utterance, from transcriptions of it that grow. What is sure never changes."""

    def __init__(self):
        self._before = ""
        self._sure: list[Piece] = []
        self._last: list[Piece] = []

    @property
    def text(self) -> str:
        """All that is sure."""
        return (self._before + _text(self._sure)).lstrip()

    @property
    def before(self) -> str:
        """What is sure and was said before the audio that is still transcribed."""
        return self._before.strip()

    @property
    def overlaps(self) -> bool:
        """Whether a transcription will begin with what is sure already."""
        return bool(self._sure)

    def add(self, heard: Sequence[Piece]) -> str:
        """A further transcription, of all the audio that is not forgotten; answers the whole text so far.

        The last word is not sure yet: it may be cut off, and a full stop after it is a guess.
        """
        rest = self.rest(heard)
        agreed = takewhile(lambda pair: pair[0].key == pair[1].key, zip(self._last, rest, strict=False))
        count = min(len(list(agreed)), max(0, len(rest) - 1))
        self._sure += rest[:count]
        self._last = rest[count:]
        return self.whole(self._last)

    def rest(self, heard: Sequence[Piece]) -> list[Piece]:
        """What a transcription has after the words that are sure."""
        return list(heard[_known(self._sure, heard) :])

    def whole(self, rest: Sequence[Piece]) -> str:
        """The text of all that is sure, and of what follows it."""
        return (self._before + _text(self._sure) + _text(rest)).strip()

    def forget(self, *, anywhere: bool) -> float | None:
        """Let go of the sure words up to the end of their last sentence, or of all.

        Answers from when on the audio is still needed, which must be forgotten too; None where nothing is let go.
        """
        counts = [n for n, piece in enumerate(self._sure, 1) if anywhere or piece.ends_sentence]
        if not counts:
            return None
        gone, left = self._sure[: counts[-1]], [*self._sure[counts[-1] :], *self._last]
        self._before += _text(gone)
        self._sure = self._sure[len(gone) :]
        end = gone[-1].end
        return (end + max(end, left[0].start)) / 2 if left else end


def _text(some: Iterable[Piece]) -> str:
    return "".join(piece.text for piece in some)


def _known(sure: Sequence[Piece], heard: Sequence[Piece]) -> int:
    """How many of the words heard are what is sure already, though they may be written otherwise now: as many as leave
    the least to change (Levenshtein), and among those, as many as end where the last sure word does."""
    if not sure:
        return 0
    costs = list(range(len(heard) + 1))
    for known in sure:
        diagonal, costs[0] = costs[0], costs[0] + 1
        for n, piece in enumerate(heard, 1):
            changed = diagonal + (piece.key != known.key)
            diagonal, costs[n] = costs[n], min(changed, costs[n] + 1, costs[n - 1] + 1)
    end = sure[-1].end
    return min(range(len(heard) + 1), key=lambda n: (costs[n], abs((heard[n - 1].end if n else sure[0].start) - end)))
