"""Numbers, dates, money, abbreviations and signs as words of a language, with the way back to what was written."""

from __future__ import annotations

from functools import cache

from core.discover import modules
from voice.languages import canonical
from voice.text.languages._base import Language
from voice.text.languages._rules import Rules
from voice.text.spans import Mapped, kept, replaced


@cache
def languages() -> dict[str, Language]:
    """Every language that has a file, by its tag."""
    return {module.LANGUAGE.tag: module.LANGUAGE for module in modules("voice.text.languages")}


@cache
def _rules(tag: str) -> Rules | None:
    language = languages().get(tag)
    return Rules(language) if language else None


def normalise(text: str, language: str) -> Mapped:
    """The text in words. A language without a file is left as it is: its engine reads digits by its own rules."""
    rules = _rules(canonical(language))
    return replaced(text, rules.changes(text)) if rules else kept(text)
