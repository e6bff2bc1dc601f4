"""Audio as it arrives, cut into the windows that the detector looks at. Where none arrives, silence is counted, so that
time-outs fire with a muted microphone too."""

from __future__ import annotations

from collections import deque

import numpy as np

from voice.talk.settings import INPUT_RATE

WINDOW = 512
WINDOW_SECONDS = WINDOW / INPUT_RATE
GRACE = 0.12
"""Seconds that audio may be late before silence stands in for it."""
MOST_WAITING = 10 * INPUT_RATE
"""Samples that may wait; more than anybody says in the time that a tick takes is an attack or a mistake."""

MOST_GAPS = 64
"""Stretches of silence in its place that are remembered."""

SILENCE = np.zeros(WINDOW, np.float32)


class Intake:
    """One conversation's. `joined` is the ticker's time of its beginning."""

    def __init__(self, joined: float):
        self._joined = joined
        self._parts: deque[np.ndarray] = deque()
        self._waiting = 0
        self._seen = 0
        self._gaps: deque[tuple[int, int, int]] = deque(maxlen=MOST_GAPS)
        """Stretches in which silence stood in: where each began and ended, and all of it until its end."""

    @property
    def waiting(self) -> float:
        """Seconds that arrived and were not looked at."""
        return self._waiting / INPUT_RATE

    def hear(self, samples: np.ndarray) -> bool:
        """Float32 (n,). False where it is not taken, since too much waits."""
        if self._waiting + len(samples) > MOST_WAITING:
            return False
        self._parts.append(samples)
        self._waiting += len(samples)
        return True

    def windows(self, now: float) -> list[np.ndarray | None]:
        """What is to be looked at now, in order; None is a window of silence that stands in for what did not come."""
        found: list[np.ndarray | None] = []
        while self._waiting >= WINDOW:
            found.append(self._window(WINDOW))
        due = int((now - self._joined - GRACE) * INPUT_RATE)
        while self._seen + WINDOW <= due:
            found.append(self._window(self._waiting) if self._waiting else None)
            if found[-1] is None:
                self._seen += WINDOW
                self._stand_in(WINDOW)
        return found

    def rest(self) -> np.ndarray | None:
        """What waits that is less than a window, followed by silence."""
        return self._window(min(self._waiting, WINDOW)) if self._waiting else None

    def arrived(self, at: float) -> float:
        """Seconds of audio that had arrived when so many were heard, silence in its place included."""
        reached = round(at * INPUT_RATE)
        for start, end, silent in reversed(self._gaps):
            if start <= reached:
                return (reached - silent + max(0, end - reached)) / INPUT_RATE
        return at

    def shift(self, seconds: float) -> None:
        """Time that does not count, since nobody was there."""
        self._joined += seconds

    def clear(self) -> None:
        self._parts.clear()
        self._waiting = 0

    def _window(self, size: int) -> np.ndarray:
        """The next `size` samples, followed by silence if they are fewer than a window."""
        window = np.zeros(WINDOW, np.float32) if size < WINDOW else np.empty(WINDOW, np.float32)
        at = 0
        while at < size:
            part = self._parts.popleft()
            taken = min(len(part), size - at)
            window[at : at + taken] = part[:taken]
            if taken < len(part):
                self._parts.appendleft(part[taken:])
            at += taken
        self._waiting -= size
        self._seen += WINDOW
        if size < WINDOW:
            self._stand_in(WINDOW - size)
        return window

    def _stand_in(self, samples: int) -> None:
        """So much of the end of what was seen did not arrive."""
        start, silent = self._seen - samples, self._gaps[-1][2] if self._gaps else 0
        if self._gaps and self._gaps[-1][1] == start:
            start = self._gaps.pop()[0]
        self._gaps.append((start, self._seen, silent + samples))
