"""What was played and what is heard, on one clock and at one low rate, as an echo is looked for. Knows no echo."""

from __future__ import annotations

from collections import deque

import numpy as np

from voice.talk.decimate import Decimator

RATE = 4000
"""Samples a second on both sides: most of a voice's energy lies under 2 kHz."""
HEARD_RATE = 16000
"""Of the windows that are heard."""
SPAN = 256
"""Samples of what is heard that are compared at a time, 64 ms: two windows."""
LINE = 8192
"""Samples of what was played that they are compared with, about two seconds: what a telephone over the internet and a
loudspeaker by radio need together, and a power of two for the Fourier transform."""
EARLY = 600
"""Of these, those that are due up to 150 ms later than what was heard last: both clocks are no better than that."""
FRAMES = 160
"""Of 20 ms that are remembered, longer than the line."""
SLACK = 2
"""Samples, half a millisecond, by which times that follow each other may be rounded apart."""


class Played:
    """Our side, the reference. Frames are only put aside, and looked at when the line is asked for."""

    def __init__(self, rate: int):
        self._rate, self._low = rate, Decimator(rate, RATE)
        self._frames: deque[tuple[float, np.ndarray]] = deque(maxlen=FRAMES)
        """Not looked at yet, each with the time at which it is due."""
        self._pieces: deque[tuple[int, np.ndarray]] = deque(maxlen=FRAMES)
        """The same at the low rate, each with the number of its first sample."""
        self._held: list[tuple[int, np.ndarray]] = []
        """Was to be played when we paused."""
        self._paused = 0
        self._due = 0.0

    def add(self, samples: np.ndarray, at: float | None) -> None:
        """A frame whose first sample is due at `at`, in seconds; without it, behind the frame before."""
        at = self._due if at is None else at
        self._due = at + len(samples) / self._rate
        self._frames.append((at, samples))

    def pause(self, at: float) -> None:
        """What is due later is held."""
        self._look(0.0)
        self._paused, self._held = round(at * RATE), []
        while self._pieces and self._pieces[-1][0] + len(self._pieces[-1][1]) > self._paused:
            begin, low = self._pieces.pop()
            cut = max(0, self._paused - begin)
            self._held.append((begin + cut, low[cut:]))
            if cut:
                self._pieces.append((begin, low[:cut]))

    def resume(self, at: float) -> None:
        """What was held is due from now on."""
        later = round(at * RATE) - self._paused
        self._pieces.extend((begin + later, low) for begin, low in reversed(self._held))
        self._held = []

    def line(self, end: int) -> np.ndarray:
        """The LINE samples before number `end`, silence where nothing was played. Times do not go back."""
        first = end - LINE
        self._look(first / RATE)
        while self._pieces and self._pieces[0][0] < first - RATE:
            self._pieces.popleft()
        line = np.zeros(LINE, np.float32)
        for begin, low in self._pieces:
            at = begin - first
            if -len(low) < at < LINE:
                line[max(0, at) : at + len(low)] = low[max(0, -at) : LINE - at]
        return line

    def _look(self, since: float) -> None:
        """Frames become pieces, a run of them one; what was due before `since` is left out."""
        while self._frames:
            begin, samples = self._frames.popleft()
            run, end = [samples], begin + len(samples) / self._rate
            while self._frames and abs(self._frames[0][0] - end) < 0.5 / RATE:
                run.append(self._frames.popleft()[1])
                end += len(run[-1]) / self._rate
            samples = np.concatenate(run) if len(run) > 1 else run[0]
            skipped = min(len(samples), max(0, int((since - begin) * self._rate)))
            low, number = self._low(samples[skipped:]), round((begin + skipped / self._rate) * RATE)
            if len(low):
                self._pieces.append((self._joined(number), low))

    def _joined(self, number: int) -> int:
        """The number of a piece's first sample, which is that behind the piece before where they meet."""
        if not self._pieces:
            return number
        begin, low = self._pieces[-1]
        return begin + len(low) if abs(begin + len(low) - number) <= SLACK else number


class Heard:
    """The other side: the last SPAN samples of it."""

    def __init__(self) -> None:
        self._low = Decimator(HEARD_RATE, RATE)
        self.span = np.zeros(SPAN, np.float32)
        self.end = 0
        """The number of the sample behind it."""
        self._whole = self._fresh = 0

    @property
    def whole(self) -> np.ndarray:
        """Its samples that were heard without a gap."""
        return self.span[SPAN - self._whole :]

    @property
    def fresh(self) -> np.ndarray:
        """Those that came last."""
        return self.span[SPAN - self._fresh :]

    def add(self, window: np.ndarray, at: float | None) -> None:
        """A window that ends at `at`, in seconds; without it, behind the one before."""
        low = self._low(window)
        follows = self.end + len(low)
        end = follows if at is None else round(at * RATE)
        if abs(end - follows) > SLACK:
            self.span[:] = self._whole = 0
            self.end = end
        else:
            self.end = follows
        self.span[: -len(low)] = self.span[len(low) :].copy()
        self.span[-len(low) :] = low
        self._fresh, self._whole = len(low), min(SPAN, self._whole + len(low))

    def forget_before(self) -> None:
        """What is older than the last window belongs to another delay."""
        self._whole = self._fresh
