"""How much of what is heard is our own voice coming back, from what was played and when. Knows no conversation.

It learns the way an echo takes, its delay and its filter, and keeps that as long as it holds. Long stretches are
filtered and compared without products of matrices: for a large one OpenBLAS wakes a thread for each core, and those
spin on after it is done, which costs a machine of many cores far more than the product itself.
"""

from __future__ import annotations

from collections import deque
from math import ceil

import numpy as np

HEARD_RATE = 16000
"""Of the windows that are heard."""
RATE = 4000
"""Samples a second at which the comparison is made: most of a voice's energy lies under 2 kHz."""
SPAN = 256
"""Samples of what is heard that are compared at a time, 64 ms."""
LINE = 8192
"""Samples of what was played that they are compared with, about two seconds."""
EARLY = 600
"""Of these, those that are due later than what was heard last: both clocks are no better than that."""
TAPS = 32
"""Of the filter from what was played to what came back, 8 ms: the loudspeaker, and the first reflections."""
AHEAD = 8
"""Taps before the delay at which both are most alike."""
FRAMES = 160
"""That are remembered, of 20 ms each."""
FLOOR = 1e-9
"""Power under which there is nothing to explain, -90 dBFS."""
KEEPS = 0.85
"""Of what is known of the delay, from one window to the next: it is an average over 0.2 seconds."""
FOLLOWS = 0.7
"""Of what is known of the filter, from one window to the next."""
ECHO = 0.5
"""Share of our own voice in a window from which it counts as nothing else."""
PROOF = 1.0
"""Shares that a delay must explain of windows which it was not learned from, together, before it is believed."""
MOVES = 0.8
"""Share that the filter of a known echo explains at another delay, near by, before the echo is taken to be there."""
NEAR, NEAR_PROOF = 600, 0.5
"""Samples by which the delay of an echo that is known may change, as by a pause or a gap in what is played, and what is
proof of that."""
LEARNS = 0.1
"""Of the gain, from one window to the next."""
LOUDER, QUIETER = 4.0, 0.5
"""Times the power that is expected of an echo, up to which a sound may be one, and up to which nobody else has room."""
TAIL = 400, 0.3
"""Samples for which a room goes on after our voice, and how much of their mean power is left then."""


