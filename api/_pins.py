"""What a client secret fixes of a session: the fields that it names, which no event of the client's changes. Knows the
shape of events, and no socket."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from core.errors import BadRequest

NESTED = ("audio", "audio.input", "audio.output")
"""Objects of which single fields are fixed; any other is fixed whole."""
HOLDERS = {"session.update": "session", "transcription_session.update": "session", "response.create": "response"}
"""Events that say how a session or one response is to be, and where in them."""
_NOTHING = object()


def pinned(session: Mapping[str, Any]) -> frozenset[str]:
    """The fields that a session names, such as `model` or `audio.output.voice`."""
    return frozenset(place for place, _ in _leaves(session))


def changed(session: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    """The field of `session` that a client's event would change; empty where it changes none."""
    holder = HOLDERS.get(str(event.get("type")))
    asked = event.get(holder) if holder else None
    if not isinstance(asked, Mapping):
        return ""
    fixed = dict(_leaves(session))
    if "instructions" in fixed and asked.get("prompt"):
        return "instructions"  # a prompt kept elsewhere stands in their place
    return next((place for place, value in fixed.items() if _at(asked, place) not in (_NOTHING, value)), "")


def parsed(text: str) -> dict[str, Any]:
    """A client's event. Raises BadRequest for what is none, and for one that says the same field twice: which of the
    two another server reads cannot be known."""
    try:
        value = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise BadRequest("This is not valid JSON, or says the same field twice.") from None
    if not isinstance(value, dict):
        raise BadRequest("An event is a JSON object with a `type`.")
    return value


def _leaves(value: Mapping[str, Any], place: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, inner in value.items():
        where = f"{place}.{name}" if place else name
        if where in NESTED and isinstance(inner, Mapping):
            found += _leaves(inner, where)
        elif where != "type":
            found.append((where, inner))
    return found


def _at(value: Any, place: str) -> Any:
    """What stands there, _NOTHING where nobody says anything about it."""
    for name in place.split("."):
        if not isinstance(value, Mapping):
            return value
        value = value.get(name, _NOTHING)
        if value is _NOTHING:
            break
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field twice")
    return found
