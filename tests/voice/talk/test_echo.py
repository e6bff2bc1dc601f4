"""Our own voice through a room, and another's over it: flite and espeak-ng as both."""

import time
from collections import deque

import numpy as np
import pytest
import pytest_asyncio

from audio.resample import resample
from audio.value import Audio
from engines.registry import find
from tests.engines._asked import asked, sound
from tests.fakes import tone
from voice.talk.echo import ECHO, EchoGuard
from voice.talk.echo_signals import FRAMES

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
    assert (shares[loud] >= ECHO).mean() > 0.95
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
        guard.played((0.1 * random.standard_normal(SIZE)).astype(np.float32))
        guard.share((0.1 * random.standard_normal(SIZE)).astype(np.float32))
        sizes.append(held_by(guard))
    assert max(sizes) == max(sizes[:100])
    assert max(sizes) < 100_000


def test_nobody_who_listens_costs_no_more_than_what_is_remembered():
    guard = EchoGuard(24000)
    for _ in range(1000):
        guard.played(np.zeros(480, np.float32))
    assert len(guard._played._frames) <= FRAMES


def held_by(guard: EchoGuard) -> int:
    """Bytes of the arrays in it and in its parts."""
    parts: list[object] = [guard]
    found = 0
    while parts:
        part = parts.pop()
        if isinstance(part, np.ndarray):
            found += part.nbytes
        elif isinstance(part, list | tuple | deque):
            parts += part
        else:
            parts += vars(part).values() if hasattr(part, "__dict__") else ()
    return found


@pytest.mark.parametrize("rate", [8000, 22050, 24000, 44100, 48000])
def test_what_is_played_has_any_rate(rate):
    random = np.random.default_rng(8)
    ours = (0.1 * random.standard_normal(RATE * 2)).astype(np.float32)
    heard = _back(ours, 0.1, -10) + _noise(len(ours))
    played = resample(Audio(ours, RATE), rate).samples
    guard, frame, left, shares = EchoGuard(rate), round(rate * 0.02), 0, []
    for number in range(60):
        while left * frame < (number + 1) * 0.032 * rate:
            guard.played(played[left * frame : (left + 1) * frame])
            left += 1
        shares.append(guard.share(heard[number * SIZE : (number + 1) * SIZE].astype(np.float32)))
    assert np.median(shares[20:]) > 0.5


# The delay


def test_an_echo_is_known_within_four_windows():
    ours = _hiss(9, 2.0)
    shares = _shares(ours, _back(ours, 0.2, -6) + _noise(len(ours)))
    first = int(0.2 / 0.032) + 1  # of which all is echo
    assert shares[first + 3 :].min() > 0.5


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.integration
@pytest.mark.parametrize("delay", [0.1, 0.4])
async def test_an_echo_of_a_voice_is_known_before_it_could_be_an_interruption(voices, delay):
    ours, _ = voices
    back = _back(ours, delay, -6)
    shares = _shares(ours, back + _noise(len(ours)))
    loud = np.flatnonzero(_levels(back) > -40)
    assert (shares[loud[:8]] > 0.5).any()


@pytest.mark.parametrize("later", [-0.15, 0.05, 0.3])
def test_a_delay_that_changes_is_found_again_within_four_windows(later):
    ours = _hiss(10, 4.0)
    heard = _back(ours, 0.25, -6)
    heard[2 * RATE :] = _back(ours, 0.25 + later, -6)[2 * RATE :]
    shares = _shares(ours, heard + _noise(len(ours)))
    change = 2 * RATE // SIZE
    assert shares[20:change].min() > 0.5
    assert shares[change + 5 :].min() > 0.5


def test_a_room_that_changes_is_learned_again_within_four_windows():
    """The delay stays as it is."""
    ours = _hiss(19, 4.0)
    heard, change = _back(ours, 0.25, -6), 2 * RATE // SIZE
    heard[2 * RATE :] = np.convolve(heard, [-0.5, 0, 0, 0, 0, 0.8])[2 * RATE : len(heard)]
    shares = _shares(ours, heard + _noise(len(ours)))
    assert shares[20:change].min() > 0.5
    assert shares[change : change + 2].min() < 0.5
    assert shares[change + 5 :].min() > 0.5


