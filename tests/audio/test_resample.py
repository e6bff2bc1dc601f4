from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.resample import SLICE, Resampler, resample
from audio.value import Audio
from tests.audio.sounds import loudness, noise, tone

RATES = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000)
PAIRS = list(permutations(RATES, 2))
ODD = [(12345, 16000), (16000, 44099)]  # cycles too long for one matrix
every_pair = pytest.mark.parametrize(("source", "target"), PAIRS + ODD)
SOME = [(8000, 16000), (24000, 8000), (16000, 48000), (44100, 16000), (11025, 32000), (48000, 44100), *ODD]
some_pairs = pytest.mark.parametrize(("source", "target"), SOME)


def streamed(samples: np.ndarray, source: int, target: int, frame: int) -> np.ndarray:
    resampler = Resampler(source, target)
    parts = [resampler.feed(samples[at : at + frame]) for at in range(0, len(samples), frame)]
    return np.concatenate([*parts, resampler.flush()])


@every_pair
def test_frames_of_20_ms_give_what_the_whole_gives(source: int, target: int):
    audio = noise(0.3, source)
    whole = resample(audio, target).samples
    assert len(whole) == round(len(audio.samples) * target / source)
    assert np.abs(streamed(audio.samples, source, target, source // 50) - whole).max() <= 1e-6


@given(sizes=st.lists(st.integers(0, 700), max_size=12), pair=st.sampled_from(PAIRS + ODD))
@settings(max_examples=60, deadline=None)
def test_however_it_is_cut(sizes: list[int], pair: tuple[int, int]):
    source, target = pair
    samples = noise(sum(sizes) / source, source).samples
    resampler, parts, at = Resampler(source, target), [], 0
    for size in sizes:
        parts.append(resampler.feed(samples[at : at + size]))
        at += size
    joined = np.concatenate([*parts, resampler.flush()])
    whole = resample(Audio(samples, source), target).samples
    assert joined.dtype == np.float32
    assert len(joined) == len(whole) == round(len(samples) * target / source)
    assert np.allclose(joined, whole, rtol=0, atol=1e-6)


@every_pair
def test_what_is_held_back_is_constant_and_at_most_3_ms(source: int, target: int):
    resampler = Resampler(source, target)
    assert resampler.delay_seconds <= 0.003
    fed = given_out = 0
    for size in [source // 50] * 5 + [1] * 10:
        given_out += len(resampler.feed(np.zeros(size, np.float32)))
        fed += size
        behind = fed / source - given_out / target
        assert abs(behind - resampler.delay_seconds) <= 1 / source + 1 / target


@some_pairs
def test_an_impulse_stays_where_it_is_and_comes_out_within_3_ms(source: int, target: int):
    impulse = np.zeros(source // 10, np.float32)
    impulse[source // 20] = 1
    resampler = Resampler(source, target)
    before = len(resampler.feed(impulse[: source // 20]))
    until = source // 20 + 1 + int(0.003 * source)
    out = np.concatenate((np.zeros(before, np.float32), resampler.feed(impulse[source // 20 : until])))
    peak = np.abs(out).argmax()
    assert abs(peak / target - (source // 20) / source) <= 0.6 / target


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_the_passband_is_flat_to_80_percent_of_nyquist(source: int, target: int):
    for share in (0.01, 0.3, 0.6, 0.8):
        hz = share * min(source, target) / 2
        assert loudness(resample(tone(hz, 0.5, source, 1.0), target).samples) == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize(("source", "target"), [(s, t) for s, t in PAIRS if s > 1.2 * t])
def test_what_the_target_cannot_hold_does_not_fold_back(source: int, target: int):
    for share in (1.1, 1.5, 1.9):
        hz = share * target / 2
        if hz < source / 2:
            assert loudness(resample(tone(hz, 0.5, source, 1.0), target).samples) < -75


@pytest.mark.parametrize(("source", "target"), [(s, t) for s, t in PAIRS + ODD if s < t])
def test_going_up_adds_no_images(source: int, target: int):
    out = resample(tone(0.6 * source / 2, 1.0, source, 1.0), target).samples
    spectrum = np.abs(np.fft.rfft(out * np.blackman(len(out))))
    above = np.fft.rfftfreq(len(out), 1 / target) > 1.1 * source / 2
    if above.any():
        assert 20 * np.log10(spectrum[above].max() / spectrum.max()) < -75


@some_pairs
def test_a_constant_stays_constant(source: int, target: int):
    out = resample(Audio(np.full(source // 5, 0.5, np.float32), source), target).samples
    assert np.abs(out[len(out) // 4 : -len(out) // 4] - 0.5).max() < 1e-5


def test_the_same_rate_passes_through_untouched():
    audio, resampler = noise(0.1, 16000), Resampler(16000, 16000)
    assert resampler.feed(audio.samples) is audio.samples
    assert len(resampler.flush()) == 0
    assert resampler.delay_seconds == 0


def test_after_flush_it_is_as_new():
    audio, resampler = noise(0.1, 24000), Resampler(24000, 8000)
    first = np.concatenate((resampler.feed(audio.samples), resampler.flush()))
    again = np.concatenate((resampler.feed(audio.samples), resampler.flush()))
    assert (first == again).all()


@pytest.mark.parametrize(("source", "target"), [(48000, 16000), (44100, 16000), (16000, 44099)])
def test_it_holds_no_more_than_its_window_and_a_cycle(source: int, target: int):
    resampler = Resampler(source, target)
    for _ in range(5):
        resampler.feed(np.zeros(3 * SLICE + 7, np.float32))
        assert resampler._waiting.base is None
        assert len(resampler._waiting) <= source + 200


def test_nothing_in_nothing_out():
    resampler = Resampler(44100, 16000)
    assert len(resampler.feed(np.zeros(0, np.float32))) == 0
    assert len(resampler.flush()) == 0


@pytest.mark.parametrize("rates", [(0, 8000), (8000, 0), (-1, 8000)])
def test_a_rate_is_positive(rates: tuple[int, int]):
    with pytest.raises(ValueError, match="positive"):
        Resampler(*rates)
