"""Making a recording or a voice pleasanter: steady noise pushed down, speech made clearer. Both work on streams.

Knows sound only; who asks for it and when is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from audio.filters import Filter, Section, high_pass, high_shelf, peak
from audio.value import Audio

ENHANCEMENTS = ("denoise", "clarity")

HOP = 0.01
"""Seconds between two looks of the noise gate; each looks at two hops, which is how far what comes out lags."""
DEPTH_DB = -12.0
"""What noise is pushed down by. Deeper gates make what is left of it sing."""
OVER = 5.0
"""Noise is taken to be this much stronger than its own minimum, by power, since a minimum lies under the mean."""
LOUDEST = 0.2
"""Noise is never taken to be more than this share of the loudest moment's power: a held vowel is no noise."""
MEMORY = 1.5
"""Seconds over which the quietest moment of a band is its noise."""
TRUST = 0.6
"""Seconds until the noise is believed to be known; a stream that begins with speech keeps its first syllable."""
NOTHING = 1e-12
"""Power of a bin, of full scale squared, that is digital silence and tells nothing about noise."""


class Denoiser:
    """A spectral gate: each band is turned down while it is hardly stronger than its quietest moment of late.

    What comes out is in step with what went in and as long, `flush` included; it lags by 20 ms.
    """

    def __init__(self, rate: int):
        self._hop = round(HOP * rate)
        self._window = np.sin(np.pi * (np.arange(2 * self._hop) + 0.5) / (2 * self._hop))
        self._noise = _Floor(self._hop + 1)
        self._begin()

    def _begin(self) -> None:
        self._waiting = np.zeros(self._hop)
        self._over = np.zeros(self._hop)
        self._skip = self._hop
        self._owed = 0

    def feed(self, samples: np.ndarray) -> np.ndarray:
        """The next samples (n,) in, all that is done out, float32."""
        self._owed += len(samples)
        done = self._push(samples)
        self._owed -= len(done)
        return done

    def flush(self) -> np.ndarray:
        """The rest; the noise stays known."""
        rest = self._push(np.zeros(3 * self._hop))[: self._owed]
        self._begin()
        return rest

    def _push(self, samples: np.ndarray) -> np.ndarray:
        signal = np.concatenate([self._waiting, samples])
        hop, count = self._hop, max(0, len(signal) // self._hop - 1)
        self._waiting = signal[count * hop :]
        if not count:
            return np.zeros(0, np.float32)
        frames = sliding_window_view(signal, 2 * hop)[: count * hop : hop] * self._window
        spectra = np.fft.rfft(frames, axis=1)
        spectra *= np.array([self._noise.gain(power) for power in np.abs(spectra) ** 2 / hop**2])
        shaped = np.fft.irfft(spectra, 2 * hop, axis=1) * self._window
        heads, tails = shaped[:, :hop], shaped[:, hop:]
        out = heads + np.concatenate([self._over[None], tails[:-1]])
        self._over = tails[-1]
        skip, self._skip = self._skip, 0
        return out.ravel()[skip:].astype(np.float32)


class _Floor:
    """The noise in each of n bands, and the gain a band gets now. Minimum statistics after R. Martin (IEEE Trans.
    Speech and Audio Processing 9, 2001), with the bias as one factor."""

    def __init__(self, bands: int):
        self._smooth: np.ndarray | None = None
        self._lowest = np.full(bands, np.inf)
        self._before = np.full(bands, np.inf)
        self._gain = np.ones(bands)
        self._loudest = 0.0
        self._seen = 0

    def gain(self, power: np.ndarray) -> np.ndarray:
        """Power (bands,) of the next look to the factors (bands,) of its amplitudes."""
        if power.max() < NOTHING:
            return self._gain
        noise = self._follow(power)
        assert self._smooth is not None
        strength = np.maximum(self._smooth, power) + NOTHING
        wanted = np.sqrt(np.maximum(1 - noise / strength, 0.0))
        wanted = np.convolve(np.pad(wanted, 1, mode="edge"), (0.25, 0.5, 0.25), "valid")
        self._gain = np.maximum(np.maximum(wanted, 0.8 * self._gain), 10 ** (DEPTH_DB / 20))
        return self._gain

    def _follow(self, power: np.ndarray) -> np.ndarray:
        self._smooth = power if self._smooth is None else 0.8 * self._smooth + 0.2 * power
        self._loudest = max(0.998 * self._loudest, float(self._smooth.sum()))
        self._lowest = np.minimum(self._lowest, self._smooth)
        self._seen += 1
        noise = np.minimum(self._lowest, self._before) * OVER * min(1.0, self._seen * HOP / TRUST)
        if self._seen % round(MEMORY / 2 / HOP) == 0:
            self._before, self._lowest = self._lowest, self._smooth
        return noise * min(1.0, LOUDEST * self._loudest / max(float(noise.sum()), NOTHING))


def clarity(rate: int) -> list[Section]:
    """A gentle equalizer: no rumble, less boxiness, more presence, and air where the rate has room for it."""
    sections = [high_pass(80, rate), peak(300, rate, -2, 1.0), peak(3000, rate, 3, 0.8)]
    return [*sections, high_shelf(7000, rate, 2)] if rate > 20000 else sections


class Enhancer:
    """The enhancements asked for, on a stream. Raises ValueError on a name that is none of ENHANCEMENTS."""

    def __init__(self, rate: int, wanted: Iterable[str]):
        names = set(wanted)
        if unknown := names - set(ENHANCEMENTS):
            raise ValueError(f"There is no enhancement {sorted(unknown)[0]!r}; there are {', '.join(ENHANCEMENTS)}.")
        self._denoiser = Denoiser(rate) if "denoise" in names else None
        self._clarity = Filter(clarity(rate)) if "clarity" in names else None

    def feed(self, samples: np.ndarray) -> np.ndarray:
        """Float32 (n,) in, float32 out, not clipped."""
        if self._denoiser:
            samples = self._denoiser.feed(samples)
        return self._clear(samples)

    def flush(self) -> np.ndarray:
        """What is still inside, so that as much came out as went in."""
        return self._clear(self._denoiser.flush() if self._denoiser else np.zeros(0, np.float32))

    def _clear(self, samples: np.ndarray) -> np.ndarray:
        return self._clarity.feed(samples).astype(np.float32) if self._clarity else samples


def enhance(audio: Audio, wanted: Iterable[str]) -> Audio:
    """The whole of a recording, as long as before; its peaks may lie above full scale."""
    enhancer = Enhancer(audio.rate, wanted)
    return Audio(np.concatenate([enhancer.feed(audio.samples), enhancer.flush()]), audio.rate)
