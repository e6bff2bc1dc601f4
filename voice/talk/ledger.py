"""What of our speech has reached the ear: every sample that was sent has a position, and what is reported as played is
told as characters of the item's text. Knows no wire, no clock and no audio.

A position counts samples at the conversation's output rate from its beginning, padding included. `cut` ends a run: what
was sent and not played by then is never heard, and the next sample goes on at the position that was reached.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from engines.base import Word
from voice.talk._reach import MARGIN, SLOWEST, Reach

ITEMS = 8
"""Items of which every piece is kept; of older ones the result only."""
RESULTS = 256
"""Items of which the result is kept."""


@dataclass(frozen=True)
class Span:
    """A piece of an item's text whose audio is added. Successive chunks of one piece carry the same item, start and
    end; a piece begins where these change, or after the one before was ended."""

    item: str
    start: int
    end: int
    """Characters of the item's text."""
    text: str = ""
    """The item's text from `start` to `end`, as it is written. Without it nothing is known inside the piece."""
    words: tuple[Word, ...] = ()
    """Those that came with this chunk, in order; times count from the piece's beginning. They may come later than the
    audio they belong to."""


@dataclass(frozen=True)
class Heard:
    """Of an item: `text[:end]` reached the ear, in so many seconds of audio."""

    end: int = 0
    seconds: float = 0.0
    confidence: str = "exact"
    """`estimated` where the position was, or where the last word follows from the share of the audio only."""
    whole: bool = False
    """The item has ended and all of its audio was played."""


@dataclass
class _Run:
    """Positions from one cut to the next."""

    start: int
    end: int | None = None
    """None while it is the one under way."""
    played: int = 0
    exact: bool = True


class Piece:
    """A span on its way: handed to whoever sends its audio. Owned by the ledger."""

    __slots__ = ("ended", "position", "reach", "run", "samples", "span")

    def __init__(self, span: Span, rate: int):
        self.span = span
        self.position = -1
        """Of its first sample; -1 until that is sent."""
        self.samples = 0
        """Added so far; all of it once `ended`."""
        self.ended = False
        """Whether no more audio or words will come."""
        self.run: _Run | None = None
        self.reach: Reach | None = Reach(span.text, rate) if span.text else None

    def add(self, samples: int, words: Iterable[Word] = ()) -> None:
        self.samples += samples
        if words and self.reach:
            self.reach.tell(words)

    def heard(self) -> int:
        """Samples of it that were played."""
        if self.run is None:
            return 0
        return min(max(self.run.played - self.position, 0), self.samples)


@dataclass
class _Item:
    pieces: deque[Piece] = field(default_factory=deque)
    ended: bool = False
    pace: float = SLOWEST
    measured: bool = False
    base_end: int = 0
    base_samples: int = 0
    """Of pieces wholly heard that are no longer kept."""
    broken: bool = False
    """A piece that will never be whole is no longer kept: the text goes no further."""
    told_end: int = 0
    told_at: int = 0
    """What was answered last, at how many samples: words that come late take nothing back."""


