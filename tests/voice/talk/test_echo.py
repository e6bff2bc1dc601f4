"""Our own voice through a room, and another's over it: flite and espeak-ng as both."""

import time

import numpy as np
import pytest
import pytest_asyncio

from audio.resample import resample
from audio.value import Audio
from engines.registry import find
from tests.engines._asked import asked, sound
from tests.fakes import tone
from voice.talk.echo import EchoGuard

RATE, SIZE, FRAME = 16000, 512, 320
OURS = "Your table is booked for seven, and the kitchen closes at ten. Would you like to sit at the window?"
THEIRS = "Wait a moment, that is not what I meant, I wanted to come on Tuesday with my brother and his children."
VOICES = {"flite": ("slt", "awb"), "espeak-ng": ("en-us", "en-gb+f3")}


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=list(VOICES))
async def voices(request, tmp_path_factory):
    """What we say and what the other side says, each at -20 dBFS."""
    ours, theirs = VOICES[request.param]
    find()
    async with asked(request.param, tmp_path_factory.mktemp("pool")) as engine:
        rate = engine.spec.rate
        said = [sound(await engine.say(text, voice)) for text, voice in ((OURS, ours), (THEIRS, theirs))]
    return [_at(-20, resample(Audio(samples, rate), RATE).samples) for samples in said]


def _at(decibels: float, samples: np.ndarray) -> np.ndarray:
    return (samples * 10 ** (decibels / 20) / np.sqrt(np.mean(np.square(samples)))).astype(np.float32)


def _back(ours: np.ndarray, delay: float, decibels: float, drift: float = 5e-5) -> np.ndarray:
    """As a loudspeaker, a room and a microphone give it back, whose clock is a little off."""
    random = np.random.default_rng(1)
    room = np.zeros(1600)
    room[0] = 1.0
    room[20:] = 0.06 * random.standard_normal(1580) * np.exp(-np.arange(1580) / 240)
    wet = np.convolve(np.convolve(ours, room), [0.3, 1.0, -0.4, 0.2])[: len(ours)]
    times = np.arange(len(ours)) * (1 + drift) - delay * RATE
    return 10 ** (decibels / 20) * np.interp(times, np.arange(len(ours)), wet, left=0.0)


def _shares(ours: np.ndarray, heard: np.ndarray, frame: int = FRAME) -> np.ndarray:
    """Of each whole window of `heard`, with `ours` leaving in frames."""
    guard, position, shares = EchoGuard(RATE), 0, []
    for at in range(0, len(heard) - SIZE + 1, SIZE):
        while position < at + SIZE:
            guard.played(ours[position : position + frame])
            position += frame
        shares.append(guard.share(heard[at : at + SIZE].astype(np.float32)))
    return np.array(shares)


def _levels(samples: np.ndarray) -> np.ndarray:
    windows = samples[: len(samples) // SIZE * SIZE].reshape(-1, SIZE)
    return 10 * np.log10(np.mean(np.square(windows), axis=1) + 1e-12)


def _noise(count: int) -> np.ndarray:
    return 10 ** (-66 / 20) * np.random.default_rng(2).standard_normal(count)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.integration
@pytest.mark.parametrize(("delay", "decibels"), [(0.02, -6), (0.1, -20), (0.25, -30), (0.4, -6)])
async def test_our_own_voice_is_explained(voices, delay, decibels):
    ours, _ = voices
    back = _back(ours, delay, decibels)
    shares = _shares(ours, back + _noise(len(ours)))
    loud = _levels(back) > -58
    loud[: int((delay + 0.3) / 0.032)] = False  # the delay is learned first
    assert loud.sum() > 60
    assert (shares[loud] > 0.5).mean() > 0.85
    assert np.median(shares[loud]) > 0.75


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.integration
@pytest.mark.parametrize("decibels", [-100, -20, -30])
async def test_somebody_elses_voice_is_not(voices, decibels):
    ours, theirs = voices
    count = min(len(ours), len(theirs))
    back = _back(ours[:count], 0.15, decibels)
    shares = _shares(ours[:count], back + theirs[:count] + _noise(count))
    spoken = (_levels(theirs[:count]) > -32) & (_levels(theirs[:count]) > _levels(back) + 6)
    assert spoken.sum() > 60
    assert (shares[spoken] < 0.3).mean() > 0.8
    assert (shares[spoken] < 0.5).mean() > 0.93


def test_nothing_is_explained_by_nothing():
    guard = EchoGuard()
    assert guard.share(tone(0.032).samples) == 0.0
    guard.played(tone(0.5).samples)
    shares = [guard.share(np.zeros(SIZE, np.float32)) for _ in range(5)]
    assert shares[2:] == [0.0] * 3  # 64 ms later all that is compared is silence


def test_noise_over_noise_is_not_our_voice():
    random = np.random.default_rng(3)
    ours, heard = (0.1 * random.standard_normal((2, RATE * 3))).astype(np.float32)
    assert _shares(ours, heard).mean() < 0.05


@pytest.mark.parametrize("frame", [160, 320, 500, 2400])
def test_frames_of_any_length(frame):
    random = np.random.default_rng(4)
    ours = (0.1 * random.standard_normal(RATE * 3)).astype(np.float32)
    heard = _back(ours, 0.1, -10) + _noise(len(ours))
    assert np.median(_shares(ours, heard, frame)[20:]) > 0.5


def test_what_was_played_long_ago_comes_back_no_more():
    random = np.random.default_rng(5)
    guard = EchoGuard()
    ours = (0.1 * random.standard_normal(RATE)).astype(np.float32)
    guard.played(ours)
    for _ in range(60):
        guard.share(np.zeros(SIZE, np.float32))
    shares = [guard.share(ours[at : at + SIZE]) for at in range(0, RATE - SIZE, SIZE)]
    assert max(shares) == 0.0


def test_no_state_grows():
    random = np.random.default_rng(6)
    guard = EchoGuard()
    sizes = []
    for _ in range(300):
        guard.played((0.1 * random.standard_normal(700)).astype(np.float32))
        guard.share((0.1 * random.standard_normal(SIZE)).astype(np.float32))
        sizes.append(sum(value.nbytes for value in vars(guard).values() if isinstance(value, np.ndarray)))
    assert len(set(sizes)) == 1
    assert sizes[0] < 60_000


def test_a_rate_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="4000"):
        EchoGuard(22050)


def test_what_a_window_costs(capsys):
    random = np.random.default_rng(7)
    guard = EchoGuard()
    windows = (0.1 * random.standard_normal((100, SIZE))).astype(np.float32)
    begun = time.process_time()
    for window in windows:
        guard.played(window)
        guard.share(window)
    with capsys.disabled():
        print(f" [echo guard: {1000 * (time.process_time() - begun) / len(windows):.3f} ms a window] ", end="")
