"""Whether a sound of the other side while we speak is an interruption or a "mm-hmm": first pause, then decide. Knows no
conversation; what it is shown of each window is in Sight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

import numpy as np

from voice.talk.backchannels import Lexicon, Meaning

WINDOW = 0.032
"""Seconds."""
EDGES = (100, 300, 600, 1000, 1600, 2500, 4000, 6000, 8000)
"""Hertz between which the bands of a window lie."""
KEPT = 64
"""Windows of a sound whose shape counts, from its beginning."""
QUIET = -100.0
"""dBFS of digital silence."""


@dataclass(frozen=True)
class Sight:
    """What is known of one window of 32 ms."""

    probability: float
    """Of speech."""
    level: float
    """Root mean square, dBFS."""
    echo: float = 0.0
    """The share of it that is our own voice coming back, 0 to 1."""
    text: str | None = None
    """What was understood of the sound so far; None where no recogniser is at work that can be trusted."""
    usual: float | None = None
    """How loud this side speaks otherwise, dBFS, where that is known."""
    bands: tuple[float, ...] = ()
    """dB of the energy in each band; empty where nobody has looked."""


def seen(
    window: np.ndarray, probability: float, *, echo: float = 0.0, text: str | None = None, usual: float | None = None
) -> Sight:
    """The sight of a window, float32 (512,) at 16 kHz."""
    return Sight(probability, level(window), echo, text, usual, bands(window))


def level(window: np.ndarray) -> float:
    """dBFS."""
    power = float(window @ window) / max(1, len(window))
    return 10 * float(np.log10(power)) if power > 1e-10 else QUIET


def bands(window: np.ndarray) -> tuple[float, ...]:
    spectrum = np.square(np.abs(np.fft.rfft(window * np.hanning(len(window)))))
    places = [round(edge * len(window) / 16000) for edge in EDGES]
    sums = np.add.reduceat(spectrum, places[:-1])
    return tuple((10 * np.log10(sums + 1e-7)).tolist())


class Verdict(StrEnum):
    WAIT = "wait"
    PAUSE = "pause"
    """Stop playing, and keep everything."""
    RESUME = "resume"
    """It was nothing; go on where it stood. The overlap is over."""
    INTERRUPT = "interrupt"
    """The floor is theirs. The overlap is over."""


class Overlap(Protocol):
    """One sound of the other side while we have the floor, from its first window of speech on."""

    @property
    def reason(self) -> str:
        """Of the last verdict that was not WAIT."""
        ...

    @property
    def seconds(self) -> float:
        """Since the first voice in it."""
        ...

    def feed(self, sight: Sight) -> Verdict: ...


class Floor(Protocol):
    """A policy."""

    def begin(self) -> Overlap: ...


class Shape(NamedTuple):
    """A sound so far, in numbers. Loud windows are voiced and within 12 dB of the loudest."""

    windows: float
    loud: float
    """How many."""
    tail: float
    """Mean of the last three windows, dB under the loudest, at most 30."""
    last: float
    """The last window, likewise."""
    bumps: float
    """Rises and falls of 5 dB, about a syllable each."""
    gap: float
    """The longest run of windows that are not loud."""
    high: float
    """The share of energy over 1 kHz in loud windows, mean dB: a hum has little."""
    low: float
    """The share under 300 Hz, likewise."""
    change: float
    """dB by which the bands' shares differ from one loud window to the next: a hum stays as it is."""
    variety: float
    """Standard deviation over the loud windows of the bands' shares, dB: a phrase has many sounds."""


MEAN = Shape(15.27, 9.38, -13.97, -14.68, 2.4, 3.96, -11.52, -7.39, 2.81, 4.42)
WEIGHT = Shape(0.248, -0.245, 0.026, 0.029, 1.293, -0.334, -0.037, -0.056, 0.837, 0.291)
BIAS = 1.27


