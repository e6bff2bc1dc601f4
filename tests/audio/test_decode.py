import gc
import struct
import tracemalloc
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.decode import blocks, decode
from audio.encode import Encoder, encode
from audio.value import Audio
from core.errors import BadAudio, TooLarge
from tests.audio.sounds import long_silence, loudness, muxed, noise, pitch, tone, wav, written

CODED = ("wav", "mp3", "opus", "aac", "flac")
SECOND = tone(440, 1.0, 24000)
FILES = {name: encode(SECOND, name) for name in CODED}
KINDS = {
    **FILES,
    "m4a": muxed("ipod", [("aac", "mono", SECOND)]),
    "mp4 video": muxed("mp4", [("aac", "stereo", SECOND)], video=True),
    "webm": muxed("webm", [("libopus", "stereo", SECOND)]),
    "mkv video": muxed("matroska", [("pcm_s16le", "stereo", SECOND)], video=True),
    "avi video": muxed("avi", [("libmp3lame", "stereo", SECOND)], video=True),
    "ogg vorbis": written(SECOND.samples, 24000, "OGG", "VORBIS"),
    "alac": muxed("ipod", [("alac", "mono", SECOND)]),
    "aiff": muxed("aiff", [("pcm_s16be", "mono", SECOND)]),
    "caf": muxed("caf", [("pcm_s16le", "mono", SECOND)]),
}
MP4 = ("m4a", "alac", "mp4 video")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_every_kind_of_file(kind: str, rate: int):
    audio = decode(KINDS[kind], rate, max_seconds=10)
    assert audio.rate == rate
    assert audio.seconds == pytest.approx(1.0, abs=0.11)
    assert pitch(audio) == pytest.approx(440, abs=4)
    assert loudness(audio.samples) == pytest.approx(-6, abs=0.7)


def test_bytes_path_and_file_object_are_the_same(tmp_path: Path):
    path = tmp_path / "speech.mp3"  # a name that lies
    path.write_bytes(FILES["flac"])
    whole = decode(FILES["flac"], 16000, max_seconds=10).samples
    assert (decode(path, 16000, max_seconds=10).samples == whole).all()
    with path.open("rb") as file:
        file.seek(17)
        assert (decode(file, 16000, max_seconds=10).samples == whole).all()
        assert not file.closed


def test_what_cannot_be_rewound_is_read_once():
    class Pipe(BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise OSError("not seekable")

    assert decode(Pipe(FILES["mp3"]), 16000, max_seconds=10).seconds == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_join_to_the_whole(kind: str):
    parts = list(blocks(KINDS[kind], 16000, max_seconds=10, block_seconds=0.3))
    assert {len(part.samples) for part in parts[:-1]} == {4800}
    assert 0 < len(parts[-1].samples) <= 4800
    assert (Audio.join(parts).samples == decode(KINDS[kind], 16000, max_seconds=10).samples).all()


# Downmix, odd channels, odd values


def test_stereo_is_the_mean_and_never_clips():
    left, right = np.full(16000, 0.8, np.float32), np.full(16000, 0.8, np.float32)
    both = decode(wav(np.stack((left, right), 1), 16000), 16000, max_seconds=10)
    assert np.allclose(both.samples[100:-100], 0.8, atol=1e-3)
    one = decode(wav(np.stack((left, 0 * right), 1), 16000), 16000, max_seconds=10)
    assert np.allclose(one.samples[100:-100], 0.4, atol=1e-3)


def test_surround_hears_the_centre_best_and_the_bass_channel_not():
    def only(channel: int) -> float:
        frames = np.zeros((8000, 6), np.int16)
        frames[:, channel] = 16384
        return float(decode(written(frames, 8000, "FLAC", "PCM_16"), 8000, max_seconds=10).samples[4000])

    left, centre, bass, back = only(0), only(2), only(3), only(4)
    assert centre > left > back > bass == 0


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8, 9, 32, 64])
def test_many_channels(channels: int):
    frames = np.repeat((tone(440, 0.3, 16000).samples * 32767).astype(np.int16)[:, None], channels, axis=1)
    audio = decode(wav(frames, 16000), 16000, max_seconds=10)
    assert audio.seconds == 0.3
    assert loudness(audio.samples) == pytest.approx(-6, abs=0.1)


def test_more_planes_than_a_frame_has_room_for():
    audio = decode(muxed("matroska", [("wavpack", "22.2", tone(440, 0.3, 48000))]), 16000, max_seconds=10)
    assert loudness(audio.samples) == pytest.approx(-6, abs=0.1)


@pytest.mark.parametrize("channels", [0, 65, 1000, 65535])
def test_too_many_channels(channels: int):
    data = bytearray(wav(np.zeros((20000, 1), np.int16), 16000))
    data[22:24], data[32:34] = struct.pack("<H", channels), struct.pack("<H", 2 * channels & 0xFFFF)
    with pytest.raises(BadAudio):
        decode(bytes(data), 16000, max_seconds=10)


