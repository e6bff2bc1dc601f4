"""Where there is speech: a detector's probabilities to spans of time, by hysteresis. Knows no engine but a detector."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from audio.value import Audio
from core.errors import BadRequest
from engines.base import SpeechDetector


@dataclass(frozen=True)
class Span:
    """Speech from `start` to `end`, in seconds of what was heard."""

    start: float
    end: float


@dataclass(frozen=True)
class Rules:
    """When speech begins and ends; times in seconds. Raises BadRequest on what makes no sense."""

    threshold: float = 0.5
    """Probability from which speech begins. It goes on as long as the probability is less than 0.15 below that."""
    min_speech: float = 0.25
    """Anything shorter is not taken for speech."""
    min_silence: float = 0.3
    """Shorter silences do not end it."""
    padding: float = 0.1
    """Added on either side, as far as neighbours leave room."""
    max_span: float = 0.0
    """Longer speech is cut where its last third is quietest; 0 cuts nothing."""

    def __post_init__(self):
        _check("threshold", self.threshold, 0.01, 0.99)
        _check("min_speech", self.min_speech, 0, 10)
        _check("min_silence", self.min_silence, 0, 60)
        _check("padding", self.padding, 0, 5)
        if self.max_span:
            _check("max_span", self.max_span, 1 + 2 * self.padding, 3600)

    @property
    def release(self) -> float:
        """Probability under which speech pauses."""
        return max(self.threshold - 0.15, 0.005)


def _check(name: str, value: float, least: float, most: float) -> None:
    if not (math.isfinite(value) and least <= value <= most):
        raise BadRequest(f"{name} is {value:g}; it takes {least:g} to {most:g}.", param=name)


class Spans:
    """Probabilities in, one for each window of `seconds`; spans out as soon as they are certain."""

    def __init__(self, seconds: float, rules: Rules):
        self._rules, self._seconds = rules, seconds
        self._silence = max(1, math.ceil(rules.min_silence / seconds - 1e-9))
        longest = math.floor((rules.max_span - 2 * rules.padding) / seconds)
        self._longest = max(1, longest) if rules.max_span else 0
        self.windows = 0
        self._open: list[float] = []
        self._quiet = 0
        self._continued = False
        self._last_end = 0.0

    @property
    def keep_from(self) -> float:
        """Seconds before which no span can begin that is not given out yet."""
        start = self.windows - len(self._open) if self._open else self.windows
        return max(self._last_end, start * self._seconds - self._rules.padding)

    def feed(self, probability: float) -> list[Span]:
        """The next window."""
        self.windows += 1
        if not self._open:
            if probability >= self._rules.threshold:
                self._open, self._quiet = [probability], 0
            return []
        self._open.append(probability)
        self._quiet = self._quiet + 1 if probability < self._rules.release else 0
        if self._quiet >= self._silence:
            return self._closed(len(self._open) - self._quiet)
        if self._longest and len(self._open) >= self._longest:
            return self._cut()
        return []

    def flush(self) -> list[Span]:
        """The end of what is heard."""
        return self._closed(len(self._open) - self._quiet) if self._open else []

    def _cut(self) -> list[Span]:
        """End at the quietest window of the last third, the last where several are; the rest stays open, from where
        it sounds again."""
        later = max(1, len(self._open) * 2 // 3)
        at = len(self._open) - 1 - int(np.argmin(self._open[: later - 1 : -1]))
        rest = self._open[at:]
        before = self._closed(at, padded=False)
        while rest and rest[0] < self._rules.release:
            rest.pop(0)
        self._open, self._continued = rest, bool(rest)
        self._quiet = next((n for n, p in enumerate(reversed(rest)) if p >= self._rules.release), 0)
        return before

    def _closed(self, length: int, *, padded: bool = True) -> list[Span]:
        """The first `length` windows of what is open, as a span; nothing is open afterwards."""
        first = self.windows - len(self._open)
        long_enough = self._continued or length * self._seconds >= self._rules.min_speech - 1e-9
        self._open, self._quiet, self._continued = [], 0, False
        if not long_enough:
            return []
        start = max(self._last_end, first * self._seconds - self._rules.padding)
        after = min(self._rules.padding, self._silence * self._seconds) if padded else 0.0
        self._last_end = (first + length) * self._seconds + after
        return [Span(start, self._last_end)]


def spans(probabilities: Iterable[float], seconds: float, rules: Rules | None = None) -> list[Span]:
    """The same for all windows at once."""
    finder = Spans(seconds, rules or Rules())
    found = [span for probability in probabilities for span in finder.feed(probability)]
    return _within([*found, *finder.flush()], finder.windows * seconds)


class SpeechFinder:
    """One stream of audio to its spans of speech. The detector is shared; what it remembers of this stream is here."""

    def __init__(self, detector: SpeechDetector, rules: Rules | None = None, *, rate: int = 16000):
        self._detector, self.rate = detector, rate
        self._window = detector.window(rate)
        self._state = detector.begin(rate)
        self._spans = Spans(self._window / rate, rules or Rules())
        self._rest = np.zeros(0, np.float32)
        self._samples = 0

    @property
    def heard(self) -> float:
        """Seconds fed."""
        return self._samples / self.rate

    @property
    def keep_from(self) -> float:
        """Seconds before which the audio is needed for no span to come."""
        return self._spans.keep_from

    def feed(self, audio: Audio) -> list[Span]:
        """The spans that have ended. Blocks for about 0.4 % of the audio's length."""
        self._samples += len(audio.samples)
        samples = np.concatenate([self._rest, audio.samples])
        whole = len(samples) // self._window * self._window
        self._rest = samples[whole:]
        windows = samples[:whole].reshape(-1, 1, self._window)
        return [span for window in windows for span in self._spans.feed(self._probability(window))]

    def flush(self) -> list[Span]:
        """The rest, a part of a window filled up with silence, and what is still open."""
        found: list[Span] = []
        if len(self._rest):
            window = np.pad(self._rest, (0, self._window - len(self._rest)))
            self._rest = self._rest[:0]
            found = self._spans.feed(self._probability(window[None]))
        return _within([*found, *self._spans.flush()], self.heard)

    def _probability(self, window: np.ndarray) -> float:
        return float(self._detector.detect(window, [self._state])[0])


def _within(found: list[Span], seconds: float) -> list[Span]:
    """Padding does not reach beyond the end."""
    return [Span(span.start, min(span.end, seconds)) for span in found if span.start < seconds]
