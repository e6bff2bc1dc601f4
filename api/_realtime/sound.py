"""Sound as `/v1/realtime` carries it: PCM16 or G.711 to what a conversation hears, and back. Knows no JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from api._wire.codecs import HEARD, Mouth, PcmMouth
from audio.g711 import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode
from audio.resample import Resampler
from core.errors import BadAudio


@dataclass(frozen=True)
class Wire:
    """A format: OpenAI's name of it, and Hz."""

    name: str = "audio/pcm"
    rate: int = 24000

    @property
    def width(self) -> int:
        """Bytes of a sample."""
        return 2 if self.name == "audio/pcm" else 1


DECODED: dict[str, Callable[[bytes], np.ndarray]] = {"audio/pcmu": ulaw_decode, "audio/pcma": alaw_decode}
ENCODED: dict[str, Callable[[np.ndarray], bytes]] = {"audio/pcmu": ulaw_encode, "audio/pcma": alaw_encode}


class Ear:
    """One stream of a client's sound."""

    def __init__(self, wire: Wire):
        self.wire = wire
        self._decode = DECODED.get(wire.name, _pcm16)
        self._resampler = None if wire.rate == HEARD else Resampler(wire.rate, HEARD)

    def feed(self, data: bytes) -> np.ndarray:
        """Float32 (n,) at 16 kHz. Raises BadAudio; what comes next is welcome all the same."""
        if len(data) % self.wire.width:
            raise BadAudio(
                f"Invalid 'audio'. Sound of {self.wire.name} has {self.wire.width} bytes a sample, and this had "
                f"{len(data)} bytes.", param="audio",
            )  # fmt: skip
        samples = self._decode(data)
        return self._resampler.feed(samples) if self._resampler else samples


def mouth(wire: Wire, rate: int) -> Mouth:
    """`rate` is the conversation's."""
    return PcmMouth(wire.rate, rate) if wire.width == 2 else G711Mouth(wire, rate)


class G711Mouth:
    def __init__(self, wire: Wire, rate: int):
        self._encode = ENCODED[wire.name]
        self._resampler = Resampler(rate, wire.rate)

    def feed(self, samples: np.ndarray) -> list[bytes]:
        samples = self._resampler.feed(samples)
        return [self._encode(samples)] if len(samples) else []

    def flush(self) -> list[bytes]:
        rest = self._resampler.flush()
        return [self._encode(rest)] if len(rest) else []


def _pcm16(data: bytes) -> np.ndarray:
    samples = np.frombuffer(data, "<i2").astype(np.float32)
    samples *= 1 / 32768
    return samples