@pytest.mark.parametrize("rate", [1000, 7350, 11111, 12345, 37800, 96000, 192000])
def test_odd_rates(rate: int):
    audio = decode(wav(tone(300, 1.0, rate).samples[:, None], rate), 16000, max_seconds=10)
    assert len(audio.samples) == 16000
    assert pitch(audio) == pytest.approx(300, abs=3)


@pytest.mark.parametrize("rate", [0, 1, 999, 768_001, 2**31 - 1, 2**32 - 1])
def test_rates_there_cannot_be(rate: int):
    with pytest.raises(BadAudio):
        decode(wav(np.zeros((16000, 1), np.int16), rate), 16000, max_seconds=1e9)


def test_what_no_float_should_be_becomes_a_sound_all_the_same():
    frames = np.tile(np.array([np.nan, np.inf, -np.inf, 3e38, -3e38, 5, -5, 0.25], np.float32), 1000)
    for channels in (1, 2, 4):
        audio = decode(wav(frames.reshape(-1, channels), 16000), 8000, max_seconds=10)
        assert np.isfinite(audio.samples).all()
        assert np.abs(audio.samples).max() <= 1


# Several streams, changes on the way


def test_of_several_streams_the_first_is_taken():
    other = tone(1000, 1.0, 48000)
    data = muxed("matroska", [("aac", "stereo", SECOND), ("aac", "mono", other)], video=True)
    assert pitch(decode(data, 16000, max_seconds=10)) == pytest.approx(440, abs=4)


def test_pictures_without_sound():
    with pytest.raises(BadAudio, match="no sound"):
        decode(muxed("mp4", [], video=True), 16000, max_seconds=10)


@pytest.mark.parametrize("name", ["mp3", "aac", "opus"])
def test_a_rate_that_changes_on_the_way(name: str):
    def stream(audio: Audio) -> bytes:
        encoder = Encoder(name, audio.rate)
        return encoder.feed(audio.samples) + encoder.close()

    audio = decode(stream(SECOND) + stream(tone(800, 1.0, 48000)), 16000, max_seconds=10)
    assert audio.seconds == pytest.approx(2.0, abs=0.2)
    assert pitch(audio.cut(0.1, 0.9)) == pytest.approx(440, abs=5)
    assert pitch(audio.cut(1.15, 1.95)) == pytest.approx(800, abs=5)


# Hostile input

