"""The caller's loudspeaker: what arrives waits in a buffer, is played in its order, and stops when we say so.

Knows no conversation. Times are the loop's.
"""

from __future__ import annotations

from collections import deque

import numpy as np

STEP = 0.02
"""Seconds that are played at a time."""

Frame = tuple[str, np.ndarray, int]
"""A response, its next samples, and the position of the first."""
_NONE: Frame = ("", np.zeros(0, np.float32), 0)


class Ear:
    """One caller's. Positions are samples of our audio at `rate`."""

    def __init__(self, rate: int, buffer: float):
        self._rate, self._buffer = rate, round(buffer * rate)
        self._coming: deque[tuple[float, Frame]] = deque()
        self._here: deque[Frame] = deque()
        self._held = 0
        self._playing = False
        self._whole = ""
        """The response of which nothing more will come, so that the buffer need not fill."""
        self._frame, self._began = _NONE, 0.0
        self.paused = False
        self.received = 0
        """Where the last sample that arrived ends."""
        self.response = ""
        """Whose sound was played last."""
        self.samples = 0
        """Of it, so far."""
        self.gaps = 0
        """Times in which an answer stood still since nothing had arrived."""

    @property
    def empty(self) -> bool:
        return not self._coming and not self._here

    @property
    def seconds(self) -> float:
        """That were heard of the answer played last."""
        return self.samples / self._rate

    def arrive(self, at: float, frame: Frame) -> None:
        """A frame is under way, and will be here at a time, not before the one before it."""
        self._coming.append((at, frame))

    def whole(self, response: str) -> None:
        """What comes is all of the answer."""
        self._whole = response

    def play(self, now: float) -> np.ndarray | None:
        """What is heard in the next 20 ms; None is silence."""
        while self._coming and self._coming[0][0] <= now:
            frame = self._coming.popleft()[1]
            self._here.append(frame)
            self._held += len(frame[1])
            self.received = frame[2] + len(frame[1])
        if self.paused or not self._ready():
            self._end()
            return None
        frame = self._here.popleft()
        response, samples, _ = frame
        self._held -= len(samples)
        if response != self.response:
            self.response, self.samples = response, 0
        self.samples += len(samples)
        self._frame, self._began = frame, now
        return samples

    def position(self, now: float) -> int:
        """How far it was played."""
        _, samples, position = self._frame
        return position + min(len(samples), max(0, round((now - self._began) * self._rate)))

    def pause(self, now: float) -> None:
        """At once; the rest of the frame under way is played when it goes on."""
        response, samples, position = self._frame
        played = self.position(now) - position
        if played < len(samples):
            self._here.appendleft((response, samples[played:], position + played))
            self._held += len(samples) - played
            self.samples -= len(samples) - played
        self.paused = True
        self._frame = ("", _NONE[1], position + played)

    def resume(self) -> None:
        self.paused = False

    def drop(self, now: float) -> None:
        """Throw away all that waits."""
        self._frame = ("", _NONE[1], self.position(now))
        self._here.clear()
        self._coming.clear()
        self._held = 0
        self.paused = self._playing = False

    def lose(self) -> None:
        """What is under way will not arrive."""
        self._coming.clear()

    def _ready(self) -> bool:
        if not self._here:
            self.gaps += self._playing and self.response != self._whole
            self._playing = False
        elif not self._playing:
            self._playing = self._held >= self._buffer or self._here[0][0] == self._whole
        return self._playing

    def _end(self) -> None:
        """The last frame is over, whatever the clock makes of its 20 ms."""
        _, samples, position = self._frame
        self._frame = ("", _NONE[1], position + len(samples))
