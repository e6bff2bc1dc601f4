"""What people upload, of whatever kind, to mono `Audio` at the rate asked for, in bounded memory. Trusts no byte of it.

libav opens any of 350 formats by their content, playlists that name other files and addresses among them, so only the
formats and codecs listed here are let through, and what is read is always a file that is open already.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container.input import InputContainer
from av.error import EOFError as EndOfFile
from av.error import FFmpegError

from audio.resample import Resampler
from audio.value import Audio
from core.errors import BadAudio, TooLarge

# As libav takes them, with commas. First what is sound alone, then what has pictures too.
FORMATS = "wav,w64,aiff,au,caf,flac,mp3,aac,ogg,amr,mov,mp4,m4a,3gp,matroska,webm,avi,flv,mpeg,mpegts,asf"
CODECS = (
    "mp3float,mp3,mp2float,mp2,mp1float,aac,aac_latm,ac3,eac3,alac,flac,opus,libopus,vorbis,amrnb,amrwb,"
    "libopencore_amrnb,libopencore_amrwb,gsm,gsm_ms,g722,g726,g726le,speex,wavpack,tta,wmav1,wmav2,wmapro,wmavoice,"
    "wmalossless,adpcm_ima_wav,adpcm_ima_qt,adpcm_ms,adpcm_swf,adpcm_yamaha,pcm_alaw,pcm_mulaw,pcm_dvd,pcm_bluray,"
    "pcm_f16le,pcm_f24le,pcm_f32be,pcm_f32le,pcm_f64be,pcm_f64le,pcm_lxf,pcm_s8,pcm_s8_planar,pcm_s16be,pcm_s16le,"
    "pcm_s16be_planar,pcm_s16le_planar,pcm_s24be,pcm_s24le,pcm_s24le_planar,pcm_s32be,pcm_s32le,pcm_s32le_planar,"
    "pcm_s64be,pcm_s64le,pcm_u8,pcm_u16be,pcm_u16le,pcm_u24be,pcm_u24le,pcm_u32be,pcm_u32le"
)
TAKEN = "Send a wav, mp3, m4a, ogg, opus, flac or webm file, or a video with sound."
RATES = range(1000, 768_001)
MOST_CHANNELS = 64  # as far as libav's filters go
MOST_CHANGES = 50  # of rate or channels; each costs a new filter
MOST_PACKETS = 2000  # for each second decoded; real files have 10 to 1100, and each costs 20 us however little it holds
MOST_BROKEN = 1000  # packets in a row that cannot be decoded before the rest is given up
WEIGHTS = {"FC": 1.0, "FL": 0.7071, "FR": 0.7071, "LFE": 0.0, "LFE2": 0.0}
"""Loudness of a channel in the downmix of ITU-R BS.775, before the sum is brought to one; 0.5 for all others."""


def blocks(
    source: bytes | Path | BinaryIO, rate: int, *, max_seconds: float, block_seconds: float = 1.0
) -> Generator[Audio, None, None]:
    """Mono audio at `rate` Hz in blocks of `block_seconds`, the last one shorter, none empty.

    Of several audio streams the first is taken; what is damaged is left out, and a recording that breaks off yields
    what it holds. A file object is read from its beginning and left open.
    Raises BadAudio where there is nothing to hear at all, TooLarge once more than `max_seconds` have been decoded.
    """
    size = max(1, round(block_seconds * rate))
    found = False
    with _opened(source) as file:
        for samples in _cut(_pieces(file, rate, max_seconds), size):
            found = True
            yield Audio(samples, rate)
    if not found:
        raise BadAudio("The recording holds no sound.")


def decode(source: bytes | Path | BinaryIO, rate: int, *, max_seconds: float) -> Audio:
    """All of it at once; `blocks` has the rest of the contract."""
    return Audio.join(blocks(source, rate, max_seconds=max_seconds))


class _File:
    """The bytes of a file without its name, by which libav would guess what it is."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self.empty = True

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self.empty = self.empty and not data
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return self._file.seekable()


@contextmanager
def _opened(source: bytes | Path | BinaryIO) -> Iterator[_File]:
    if isinstance(source, Path):
        try:
            file = source.open("rb")
        except OSError as error:
            raise BadAudio("The recording could not be opened.") from error
        with file:
            yield _File(file)
        return
    file = BytesIO(source) if isinstance(source, (bytes, bytearray, memoryview)) else source
    if file.seekable():
        file.seek(0)
    yield _File(file)


def _refuse(url: str, flags: int, options: dict[str, str]) -> NoReturn:
    raise PermissionError("a recording may not open another file")


@contextmanager
def _container(file: _File) -> Iterator[InputContainer]:
    limits = {"format_whitelist": FORMATS, "codec_whitelist": CODECS, "max_streams": "64"}
    try:
        container = av.open(file, "r", container_options=limits, metadata_errors="replace", io_open=_refuse)
    except (FFmpegError, PermissionError) as error:
        raise BadAudio(_why_not(file, error)) from error
    with container:
        yield container


def _why_not(file: _File, error: Exception) -> str:
    if file.empty:
        return "The recording is empty."
    if isinstance(error, EndOfFile):
        return "The recording breaks off before its sound begins."
    return f"This is not audio we can read. {TAKEN}"