REFUSED = {
    "empty": b"",
    "one byte": b"R",
    "text": b"This is no sound at all.\n" * 4000,
    "text with a wav header": b"RIFF" + b"\xff\xff\xff\x7f" + b"WAVE" + b"This is no sound at all.\n" * 4000,
    "zeros": bytes(100_000),
    "html": b"<!doctype html><html><body>404</body></html>",
    "header only": wav(np.zeros((0, 1), np.int16), 16000),
    "picture": b"\x89PNG\r\n\x1a\n" + bytes(1000),
    "subtitles": b"1\n00:00:01,000 --> 00:00:02,000\nHello\n",
    "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_audio(name: str, capfd: pytest.CaptureFixture[str]):
    with pytest.raises(BadAudio) as caught:
        decode(REFUSED[name], 16000, max_seconds=10)
    assert str(caught.value).endswith(".")
    assert "Errno" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("seed", range(5))
def test_random_bytes(seed: int):
    with pytest.raises(BadAudio):
        decode(np.random.default_rng(seed).bytes(200_000), 16000, max_seconds=10)


HLS = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{path}\n#EXT-X-ENDLIST\n"
PLAYLISTS = {
    "hls": HLS,
    "hls by address": HLS.replace("{path}", "file://{folder}/{path}"),
    "concat": "ffconcat version 1.0\nfile {path}\n",
    "concat by protocol": "ffconcat version 1.0\nfile concat:{path}|{path}\n",
    "concat with a rule": "ffconcat version 1.0\noption safe 0\nfile {folder}/{path}\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT1S"><Period><AdaptationSet mimeType="audio/mp4"><Representation id="1">'
    "<BaseURL>{path}</BaseURL></Representation></AdaptationSet></Period></MPD>",
    "a path": "{folder}/{path}\n",
}


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_file_that_names_another_opens_nothing(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("secret.ts").write_bytes(muxed("mpegts", [("aac", "mono", SECOND)]))
    assert decode(Path("secret.ts"), 16000, max_seconds=10).seconds > 0.9
    lure = tmp_path / "lure.m3u8"
    lure.write_text(PLAYLISTS[kind].format(path="secret.ts", folder=tmp_path))
    for source in (lure.read_bytes(), lure):
        with pytest.raises(BadAudio, match="not audio we can read"):
            decode(source, 16000, max_seconds=10)


def test_a_missing_file_and_a_folder(tmp_path: Path):
    for path in (tmp_path / "none.wav", tmp_path):
        with pytest.raises(BadAudio, match="could not be opened") as caught:
            decode(path, 16000, max_seconds=10)
        assert str(tmp_path) not in str(caught.value)


LONG = Audio(tone(440, 4.0, 24000).samples + noise(4.0, 24000).samples / 2, 24000)
BROKEN = {
    **{name: encode(LONG, name) for name in CODED},
    "ogg vorbis": written(LONG.samples, 24000, "OGG", "VORBIS"),
    "webm": muxed("webm", [("libopus", "stereo", LONG)]),
    "mkv": muxed("matroska", [("pcm_s16le", "stereo", LONG)]),
    "avi video": muxed("avi", [("libmp3lame", "stereo", LONG)], video=True),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_breaks_off_yields_what_it_holds(kind: str):
    audio = decode(BROKEN[kind][: int(len(BROKEN[kind]) * 0.6)], 16000, max_seconds=10)
    assert 0.8 < audio.seconds < 3.0
    assert pitch(audio) == pytest.approx(440, abs=4)


@pytest.mark.parametrize("kind", ["opus", "flac", "mkv"])
def test_what_breaks_off_before_the_sound_is_refused(kind: str):
    with pytest.raises(BadAudio):
        decode(BROKEN[kind][:60], 16000, max_seconds=10)


@pytest.mark.parametrize("kind", MP4)
def test_an_mp4_that_lost_its_index_is_refused(kind: str):
    with pytest.raises(BadAudio):
        decode(KINDS[kind][: len(KINDS[kind]) // 2], 16000, max_seconds=10)


@pytest.mark.parametrize("claimed", [0x7FFFFFFF, 0xFFFFFFFF, 0x80000000, 10**9])
def test_a_header_that_claims_gigabytes(claimed: int):
    data = wav((SECOND.samples * 32767).astype(np.int16)[:, None], 24000, claimed=claimed)
    assert decode(data, 24000, max_seconds=10).seconds == 1.0


@given(
    kind=st.sampled_from(sorted(KINDS)),
    edits=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=20),
    head=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_a_damaged_file_is_heard_in_part_or_refused(kind: str, edits: list[tuple[float, int]], head: bool):
    data = bytearray(KINDS[kind])
    reach = min(len(data), 200) if head else len(data)
    for where, value in edits:
        data[int(where * (reach - 1))] = value
    try:
        audio = decode(bytes(data), 16000, max_seconds=5)
    except (BadAudio, TooLarge):
        return
    assert audio.rate == 16000
    assert np.isfinite(audio.samples).all()


# Bounds


def test_packets_of_one_sample_each_are_not_worth_the_time():
    data = bytearray(KINDS["caf"])
    desc = data.index(b"desc") + 12
    data[desc + 16 : desc + 24] = struct.pack(">II", 2, 2)  # bytes and samples in a packet
    heard = []
    with pytest.raises(BadAudio, match="too many small packets"):
        heard.extend(blocks(bytes(data), 16000, max_seconds=10))
    assert not heard


BOMBS = {
    "flac": long_silence(3600),
    "opus": encode(Audio.silence(20, 8000), "opus") * 10,
    "mp3": encode(Audio.silence(20, 24000), "mp3") * 10,
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_of_silence_stops_at_the_limit(kind: str):
    got: list[float] = []
    with pytest.raises(TooLarge, match=r"longer than the 2 minutes allowed\.") as caught:
        got.extend(block.seconds for block in blocks(BOMBS[kind], 16000, max_seconds=120))
    assert caught.value.status == 413
    assert 100 < sum(got) <= 120


def test_the_limit_itself_is_allowed():
    assert decode(FILES["wav"], 16000, max_seconds=1.0).seconds == 1.0
    with pytest.raises(TooLarge, match=r"longer than the 0\.99 seconds"):
        decode(FILES["wav"], 16000, max_seconds=0.99)


def test_an_hour_takes_no_more_memory_than_a_minute():
    def peak(data: bytes) -> int:
        tracemalloc.start()
        sizes = {len(block.samples) for block in blocks(data, 8000, max_seconds=4000)}
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert max(sizes) == 8000
        return highest

    minute = long_silence(60)
    peak(minute)
    # An hour of samples is 115 MB; what other threads of the test process allocate meanwhile is far below that.
    assert peak(BOMBS["flac"]) < peak(minute) + 10_000_000


def test_no_file_stays_open(tmp_path: Path):
    path = tmp_path / "x.wav"
    path.write_bytes(encode(noise(5.0, 16000), "wav"))
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        decode(path, 16000, max_seconds=10)
        stopped = blocks(path, 16000, max_seconds=10)
        next(stopped)
        stopped.close()
        dropped = blocks(path, 16000, max_seconds=10)
        next(dropped)
        del dropped
        with pytest.raises(TooLarge):
            decode(path, 16000, max_seconds=1)
        gc.collect()
    assert not [link for link in Path("/proc/self/fd").glob("*") if link.exists() and link.resolve() == path]