class EchoGuard:
    """One conversation's. What is played is only put aside, and looked at when `share` is asked for.

    First the delay: the whitened cross-correlation of what is heard with what was played is added to those of the
    windows before, for the delay of an echo stays while the voices change. At the delay that stands out a short filter
    is learned, by least squares over the last windows. Two voices may be alike at some delay for a while, but only of
    an echo the filter explains the next windows too, before it has learned from them: then it is believed, and says
    from then on how much of the energy is our own. As long as it explains what is heard, no other delay is looked for.
    """

    def __init__(self, rate: int = HEARD_RATE):
        """`rate` is that of what is played."""
        self._rate = rate
        self._low_played, self._low_heard = _Low(rate), _Low(HEARD_RATE)
        self._frames: deque[tuple[float, np.ndarray]] = deque(maxlen=FRAMES)
        """Played and not yet looked at, each with its time."""
        self._pieces: deque[tuple[int, np.ndarray]] = deque(maxlen=FRAMES)
        """The same at the low rate, each with the number of its first sample."""
        self._held: list[tuple[int, np.ndarray]] = []
        """Was to be played when we paused."""
        self._paused = 0
        self._due = 0.0
        self._heard, self._end, self._whole = np.zeros(SPAN, np.float32), 0, 0
        """The last of what was heard, the number of the sample behind it, and how many were heard without a gap."""
        self._likeness = np.zeros(LINE - SPAN + 1, np.float32)
        """By place in the line."""
        self._way: _Way | None = None
        self._guess: _Way | None = None
        """Where an echo seems to be; not believed yet."""
        self._gain = 0.0
        """Power of the echo by that of what was played."""
        self.possible = False
        """Whether what was heard last is no louder than our own voice would be, had it another delay."""

    @property
    def delay(self) -> float | None:
        """Seconds from when something is due to when it comes back; None where no echo was ever found."""
        return self._way.delay / RATE if self._way else None

    def played(self, samples: np.ndarray, at: float | None = None) -> None:
        """What leaves, float32 (n,), kept as it is. `at` is when its first sample is due, in seconds on the clock of
        `share`; without it they follow those before."""
        at = self._due if at is None else at
        self._due = at + len(samples) / self._rate
        self._frames.append((at, samples))

    def paused(self, at: float) -> None:
        """What is due later is not played until `resumed`."""
        self._thin_out(0.0)
        self._paused, self._held = round(at * RATE), []
        while self._pieces and self._pieces[-1][0] + len(self._pieces[-1][1]) > self._paused:
            begin, low = self._pieces.pop()
            cut = max(0, self._paused - begin)
            self._held.append((begin + cut, low[cut:]))
            if cut:
                self._pieces.append((begin, low[:cut]))

    def resumed(self, at: float) -> None:
        later = round(at * RATE) - self._paused
        self._pieces.extend((begin + later, low) for begin, low in reversed(self._held))
        self._held = []

    def share(self, window: np.ndarray, at: float | None = None) -> float:
        """Of the energy of the last 64 ms, the share that what was played explains; `window` is what was heard until
        `at`, float32 (512,), and without `at` it follows the one before."""
        self.possible = False
        fresh = self._hear(window, at)
        power = _power(self._heard)
        if power < FLOOR * SPAN:
            return 0.0
        line = self._line()
        if _power(line) < FLOOR * LINE:
            return 0.0
        explained = self._way.explains(line, self._heard, fresh, self._whole) if self._way else 0.0
        if explained < ECHO and power <= QUIETER * self._expected(line):
            return ECHO
        if explained < ECHO:
            self.possible = power <= LOUDER * self._gain * _loudest(line)
            if self._way and self.possible and self._way.moved(line, self._heard[SPAN - fresh :]):
                self._whole = fresh  # what was heard before had the other delay
                explained = self._way.explains(line, self._heard, fresh, fresh)
            else:
                self._search(line, fresh)
                explained = max(explained, self._proven(line))
        if explained >= ECHO:
            self._explained(line, power)
        return explained

    def _hear(self, window: np.ndarray, at: float | None) -> int:
        """How many samples of what was heard are new."""
        low = self._low_heard(window)
        end = self._end + len(low) if at is None else round(at * RATE)
        if abs(end - self._end - len(low)) > 2:
            self._heard[:] = self._whole = 0
        else:
            end = self._end + len(low)
        _push(self._heard, low)
        self._end, self._whole = end, min(SPAN, self._whole + len(low))
        return len(low)

    def _line(self) -> np.ndarray:
        """What was played until what was heard last, and what is due a little later; silence where nothing was."""
        first = self._end + EARLY - LINE
        self._thin_out(first / RATE)
        while self._pieces and self._pieces[0][0] < first - RATE:
            self._pieces.popleft()
        line = np.zeros(LINE, np.float32)
        for begin, low in self._pieces:
            at = begin - first
            if -len(low) < at < LINE:
                line[max(0, at) : at + len(low)] = low[max(0, -at) : LINE - at]
        return line

    def _thin_out(self, since: float) -> None:
        """Frames become pieces at the low rate; what was played before `since` is left out."""
        while self._frames:
            begin, samples = self._frames.popleft()
            run, end = [samples], begin + len(samples) / self._rate
            while self._frames and abs(self._frames[0][0] - end) < 0.5 / RATE:
                run.append(self._frames.popleft()[1])
                end += len(run[-1]) / self._rate
            samples = np.concatenate(run) if len(run) > 1 else run[0]
            skipped = min(len(samples), max(0, int((since - begin) * self._rate)))
            low, number = self._low_played(samples[skipped:]), round((begin + skipped / self._rate) * RATE)
            if len(low):
                self._pieces.append((self._joined(number), low))

    def _joined(self, number: int) -> int:
        """The number of a piece's first sample, which is that behind the piece before where they meet."""
        if not self._pieces:
            return number
        begin, low = self._pieces[-1]
        return begin + len(low) if abs(begin + len(low) - number) <= 2 else number

    def _search(self, line: np.ndarray, fresh: int) -> None:
        """Add this window's likeness by delay, and look at the delay that stands out."""
        cross = np.fft.rfft(line) * np.conj(np.fft.rfft(self._heard, LINE))
        weight = np.abs(cross)
        cross /= weight + 0.01 * float(weight.max()) + 1e-12
        self._likeness *= KEEPS
        self._likeness += np.fft.irfft(cross, LINE)[: LINE - SPAN + 1]
        delay = LINE - SPAN - EARLY - int(np.argmax(self._likeness))
        if self._guess and self._guess.is_at(delay):
            self._guess.prove(line, self._heard, fresh)
            self._guess.explains(line, self._heard, fresh, self._whole)
        elif not (self._way and self._way.is_at(delay)):
            self._guess = _Way(delay)
            self._guess.explains(line, self._heard, self._whole, self._whole)

    def _proven(self, line: np.ndarray) -> float:
        """Of what is heard the share that the guess explains, if it is believed now; else 0."""
        guess = self._guess
        if guess is None or guess.proof < self._needed(guess):
            return 0.0
        self._way, self._guess = guess, None
        return guess.share

    def _needed(self, guess: _Way) -> float:
        return NEAR_PROOF if self._way and abs(guess.delay - self._way.delay) <= NEAR else PROOF

    def _expected(self, line: np.ndarray) -> float:
        """The power of what is heard, if it is our own voice alone."""
        if self._way is None:
            return 0.0
        begin, (length, left) = self._way.place, TAIL
        before = line[max(0, begin - length) : begin]
        return self._gain * (_power(line[begin : begin + SPAN]) + left * _power(before) * SPAN / length)

    def _explained(self, line: np.ndarray, power: float) -> None:
        assert self._way
        gain = power / (_power(self._way.played(line)) + FLOOR)
        self._gain += (gain - self._gain) * (LEARNS if self._gain else 1.0)
        self._likeness[:] = 0
        self._guess = None


