"""How requests and answers lie on the worker wire: a JSON header, and the samples of their audio. Both sides load this
file, one of them in a foreign Python: standard library, numpy, `audio.value` and `engines.base` only."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

import numpy as np

from audio.value import Audio
from engines.base import (
    ChatRequest,
    Chunk,
    Delta,
    Message,
    Segment,
    SynthesisRequest,
    Tool,
    ToolCall,
    TranscriptionRequest,
    Word,
)

WIRE = {cls.__name__: cls for cls in (SynthesisRequest, Chunk, TranscriptionRequest, Segment, ChatRequest, Delta)}
PARTS = {"messages": Message, "tools": Tool, "calls": ToolCall}
"""Fields that hold several values of a class, and the class."""
SEQUENCES = ("hotwords", "tokens", "clips", "stop")
_FIELDS = {cls: tuple((item.name, item.default) for item in fields(cls)) for cls in (*WIRE.values(), *PARTS.values())}
_SAMPLES = np.dtype("<f4")


def pack(value: Any) -> tuple[dict[str, Any], memoryview]:
    """A request or an answer as a JSON header and the float32 little-endian samples of its audio, if it has any."""
    header: dict[str, Any] = {"type": type(value).__name__}
    body = memoryview(b"")
    for name, default in _FIELDS[type(value)]:
        part = getattr(value, name)
        if isinstance(part, Audio):
            header["rate"] = part.rate
            body = np.ascontiguousarray(part.samples, _SAMPLES).view(np.uint8).data
        elif name == "words" and isinstance(part, tuple):
            if part:
                header[name] = [[word.text, word.start, word.end, word.probability] for word in part]
        elif name in PARTS:
            if part != default:
                header[name] = [_plain(item) for item in part]
        else:
            header[name] = part
    return header, body


def unpack(header: dict[str, Any], body: bytes | memoryview) -> Any:
    """The inverse of `pack`. Raises KeyError or TypeError on a header that `pack` does not write."""
    values = dict(header)
    cls = WIRE[values.pop("type")]
    if "rate" in values:
        values["audio"] = Audio(np.frombuffer(body, _SAMPLES), values.pop("rate"))
    if isinstance(values.get("words"), list):
        values["words"] = tuple(Word(*word) for word in values["words"])
    for name in SEQUENCES:
        if name in values:
            values[name] = tuple(tuple(item) if isinstance(item, list) else item for item in values[name])
    return cls(**_parts(values))


def _plain(value: Any) -> dict[str, Any]:
    """The fields of a part that say more than its class does."""
    plain = {}
    for name, default in _FIELDS[type(value)]:
        part = getattr(value, name)
        if default is MISSING or part != default:
            plain[name] = [_plain(item) for item in part] if name in PARTS else part
    return plain


def _parts(values: dict[str, Any]) -> dict[str, Any]:
    for name, cls in PARTS.items():
        if name in values:
            values[name] = tuple(cls(**_parts(dict(item))) for item in values[name])
    return values
