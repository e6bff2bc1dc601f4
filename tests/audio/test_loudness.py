"""Reference values of EBU Tech 3341, and libav's own meter beside ours."""

import math
from fractions import Fraction

import av.error
import av.filter
import numpy as np
import pytest

from audio.loudness import Meter, k_weighting, loudness
from audio.value import Audio

RATE = 16000
BOTH = 10 * math.log10(2)
"""dB that one channel needs more to be as loud as two: the cases of Tech 3341 are stereo."""


def sine(*passages: tuple[float, float], rate: int = RATE, hertz: float = 1000.0, more: float = BOTH) -> Audio:
    """Passages of (dBFS peak, seconds), one after the other."""
    level = np.concatenate([np.full(round(seconds * rate), 10 ** ((dbfs + more) / 20)) for dbfs, seconds in passages])
    return Audio((level * np.sin(2 * np.pi * hertz * np.arange(len(level)) / rate)).astype(np.float32), rate)


@pytest.mark.parametrize(
    ("passages", "lufs"),
    [
        ([(-23, 20)], -23.0),
        ([(-33, 20)], -33.0),
        ([(-36, 10), (-23, 60), (-36, 10)], -23.0),
        ([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23.0),
        ([(-26, 20), (-20, 20.1), (-26, 20)], -23.0),
    ],
    ids=["case 1", "case 2", "case 3, relative gate", "case 4, both gates", "case 5"],
)
def test_the_cases_of_tech_3341(passages, lufs):
    assert loudness(sine(*passages)) == pytest.approx(lufs, abs=0.1)


def test_the_anchor_of_bs_1770():
    """A 997 Hz sine of full scale in one channel reads -3.01 LKFS."""
    assert loudness(sine((0, 5), rate=48000, hertz=997, more=0)) == pytest.approx(-3.01, abs=0.01)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 24000, 44100, 48000])
def test_every_rate_reads_the_same(rate):
    assert loudness(sine((-23, 5), rate=rate)) == pytest.approx(-23.0, abs=0.1)


def test_the_weighting_is_the_table_of_bs_1770():
    shelf, low = k_weighting(48000)
    assert shelf == pytest.approx(
        (1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585), abs=1e-9
    )
    assert low == pytest.approx((1.0, -2.0, 1.0, -1.99004745483398, 0.99007225036621), abs=1e-9)


def by_libav(audio: Audio) -> float:
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=audio.rate, format="flt", layout="mono", time_base=Fraction(1, audio.rate))
    meter, sink = graph.add("ebur128", "metadata=1"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(audio.samples[None], format="flt", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = audio.rate, 0, Fraction(1, audio.rate)
    graph.push(frame)
    graph.push(None)
    value = math.nan
    while True:
        try:
            pulled = graph.pull()
        except (av.error.EOFError, av.error.BlockingIOError):
            return value
        value = float(dict(pulled.metadata or {}).get("lavfi.r128.I", value))


def test_speech_like_noise_reads_as_libav_reads_it():
    random = np.random.default_rng(3)
    swell = np.abs(np.sin(np.arange(8 * 48000) / 48000 * 2.3)) ** 3
    audio = Audio((0.3 * swell * random.standard_normal(len(swell))).clip(-1, 1).astype(np.float32), 48000)
    assert loudness(audio) == pytest.approx(by_libav(audio), abs=0.15)


def test_silence_and_what_is_too_short_have_no_loudness():
    assert loudness(Audio.silence(2, RATE)) == -math.inf
    assert loudness(sine((-20, 0.35))) == -math.inf
    assert loudness(Audio.silence(0, RATE)) == -math.inf


def test_a_stream_reads_as_its_whole():
    audio, meter = sine((-30, 1.0), (-20, 1.5)), Meter(RATE)
    for at in range(0, len(audio.samples), 777):
        meter.feed(audio.samples[at : at + 777])
    assert meter.integrated() == pytest.approx(loudness(audio), abs=1e-9)
    assert meter.sounding() == pytest.approx(2.5)
