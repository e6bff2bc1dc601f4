"""Audio to the formats people ask for, as a stream or as a whole file. Knows no request."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Protocol

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container.core import Flags

from audio.g711 import alaw_encode, ulaw_encode
from audio.resample import Resampler
from audio.value import Audio
from core.errors import BadRequest


@dataclass(frozen=True)
class Format:
    """One way out. `rates` are those it is coded at; audio of another is brought to the next higher one."""

    name: str
    content_type: str
    suffix: str
    summary: str
    rates: tuple[int, ...] = ()
    """In Hz, rising; empty is any."""
    codec: str = ""
    """libav's encoder and muxer; empty is written here."""
    container: str = ""
    sample_format: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    live: Mapping[str, str] = field(default_factory=dict)
    """Options besides, where the bytes leave while the audio is still made."""

    def rate_for(self, rate: int) -> int:
        return next((own for own in self.rates if own >= rate), self.rates[-1]) if self.rates else rate


FORMATS: Mapping[str, Format] = {
    item.name: item
    for item in (
        # Frames of mp3 and aac hold a fixed count of samples, so below 22 kHz the first of them would come too late.
        Format(
            "mp3", "audio/mpeg", ".mp3", "MP3, 96 kbit/s", (22050, 24000, 32000, 44100, 48000),
            "libmp3lame", "mp3", "fltp", {"b": "96000"},
            # A bit reservoir holds frames back; the Xing header can only be written once the length is known.
            {"reservoir": "0", "write_xing": "0", "id3v2_version": "0"},
        ),
        # audio/ogg is what RFC 7845 registers for Opus in Ogg and what browsers list as playable; audio/opus (RFC 7587)
        # names bare RTP payload, and players answer "no" to it.
        Format(
            "opus", "audio/ogg", ".opus", "Opus in Ogg, 48 kbit/s", (8000, 12000, 16000, 24000, 48000),
            "libopus", "ogg", "flt", {"b": "48000"}, {"page_duration": "40000"},
        ),
        Format(
            "aac", "audio/aac", ".aac", "AAC in ADTS, 96 kbit/s", (22050, 24000, 32000, 44100, 48000),
            # The fast coder takes half the time of libav's default and measured no worse at this bit rate.
            "aac", "adts", "fltp", {"b": "96000", "aac_coder": "fast"},
        ),
        Format(
            "flac", "audio/flac", ".flac", "FLAC, 16 bit", (),
            "flac", "flac", "s16", {"metadata_header_padding": "0"},
        ),
        Format("wav", "audio/wav", ".wav", "WAV, 16 bit"),
        Format("pcm", "audio/pcm;rate=24000", ".pcm", "bare 16-bit little-endian samples at 24 kHz", (24000,)),
        Format("ulaw", "audio/basic", ".ulaw", "bare mu-law at 8 kHz", (8000,)),
        Format("alaw", "audio/x-alaw-basic", ".alaw", "bare A-law at 8 kHz", (8000,)),
    )
}  # fmt: skip


def find(name: str) -> Format:
    """Raises BadRequest, naming what there is."""
    if not isinstance(name, str) or name not in FORMATS:  # a program may send anything
        known = ", ".join(FORMATS)
        raise BadRequest(f"There is no audio format {name!r:.80}; there are {known}.", param="response_format")
    return FORMATS[name]


class Encoder:
    """Audio of one rate in, bytes of one file out, as early as the format allows."""

    def __init__(self, format: str, rate: int):
        """`rate` is that of what will be fed, in Hz. Raises BadRequest on a format there is not."""
        self.format = find(format)
        self._resampler = Resampler(rate, self.format.rate_for(rate))
        self._writer = _writer(self.format, self._resampler.target)

    @property
    def rate(self) -> int:
        """Of the audio in the bytes, in Hz."""
        return self._resampler.target

    def feed(self, samples: np.ndarray) -> bytes:
        """Float32 samples (n,) in, the bytes that are ready out; often none."""
        return self._writer.write(self._resampler.feed(samples))

    def close(self) -> bytes:
        """The end of the file. Nothing may be fed afterwards."""
        return self._writer.write(self._resampler.flush()) + self._writer.close()


