"""The delay at which what is heard is most like what was played. Knows nothing of whether that means anything."""

from __future__ import annotations

import numpy as np

from voice.talk.echo_signals import EARLY, LINE, SPAN

KEEPS = 0.85
"""Of the likeness, from one window to the next: a mean over 0.2 seconds, for a delay stays while the sounds change."""
WHITENED = 0.01
"""Share of the strongest frequency from which all count alike."""
LEAST = 1e-12
"""So that silence is divided by something."""


class Delays:
    """Cross-correlation with phase transform (GCC-PHAT; Knapp and Carter 1976): of each frequency of the cross spectrum
    only the phase counts, so that a vowel's few strong ones do not make it like every other vowel. Weak frequencies are
    left weak, and the correlations of the last windows are added up."""

    def __init__(self) -> None:
        self._likeness = np.zeros(LINE - SPAN + 1, np.float32)
        """By the place in the line at which what is heard would begin."""

    def feed(self, line: np.ndarray, span: np.ndarray) -> int:
        """The delay in samples that stands out by now."""
        cross = np.fft.rfft(line) * np.conj(np.fft.rfft(span, LINE))
        weight = np.abs(cross)
        cross /= weight + WHITENED * float(weight.max()) + LEAST
        self._likeness *= KEEPS
        self._likeness += np.fft.irfft(cross, LINE)[: LINE - SPAN + 1]
        return LINE - EARLY - SPAN - int(np.argmax(self._likeness))

    def forget(self) -> None:
        self._likeness[:] = 0
