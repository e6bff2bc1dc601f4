"""How much of what is heard is our own voice coming back, from what was played and when. Knows no conversation.

Both sides are laid on one clock (echo_signals.py), the delay at which they are alike is looked for (echo_delay.py), and
how one becomes the other is learned there (echo_path.py). Here it is decided what of that is believed.
"""

from __future__ import annotations

import numpy as np

from voice.talk.echo_delay import Delays
from voice.talk.echo_path import FLOOR, NEAR, EchoPath, power
from voice.talk.echo_signals import EARLY, HEARD_RATE, LINE, RATE, SPAN, Heard, Played

ECHO = 0.5
"""Share of our own voice in a window from which it counts as nothing else: whoever else is in it is no louder."""
PROOF, NEAR_PROOF = 1.0, 0.5
"""Shares that a path must explain of windows which it was not learned from, together, before it is believed; and where
an echo is known that had nearly the same delay."""
LEARNS = 0.1
"""Of the gain, from one window to the next: it is that of the last 0.3 seconds of our voice."""
LOUDER = 4.0
"""Times the power of our echo at its loudest, up to which a sound may be our echo, of whatever delay."""
TAIL, LEFT = 400, 0.3
"""Samples for which a room goes on after our voice, 0.1 s, far longer than the filter, and how much of their mean power
is left then."""
QUIETER = 0.5
"""Times the power of our echo with that tail, up to which nobody else has room."""


class EchoGuard:
    """One conversation's: an echo canceller that cancels nothing, with two paths (Ochiai, Araseki and Ogihara 1977).

    One is believed, and says how much of the energy is our own. While it does not explain what is heard, the other one
    learns at the delay that stands out. Two voices may be alike at some delay for a while, and a filter learned there
    explains what it was learned from; but only of an echo it explains the next windows too, before it has learned from
    them, and then it is the one believed.
    """

    def __init__(self, rate: int = HEARD_RATE):
        """`rate` is that of what is played."""
        self._played, self._heard = Played(rate), Heard()
        self._delays = Delays()
        self._path: EchoPath | None = None
        self._guess: EchoPath | None = None
        """Where an echo seems to be; not believed yet."""
        self._proof = 0.0
        """Shares of windows that the guess explained before it had learned from them, together."""
        self._gain = 0.0
        """Power of the echo by that of what was played."""
        self.possible = False
        """Whether what was heard last is no louder than our own voice would be, had it another delay."""

    @property
    def delay(self) -> float | None:
        """Seconds from when something is due to when it comes back; None where no echo was ever found."""
        return self._path.delay / RATE if self._path else None

    def played(self, samples: np.ndarray, at: float | None = None) -> None:
        """What leaves, float32 (n,), kept as it is. `at` is when its first sample is due, in seconds on the clock of
        `share`; without it they follow those before."""
        self._played.add(samples, at)

    def paused(self, at: float) -> None:
        """What is due later is not played until `resumed`."""
        self._played.pause(at)

    def resumed(self, at: float) -> None:
        self._played.resume(at)

    def share(self, window: np.ndarray, at: float | None = None) -> float:
        """Of the energy of the last 64 ms, the share that what was played explains; `window` is what was heard until
        `at`, float32 (512,), and without `at` it follows the one before."""
        self.possible = False
        self._heard.add(window, at)
        if power(self._heard.span) < FLOOR * SPAN:
            return 0.0
        line = self._played.line(self._heard.end + EARLY)
        if power(line) < FLOOR * LINE:
            return 0.0
        share = self._explained(line)
        if share < ECHO and self._is_tail(line):
            return ECHO
        if share < ECHO:
            share = max(share, self._explained_elsewhere(line))
        if share >= ECHO:
            self._confirm(line)
        return share

    def _explained(self, line: np.ndarray) -> float:
        """By the path that is believed."""
        return self._path.follow(line, self._heard.fresh, self._heard.whole) if self._path else 0.0

    def _is_tail(self, line: np.ndarray) -> bool:
        """Whether it is what a room makes of our voice after the filter's few taps: so much less than our echo and its
        reverberation are expected to be that nobody else has room."""
        if self._path is None:
            return False
        begin = LINE - EARLY - SPAN - self._path.delay
        tail = LEFT * power(line[max(0, begin - TAIL) : begin]) * SPAN / TAIL
        expected = self._gain * (power(line[begin : begin + SPAN]) + tail)
        return power(self._heard.span) <= QUIETER * expected

    def _explained_elsewhere(self, line: np.ndarray) -> float:
        """By the path at another delay near by, or by a guess that is believed now."""
        heard = self._heard
        self.possible = power(heard.span) <= LOUDER * self._gain * _loudest(line)
        if self._path and self.possible and self._path.move(line, heard.fresh):
            heard.forget_before()
            return self._explained(line)
        explained = self._guessed(line)
        if self._guess is None or self._proof < self._needed(self._guess):
            return 0.0
        self._path, self._guess = self._guess, None
        return explained

    def _guessed(self, line: np.ndarray) -> float:
        """By a guess where what is heard is most like what was played, which learns there and is put to the proof; 0
        where the path that is believed has that delay."""
        delay, heard = self._delays.feed(line, self._heard.span), self._heard
        if self._guess and self._guess.is_at(delay):
            self._proof = max(0.0, self._proof + self._guess.predicts(line, heard.fresh))
            return self._guess.follow(line, heard.fresh, heard.whole)
        if self._path and self._path.is_at(delay):
            return 0.0
        self._guess, self._proof = EchoPath(delay), 0.0
        return self._guess.follow(line, heard.whole, heard.whole)

    def _needed(self, guess: EchoPath) -> float:
        return NEAR_PROOF if self._path and abs(guess.delay - self._path.delay) <= NEAR else PROOF

    def _confirm(self, line: np.ndarray) -> None:
        """It is our voice, which tells how loud that comes back; no other path is looked for."""
        assert self._path
        gain = power(self._heard.span) / (power(self._path.reference(line, SPAN)) + FLOOR)
        self._gain += (gain - self._gain) * (LEARNS if self._gain else 1.0)
        self._delays.forget()
        self._guess = None


def _loudest(line: np.ndarray) -> float:
    """The most power that a span of it has."""
    spans = line.reshape(-1, SPAN)
    return float(np.einsum("ij,ij->i", spans, spans).max())
