"""A short sentence for each language, for a voice to be heard by. Speaks none of them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from voice.languages import canonical

COUNTING = "1, 2, 3, 4, 5."
"""For the languages without a sentence: each engine reads digits in the voice's own language."""


@cache
def sentences() -> Mapping[str, str]:
    """By canonical tag."""
    return tomllib.loads(Path(__file__).with_name("samples.toml").read_text("utf-8"))


def sentence_for(languages: Sequence[str], name: str = "") -> str:
    """For a voice's tags, of which the first is the main one, and its name. A voice that reads another alphabet than
    its language's usual one, as `cmn-latn-pinyin` does, counts."""
    romanised = any("latn" in part.casefold() for part in (name, *languages[:1]))
    tag = canonical(languages[0]) if languages else ""
    return COUNTING if romanised else sentences().get(tag, COUNTING)
