"""Paths that clients name. A face that takes files by path opens only what lies in its own upload folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.errors import BadRequest


def uploaded(value: Any, folder: Path) -> Path:
    """The file behind a path, or a mapping with a `path`, that a client sent.

    Raises BadRequest unless it is a file inside `folder` once links and dots are resolved.
    """
    named = value.get("path") if isinstance(value, dict) else value
    if not isinstance(named, (str, Path)) or not str(named) or "\0" in str(named):
        raise BadRequest("Choose a file first.", param="file")
    path = _resolved(named)
    if path is None or not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise BadRequest("That file was not uploaded here.", param="file")
    return path


def _resolved(named: str | Path) -> Path | None:
    """None for what no file can be called, such as half of a character, and for links that go in a circle."""
    try:
        return Path(named).resolve()
    except (OSError, RuntimeError, ValueError):
        return None
