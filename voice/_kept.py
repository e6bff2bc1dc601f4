"""Speech as bytes to be kept: FLAC of 16 bits, with the chunks it came in and the times of its words."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from io import BytesIO

import numpy as np
import soundfile

from audio.value import Audio
from engines.base import Chunk, Word

VERSION = 1
FULL_SCALE = 32767.0
"""As `Audio.pcm16` has it, so that what was kept makes the very bytes that the sound itself made."""
FIRST_SECONDS, STEP_SECONDS = 1.0, 10.0
_LENGTH = struct.Struct("<I")


def pack(chunks: Sequence[Chunk]) -> bytes:
    """All of one rate, at least one."""
    audio = Audio.join(chunk.audio for chunk in chunks)
    words = [[[word.text, word.start, word.end, word.probability] for word in chunk.words] for chunk in chunks]
    about = {"rate": audio.rate, "samples": [len(chunk.audio.samples) for chunk in chunks], "words": words}
    header = json.dumps(about, ensure_ascii=False, separators=(",", ":")).encode()
    file = BytesIO()
    soundfile.write(file, np.frombuffer(audio.pcm16(), "<i2"), audio.rate, format="FLAC", subtype="PCM_16")
    return b"".join((_LENGTH.pack(len(header)), header, file.getbuffer()))


def unpack(data: bytes | memoryview) -> Iterator[list[Chunk]]:
    """The chunks as they were, some at a time, the first second at once so that it can be played.

    Raises ValueError on bytes that `pack` does not write.
    """
    try:
        yield from _unpacked(data)
    except (struct.error, KeyError, TypeError, soundfile.SoundFileError) as error:
        raise ValueError("this is no speech that was kept") from error


def _unpacked(data: bytes | memoryview) -> Iterator[list[Chunk]]:
    (length,) = _LENGTH.unpack_from(data)
    about = json.loads(bytes(data[_LENGTH.size : _LENGTH.size + length]))
    rate, rows = int(about["rate"]), list(zip(about["samples"], about["words"], strict=True))
    with soundfile.SoundFile(BytesIO(data[_LENGTH.size + length :])) as file:
        if file.frames != sum(samples for samples, _ in rows):
            raise ValueError("the speech that was kept is not whole")
        most = FIRST_SECONDS * rate
        while rows:
            step, many = _as_many(rows, most), STEP_SECONDS * rate
            yield _cut(file.read(sum(samples for samples, _ in step), dtype="int16"), rate, step)
            rows, most = rows[len(step) :], many


def _as_many(rows: list[tuple[int, list]], most: float) -> list[tuple[int, list]]:
    """The first rows, up to so many samples, but one at least."""
    total = 0
    for count, (samples, _) in enumerate(rows):
        total += samples
        if total > most:
            return rows[: count or 1]
    return rows


def _cut(pcm: np.ndarray, rate: int, rows: list[tuple[int, list]]) -> list[Chunk]:
    samples = pcm.astype(np.float32) / FULL_SCALE
    ends = np.cumsum([count for count, _ in rows])
    return [
        Chunk(Audio(samples[end - count : end], rate), tuple(Word(*word) for word in words))
        for end, (count, words) in zip(ends.tolist(), rows, strict=True)
    ]