def test_a_lost_packet_costs_two_windows():
    """20 ms are missing, so the echo seems to be earlier by so much."""
    ours = _hiss(18, 4.0)
    heard = (_back(ours, 0.25, -6) + _noise(len(ours))).astype(np.float32)
    losses = [RATE * 2, RATE * 2 + 3000, RATE * 3]
    for at in losses:
        heard = np.concatenate([heard[:at], heard[at + FRAME :]])
    shares = _shares(ours, heard)
    assert (shares[20:] < 0.5).sum() <= 2 * len(losses)


def test_what_was_learned_is_known_after_a_silence():
    """Of the next echo already the first window is explained."""
    ours = _hiss(11, 6.0)
    ours[2 * RATE : 4 * RATE] = 0
    guard, back = EchoGuard(), _back(ours, 0.1, -6) + _noise(len(ours))
    shares = []
    for at in range(0, len(ours) - SIZE, SIZE):
        guard.played(ours[at : at + SIZE], at / RATE)
        if at < 2 * RATE or at > 4.11 * RATE:  # meanwhile nobody looks
            shares.append((at, guard.share(back[at : at + SIZE].astype(np.float32), (at + SIZE) / RATE)))
    again = [share for at, share in shares if at > 4 * RATE]
    assert min(again[1:]) > 0.5
    assert guard.delay == pytest.approx(0.1, abs=0.003)


def test_a_pause_leaves_the_delay_as_it_is():
    """What was due behind the pause is played, and comes back, when it is over."""
    ours, hole = _hiss(12, 4.0), np.zeros(RATE // 2, np.float32)
    stop = 2 * RATE
    sounded = np.concatenate([ours[:stop], hole, ours[stop:]])
    back = _back(sounded, 0.1, -6) + _noise(len(sounded))
    guard, shares, left = EchoGuard(), [], 0
    for at in range(0, 4 * RATE, SIZE):
        if at == stop // SIZE * SIZE:
            guard.paused(stop / RATE)
        if (stop + len(hole)) // SIZE * SIZE == at:
            guard.resumed((stop + len(hole)) / RATE)
        paused = stop // SIZE * SIZE <= at < (stop + len(hole)) // SIZE * SIZE
        while not paused and left < at + SIZE + 0.1 * RATE - (len(hole) if at > stop else 0):  # with a lead of 0.1 s
            due = left if at < stop // SIZE * SIZE else left + len(hole)
            guard.played(ours[left : left + 320], due / RATE)
            left += 320
        shares.append(guard.share(back[at : at + SIZE].astype(np.float32), (at + SIZE) / RATE))
    loud = _levels(back[: 4 * RATE]) > -30
    loud[:12] = False
    assert (np.array(shares)[: len(loud)][loud] > 0.5).mean() > 0.97


def test_a_window_missing_from_what_is_heard_is_no_reason_to_search_again():
    ours = _hiss(13, 3.0)
    back = _back(ours, 0.1, -6) + _noise(len(ours))
    guard, shares = EchoGuard(), []
    for at in range(0, len(ours) - SIZE, SIZE):
        guard.played(ours[at : at + SIZE], at / RATE)
        if at // SIZE not in range(50, 60):
            shares.append(guard.share(back[at : at + SIZE].astype(np.float32), (at + SIZE) / RATE))
    assert min(shares[20:]) > 0.5


def test_only_what_is_as_loud_as_our_voice_may_be_our_voice():
    ours, theirs = _hiss(14, 3.0), _hiss(15, 3.0)
    for loud in (False, True):
        guard = EchoGuard()
        _explained(guard, ours[:RATE], _back(ours, 0.1, -20)[:RATE])
        assert not guard.possible
        guard.played(ours[RATE : RATE + SIZE])
        guard.share(theirs[:SIZE] * np.float32(2.0 if loud else 0.1))
        assert guard.possible is not loud


def _explained(guard: EchoGuard, ours: np.ndarray, heard: np.ndarray) -> None:
    for at in range(0, len(ours) - SIZE + 1, SIZE):
        guard.played(ours[at : at + SIZE])
        guard.share(heard[at : at + SIZE].astype(np.float32))


def _hiss(seed: int, seconds: float) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


def test_no_thread_of_the_linear_algebra_is_woken():
    """They would spin on after each product, on as many cores as there are."""
    ours = _hiss(16, 4.0)
    _shares(ours, _back(ours, 0.1, -6))
    process, thread = time.process_time(), time.thread_time()
    _shares(ours, _hiss(17, 4.0))
    _shares(ours, _back(ours, 0.1, -6))
    process, thread = time.process_time() - process, time.thread_time() - thread
    assert process < 1.3 * thread + 0.02


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