class _Way:
    """That an echo takes: a delay in samples, and the filter learned there."""

    def __init__(self, delay: int):
        self.delay = delay
        self.share = 0.0
        """Of the last window, that the filter explains."""
        self.proof = 0.0
        """Shares of windows that it explained before it had learned from them, together."""
        self._filter = np.zeros(TAPS)
        self._square, self._wanted = np.zeros((TAPS, TAPS)), np.zeros(TAPS)
        self._good = self._filter, self._square, self._wanted
        """As they were when the filter last explained what was heard."""

    @property
    def place(self) -> int:
        """In the line, of what comes back in what is heard."""
        return LINE - SPAN - EARLY - self.delay

    def is_at(self, delay: int) -> bool:
        return abs(delay - self.delay) <= 2

    def moved(self, line: np.ndarray, heard: np.ndarray) -> bool:
        """Whether it is another delay near by at which the filter, as it was learned, explains what is `heard` last.
        Then that is the delay."""
        size, place = len(heard), self.place + SPAN - len(heard)
        first, last = max(TAPS, place - NEAR), min(LINE - size - AHEAD, place + NEAR)
        back = np.convolve(line[first + AHEAD - TAPS + 1 : last + size + AHEAD], self._good[0], "valid")
        like = np.maximum(np.correlate(back, heard, "valid"), 0)
        sums = np.concatenate(([0.0], np.cumsum(np.square(back))))
        share = np.square(like) / ((sums[size:] - sums[:-size]) * _power(heard) + FLOOR)
        best = int(np.argmax(share))
        if share[best] < MOVES:
            return False
        self.delay -= first + best - place
        _, square, wanted = self._good
        self._square[:], self._wanted[:] = square, wanted
        return True

    def prove(self, line: np.ndarray, heard: np.ndarray, fresh: int) -> None:
        """What the last `fresh` samples of `heard`, of which it knows nothing, tell for it or against it."""
        share = self._share(self.played(line)[SPAN - fresh :], heard[SPAN - fresh :])
        self.proof = max(0.0, self.proof + share)

    def explains(self, line: np.ndarray, heard: np.ndarray, fresh: int, whole: int) -> float:
        """The share of `heard`, of which the last `whole` samples count, after it has learned from the last `fresh`."""
        played = self.played(line)
        self._square *= FOLLOWS
        self._wanted *= FOLLOWS
        self._learn(played[SPAN - fresh :], heard[SPAN - fresh :])
        self.share = max(0.0, self._share(played[SPAN - whole :], heard[SPAN - whole :]))
        if self.share >= ECHO:
            self._good = self._filter, self._square.copy(), self._wanted.copy()
        return self.share

    def played(self, line: np.ndarray) -> np.ndarray:
        """What was played around the delay, as much more than what is compared as the filter is long."""
        first = self.place + AHEAD - TAPS + 1
        found = np.zeros(SPAN + TAPS - 1, np.float32)
        begin, end = max(0, first), min(LINE, first + len(found))
        found[begin - first : end - first] = line[begin:end]
        return found

    def _learn(self, played: np.ndarray, heard: np.ndarray) -> None:
        rows = _windows(played, len(heard))[::-1].astype(np.float64)
        self._square += rows @ rows.T
        self._wanted += rows @ heard

    def _share(self, played: np.ndarray, heard: np.ndarray) -> float:
        """Below 0 where what the filter makes of `played` is less like `heard` than silence is."""
        steady = self._square + np.eye(TAPS) * (2e-3 * float(np.trace(self._square)) / TAPS + FLOOR)
        self._filter = np.linalg.solve(steady, self._wanted)
        back = np.convolve(played, self._filter, "valid")
        return 1.0 - _power(heard - back) / max(_power(heard), FLOOR)


