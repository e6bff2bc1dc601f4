"""SSML's `say-as` in words of a language."""

from __future__ import annotations

import re

from voice.languages import canonical
from voice.text.languages._base import Language, Number
from voice.text.normalise import languages, normalise
from voice.text.parts import SayAs

_CHARACTERS = ("characters", "spell-out", "verbatim", "letters")


def say_as(mark: SayAs, language: str) -> str:
    """The text read as it is asked for; as it is, where that makes no sense or the language has no file."""
    found = languages().get(canonical(language))
    text = " ".join(mark.text.split())
    if mark.interpret in _CHARACTERS:
        return _spelled(text, found)
    if found is None:
        return " ".join(re.findall(r"\d", text)) if mark.interpret in ("digits", "telephone") else text
    if mark.interpret in ("digits", "telephone"):
        return found.phone(text) if re.search(r"\d", text) else text
    if mark.interpret in ("ordinal", "cardinal", "number"):
        return _number(text, mark.interpret, found)
    if mark.interpret == "date":
        return _date(text, mark.format, found)
    return normalise(text, found.tag).text


def _spelled(text: str, language: Language | None) -> str:
    said = [
        language.digits[int(char)] if language and char.isdecimal() else char for char in text if not char.isspace()
    ]
    return ", ".join(language.letters.get(char.upper(), char).replace("_", " ") if language else char for char in said)


def _number(text: str, interpret: str, language: Language) -> str:
    digits = re.sub(rf"[{re.escape(language.thousands)}\s\u00a0\u202f]", "", text)
    if not re.fullmatch(r"-?\d{1,15}", digits):
        return normalise(text, language.tag).text
    value = abs(int(digits))
    if interpret == "ordinal" and 0 < value < 10**6 and digits[0] != "-":
        return language.ordinal(value)
    return language.spelled(Number(str(value), "", digits[0] == "-", True))


def _date(text: str, format_: str, language: Language) -> str:
    """`format` tells the order of year, month and day by its letters, as `dmy`."""
    numbers = re.findall(r"\d+", text)
    if len(numbers) != len(format_) or sorted(format_) not in (sorted("dmy"), sorted("dm")):
        return normalise(text, language.tag).text
    named = dict(zip(format_, map(int, (number[:4] for number in numbers)), strict=True))
    if not (1 <= named["d"] <= 31 and 1 <= named["m"] <= 12):
        return text
    return language.date(named["d"], named["m"], named.get("y"), "")
