"""Recordings that these tests upload."""

from functools import cache
from io import BytesIO

import numpy as np

from audio.encode import encode
from audio.value import Audio

RATE = 16_000


@cache
def silence(seconds: float = 1.0, form: str = "wav") -> bytes:
    return encode(Audio.silence(seconds, RATE), form)


@cache
def tone(seconds: float = 1.0, form: str = "wav") -> bytes:
    times = np.arange(round(seconds * RATE)) / RATE
    return encode(Audio((0.3 * np.sin(2 * np.pi * 220 * times)).astype(np.float32), RATE), form)


def named(data: bytes, name: str = "a.wav") -> BytesIO:
    """A file as a client's library takes it."""
    file = BytesIO(data)
    file.name = name
    return file
