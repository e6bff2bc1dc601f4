"""Sounds and files the tests of this room are made of."""

import struct
from collections.abc import Iterable
from io import BytesIO
from typing import Any

import av
import numpy as np
import soundfile

from audio.value import Audio


def tone(hz: float, seconds: float, rate: int, loudness: float = 0.5) -> Audio:
    at = np.arange(round(seconds * rate)) / rate
    return Audio((loudness * np.sin(2 * np.pi * hz * at)).astype(np.float32), rate)


def noise(seconds: float, rate: int, seed: int = 1) -> Audio:
    count = round(seconds * rate)
    return Audio(np.random.default_rng(seed).uniform(-0.5, 0.5, count).astype(np.float32), rate)


def pitch(audio: Audio) -> float:
    """The loudest frequency in Hz, from the middle half."""
    quarter = len(audio.samples) // 4
    middle = audio.samples[quarter : 3 * quarter]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    return float(spectrum.argmax() * audio.rate / len(middle))


def loudness(samples: np.ndarray) -> float:
    """Root mean square of the middle half, in dB of a full-scale sine."""
    quarter = len(samples) // 4
    mean = float(np.mean(samples[quarter : 3 * quarter].astype(np.float64) ** 2))
    return 10 * np.log10(max(2 * mean, 1e-20))


def wav(frames: np.ndarray, rate: int, *, claimed: int | None = None) -> bytes:
    """A wav of int16 or float32 (n, channels); `claimed` is the length its header tells."""
    kind = {"i": 1, "f": 3}[frames.dtype.kind]
    body, channels, width = frames.tobytes(), frames.shape[1], frames.itemsize
    size = len(body) if claimed is None else claimed
    layout = (16, kind, channels, rate, (rate * channels * width) & 0xFFFFFFFF, channels * width, 8 * width)
    return struct.pack("<4sI8sIHHIIHH4sI", b"RIFF", size, b"WAVEfmt ", *layout, b"data", size) + body


def written(frames: np.ndarray, rate: int, format: str, subtype: str) -> bytes:
    """A file by libsndfile, of (n,) or (n, channels)."""
    file = BytesIO()
    soundfile.write(file, frames, rate, format=format, subtype=subtype)
    return file.getvalue()


def long_silence(seconds: int) -> bytes:
    """A small flac at 8 kHz, however long."""
    file, minute = BytesIO(), np.zeros(8000 * 60, np.int16)
    with soundfile.SoundFile(file, "w", 8000, 1, format="FLAC", subtype="PCM_16") as out:
        for _ in range(seconds // 60):
            out.write(minute)
    return file.getvalue()


def muxed(container: str, tracks: Iterable[tuple[str, str, Audio]], *, video: bool = False) -> bytes:
    """A file of several streams: (codec, layout, sound on all its channels), and moving pictures before them."""
    file = BytesIO()
    with av.open(file, "w", format=container) as out:
        streams: list[tuple[Any, str, Audio]] = []
        pictures: Any = out.add_stream("mpeg4", rate=10) if video else None
        if pictures:
            pictures.width = pictures.height = 64
            pictures.pix_fmt = "yuv420p"
        for codec, layout, audio in tracks:
            stream: Any = out.add_stream(codec, rate=audio.rate)
            stream.codec_context.layout = layout
            streams.append((stream, layout, audio))
        if pictures:
            for shade in range(10):
                out.mux(pictures.encode(av.VideoFrame.from_ndarray(np.full((64, 64, 3), shade * 20, np.uint8))))
            out.mux(pictures.encode(None))
        for stream, layout, audio in streams:
            channels = av.AudioLayout(layout).nb_channels
            for part in np.array_split(audio.samples, 50):
                frame = av.AudioFrame.from_ndarray(np.repeat(part, channels)[None], "flt", layout)
                frame.sample_rate = audio.rate
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
    return file.getvalue()
