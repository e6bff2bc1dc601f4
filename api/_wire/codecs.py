"""Sound on the wire of a conversation: PCM16 or bare Opus packets to what a conversation hears, and back.

Inside, audio is float32 mono: at 16 kHz on its way in, at the conversation's own rate on its way out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.error import FFmpegError

from audio.resample import Resampler
from core.errors import BadAudio, BadRequest, TooLarge

HEARD = 16000
"""Hz of what a conversation hears."""
OPUS = 48000
"""Hz that Opus is decoded to, whatever it was made of."""
OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
OPUS_FRAME = 0.02
LOOKAHEAD = 0.0065
"""Seconds that libopus' encoder is behind what it is fed."""
LONGEST = 1.0
"""Seconds of sound in one frame."""
MOST_PACKET = 8000
"""Bytes of an Opus packet; 120 ms at 510 kbit/s are fewer."""
LIMIT = float(np.float32(32767.0))

Format = Literal["pcm16", "opus"]


@dataclass(frozen=True)
class Sound:
    """How sound looks on the wire, in one direction."""

    format: Format = "pcm16"
    rate: int = HEARD
    """Hz, 8000 to 48000; of Opus one of five."""

    def __post_init__(self):
        """Raises BadRequest."""
        if self.format == "opus" and self.rate not in OPUS_RATES:
            raise BadRequest(f"Opus has {self.rate} Hz not; it has {', '.join(map(str, OPUS_RATES))}.", param="rate")


class Ear(Protocol):
    """Frames of one client to what a conversation hears."""

    def feed(self, data: bytes) -> np.ndarray:
        """Float32 (n,) at 16 kHz. Raises BadAudio, TooLarge; the next frame is welcome all the same."""
        ...


class Mouth(Protocol):
    """What a conversation says to frames of one client."""

    def feed(self, samples: np.ndarray) -> list[bytes]:
        """Float32 (n,) at the conversation's rate to the frames that are ready; often one."""
        ...

    def flush(self) -> list[bytes]:
        """The end of a run of sound: what was held back. What is fed next begins anew."""
        ...


def ear(sound: Sound) -> Ear:
    return OpusEar() if sound.format == "opus" else PcmEar(sound.rate)


def mouth(sound: Sound, rate: int) -> Mouth:
    """`rate` is the conversation's."""
    return OpusMouth(sound.rate, rate) if sound.format == "opus" else PcmMouth(sound.rate, rate)


class PcmEar:
    def __init__(self, rate: int):
        self._most = 2 * round(rate * LONGEST)
        self._resampler = None if rate == HEARD else Resampler(rate, HEARD)

    def feed(self, data: bytes) -> np.ndarray:
        if len(data) > self._most:
            raise TooLarge(f"A frame holds up to {LONGEST:g} s of sound, {self._most} bytes; this one had {len(data)}.")
        if len(data) % 2:
            raise BadAudio("A frame of PCM16 has an even number of bytes.")
        samples = np.frombuffer(data, "<i2").astype(np.float32)
        samples *= 1 / 32768
        return self._resampler.feed(samples) if self._resampler else samples


class PcmMouth:
    def __init__(self, rate: int, source: int):
        self._resampler = None if rate == source else Resampler(source, rate)

    def feed(self, samples: np.ndarray) -> list[bytes]:
        if self._resampler:
            samples = self._resampler.feed(samples)
        return [_pcm16(samples)] if len(samples) else []

    def flush(self) -> list[bytes]:
        rest = self._resampler.flush() if self._resampler else ()
        return [_pcm16(rest)] if len(rest) else []


class OpusEar:
    """Decodes to 48 kHz; a packet that cannot be decoded is left out."""

    def __init__(self):
        self._decoder = cast(AudioCodecContext, av.CodecContext.create("libopus", "r"))
        self._decoder.sample_rate = OPUS
        self._decoder.layout = "mono"
        self._resampler = Resampler(OPUS, HEARD)

    def feed(self, data: bytes) -> np.ndarray:
        if len(data) > MOST_PACKET:
            raise TooLarge(f"An Opus packet holds up to {MOST_PACKET} bytes; this one had {len(data)}.")
        if not data:
            raise BadAudio("An Opus packet holds at least one byte.")
        try:
            frames = self._decoder.decode(av.Packet(data))
        except FFmpegError as error:
            raise BadAudio("This is not a packet of Opus.") from error
        parts = [_samples(frame) for frame in frames]
        return self._resampler.feed(np.concatenate(parts)) if parts else np.zeros(0, np.float32)


class OpusMouth:
    """Packets of 20 ms. A run that ends in the middle of one is filled up with silence."""

    def __init__(self, rate: int, source: int):
        self._rate = rate
        self._size = round(rate * OPUS_FRAME)
        self._resampler = None if rate == source else Resampler(source, rate)
        self._encoder = self._new()
        self._waiting = np.zeros(0, np.float32)

    def _new(self) -> AudioCodecContext:
        encoder = cast(AudioCodecContext, av.CodecContext.create("libopus", "w"))
        encoder.sample_rate, encoder.layout, encoder.format = self._rate, "mono", "flt"  # type: ignore[assignment]
        encoder.options = {"b": "32000", "application": "voip", "frame_duration": "20", "compression_level": "5"}
        encoder.open()
        return encoder

    def feed(self, samples: np.ndarray) -> list[bytes]:
        if self._resampler:
            samples = self._resampler.feed(samples)
        if len(self._waiting):
            samples = np.concatenate((self._waiting, samples))
        whole = len(samples) - len(samples) % self._size
        self._waiting = samples[whole:]
        return self._packets(samples[:whole])

    def flush(self) -> list[bytes]:
        rest = self._resampler.flush() if self._resampler else np.zeros(0, np.float32)
        behind = np.zeros(round(LOOKAHEAD * self._rate), np.float32)
        samples = np.concatenate((self._waiting, rest, behind))
        samples = np.concatenate((samples, np.zeros(-len(samples) % self._size, np.float32)))
        self._waiting = samples[:0]
        return self._packets(samples)

    def _packets(self, samples: np.ndarray) -> list[bytes]:
        steps = range(0, len(samples), self._size)
        return [packet for at in steps for packet in self._coded(samples[at : at + self._size])]

    def _coded(self, samples: np.ndarray) -> Iterator[bytes]:
        frame = AudioFrame.from_ndarray(np.clip(samples, -1.0, 1.0)[None], "flt", "mono")
        frame.sample_rate = self._rate
        for packet in self._encoder.encode(frame):
            yield bytes(packet)


def _pcm16(samples: Any) -> bytes:
    scaled = samples * LIMIT
    np.clip(scaled, -LIMIT, LIMIT, out=scaled)
    np.rint(scaled, out=scaled)
    return scaled.astype("<i2").tobytes()


def _samples(frame: Any) -> np.ndarray:
    """Mono float32, whatever the decoder made of it."""
    array = frame.to_ndarray()
    channels = frame.layout.nb_channels
    flat = array.T if frame.format.is_planar else array.reshape(-1, channels)
    mono = flat[:, 0] if channels == 1 else flat.mean(axis=1)
    scale = 1 / 32768 if mono.dtype == np.int16 else 1.0
    return np.ascontiguousarray(mono, np.float32) * np.float32(scale)