class _Low:
    """A stream filtered to under half the low rate, and thinned out to it."""

    def __init__(self, rate: int):
        self._step = rate / RATE
        length = 8 * ceil(self._step) + 1
        spread = np.arange(length) - length // 2
        self._taps = (np.sinc(0.9 * spread / self._step) * np.hamming(length)).astype(np.float32)
        self._taps /= self._taps.sum()
        self._before = np.zeros(length, np.float32)
        self._next = 0.0
        """Where the next sample stands, from the last one filtered on."""

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        joined = np.concatenate([self._before, samples])
        self._before = joined[len(samples) :]
        places = np.arange(self._next, len(samples), self._step)
        if not len(places):
            self._next -= len(samples)
            return places.astype(np.float32)
        self._next = float(places[-1]) + self._step - len(samples)
        if self._step == int(self._step) and self._next == int(self._next):
            windows = _windows(joined, len(self._taps))[int(places[0]) : len(samples) : int(self._step)]
            return np.einsum("ij,j->i", windows, self._taps)
        smooth = np.convolve(joined, self._taps, "valid")
        return np.interp(places, np.arange(len(smooth)), smooth).astype(np.float32)


def _loudest(line: np.ndarray) -> float:
    """The most power that a span of it has."""
    spans = line.reshape(-1, SPAN)
    return float(np.einsum("ij,ij->i", spans, spans).max())


def _windows(line: np.ndarray, size: int) -> np.ndarray:
    """All stretches of that size in a line without gaps, as a view: numpy's own way to it takes as long as the rest."""
    return np.ndarray((len(line) - size + 1, size), line.dtype, line, strides=(line.itemsize, line.itemsize))


def _power(samples: np.ndarray) -> float:
    return float(np.einsum("i,i->", samples, samples))


def _push(line: np.ndarray, samples: np.ndarray) -> None:
    """Move `line` on by these samples, in place."""
    line[: -len(samples)] = line[len(samples) :].copy()
    line[len(line) - len(samples) :] = samples
