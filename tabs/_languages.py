"""The languages that people choose from, in the order they are offered."""

from __future__ import annotations

from collections.abc import Iterable

from voice.languages import canonical, name_of

COMMON = ("en", "es", "fr", "de", "pt", "it", "nl", "hi", "ar", "zh", "ja", "ko", "ru", "tr")
"""Offered first."""


def choices(tags: Iterable[str], otherwise: str) -> list[tuple[str, str]]:
    """One entry for each language of the tags, the common ones first, then by name; before them what "" means."""
    languages = {canonical(tag) for tag in tags if tag != "*"}
    ordered = sorted(languages, key=lambda code: (rank(code), name_of(code)))
    return [(otherwise, ""), *((name_of(code), code) for code in ordered)]


def rank(code: str) -> int:
    """The place of a language, or a tag of it, among the common ones."""
    code = canonical(code)
    return COMMON.index(code) if code in COMMON else len(COMMON)
