"""Which engines there are. Knows their files, not what they do."""

from __future__ import annotations

import sys
from pathlib import Path

from core.discover import modules
from engines.base import REGISTRY

ROOMS = ("engines.tts", "engines.stt", "engines.llm", "engines.vad")


def find(scripted: bool = False) -> dict[str, type]:
    """Every engine's class by name, from the files of all rooms; the scripted ones only if asked for."""
    for room in ROOMS:
        for _ in modules(room):
            pass
    return {name: cls for name, cls in sorted(REGISTRY.items()) if scripted or not is_scripted(name)}


def is_scripted(name: str) -> bool:
    """Whether the engine plays a script instead of a model."""
    return name.startswith("scripted-")


def path_of(cls: type) -> Path:
    """The file that holds an engine's class."""
    file = sys.modules[cls.__module__].__file__
    if file is None:
        raise ValueError(f"{cls.__name__} comes from no file")
    return Path(file).resolve()