@dataclass(frozen=True)
class Rules:
    """Times in seconds."""

    threshold: float = 0.5
    """Probability from which a window is voiced."""
    echo: float = 0.5
    """Windows with more of our own voice in them are not."""
    below: float = 9.0
    """dB under this side's usual level from which a voice is somebody else's, further away."""
    pause: float = 0.096
    """Voice after which we pause."""
    least: float = 0.25
    """Voice without which nothing is an interruption by its sound alone."""
    evidence: float = 1.5
    """Log odds, from the sound's shape, from which it is an interruption."""
    long: float = 0.9
    """Voice that is an interruption whatever it sounds like."""
    longest: float = 2.5
    """The same with all pauses in it."""
    gap: float = 0.4
    """Silence after which it was none."""
    patience: float = 0.48
    """The same where a transcript is still to come; less than the silence that ends a turn, which would end the overlap
    undecided."""
    doubt: float = 2.5
    """Added to `evidence` where a transcript will settle it."""
    over: float = -0.5
    """In place of both when it is over and no transcript has settled it."""
    word: float = 2.0
    """Taken from what is needed for a single word that is no backchannel and may be misheard."""


class PauseFirst:
    """Pauses at the first voice. Then words decide, where there is a transcript; else how the sound's shape compares
    to that of other sounds, a linear sum with constants fitted on synthesized speech (`benchmarks.overlaps`)."""

    def __init__(self, rules: Rules | None = None, language: str = ""):
        self.rules = rules or Rules()
        self._lexicon = Lexicon(language)

    def begin(self) -> Overlap:
        return _Sound(self.rules, self._lexicon)


class _Sound:
    """An overlap under PauseFirst."""

    def __init__(self, rules: Rules, lexicon: Lexicon):
        self.reason = ""
        self._rules, self._lexicon = rules, lexicon
        self._sights: list[Sight] = []
        self._voiced: list[bool] = []
        self._count = self._voice = self._gap = 0
        self._paused = False

    @property
    def seconds(self) -> float:
        return self._count * WINDOW

    def feed(self, sight: Sight) -> Verdict:
        rules = self._rules
        voiced = self._is_voice(sight)
        if not (voiced or self._voice):
            return self._nobody(sight)
        self._note(sight, voiced)
        meaning = self._lexicon.meaning(sight.text) if sight.text else Meaning.NONE
        if reason := self._interrupts(sight, meaning):
            return self._told(Verdict.INTERRUPT, reason)
        if self._over(sight, meaning):
            return self._end(sight, meaning)
        if not self._paused and self._voice * WINDOW >= rules.pause - 1e-9:
            self._paused = True
            return self._told(Verdict.PAUSE, "voice")
        return Verdict.WAIT

    def _nobody(self, sight: Sight) -> Verdict:
        """Our echo, or somebody far away: nothing begins, but what listens for it may go on."""
        self._gap = 0 if sight.probability >= self._rules.threshold else self._gap + 1
        return self._told(Verdict.RESUME, "noise") if self._gap * WINDOW >= self._rules.gap else Verdict.WAIT

    def _is_voice(self, sight: Sight) -> bool:
        near = sight.usual is None or sight.level >= sight.usual - self._rules.below
        return near and sight.probability >= self._rules.threshold and sight.echo < self._rules.echo

    def _note(self, sight: Sight, voiced: bool) -> None:
        self._count += 1
        if self._count <= KEPT:
            self._sights.append(sight)
            self._voiced.append(voiced)
        self._voice += voiced
        self._gap = 0 if voiced else self._gap + 1

    def _interrupts(self, sight: Sight, meaning: Meaning) -> str:
        """Why, or empty."""
        rules = self._rules
        if meaning in (Meaning.HALT, Meaning.WORDS):
            return "words"
        if self._voice * WINDOW >= rules.long or (self._paused and self.seconds >= rules.longest):
            return "long"
        if meaning is Meaning.BACKCHANNEL:
            return ""
        needed = rules.evidence + (0 if sight.text is None else rules.doubt)
        return "shape" if self._is_evident(meaning, needed) else ""

    def _over(self, sight: Sight, meaning: Meaning) -> bool:
        rules = self._rules
        return self._gap * WINDOW >= (rules.patience if self._waits(sight, meaning) else rules.gap)

    def _waits(self, sight: Sight, meaning: Meaning) -> bool:
        """For words that tell what it is."""
        return sight.text is not None and self._paused and meaning in (Meaning.NONE, Meaning.WORD)

    def _end(self, sight: Sight, meaning: Meaning) -> Verdict:
        """It is over. Where words were waited for and none came that tell, its sound is all there is."""
        if self._waits(sight, meaning) and self._is_evident(meaning, self._rules.over):
            return self._told(Verdict.INTERRUPT, "words" if meaning is Meaning.WORD else "shape")
        return self._told(Verdict.RESUME, "backchannel" if self._paused else "noise")

    def _is_evident(self, meaning: Meaning, needed: float) -> bool:
        """Whether it sounds like an interruption, by as much as is needed."""
        needed -= self._rules.word if meaning is Meaning.WORD else 0
        if self._voice * WINDOW < self._rules.least:
            return False
        return evidence(shape(self._sights, self._voiced)) >= needed

    def _told(self, verdict: Verdict, reason: str) -> Verdict:
        self.reason = reason
        return verdict


