from io import BytesIO

import av
import numpy as np
import pytest
import soundfile

from audio.decode import decode
from audio.encode import FORMATS, Encoder, encode, find, wav_header
from audio.g711 import alaw_decode, ulaw_decode
from audio.value import Audio
from core.errors import BadRequest
from tests.audio.sounds import noise, pitch, tone

RATES = (8000, 16000, 22050, 24000, 48000)
every_format = pytest.mark.parametrize("name", FORMATS)
coded = pytest.mark.parametrize("name", [name for name, item in FORMATS.items() if item.codec])


def streamed(audio: Audio, name: str, frame: int | None = None) -> bytes:
    encoder = Encoder(name, audio.rate)
    step = frame or audio.rate // 50
    parts = [encoder.feed(audio.samples[at : at + step]) for at in range(0, len(audio.samples), step)]
    return b"".join([*parts, encoder.close()])


def heard(data: bytes, name: str) -> Audio:
    """What a listener gets, whatever the format."""
    if name == "pcm":
        return Audio.from_pcm16(data, 24000)
    if name in ("ulaw", "alaw"):
        return Audio(ulaw_decode(data) if name == "ulaw" else alaw_decode(data), 8000)
    with av.open(BytesIO(data), "r") as container:
        rate = container.streams.audio[0].rate
    return decode(data, rate, max_seconds=100)


# Seconds of silence a decoder may add: an mp3 or aac stream has no place to say how much padding it carries.
PADDING = {"mp3": (0.002, 0.08), "aac": (0.1, 0.1)}


@every_format
@pytest.mark.parametrize("rate", RATES)
def test_length_and_pitch_survive(name: str, rate: int):
    audio = tone(440, 1.1, rate)
    for data, padding in zip((encode(audio, name), streamed(audio, name)), PADDING.get(name, (0, 0)), strict=True):
        back = heard(data, name)
        assert 0 <= back.seconds - 1.1 + 1e-4 <= padding + 2e-4
        assert pitch(back) == pytest.approx(440, abs=5)
        assert np.abs(back.samples).max() == pytest.approx(0.5, abs=0.08)


@every_format
def test_a_stream_sounds_as_the_whole(name: str):
    audio = tone(300, 1.0, 24000)
    live, whole = heard(streamed(audio, name), name).samples, heard(encode(audio, name), name).samples
    # Without the header that tells its length, mp3 begins with its coder's delay.
    shift = {"mp3": 1105}.get(name, 0)
    count = min(len(live) - shift, len(whole))
    assert np.abs(live[shift : shift + count] - whole[:count]).max() < 0.02


@pytest.mark.parametrize("name", ["wav", "pcm", "ulaw", "alaw", "flac"])
@pytest.mark.parametrize("frame", [1, 160, 999, 100_000])
def test_however_it_is_fed_the_bytes_are_the_same(name: str, frame: int):
    audio = noise(0.05, 24000)
    assert streamed(audio, name, frame) == streamed(audio, name, len(audio.samples))


@pytest.mark.parametrize("name", ["wav", "pcm", "flac"])
def test_what_is_lossless_is_exact(name: str):
    audio = noise(0.5, 24000)
    for data in (encode(audio, name), streamed(audio, name)):
        assert (Audio(heard(data, name).samples * (32768 / 32767), 24000).pcm16()) == audio.pcm16()


@every_format
@pytest.mark.parametrize("rate", RATES)
def test_the_first_sound_leaves_within_100_ms(name: str, rate: int):
    encoder, frame = Encoder(name, rate), noise(0.02, rate).samples
    header = 300 if name == "opus" else 92 if name == "flac" else 44
    limit = 7 if name == "flac" else 5  # of 20 ms; a block of flac lasts 105 ms
    sent = [encoder.feed(frame) for _ in range(limit)]
    assert sum(map(len, sent)) > header


@coded
def test_bytes_keep_flowing(name: str):
    encoder, frame = Encoder(name, 24000), noise(0.02, 24000).samples
    sent = [len(encoder.feed(frame)) for _ in range(100)]
    # No gap is longer than six frames: 120 ms.
    assert all(sum(sent[at : at + 6]) > 0 for at in range(6, 94))
    assert len(encoder.close()) < sum(sent) / 4


def test_a_whole_wav_has_its_true_size():
    audio = noise(0.5, 16000)
    data = encode(audio, "wav")
    assert data == wav_header(16000, 16000) + audio.pcm16()
    assert int.from_bytes(data[4:8], "little") == len(data) - 8
    assert int.from_bytes(data[40:44], "little") == len(data) - 44
    assert soundfile.info(BytesIO(data)).frames == 8000


def test_a_streamed_wav_is_read_to_its_end():
    audio = noise(0.5, 16000)
    data = streamed(audio, "wav")
    assert data[4:8] == data[40:44] == b"\xff\xff\xff\xff"
    samples, rate = soundfile.read(BytesIO(data), dtype="int16")
    assert rate == 16000
    assert samples.astype("<i2").tobytes() == audio.pcm16()


def test_a_whole_flac_and_mp3_know_their_length():
    audio = tone(440, 2.0, 24000)
    assert soundfile.info(BytesIO(encode(audio, "flac"))).frames == 48000
    with av.open(BytesIO(encode(audio, "mp3")), "r") as container:
        assert container.duration == pytest.approx(2e6, rel=0.03)


@every_format
def test_nothing_fed_is_a_file_without_sound(name: str):
    assert len(Encoder(name, 24000).close()) < 400
    assert len(encode(Audio.silence(0, 24000), name)) < 400
    assert Encoder(name, 24000).feed(np.zeros(0, np.float32)) in (b"", wav_header(24000))


@every_format
def test_what_is_too_loud_is_clipped(name: str):
    loud = heard(encode(tone(440, 0.5, 24000, loudness=3.0), name), name)
    assert 0.9 < np.abs(loud.samples).max() <= 1.0


@every_format
def test_an_encoder_may_be_dropped_half_way(name: str):
    encoder = Encoder(name, 24000)
    encoder.feed(noise(0.1, 24000).samples)
    del encoder


def test_rates():
    assert Encoder("opus", 22050).rate == 24000
    assert Encoder("mp3", 8000).rate == 22050
    assert Encoder("mp3", 96000).rate == 48000
    assert Encoder("wav", 11025).rate == 11025
    assert [FORMATS[name].content_type for name in ("mp3", "opus", "aac", "flac", "wav", "pcm")] == [
        "audio/mpeg", "audio/ogg", "audio/aac", "audio/flac", "audio/wav", "audio/pcm;rate=24000",
    ]  # fmt: skip


def test_an_unknown_format_is_told_what_there_is():
    with pytest.raises(BadRequest, match="mp3, opus, aac, flac, wav, pcm") as caught:
        find("midi")
    assert caught.value.param == "response_format"
    with pytest.raises(BadRequest):
        Encoder("", 8000)
