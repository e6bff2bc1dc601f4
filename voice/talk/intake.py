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

SILENCE = np.zeros(WINDOW, np.float32)


class Intake:
    """One conversation's. `joined` is the ticker's time of its beginning."""

    def __init__(self, joined: float):
        self._joined = joined
        self._parts: deque[np.ndarray] = deque()
        self._waiting = 0
        self._seen = 0
        self._real_until = 0

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
            self._seen += 0 if found[-1] is not None else WINDOW
        return found

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
        return window
