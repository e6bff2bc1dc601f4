"""What happens to synthesized speech before it is heard: no offset, each voice as loud as the others, nothing clipped.

Knows streams of chunks; which engine made them and who will hear them is decided elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

import numpy as np

from audio.enhance import Enhancer
from audio.filters import Filter, first_order_high_pass
from audio.loudness import Meter
from audio.value import Audio
from engines.base import Chunk
from voice.levels import Levels

OFFSET_HERTZ = 20.0
"""Below it there is no speech, only an offset and rumble."""
KNEE, CEILING = 0.7, 0.98
"""Of full scale: up to the knee a sample stays what it is, and none gets beyond the ceiling."""
LONG = 0.5
"""Seconds of audio that are worth a thread; less is done in under a millisecond."""


class Care:
    """One utterance's worth. The gain is the same from its first sample to its last, so nothing swells or pumps.

    Delays nothing, except by 20 ms where `denoise` is among the enhancements.
    """

    def __init__(self, rate: int, gain_db: float = 0.0, enhancement: Iterable[str] = ()):
        """Raises ValueError on an enhancement that does not exist."""
        self._meter = Meter(rate)
        self._enhancer = Enhancer(rate, enhancement)
        self._high_pass = Filter([first_order_high_pass(OFFSET_HERTZ, rate)])
        self._factor = 10 ** (gain_db / 20)

    def feed(self, samples: np.ndarray) -> np.ndarray:
        """Float32 (n,) in, float32 out."""
        self._meter.feed(samples)
        return self._shaped(self._enhancer.feed(samples))

    def flush(self) -> np.ndarray:
        """What is still inside; empty without `denoise`."""
        return self._shaped(self._enhancer.flush())

    def heard(self) -> tuple[float, float]:
        """LUFS of what was fed, before any of this, and the seconds of it that were not silence."""
        return self._meter.integrated(), self._meter.sounding()

    def _shaped(self, samples: np.ndarray) -> np.ndarray:
        return limited(self._high_pass.feed(samples) * self._factor)


def limited(samples: np.ndarray) -> np.ndarray:
    """Peaks bent towards the ceiling, float32: a curve without memory, whose slope at the knee is one."""
    size = np.abs(samples)
    over = size > KNEE
    if over.any():
        samples, room = samples.copy(), CEILING - KNEE
        samples[over] = np.sign(samples[over]) * (KNEE + room * np.tanh((size[over] - KNEE) / room))
    return samples.astype(np.float32)


async def cared(
    chunks: AsyncGenerator[Chunk], levels: Levels, voice: str, rate: int, enhancement: Iterable[str] = ()
) -> AsyncGenerator[Chunk]:
    """The same utterance as `voice` (`engine/name`) should sound, which `levels` then knows better.

    All chunks are at `rate`. Word times stay as they are. Use with `contextlib.aclosing`.
    """
    care = Care(rate, levels.gain_db(voice), enhancement)
    async with aclosing(chunks):
        async for chunk in chunks:
            work = care.feed, chunk.audio.samples
            done = await asyncio.to_thread(*work) if chunk.audio.seconds > LONG else work[0](work[1])
            yield Chunk(Audio(done, rate), chunk.words)
    if len(rest := care.flush()):
        yield Chunk(Audio(rest, rate))
    if levels.learn(voice, *care.heard()):
        await asyncio.to_thread(levels.save)
