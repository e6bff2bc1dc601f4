"""Sound of the wire to sound of the house and back."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api._wire.codecs import OPUS_RATES, Sound, ear, mouth
from api._wire.flow import PATIENCE, Flow
from audio.value import Audio
from core.errors import BadAudio, BadRequest, TooLarge


def tone(seconds: float, rate: int) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@given(st.lists(st.floats(-2, 2, width=32), max_size=50))
def test_pcm16_is_the_house_s_own(values: list[float]):
    samples = np.array(values, np.float32)
    said = b"".join(mouth(Sound("pcm16", 24000), 24000).feed(samples))
    ours = np.frombuffer(Audio(samples, 24000).pcm16(), "<i2")
    assert np.abs(np.frombuffer(said, "<i2").astype(int) - ours).max(initial=0) <= 1


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 24000, 44100, 48000])
def test_pcm16_of_any_rate_is_heard_at_16_khz_however_it_is_cut(rate: int):
    data = Audio(tone(0.5, rate), rate).pcm16()
    whole = ear(Sound("pcm16", rate)).feed(data)
    pieces = ear(Sound("pcm16", rate))
    cut = np.concatenate([pieces.feed(data[at : at + 322]) for at in range(0, len(data), 322)])
    assert np.allclose(cut, whole, atol=1e-6)
    assert np.sqrt((whole[800:-800] ** 2).mean()) == pytest.approx(0.3535, abs=0.005)
    assert len(whole) == pytest.approx(8000, abs=50)


@pytest.mark.parametrize("rate", OPUS_RATES)
def test_opus_comes_back_as_it_was(rate: int):
    says, hears = mouth(Sound("opus", rate), 24000), ear(Sound("opus", rate))
    sound = tone(0.5, 24000)
    packets = [packet for at in range(0, 12000, 480) for packet in says.feed(sound[at : at + 480])] + says.flush()
    assert all(len(packet) < 400 for packet in packets)
    heard = np.concatenate([hears.feed(packet) for packet in packets])
    assert len(heard) >= 8000
    assert np.sqrt((heard[1600:7000] ** 2).mean()) == pytest.approx(0.3535, abs=0.03)


def test_a_run_may_begin_after_another_has_ended():
    for form in ("pcm16", "opus"):
        says = mouth(Sound(form, 48000), 24000)
        first = says.feed(tone(0.03, 24000)) + says.flush()
        assert first
        assert says.flush() == [] or form == "opus"
        assert says.feed(tone(0.1, 24000))


@pytest.mark.parametrize(
    ("sound", "data", "error"),
    [
        (Sound(), b"\0" * 3, BadAudio),
        (Sound(), b"\0" * 32002, TooLarge),
        (Sound("pcm16", 48000), b"\0" * 96002, TooLarge),
        (Sound("opus", 48000), b"", BadAudio),
        (Sound("opus", 48000), b"\xff\xff\xff", BadAudio),
        (Sound("opus", 48000), b"\0" * 8001, TooLarge),
    ],
)
def test_what_is_no_sound_is_told_and_the_next_frame_is_welcome(sound: Sound, data: bytes, error: type[Exception]):
    hears = ear(sound)
    with pytest.raises(error):
        hears.feed(data)
    good = mouth(sound, sound.rate).feed(tone(0.02, sound.rate))
    assert len(hears.feed(good[0])) > 100


def test_no_frame_at_all_is_no_sound():
    assert len(ear(Sound()).feed(b"")) == 0


def test_opus_has_its_own_rates():
    with pytest.raises(BadRequest, match="44100"):
        Sound("opus", 44100)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_decoder(data: bytes):
    hears = ear(Sound("opus", 48000))
    for _ in range(2):
        with contextlib.suppress(BadAudio, TooLarge):
            assert np.isfinite(hears.feed(data)).all()


def test_real_time_flows_for_ever():
    flow = Flow(0.0)
    assert all(flow.take(0.02, 0.02 * number) == 0 for number in range(10_000))
    assert not flow.flooded(200.0)


def test_what_comes_at_once_waits_until_real_time_has_caught_up():
    flow = Flow(0.0)
    waits = [flow.take(1.0, 0.0) for _ in range(7)]
    assert waits == [0, 0, 0, 0, 0, 1.0, 2.0]
    assert flow.take(1.0, 3.0) == 0
    assert not flow.flooded(PATIENCE)


def test_who_never_stops_sending_too_fast_is_known():
    flow, now = Flow(0.0), 0.0
    while now < PATIENCE + 10:
        now += flow.take(1.0, now)
        if flow.flooded(now):
            break
    assert PATIENCE < now < PATIENCE + 10
