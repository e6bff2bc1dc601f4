"""Mu-law and A-law of the telephone network, by table. Knows samples and bytes, no carrier and no rate.

ITU-T G.711 (11/88), tables 1a to 2b, in the widened 16-bit form of ITU-T G.191: eight segments per sign, each twice as
coarse as the one before, sixteen steps in each.
"""

import numpy as np

FULL_SCALE = 32768.0
BIAS = 132  # of mu-law: makes its segments begin at powers of two
ULAW_CLIP = 32767 - BIAS


def ulaw_encode(samples: np.ndarray) -> bytes:
    """Float samples (n,) in [-1, 1] to n mu-law bytes; values beyond are clipped."""
    return _ULAW_CODES[_index(samples)].tobytes()


def ulaw_decode(data: bytes | memoryview) -> np.ndarray:
    """Mu-law bytes to float32 samples (n,)."""
    return _ULAW_LEVELS[np.frombuffer(data, np.uint8)]


def alaw_encode(samples: np.ndarray) -> bytes:
    """Float samples (n,) in [-1, 1] to n A-law bytes; values beyond are clipped."""
    return _ALAW_CODES[_index(samples)].tobytes()


def alaw_decode(data: bytes | memoryview) -> np.ndarray:
    """A-law bytes to float32 samples (n,)."""
    return _ALAW_LEVELS[np.frombuffer(data, np.uint8)]


def _index(samples: np.ndarray) -> np.ndarray:
    """Where each sample stands in a table over all 16-bit values in two's complement order."""
    scaled = np.rint(samples * FULL_SCALE)
    return np.clip(scaled, -32768, 32767).astype(np.int16).view(np.uint16)


def _every_value() -> np.ndarray:
    return np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)


def _segment(magnitude: np.ndarray) -> np.ndarray:
    """0 for values below 256, then one more for each doubling."""
    return np.frexp(magnitude.astype(np.float64))[1].clip(8, 15) - 8


def _ulaw_codes() -> np.ndarray:
    value = _every_value()
    magnitude = np.minimum(np.abs(value), ULAW_CLIP) + BIAS
    segment = _segment(magnitude)
    code = np.where(value < 0, 0x80, 0) | segment << 4 | magnitude >> segment + 3 & 15
    return (~code & 0xFF).astype(np.uint8)


def _ulaw_levels() -> np.ndarray:
    code = ~np.arange(256) & 0xFF
    magnitude = (((code & 15) << 3) + BIAS << (code >> 4 & 7)) - BIAS
    return (np.where(code & 0x80, -magnitude, magnitude) / FULL_SCALE).astype(np.float32)


def _alaw_codes() -> np.ndarray:
    value = _every_value()
    magnitude = np.where(value < 0, ~value, value)
    segment = _segment(magnitude)
    step = np.maximum(segment, 1) + 3
    code = np.where(value < 0, 0, 0x80) | segment << 4 | magnitude >> step & 15
    return (code ^ 0x55).astype(np.uint8)


def _alaw_levels() -> np.ndarray:
    code = np.arange(256) ^ 0x55
    segment = code >> 4 & 7
    middle = ((code & 15) << 4) + 8
    magnitude = np.where(segment > 0, middle + 256 << np.maximum(segment - 1, 0), middle)
    return (np.where(code & 0x80, magnitude, -magnitude) / FULL_SCALE).astype(np.float32)


_ULAW_CODES, _ULAW_LEVELS = _ulaw_codes(), _ulaw_levels()
_ALAW_CODES, _ALAW_LEVELS = _alaw_codes(), _alaw_levels()
