"""What each engine performs of a text's markup: a table. Knows engines by name only."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from voice.text.parts import Phoneme


@dataclass(frozen=True)
class Performs:
    """What one engine does with tags; an empty one performs none of them."""

    sounds: Mapping[str, str] = field(default_factory=dict)
    """The house's names to the engine's own text."""
    speaker: str = ""
    """How the engine marks a turn of a dialogue, with `{name}`; empty where each turn is a request of its own."""
    phonemes: bool = False
    """Whether it takes `[word](/ipa/)`."""
    ssml: bool = False
    """Whether it takes SSML: its text is then escaped, what stands inside `<speak>`."""

    def phoneme(self, mark: Phoneme) -> str | None:
        """The word with its sound in the engine's form; nothing where it takes none."""
        if self.ssml:
            return f'<phoneme alphabet="ipa" ph={quoteattr(mark.ipa)}>{escape(mark.text)}</phoneme>'
        plain = not set("[]()/") & set(mark.text + mark.ipa)
        return f"[{mark.text}](/{mark.ipa}/)" if self.phonemes and plain else None


def performs(engine: str, capabilities: Iterable[str] = ()) -> Performs:
    """The table's row of an engine, by `name:model` or `name`, and what its card says it can (`ssml`, `phonemes`)."""
    rows, can = _table(), frozenset(capabilities)
    row = rows.get(engine) or rows.get(engine.partition(":")[0]) or {}
    return Performs(row.get("sounds", {}), row.get("speaker", ""), "phonemes" in can, "ssml" in can)


@cache
def _table() -> dict:
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
