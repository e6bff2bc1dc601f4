"""How an echo comes about: a delay, and the filter of the loudspeaker and the room. Knows nothing of what it is for."""

from __future__ import annotations

import numpy as np

from voice.talk.decimate import windows
from voice.talk.echo_signals import EARLY, LINE

TAPS = 32
"""Of the filter, 8 ms: the loudspeaker, and the first reflections."""
AHEAD = 8
"""Of these, those before the delay that was found, 2 ms: what is most alike need not be what came first."""
FOLLOWS = 0.7
"""Of what is known, from one window to the next: the filter is that of the last 0.1 seconds."""
GOOD = 0.5
"""Share from which the filter is kept as it is, for when the delay changes."""
STEADY = 2e-3
"""Of the reference's power, added to each tap's own so that frequencies that were not played are not made up."""
SAME = 2
"""Samples between two delays that are one."""
NEAR = 600
"""Samples by which a delay may change at once, 150 ms: a pause, a packet that is lost or late."""
MOVES = 0.8
"""Share that the filter must explain at another delay before the echo is taken to be there."""
FLOOR = 1e-9
"""Power under which there is nothing to explain, -90 dBFS."""


class EchoPath:
    """A linear filter at a delay, learned by exponentially weighted least squares: the normal equations are kept, with
    a little added to their diagonal, and solved after each window (Haykin, Adaptive Filter Theory, on the method of
    least squares, and on recursive least squares for the forgetting).

    What it explains of a sound is 1 - 1 / ERLE. ERLE, the echo return loss enhancement of ITU-T G.168, is the power of
    what is heard by that of what is left of it when the filter's echo is taken away.
    """

    def __init__(self, delay: int):
        self.delay = delay
        """In samples."""
        self._filter = np.zeros(TAPS)
        self._square, self._wanted = np.zeros((TAPS, TAPS)), np.zeros(TAPS)
        """The reference's correlation with itself, and with what is heard."""
        self._good = self._filter, self._square, self._wanted
        """As they were when the filter last explained what was heard."""

    def is_at(self, delay: int) -> bool:
        return abs(delay - self.delay) <= SAME

    def predicts(self, line: np.ndarray, heard: np.ndarray) -> float:
        """The share of `heard`, the samples (n,) at the end of the line, that the filter explains as it is; below 0
        where its echo is less like it than silence is."""
        echo = np.convolve(self.reference(line, len(heard)), self._filter, "valid")
        return 1.0 - power(heard - echo) / max(power(heard), FLOOR)

    def follow(self, line: np.ndarray, fresh: np.ndarray, whole: np.ndarray) -> float:
        """The share of `whole` that it explains, once it has learned from `fresh`, which came last."""
        self._learn(line, fresh)
        share = max(0.0, self.predicts(line, whole))
        if share >= GOOD:
            self._good = self._filter, self._square, self._wanted
        return share

    def _learn(self, line: np.ndarray, heard: np.ndarray) -> None:
        rows = windows(self.reference(line, len(heard)), len(heard))[::-1].astype(np.float64)
        self._square = FOLLOWS * self._square + rows @ rows.T
        self._wanted = FOLLOWS * self._wanted + rows @ heard
        ridge = STEADY * float(np.trace(self._square)) / TAPS + FLOOR
        self._filter = np.linalg.solve(self._square + np.eye(TAPS) * ridge, self._wanted)

    def move(self, line: np.ndarray, heard: np.ndarray) -> bool:
        """Take the delay near by at which the filter, as it was when it was good, explains `heard`. False where there
        is none."""
        size, place = len(heard), self._place(len(heard))
        first, last = max(TAPS, place - NEAR), min(LINE - size - AHEAD, place + NEAR)
        echo = np.convolve(line[first + AHEAD - TAPS + 1 : last + size + AHEAD], self._good[0], "valid")
        like = np.maximum(np.correlate(echo, heard, "valid"), 0)
        sums = np.concatenate(([0.0], np.cumsum(np.square(echo))))
        share = np.square(like) / ((sums[size:] - sums[:-size]) * power(heard) + FLOOR)
        best = int(np.argmax(share))
        if share[best] < MOVES:
            return False
        self.delay -= first + best - place
        self._filter, self._square, self._wanted = self._good
        return True

    def reference(self, line: np.ndarray, size: int) -> np.ndarray:
        """What was played a delay before the last `size` samples, and as much more as the filter is long."""
        first = self._place(size) + AHEAD - TAPS + 1
        found = np.zeros(size + TAPS - 1, np.float32)
        begin, end = max(0, first), min(LINE, first + len(found))
        found[begin - first : end - first] = line[begin:end]
        return found

    def _place(self, size: int) -> int:
        """Where in the line that begins of which the last `size` samples are the echo."""
        return LINE - EARLY - size - self.delay


def power(samples: np.ndarray) -> float:
    """The sum of squares."""
    return float(np.einsum("i,i->", samples, samples))