def encode(audio: Audio, format: str) -> bytes:
    """A complete file whose header knows its length. Raises BadRequest on a format there is not."""
    found = find(format)
    resampler = Resampler(audio.rate, found.rate_for(audio.rate))
    samples = np.concatenate((resampler.feed(audio.samples), resampler.flush()))
    if format == "wav":
        return wav_header(audio.rate, 2 * len(samples)) + Audio(samples, audio.rate).pcm16()
    if not found.codec:
        return _Plain(found, resampler.target).write(samples)
    file = BytesIO()
    writer = _Libav(found, resampler.target, file, found.options)
    for at in range(0, len(samples), resampler.target):
        writer.push(samples[at : at + resampler.target])
    writer.end()
    return file.getvalue()


UNKNOWN = 0xFFFFFFFF


def wav_header(rate: int, size: int | None = None) -> bytes:
    """44 bytes of RIFF for mono s16le. `size` is in bytes of sound, None while it is not known.

    Then both lengths are 0xFFFFFFFF: the value streaming encoders write, OpenAI's among them, and readers take as
    "until the end". A zero would be played as silence, and a plain large number shown as a length of hours.
    """
    riff, data = (UNKNOWN, UNKNOWN) if size is None else (min(36 + size, UNKNOWN), min(size, UNKNOWN))
    return struct.pack("<4sI8sIHHIIHH4sI", b"RIFF", riff, b"WAVEfmt ", 16, 1, 1, rate, 2 * rate, 2, 16, b"data", data)


class _Writer(Protocol):
    def write(self, samples: np.ndarray) -> bytes: ...

    def close(self) -> bytes: ...


def _writer(format: Format, rate: int) -> _Writer:
    return _Live(format, rate) if format.codec else _Plain(format, rate)


class _Plain:
    """Formats in which every sample is a fixed count of bytes."""

    def __init__(self, format: Format, rate: int):
        self._name, self._rate = format.name, rate
        self._header = wav_header(rate) if format.name == "wav" else b""

    def write(self, samples: np.ndarray) -> bytes:
        header, self._header = self._header, b""
        if self._name == "ulaw":
            return ulaw_encode(samples)
        if self._name == "alaw":
            return alaw_encode(samples)
        return header + Audio(samples, self._rate).pcm16()

    def close(self) -> bytes:
        return b""


class _Drain:
    """A file libav can only append to, so that it never plans to come back to the header."""

    def __init__(self):
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(data)
        return len(data)

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data


class _Live:
    """A libav file whose bytes are handed on as they come."""

    def __init__(self, format: Format, rate: int):
        self._drain = _Drain()
        self._libav = _Libav(format, rate, self._drain, {**format.options, **format.live})

    def write(self, samples: np.ndarray) -> bytes:
        self._libav.push(samples)
        return self._drain.take()

    def close(self) -> bytes:
        self._libav.end()
        return self._drain.take()


class _Libav:
    """One mono stream through libav's encoder and muxer into `file`."""

    def __init__(self, format: Format, rate: int, file: Any, options: Mapping[str, str]):
        self._rate, self._at = rate, 0
        self._wide = format.sample_format != "s16"
        self._container = av.open(file, "w", format=format.container, container_options=dict(options))
        self._container.flags |= Flags.flush_packets.value
        stream = self._container.add_stream(format.codec, rate=rate, options=dict(options))
        assert isinstance(stream, AudioStream)
        stream.codec_context.layout = "mono"
        stream.codec_context.format = format.sample_format
        self._stream = stream

    def push(self, samples: np.ndarray) -> None:
        if not len(samples):
            return
        limited = np.clip(samples, -1.0, 1.0)
        array = limited if self._wide else np.rint(limited * 32767).astype(np.int16)
        frame = AudioFrame.from_ndarray(array[None], "flt" if self._wide else "s16", "mono")
        frame.sample_rate, frame.pts = self._rate, self._at
        self._at += len(samples)
        self._container.mux(self._stream.encode(frame))

    def end(self) -> None:
        if not self._at:
            self._container.start_encoding()
        self._container.mux(self._stream.encode(None))
        self._container.close()
