import numpy as np
import pytest

from audio.enhance import ENHANCEMENTS, Denoiser, Enhancer, enhance
from audio.value import Audio
from tests.fakes import tone

RATE = 16000


def speechlike() -> np.ndarray:
    """Bursts of a harmonic sound with pauses between them."""
    time = np.arange(3 * RATE) / RATE
    voiced = sum(np.sin(2 * np.pi * 150 * k * time) / k for k in range(1, 12))
    return (0.15 * voiced * (np.sin(2 * np.pi * 1.5 * time) > 0)).astype(np.float32)


def noise(level: float) -> np.ndarray:
    return (level * np.random.default_rng(5).standard_normal(3 * RATE)).astype(np.float32)


def db(samples: np.ndarray) -> float:
    return 10 * float(np.log10((samples.astype(np.float64) ** 2).mean()))


@pytest.mark.parametrize("wanted", [[], ["denoise"], ["clarity"], list(ENHANCEMENTS)])
@pytest.mark.parametrize("length", [0, 1, 159, 160, 161, 5000])
def test_as_much_comes_out_as_went_in(wanted, length):
    assert len(enhance(Audio(noise(0.1)[:length], RATE), wanted).samples) == length


@pytest.mark.parametrize("size", [1, 100, 160, 999])
def test_how_the_input_is_cut_makes_no_difference(size):
    samples = (speechlike() + noise(0.01))[:4000]
    whole, cut = enhance(Audio(samples, RATE), ENHANCEMENTS), Enhancer(RATE, ENHANCEMENTS)
    parts = [cut.feed(samples[at : at + size]) for at in range(0, len(samples), size)]
    assert np.allclose(np.concatenate([*parts, cut.flush()]), whole.samples, atol=1e-6)


def test_noise_in_pauses_is_pushed_down_and_speech_stays():
    clean, dirt = speechlike(), noise(0.01)
    out = enhance(Audio(clean + dirt, RATE), ["denoise"]).samples
    late = slice(RATE, 3 * RATE)
    pause = np.abs(np.convolve(np.abs(clean), np.ones(1600), "same")[late]) < 1e-6
    assert db(out[late][pause]) < db(dirt[late][pause]) - 7
    before, after = db(dirt[late]), db((out - clean)[late])
    assert after < before - 5, "the whole must be nearer to what was clean than before"


def test_the_first_syllable_stays_whole():
    samples = tone(0.3, RATE).samples
    out = enhance(Audio(samples, RATE), ["denoise"]).samples
    assert db(out[: RATE // 10]) == pytest.approx(db(samples[: RATE // 10]), abs=1.0)


def test_a_clean_voice_with_digital_silence_is_left_alone():
    clean = speechlike()
    assert db(enhance(Audio(clean, RATE), ["denoise"]).samples - clean) < db(clean) - 15


def test_it_lags_by_twenty_milliseconds():
    assert len(Denoiser(RATE).feed(noise(0.1)[:8000])) == 8000 - RATE // 100


def test_clarity_lifts_presence_and_cuts_rumble():
    levels = {
        hertz: db(enhance(tone(1.0, 24000, hertz=hertz), ["clarity"]).samples)
        - db(tone(1.0, 24000, hertz=hertz).samples)
        for hertz in (30, 1000, 3000)
    }
    assert levels[30] < -10
    assert -1.0 < levels[1000] < 1.5
    assert levels[3000] > 2


def test_an_enhancement_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="sparkle"):
        Enhancer(RATE, ["sparkle"])