def _first_audio(container: InputContainer) -> AudioStream:
    stream = next(iter(container.streams.audio), None)
    if stream is None:
        raise BadAudio(f"The file holds no sound. {TAKEN}")
    # A codec libav knows by name only has no context.
    if stream.codec_context is None or stream.codec_context.name not in CODECS.split(","):
        raise BadAudio(f"The sound is coded in a way we cannot read. {TAKEN}")
    return stream


def _pieces(file: _File, rate: int, max_seconds: float) -> Iterator[np.ndarray]:
    with _container(file) as container:
        track, seconds = _Track(rate), 0.0
        for frame in _frames(container, _first_audio(container)):
            _check(frame)
            seconds += frame.samples / frame.sample_rate
            if seconds > max_seconds + 1e-6:
                raise TooLarge(f"The recording is longer than the {_spoken(max_seconds)} allowed.")
            yield from track.take(frame)
        yield from track.end()


def _check(frame: AudioFrame) -> None:
    if frame.sample_rate not in RATES:
        raise BadAudio(f"The recording claims a sample rate of {frame.sample_rate} Hz.")
    if not 1 <= frame.layout.nb_channels <= MOST_CHANNELS:
        raise BadAudio(f"The recording has {frame.layout.nb_channels} channels; {MOST_CHANNELS} are the most.")


def _frames(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    """What can be decoded, in order. Raises BadAudio if packets came but not one of them could be."""
    packets = decoded = broken = 0
    seconds = 0.0
    for packet in _packets(container, stream):
        packets += 1
        if packets > MOST_PACKETS * (1 + seconds):
            raise BadAudio("The recording is cut into far too many small packets.")
        try:
            frames = cast(list[AudioFrame], stream.decode(packet))
        except EndOfFile:
            break
        except FFmpegError:
            broken += 1
            if broken > MOST_BROKEN:
                break
            continue
        broken = 0 if frames else broken
        decoded += len(frames)
        seconds += sum(frame.samples / max(1, frame.sample_rate) for frame in frames)
        yield from frames
    if broken and not decoded:
        raise BadAudio("The recording is damaged: nothing in it can be decoded.")


def _packets(container: InputContainer, stream: AudioStream) -> Iterator[Any]:
    """Up to the end, or to where the container breaks; then the None that makes the decoder give its last."""
    with suppress(FFmpegError, PermissionError):
        for packet in container.demux(stream):
            if packet.size:
                yield packet
    yield None


class _Track:
    """Decoded frames to mono at one rate, about a second at a time. A change of rate or channels begins anew."""

    def __init__(self, rate: int):
        self._rate = rate
        self._shape: tuple[Any, ...] = ()
        self._changes = 0

    def take(self, frame: AudioFrame) -> Iterator[np.ndarray]:
        shape = (frame.format.name, frame.layout.name, frame.layout.nb_channels, frame.sample_rate)
        if shape != self._shape:
            yield from self.end()
            self._begin(frame, shape)
        for packed in self._packed(frame):
            self._held.append(packed.to_ndarray()[0])
            self._waiting += packed.samples
        if self._waiting >= frame.sample_rate:
            yield self._resampler.feed(self._mixed())

    def _packed(self, frame: AudioFrame) -> list[AudioFrame]:
        """As interleaved float, by libav: its Python frame knows no 64-bit formats and no planes beyond the eighth."""
        frame.pts = None
        try:
            return self._packer.resample(frame)
        except FFmpegError as error:
            raise BadAudio("The recording holds samples of a kind we cannot read.") from error

    def end(self) -> Iterator[np.ndarray]:
        if self._shape:
            yield self._resampler.feed(self._mixed())
            yield self._resampler.flush()

    def _begin(self, frame: AudioFrame, shape: tuple[Any, ...]) -> None:
        self._changes += 1
        if self._changes > MOST_CHANGES:
            raise BadAudio("The recording changes its sample rate or channels too often.")
        self._shape = shape
        self._packer = AudioResampler(format="flt")
        self._weights = _weights([channel.name for channel in frame.layout.channels])
        self._resampler = Resampler(frame.sample_rate, self._rate)
        self._held: list[np.ndarray] = []
        self._waiting = 0

    def _mixed(self) -> np.ndarray:
        """What is held, as one channel in [-1, 1]; a float file may hold anything, infinities and NaN too."""
        held = np.concatenate([*self._held, np.zeros(0, np.float32)])
        self._held, self._waiting = [], 0
        with np.errstate(invalid="ignore", over="ignore"):
            mono = held.reshape(-1, len(self._weights)) @ self._weights
        return np.clip(np.nan_to_num(mono, copy=False), -1.0, 1.0)


def _weights(channels: list[str]) -> np.ndarray:
    """Float32 (channels,), its sum one, so that the loudest mix cannot clip."""
    loudness = np.array([WEIGHTS.get(name, 0.5) for name in channels], np.float32)
    loudness = loudness if loudness.any() else np.ones_like(loudness)
    return loudness / loudness.sum()


def _cut(pieces: Iterator[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """The same samples in arrays of `size`; the resampler's overshoot is clipped."""
    held = np.zeros(0, np.float32)
    for piece in pieces:
        held = np.concatenate((held, np.clip(piece, -1.0, 1.0)))
        while len(held) >= size:
            yield held[:size]
            held = held[size:]
    if len(held):
        yield held


def _spoken(seconds: float) -> str:
    return f"{seconds / 60:g} minutes" if seconds >= 120 else f"{seconds:g} seconds"
