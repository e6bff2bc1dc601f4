"""The caller's loudspeaker, and the way to it and back."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from voice.simulator.ear import STEP, Ear
from voice.simulator.parts import tone
from voice.simulator.road import FRAME, Returning, Road, Room, Uplink, misread, noises
from voice.simulator.scenario import Burst, Line

SAMPLES = 480


def fed(ear: Ear, count: int, at: float = 0.0, response: str = "r1") -> None:
    for number in range(count):
        ear.arrive(at, (response, np.full(SAMPLES, number, np.float32), number * SAMPLES))


def test_it_plays_once_the_buffer_is_full():
    ear = Ear(24000, 0.06)
    fed(ear, 2)
    assert ear.play(0.0) is None
    ear.arrive(0.02, ("r1", np.zeros(SAMPLES, np.float32), 2 * SAMPLES))
    assert ear.play(0.02) is not None
    assert ear.position(0.02) == 0
    assert ear.position(0.03) == 240
    assert ear.position(9.0) == SAMPLES


def test_the_last_of_an_answer_waits_for_no_more():
    ear = Ear(24000, 0.06)
    fed(ear, 1)
    ear.whole("r1")
    assert ear.play(0.0) is not None
    assert ear.play(STEP) is None
    assert ear.gaps == 0
    assert ear.empty


def test_a_gap_is_counted():
    ear = Ear(24000, 0.02)
    fed(ear, 1)
    assert ear.play(0.0) is not None
    assert ear.play(STEP) is None
    assert ear.gaps == 1


def test_a_pause_stops_within_the_frame_and_goes_on_there():
    ear = Ear(24000, 0.02)
    fed(ear, 3)
    ear.play(0.0)
    ear.pause(0.005)
    assert ear.position(5.0) == 120
    assert ear.play(STEP) is None
    ear.resume()
    rest = ear.play(1.0)
    assert rest is not None
    assert len(rest) == SAMPLES - 120
    assert ear.position(2.0) == SAMPLES
    assert ear.seconds == pytest.approx(STEP)


def test_what_is_dropped_is_not_heard():
    ear = Ear(24000, 0.02)
    fed(ear, 5)
    ear.play(0.0)
    ear.drop(0.01)
    assert ear.empty
    assert ear.position(1.0) == 240
    assert ear.play(STEP) is None


def test_nothing_overtakes_and_a_burst_comes_at_once():
    road = Road(Line(delay=0.01, jitter=0.05, bursts=(Burst(1.0, 0.5),)), Random(1))
    arrivals = [road.arrival(number * STEP) for number in range(100)]
    assert arrivals == sorted(arrivals)
    assert all(at >= number * STEP + 0.01 for number, at in enumerate(arrivals))
    assert not [at for at in arrivals if 1.0 <= at < 1.5]
    assert arrivals.count(1.5) > 10


def test_frames_are_lost_by_the_seed():
    def arrived(seed: int) -> list[int]:
        found: list[int] = []
        link = Uplink(Line(lost=0.3, delay=0.0), Random(seed), lambda frame: found.append(int(frame[0])) is None)
        for number in range(200):
            link.send(number * STEP, np.full(FRAME, number, np.float32))
            link.deliver(number * STEP)
        return found

    assert arrived(1) == arrived(1) != arrived(2)
    assert 100 < len(arrived(1)) < 180


def test_our_voice_comes_back_later_and_weaker():
    back = Returning(0.1, 20.0, 24000)
    ours = tone(STEP, 24000, 150.0, 0.5)
    heard = np.concatenate([back.back(ours if number < 10 else None) for number in range(30)])
    loud = np.flatnonzero(np.abs(heard) > 0.01)
    assert loud[0] / 16000 == pytest.approx(0.1, abs=0.01)
    assert loud[-1] / 16000 == pytest.approx(0.3, abs=0.01)
    assert np.abs(heard).max() == pytest.approx(0.05, rel=0.1)


def test_a_room_has_noise_and_another_rate():
    room = Room(Line(noise=-40, rate=48000), 24000, Random(1))
    heard = room.hears(None, None)
    assert len(heard) == 3 * FRAME
    assert 10 * np.log10(np.mean(np.square(noises(-40)))) == pytest.approx(-40, abs=0.5)
    assert len(misread(np.zeros(FRAME, np.float32), 8000)) == FRAME // 2
