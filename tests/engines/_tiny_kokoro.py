"""A network of Kokoro's interface that sounds like nothing: each token is a sound of its own, as long as every other.

Its few nodes are written as ONNX's protobuf by hand, so that the tests need no package for it.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from engines.tts.kokoro import FILES, NAMES, STYLES

SAMPLES = 1500
"""Of each token at speed 1."""
ROWS, WIDTH, TOKENS = 510, 256, 178
FLOAT, INT64 = 1, 7


def make(folder: Path, model: str = "int8", names: Iterable[str] = NAMES, tokens: str = "tokens") -> Path:
    """Write the network and the voices' styles as they are downloaded; answers their folder.

    The loudness tells which row of the styles was used: its mean is the row's number, of 510, plus one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILES[model]).write_bytes(network(tokens))
    rows = (np.arange(ROWS, dtype="f4")[:, None, None] + 1) / ROWS * np.ones((1, 1, WIDTH), "f4")
    styles: dict[str, Any] = dict.fromkeys(names, rows)
    with (folder / STYLES).open("wb") as file:
        np.savez(file, **styles)
    return folder


def network(tokens: str = "tokens") -> bytes:
    """Tokens (1, n) int64, style (1, 256) and speed (1,) float32 to audio (m,): an ONNX model."""
    sounds = np.random.default_rng(0).uniform(-0.4, 0.4, (TOKENS, SAMPLES)).astype("f4")
    nodes = [
        _node("Reshape", [tokens, "flat"], "row"),
        _node("Gather", ["sounds", "row"], "spoken"),
        _node("Reshape", ["spoken", "flat"], "wave"),
        _node("Shape", ["wave"], "length"),
        _node("Cast", ["length"], "samples", to=FLOAT),
        _node("Div", ["samples", "speed"], "count"),
        _node("Squeeze", ["count"], "end"),
        _node("Range", ["zero", "end", "one"], "steps"),
        _node("Mul", ["steps", "speed"], "places"),
        _node("Cast", ["places"], "indices", to=INT64),
        _node("Sub", ["length", "last"], "most"),
        _node("Min", ["indices", "most"], "within"),
        _node("Gather", ["wave", "within"], "picked"),
        _node("ReduceMean", ["style"], "loudness", keepdims=0),
        _node("Mul", ["picked", "loudness"], "loud"),
        _node("Add", ["picked", "loud"], "audio"),
    ]
    constants = {"sounds": sounds, "flat": np.array([-1]), "last": np.array([1])}
    constants |= {"zero": np.array(0, "f4"), "one": np.array(1, "f4")}
    given = [_value(tokens, INT64, 1, "n"), _value("style", FLOAT, 1, WIDTH), _value("speed", FLOAT, 1)]
    graph = _many(1, nodes) + _text(2, "tiny") + _many(5, [_tensor(*item) for item in constants.items()])
    graph += _many(11, given) + _bytes(12, _value("audio", FLOAT, "m"))
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _text(1, "") + _number(2, 13))


# Field numbers are those of onnx/onnx.proto.


def _node(kind: str, inputs: list[str], output: str, **attributes: int) -> bytes:
    named = [_text(1, name) + _number(3, value) + _number(20, 2) for name, value in attributes.items()]
    return b"".join(_text(1, name) for name in inputs) + _text(2, output) + _text(4, kind) + _many(5, named)


def _tensor(name: str, values: np.ndarray) -> bytes:
    kind = FLOAT if values.dtype == np.float32 else INT64
    shape = b"".join(_number(1, size) for size in values.shape)
    return shape + _number(2, kind) + _text(8, name) + _bytes(9, values.tobytes())


def _value(name: str, kind: int, *shape: int | str) -> bytes:
    sizes = [_number(1, size) if isinstance(size, int) else _text(2, size) for size in shape]
    return _text(1, name) + _bytes(2, _bytes(1, _number(1, kind) + _bytes(2, _many(1, sizes))))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _many(field: int, values: list[bytes]) -> bytes:
    return b"".join(_bytes(field, value) for value in values)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
