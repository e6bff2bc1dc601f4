"""What happens to synthesized speech before it is heard: no offset, each voice as loud as the others, nothing clipped.

Knows chunks and voices by their ids; which engine made them and who will hear them is decided elsewhere.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

import numpy as np

from audio.enhance import Enhancer
from audio.filters import OffsetFilter
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
    """One voice's worth in one text. The gain is the same from its first sample to its last, so nothing swells, and
    nothing is delayed."""

    def __init__(self, rate: int, gain_db: float = 0.0, *, metered: bool = True):
        self._meter = Meter(rate) if metered else None
        self._high_pass = OffsetFilter(OFFSET_HERTZ, rate)
        self._factor = 10 ** (gain_db / 20)

    def feed(self, samples: np.ndarray) -> np.ndarray:
        """Float32 (n,) in, float32 (n,) out."""
        if self._meter:
            self._meter.feed(samples)
        return limited(self._high_pass.feed(samples) * self._factor)

    def heard(self) -> tuple[float, float]:
        """LUFS of what was fed, before any of this, and the seconds of it that were not silence; nothing heard where it
        is not metered."""
        return (self._meter.integrated(), self._meter.sounding()) if self._meter else (-math.inf, 0.0)


class Cares:
    """The care of one text, in which several voices may speak by turns. All chunks are at `rate`."""

    def __init__(self, levels: Levels, rate: int):
        self._levels, self._rate = levels, rate
        self._voices: dict[str, Care] = {}

    async def feed(self, voice: str, chunk: Chunk) -> Chunk:
        """The next chunk that `voice` (`engine/name`) says, as it should sound. Word times stay as they are."""
        if voice not in self._voices:
            # Metering is most of the work, and a voice that was heard for a minute has no more to tell.
            metered = self._levels.wants(voice)
            self._voices[voice] = Care(self._rate, self._levels.gain_db(voice), metered=metered)
        care = self._voices[voice]
        if chunk.audio.seconds > LONG:
            return Chunk(Audio(await asyncio.to_thread(care.feed, chunk.audio.samples), self._rate), chunk.words)
        return Chunk(Audio(care.feed(chunk.audio.samples), self._rate), chunk.words)

    async def learn(self) -> None:
        """Once all is said: how loud the voices are by nature."""
        worth_saving = [self._levels.learn(voice, *care.heard()) for voice, care in self._voices.items()]
        if any(worth_saving):
            await asyncio.to_thread(self._levels.save)


async def enhanced(chunks: AsyncGenerator[Chunk], rate: int, enhancement: Iterable[str]) -> AsyncGenerator[Chunk]:
    """The same speech with some of `audio.enhance.ENHANCEMENTS`; `denoise` delays it by 20 ms.

    Use with `contextlib.aclosing`. Raises ValueError on an enhancement that does not exist.
    """
    enhancer = Enhancer(rate, enhancement)
    async with aclosing(chunks):
        async for chunk in chunks:
            yield Chunk(Audio(limited(await asyncio.to_thread(enhancer.feed, chunk.audio.samples)), rate), chunk.words)
    if len(rest := enhancer.flush()):
        yield Chunk(Audio(limited(rest), rate))


def limited(samples: np.ndarray) -> np.ndarray:
    """Peaks bent towards the ceiling, float32: a curve without memory, whose slope at the knee is one."""
    size = np.abs(samples)
    if size.max(initial=0.0) > KNEE:
        over = size > KNEE
        samples, room = samples.copy(), CEILING - KNEE
        samples[over] = np.sign(samples[over]) * (KNEE + room * np.tanh((size[over] - KNEE) / room))
    return samples.astype(np.float32)
