"""What a request asks of whoever speaks it, beside a language and a voice, and who can do it. Knows engines by their
cards and by the table of what they perform."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engines.base import EngineSpec
from voice.text.parts import Part, Sound, Spoken
from voice.text.performs import performs


@dataclass(frozen=True)
class Need:
    does: str
    """What an engine can, or cannot, do."""
    capabilities: frozenset[str] = frozenset()
    """Any of these on its card will do."""


NEEDS = {
    "speed": Need("change its pace", frozenset({"speed"})),
    "instructions": Need("follow instructions", frozenset({"instructions", "description"})),
    "tags": Need("perform tags such as [laugh]"),
    "words": Need("tell when each word is heard", frozenset({"words"})),
    "streaming": Need("be heard while it is still at work", frozenset({"streaming"})),
    "cloning": Need("speak in a voice that it was given a sample of", frozenset({"cloning"})),
}
"""Every need, by the name that `Terms.needs` takes. They are wishes: among the engines that can serve a request, one
that does more of what it asks for is preferred. `tags` is told by voice/text/performs.toml; no engine clones yet."""


def needs_of(speed: float, instructions: str, parts: Iterable[Part]) -> tuple[str, ...]:
    """What a text and its settings ask for."""
    marks = (mark for part in parts if isinstance(part, Spoken) for mark in part.marks)
    wanted = {
        "speed": speed != 1,
        "instructions": bool(instructions.strip()),
        "tags": any(isinstance(mark, Sound) for mark in marks),
    }
    return tuple(need for need, wants in wanted.items() if wants)


def unmet(spec: EngineSpec, needs: Iterable[str]) -> list[str]:
    """What the engine does not do of what is asked for."""
    return [need for need in needs if not _does(spec, need)]


def _does(spec: EngineSpec, need: str) -> bool:
    if need == "tags":
        return any(performs(name).sounds for name in (spec.name, *(f"{spec.name}:{model}" for model in spec.models)))
    return bool(NEEDS[need].capabilities & spec.capabilities)
