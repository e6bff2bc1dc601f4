import math

import numpy as np
import pytest

from audio.filters import BLOCK, Filter, OffsetFilter, Section, high_pass, high_shelf, peak

RATE = 16000


def by_hand(section: Section, samples: np.ndarray) -> np.ndarray:
    """The difference equation, a sample at a time."""
    b0, b1, b2, a1, a2 = section
    x1 = x2 = y1 = y2 = 0.0
    out = []
    for x in samples.tolist():
        y = b0 * x + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2
        x1, x2, y1, y2 = x, x1, y, y1
        out.append(y)
    return np.array(out)


def gain_db(section: Section, hertz: float) -> float:
    z = np.exp(-2j * math.pi * hertz / RATE)
    b0, b1, b2, a1, a2 = section
    return 20 * math.log10(abs((b0 + b1 * z + b2 * z * z) / (1 + a1 * z + a2 * z * z)))


@pytest.mark.parametrize(
    "section",
    [
        Section(0.5, -0.3, 0.2, -1.2, 0.5),
        high_pass(80, RATE),
        peak(3000, RATE, 3, 0.8),
        high_shelf(5000, RATE, -6),
    ],
)
def test_blocks_give_what_the_difference_equation_gives(section):
    noise = np.random.default_rng(1).standard_normal(5 * BLOCK + 17)
    assert np.allclose(Filter([section]).feed(noise), by_hand(section, noise), atol=1e-9)


@pytest.mark.parametrize("size", [1, 7, BLOCK - 1, BLOCK, BLOCK + 1, 1000])
def test_how_the_input_is_cut_makes_no_difference(size):
    sections = [high_pass(80, RATE), peak(3000, RATE, 3, 0.8)]
    noise = np.random.default_rng(2).standard_normal(1500)
    whole, cut = Filter(sections).feed(noise), Filter(sections)
    parts = np.concatenate([cut.feed(noise[at : at + size]) for at in range(0, len(noise), size)])
    assert np.allclose(parts, whole, atol=1e-10)


def test_nothing_in_nothing_out():
    assert Filter([high_pass(80, RATE)]).feed(np.zeros(0, np.float32)).shape == (0,)


@pytest.mark.parametrize(
    ("section", "hertz", "decibels"),
    [
        (high_pass(80, RATE), 80, -3.01),
        (peak(3000, RATE, 3, 0.8), 3000, 3.0),
        (peak(3000, RATE, 3, 0.8), 50, 0.0),
        (high_shelf(4000, RATE, 2), 4000, 1.0),
        (high_shelf(4000, RATE, 2), 7900, 2.0),
    ],
)
def test_each_kind_does_what_its_name_says(section, hertz, decibels):
    assert gain_db(section, hertz) == pytest.approx(decibels, abs=0.05)


def test_a_constant_offset_is_gone():
    out = OffsetFilter(20, RATE).feed(np.full(RATE, 0.3, np.float32))
    assert abs(out[-1]) < 1e-9


@pytest.mark.parametrize("size", [1, 320, 1000, 30_000])
def test_the_offset_filter_is_one_zero_and_one_pole_however_it_is_fed(size):
    noise = np.random.default_rng(3).standard_normal(12_000)
    pole = math.exp(-2 * math.pi * 20 / RATE)
    gain = (1 + pole) / 2
    here = OffsetFilter(20, RATE)
    parts = np.concatenate([here.feed(noise[at : at + size]) for at in range(0, len(noise), size)])
    assert np.allclose(parts, by_hand(Section(gain, -gain, 0.0, -pole, 0.0), noise), atol=1e-9)
    assert here.feed(np.zeros(0, np.float32)).shape == (0,)


@pytest.mark.parametrize(("hertz", "decibels"), [(20, -3.01), (1000, 0.0)])
def test_the_offset_filter_leaves_speech_alone(hertz, decibels):
    wave = np.sin(2 * math.pi * hertz * np.arange(2 * RATE) / RATE)
    out = OffsetFilter(20, RATE).feed(wave)[RATE:]
    assert 20 * math.log10(out.std() / wave[RATE:].std()) == pytest.approx(decibels, abs=0.05)


def test_a_filter_above_the_band_is_refused():
    with pytest.raises(ValueError, match="16000"):
        peak(8000, RATE, 3, 1)
