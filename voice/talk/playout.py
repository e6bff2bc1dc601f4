"""The audio of our speech on its way out: chunks of any length go in, frames of 20 ms come out, each at its position in
the ledger. What has left is kept for a few seconds, so that it can be sent again. Whoever calls `next` keeps the time.

    playout.add(Span(item, start, end, text, words), samples)     each chunk of a piece of the item's text
    playout.add(Span(item, start, end, text), none, last=True)    the piece is whole: its length is known
    playout.end(item)                                             no piece will follow
"""

from __future__ import annotations

from collections import deque

import numpy as np

from voice.talk.ledger import Ledger, Piece, Span

FRAME = 0.02
"""Seconds."""


class Playout:
    """Of one conversation. Frames do not stop at the borders of chunks and pieces, only at those of items: the last
    frame of an item is filled up with silence, which belongs to no text."""

    def __init__(self, rate: int, ledger: Ledger, keep: float = 5.0):
        self.paused = False
        self._rate, self._ledger = rate, ledger
        self._frame = round(rate * FRAME)
        self._keep = round(keep * rate)
        self._piece: Piece | None = None
        self._queue: deque[tuple[Piece | None, np.ndarray]] = deque()
        """What was not sent yet; None for a piece marks an item's end."""
        self._at = 0
        """Samples of the queue's first chunk that have left."""
        self._waiting = 0
        self._unended = 0
        """Samples behind the last mark."""
        self._marks = 0
        self._again: deque[tuple[np.ndarray, Piece | None]] = deque()
        """Frames that are sent once more, before the queue."""
        self._again_samples = 0
        self._sent: deque[tuple[np.ndarray, Piece | None]] = deque()
        """The last frames that left, and the last piece in each."""
        self._kept = 0

    @property
    def position(self) -> int:
        """Where the next frame belongs."""
        return self._ledger.position

    @property
    def waiting(self) -> float:
        """Seconds that `next` has still to give."""
        return (self._waiting + self._again_samples) / self._rate

    @property
    def empty(self) -> bool:
        """Nothing waits, not even a part of a frame."""
        return not self._waiting and not self._again

    def add(self, span: Span, samples: np.ndarray, *, last: bool = False) -> None:
        """A chunk (float32, mono, at the playout's rate; may be empty); kept as it is, not copied.

        An item must not be taken up again after another one has begun.
        """
        piece = self._piece
        if piece is None or piece.ended or not _is_same(piece.span, span):
            piece = self._begin(span)
        if len(samples):
            self._queue.append((piece, samples))
            self._waiting += len(samples)
            self._unended += len(samples)
        piece.add(len(samples), span.words)
        if last:
            self._ledger.whole(piece)

    def end(self, item: str) -> None:
        """No more audio of this item will come: what waits of it leaves to the last sample."""
        if self._piece and self._piece.span.item == item:
            self._close()
        self._ledger.end(item)

    def next(self) -> np.ndarray | None:
        """The next 20 ms (the first frame after a `rewind` into the middle of one is what is left of it), read-only to
        the caller; None while paused, and where less than a frame waits of an item that has not ended."""
        if self.paused or (self._waiting < self._frame and not self._marks and not self._again):
            return None
        if self._again:
            samples, piece = self._again.popleft()
            self._again_samples -= len(samples)
            self._ledger.sent(None, len(samples))
        else:
            samples, piece = self._cut()
        self._retain(samples, piece)
        return samples

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def clear(self) -> None:
        """Drop what waits and what is kept. The next frame goes on at the position that was reached, and what was sent
        until here and is not reported as played will not be heard."""
        if self._piece:
            self._piece = None
        for chunks in (self._queue, self._again, self._sent):
            chunks.clear()
        self._at = self._waiting = self._unended = self._marks = self._again_samples = self._kept = 0
        self._ledger.cut()

    def rewind(self, position: int) -> int:
        """Go back to a position that was sent, so that the same samples leave again at the same positions. Returns the
        position that is gone back to: the nearest that is kept."""
        while self._sent and self._ledger.position > position:
            samples, piece = self._sent.pop()
            self._kept -= len(samples)
            cut = max(0, position - (self._ledger.position - len(samples)))
            if cut:
                self._sent.append((samples[:cut], piece))
                self._kept += cut
            self._again.appendleft((samples[cut:], piece))
            self._again_samples += len(samples) - cut
            self._ledger.rewound(self._ledger.position - len(samples) + cut)
        return self._ledger.position

    def _begin(self, span: Span) -> Piece:
        if self._piece:
            self._ledger.whole(self._piece)
            if self._piece.span.item != span.item:
                self._close()
        self._piece = self._ledger.begin(span)
        return self._piece

    def _close(self) -> None:
        """Mark the end of the item whose piece was the last."""
        if self._piece:
            self._ledger.whole(self._piece)
        self._piece = None
        if self._unended:
            self._queue.append((None, _NONE))
            self._marks += 1
            self._unended = 0

    def _cut(self) -> tuple[np.ndarray, Piece | None]:
        """A frame from the queue, which holds one."""
        piece, chunk = self._queue[0]
        end = self._at + self._frame
        if end < len(chunk):
            samples = chunk[self._at : end]
            self._at = end
            self._waiting -= self._frame
            self._ledger.sent(piece, self._frame)
            return samples, piece
        return self._gathered()

    def _gathered(self) -> tuple[np.ndarray, Piece | None]:
        """A frame from several chunks; at an item's end padded."""
        frame, filled, last = np.zeros(self._frame, np.float32), 0, None
        while filled < self._frame:
            piece, chunk = self._queue[0]
            if piece is None:
                self._ledger.sent(None, self._frame - filled)
                break
            part = chunk[self._at : self._at + self._frame - filled]
            frame[filled : filled + len(part)] = part
            self._ledger.sent(piece, len(part))
            filled, last = filled + len(part), piece
            self._at += len(part)
            if self._at == len(chunk):
                self._queue.popleft()
                self._at = 0
        self._waiting -= filled
        if self._queue and self._queue[0][0] is None:
            self._queue.popleft()
            self._marks -= 1
        return frame, last

    def _retain(self, samples: np.ndarray, piece: Piece | None) -> None:
        self._sent.append((samples, piece))
        self._kept += len(samples)
        while self._kept > self._keep:
            oldest, piece = self._sent.popleft()
            self._kept -= len(oldest)
            if self._sent and self._sent[0][1] is not piece:
                self._ledger.forget(self._ledger.position - self._kept)


_NONE = np.zeros(0, np.float32)


def _is_same(one: Span, other: Span) -> bool:
    return one.start == other.start and one.end == other.end and one.item == other.item
