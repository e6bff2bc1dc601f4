import av
import numpy as np
import pytest

from audio.encode import encode
from audio.g711 import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode
from tests.audio.sounds import tone

EVERY_CODE = bytes(range(256))
LAWS = pytest.mark.parametrize(("encoder", "decoder"), [(ulaw_encode, ulaw_decode), (alaw_encode, alaw_decode)])

# Levels of ITU-T G.711 in 16-bit form: ends of the scale, the smallest, and a few from the middle of segments.
ULAW = {0x00: -32124, 0x80: 32124, 0x01: -31100, 0x0F: -16764, 0x10: -15996, 0x7E: -8, 0xFE: 8, 0xFF: 0, 0xF0: 120}
ALAW = {0x2A: -32256, 0xAA: 32256, 0xD5: 8, 0x55: -8, 0x00: -5504, 0x80: 5504, 0xC5: 264}


@pytest.mark.parametrize(("code", "level"), ULAW.items())
def test_ulaw_levels_are_the_standards(code: int, level: int):
    assert ulaw_decode(bytes([code]))[0] * 32768 == level


@pytest.mark.parametrize(("code", "level"), ALAW.items())
def test_alaw_levels_are_the_standards(code: int, level: int):
    assert alaw_decode(bytes([code]))[0] * 32768 == level


@pytest.mark.parametrize(("codec", "decoder"), [("pcm_mulaw", ulaw_decode), ("pcm_alaw", alaw_decode)])
def test_every_level_is_that_of_an_independent_decoder(codec: str, decoder):
    context = av.CodecContext.create(codec, "r")
    context.sample_rate, context.layout = 8000, "mono"  # pyright: ignore[reportAttributeAccessIssue]
    (frame,) = context.decode(av.Packet(EVERY_CODE))  # pyright: ignore[reportAttributeAccessIssue]
    assert (frame.to_ndarray()[0] == decoder(EVERY_CODE) * 32768).all()


def test_every_code_comes_back_but_the_negative_zero_of_mu_law():
    assert alaw_encode(alaw_decode(EVERY_CODE)) == EVERY_CODE
    assert ulaw_encode(ulaw_decode(EVERY_CODE)) == EVERY_CODE.replace(b"\x7f", b"\xff")


@LAWS
def test_a_value_becomes_the_nearest_level_of_its_segment(encoder, decoder):
    levels = np.sort(np.unique(decoder(EVERY_CODE)))
    values = np.arange(-32768, 32768) / np.float32(32768)
    values = values[np.abs(values) < levels[-1]]
    above = np.searchsorted(levels, values, side="right").clip(1, len(levels) - 1)
    step = levels[above] - levels[above - 1]
    error = np.abs(decoder(encoder(values)) - values)
    # Where two segments meet, two thirds of the gap belong to the coarser one; elsewhere half belongs to each level.
    assert (error <= step * 2 / 3 + 1 / 32768).all()
    inside = np.isclose(step, np.roll(step, 1)) & np.isclose(step, np.roll(step, -1))
    inside &= np.isclose(step, levels[(above + 1).clip(max=len(levels) - 1)] - levels[above])
    inside &= np.isclose(step, levels[above - 1] - levels[(above - 2).clip(min=0)])
    assert inside.mean() > 0.8
    assert (error[inside] <= step[inside] / 2 + 1 / 32768).all()


@LAWS
def test_speech_keeps_36_db(encoder, decoder):
    samples = tone(1004, 1.0, 8000, loudness=0.3).samples
    error = decoder(encoder(samples)) - samples
    assert 10 * np.log10(np.mean(samples**2) / np.mean(error**2)) > 36


@LAWS
def test_what_is_too_loud_is_clipped_and_nothing_is_empty(encoder, decoder):
    loud = decoder(encoder(np.array([9.0, 1.0, -1.0, -9.0], np.float32)))
    assert loud[0] == loud[1] == -loud[2] == -loud[3] == decoder(EVERY_CODE).max()
    assert encoder(np.zeros(0, np.float32)) == b""
    assert decoder(b"").dtype == np.float32


def test_the_formats_are_bare_bytes_at_8_khz():
    audio = tone(440, 0.5, 8000)
    assert encode(audio, "ulaw") == ulaw_encode(audio.samples)
    assert encode(audio, "alaw") == alaw_encode(audio.samples)