def evidence(shape: Shape) -> float:
    """Log odds that a sound of this shape goes on to be, or was, an interruption."""
    return BIAS + sum(weight * (value - mean) for weight, value, mean in zip(WEIGHT, shape, MEAN, strict=True))


def shape(sights: Sequence[Sight], voiced: Sequence[bool]) -> Shape:
    """Bands that nobody has looked at are those of the average sound."""
    levels = [sight.level for sight in sights]
    top = max((level for level, voice in zip(levels, voiced, strict=True) if voice), default=max(levels))
    under = [min(0.0, max(-30.0, level - top)) for level in levels]
    loud = [voice and depth > -12 for voice, depth in zip(voiced, under, strict=True)]
    tail = under[-3:]
    time = (float(len(sights)), float(sum(loud)), sum(tail) / len(tail), under[-1], _bumps(under), _longest_gap(loud))
    return Shape(*time, *_colour(sights, loud))


def _bumps(under: Sequence[float]) -> float:
    count, rising, turn = 0, True, under[0]
    for depth in under:
        if rising:
            turn = max(turn, depth)
            if depth < turn - 5:
                count += turn > -12
                rising, turn = False, depth
        else:
            turn = min(turn, depth)
            if depth > turn + 5:
                rising, turn = True, depth
    return float(count + (rising and turn > -12))


def _longest_gap(loud: Sequence[bool]) -> float:
    longest = run = 0
    for each in loud:
        run = 0 if each else run + 1
        longest = max(longest, run)
    return float(longest)


def _colour(sights: Sequence[Sight], loud: Sequence[bool]) -> tuple[float, float, float, float]:
    """High, low, change and variety."""
    marked = np.array(loud)
    if not marked.any() or not all(sight.bands for sight in sights):
        return MEAN[6:]
    decibels = np.array([sight.bands for sight in sights])
    power = 10 ** (decibels / 10)
    share = power / power.sum(axis=1, keepdims=True)
    high = 10 * np.log10(share[marked, 3:].sum(axis=1) + 1e-4)
    low = 10 * np.log10(share[marked, 0] + 1e-4)
    # Over 4 kHz a telephone has nothing to compare.
    shares = np.clip(10 * np.log10(share[:, :6] + 1e-12), -40, 0)
    change = np.abs(np.diff(shares, axis=0)).mean(axis=1)[marked[1:] & marked[:-1]]
    return (
        float(high.mean()),
        float(low.mean()),
        float(change.mean()) if len(change) else 0.0,
        float(shares[marked].std(axis=0).mean()),
    )
