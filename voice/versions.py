"""What a piece of speech depends on beside its request: code, libraries and weights, as one short text.

Reads files; loads no engine. Blocks.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from engines.registry import path_of

ROOT = Path(__file__).parent.parent
HOUSE = ("voice", "audio", "engines/base.py", "engines/_worker.py")
"""Where the house's own code shapes what is heard; more than need be, because too new a version costs a synthesis
and too old a one a wrong sound."""


class Versions:
    """The code and the libraries are looked at once, the weights each time. `weights` tells their version by engine
    and model."""

    def __init__(self, registry: Mapping[str, type], weights: Callable[[str, str], str]):
        self._registry, self._weights = registry, weights
        self._house = ""
        self._engines: dict[str, str] = {}

    def of(self, engine: str) -> str:
        """`engine` as the pool takes it. Raises KeyError for one that is not known."""
        name, _, model = engine.partition(":")
        self._house = self._house or _digest([*_sources(), *_installed()])
        if name not in self._engines:
            self._engines[name] = _digest([path_of(self._registry[name]).read_bytes()])
        return f"{self._house}-{self._engines[name]}-{self._weights(name, model)}"


def _sources() -> Iterable[bytes]:
    for place in HOUSE:
        paths = sorted((ROOT / place).rglob("*.py")) if (ROOT / place).is_dir() else [ROOT / place]
        for path in paths:
            yield path.relative_to(ROOT).as_posix().encode()
            yield path.read_bytes()


def _installed() -> list[bytes]:
    """Names and versions of what this Python has installed, by the names of the folders that say so."""
    places = [Path(place) for place in sys.path if place and Path(place).is_dir()]
    return sorted({found.name.encode() for place in places for found in place.glob("*.dist-info")})


def _digest(parts: Iterable[bytes]) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "big") + part)
    return found.hexdigest()[:16]