class Ledger:
    """Of one conversation. Memory is bounded: pieces that are wholly heard and cannot be sent again, and items older
    than the last `ITEMS`, leave only their result; of items older than the last `RESULTS` nothing is known."""

    def __init__(self, rate: int):
        self.rate = rate
        self.position = 0
        """Samples sent; where the next one belongs."""
        self._run = _Run(0)
        self._runs: deque[_Run] = deque([self._run])
        self._items: dict[str, _Item] = {}
        self._results: dict[str, Heard] = {}

    @property
    def reached(self) -> int:
        """Where the audio ends that was played, as far as is known; after a `cut` where the next begins."""
        return self._run.played

    def begin(self, span: Span) -> Piece:
        """A piece whose audio will be sent after that of all pieces before. Its `words` are not looked at here."""
        item = self._items.get(span.item)
        if item is None:
            item = self._items[span.item] = self._reopened(span.item)
            self._bound()
        piece = Piece(span, self.rate)
        if piece.reach:
            piece.reach.paced(item.pace)
        item.pieces.append(piece)
        item.ended = False
        return piece

    def end(self, item: str) -> None:
        """No more pieces of this item will come."""
        if found := self._items.get(item):
            found.ended = True

    def whole(self, piece: Piece) -> None:
        """No more audio or words of a piece will come: now its words share its audio, and the pace of the voice is
        known."""
        if piece.ended:
            return
        piece.ended = True
        if not piece.reach or not (pace := piece.reach.whole(piece.samples) * MARGIN):
            return
        if item := self._items.get(piece.span.item):
            item.pace = min(item.pace, pace) if item.measured else max(pace, SLOWEST)
            item.measured = True

    def sent(self, piece: Piece | None, samples: int) -> None:
        """So many more samples have left: of a piece, or of none (padding, or what is sent again after `rewound`)."""
        if piece is not None and piece.position < 0:
            piece.position, piece.run = self.position, self._run
        self.position += samples

    def played(self, position: int, confidence: str = "exact") -> None:
        """The other side tells, or seems, to have played up to here; what was never sent does not count.

        An exact report corrects an estimate in both directions, and an estimate never takes back what is exact.
        """
        position = min(position, self.position)
        run = self._run_of(position)
        if run is None:
            return
        exact = confidence == "exact"
        if (exact and not run.exact) or position > run.played:
            run.played = position
        else:
            return
        run.exact = exact

    def assume(self, position: int) -> None:
        """Nobody reports, and by the clock so much has been played: taken for an estimate."""
        if min(position, self.position) > self._run.start:
            self.played(position, "estimated")

    def rewound(self, position: int) -> None:
        """What was sent from here on will be sent again, at the same positions. Within the run under way."""
        self.position = max(position, self._run.start)
        self._run.played = min(self._run.played, self.position)

    def cut(self) -> None:
        """What was sent and not played is thrown away. A late report may still tell of what was played before."""
        if self.position == self._run.start:
            return
        self._run.end = self.position
        self._run = _Run(self.position, played=self.position)
        self._runs.append(self._run)
        if len(self._runs) > ITEMS:
            self._runs.popleft()

    def forget(self, position: int) -> None:
        """Nothing before this position will be sent again: pieces wholly heard are folded into their item."""
        for item in self._items.values():
            while item.pieces and _is_behind(item.pieces[0], position):
                piece = item.pieces.popleft()
                item.base_end = piece.span.end
                item.base_samples += piece.samples

    def within(self, item: str, seconds: float) -> int:
        """The characters of an item's text that the first so many seconds of its audio hold, whoever heard them. Where
        the audio was too long ago the text's share of it, which may be no whole word."""
        samples, found = round(seconds * self.rate), self._items.get(item)
        if found is None:
            told = self._results.get(item, Heard())
            return _share(told.end, samples, round(told.seconds * self.rate))
        if samples < found.base_samples:
            return _share(found.base_end, samples, found.base_samples)
        end, left = found.base_end, samples - found.base_samples
        for piece in found.pieces:
            if not (piece.ended and left >= piece.samples):
                reached = piece.reach.at(left) if piece.reach else 0
                return max(end, min(piece.span.start + reached, piece.span.end) if reached else end)
            end, left = piece.span.end, left - piece.samples
        return end

    def heard(self, item: str) -> Heard:
        """Nothing of an item that was never sent."""
        found = self._items.get(item)
        if found is None:
            return self._results.get(item, Heard())
        return self._sum(found)

    def _sum(self, item: _Item) -> Heard:
        end, samples, exact, whole = item.base_end, item.base_samples, True, not item.broken
        for piece in item.pieces:
            count = piece.heard()
            samples += count
            if count and piece.run:
                exact = exact and piece.run.exact
            if whole and piece.ended and count == piece.samples:
                end = max(end, piece.span.end)
                continue
            if whole and count and piece.reach and (reached := piece.reach.at(count)):
                end = max(end, min(piece.span.start + reached, piece.span.end))
                exact = exact and piece.reach.is_told
            whole = False
        if samples >= item.told_at:
            end = max(end, item.told_end)
        item.told_end, item.told_at = end, samples
        return Heard(end, samples / self.rate, "exact" if exact else "estimated", whole and item.ended)

    def _run_of(self, position: int) -> _Run | None:
        """The latest run that holds this position; where one ends and the next has begun it is the next."""
        for run in reversed(self._runs):
            if position > run.start or (position == run.start and (run.end or self.position) > run.start):
                return run
        return None

    def _reopened(self, item: str) -> _Item:
        if (before := self._results.pop(item, None)) is None:
            return _Item()
        return _Item(base_end=before.end, base_samples=round(before.seconds * self.rate), broken=not before.whole)

    def _bound(self) -> None:
        while len(self._items) > ITEMS:
            oldest = next(iter(self._items))
            self._results[oldest] = self._sum(self._items.pop(oldest))
        while len(self._results) > RESULTS:
            del self._results[next(iter(self._results))]


def _share(end: int, samples: int, of: int) -> int:
    return end * min(samples, of) // of if of else 0


def _is_behind(piece: Piece, position: int) -> bool:
    return piece.ended and piece.samples == piece.heard() and piece.position + piece.samples <= position
