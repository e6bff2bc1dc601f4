"""What a language tells about how it reads numbers, and the reading that most of them share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

MOST_DIGITS = 15
"""Longer numbers are read digit by digit."""
PLAIN_DIGITS = 10
"""So are numbers of so many digits that nothing groups."""


@dataclass(frozen=True)
class Noun:
    """What is counted, in the forms that follow a number."""

    one: str
    many: str
    gender: str = "m"
    few: str = ""
    """After 2 to 4 in Slavic languages, the dual in Arabic."""
    part: str = ""
    """After a decimal fraction in Slavic languages, after 11 and more in Arabic."""


@dataclass(frozen=True)
class Number:
    """A number as written, in ASCII digits."""

    whole: str
    fraction: str = ""
    negative: bool = False
    grouped: bool = False

    @property
    def value(self) -> int:
        return int(self.whole)

    @property
    def is_digits(self) -> bool:
        """Whether it is read digit by digit: a code, or too long to be grasped."""
        long = len(self.whole) > MOST_DIGITS or (len(self.whole) >= PLAIN_DIGITS and not self.grouped)
        return long or (len(self.whole) > 1 and self.whole[0] == "0")


def nouns(lines: str) -> dict[str, Noun]:
    """Rows of `signs: one, many, gender, few, part`, a sign and its synonyms parted by spaces."""
    table = {}
    for line in filter(None, map(str.strip, lines.splitlines())):
        signs, _, forms = line.partition(": ")
        noun = Noun(*(form.strip() for form in forms.split(",")))
        table.update(dict.fromkeys(signs.split(), noun))
    return table


def pairs(lines: str) -> dict[str, str]:
    """Rows of `short = long`."""
    rows = (line.partition(" = ") for line in filter(None, map(str.strip, lines.splitlines())))
    return {short.strip(): long.strip() for short, _, long in rows}


class Language:
    """Furniture of a language file: data to fill in, and methods to override where the language differs.

    `form` is what the word is to agree with: a gender (m f n), a case, or what the language's own file says; empty is
    the form used for counting.
    """

    tag = ""
    decimal = ","
    thousands = "."
    """Characters that group digits, besides the spaces that never break a line."""
    order = "dmy"
    digits: tuple[str, ...] = ()
    minus = plus = point = range_ = and_ = equals = times = ""
    dot = at = slash = dash = underscore = hash_ = ""
    percent = Noun("percent", "percent")
    percent_first = False
    """Whether the sign may stand before the number."""
    units: Mapping[str, Noun] = {}
    currencies: Mapping[str, tuple[Noun, Noun | None]] = {}
    magnitudes: Mapping[str, Noun] = {}
    of_magnitude = " "
    """Between millions and what there are millions of."""
    months: tuple[str, ...] = ()
    """As read in a date."""
    written_months: Mapping[str, int] = {}
    """Every way to write a month, in small letters and without its dot, to its number."""
    abbreviations: Mapping[str, str] = {}
    before_number: Mapping[str, str] = {}
    """Abbreviations that are such only before a digit."""
    spoken_acronyms: frozenset[str] = frozenset()
    """Capital words that are read as a word."""
    spelled_acronyms: frozenset[str] = frozenset()
    """Capital words with vowels that are spelled."""
    letters: Mapping[str, str] = {}
    fractions: Mapping[tuple[int, int], str] = {}
    and_half: Mapping[tuple[int, int], str] = {}
    """What ½ ¼ ¾ add to a whole number."""
    rulers: frozenset[str] = frozenset()
    """Names after which a Roman numeral counts bearers of the name."""

    day_tail = r"\.?"
    of = ""
    """Pattern of the words between the parts of a date."""
    year_tail = ""
    clock_mark = ":"
    clock_tail = ""
    ordinal_pattern = ""
    roman_pattern = ""
    phone_pattern = ""
    own: tuple[tuple[str, str], ...] = ()
    """Rules of the language alone: name of the method, pattern. They go before all others."""

    def cardinal(self, number: int, form: str = "") -> str:
        raise NotImplementedError

    def ordinal(self, number: int, form: str = "") -> str:
        raise NotImplementedError

    def year(self, number: int, before: str = "") -> str:
        return self.cardinal(number)

    def is_year(self, number: Number, before: str, after: str) -> bool:
        """Whether four digits name a year; matters only where years are read unlike other numbers."""
        return False

    def form_before(self, word: str) -> str:
        """The form that the next word asks of a number, as far as its ending tells; `word` may be empty."""
        return ""

    def form_after(self, word: str) -> str:
        """The form that the word before asks of a number."""
        return ""

    def spelled(self, number: Number, form: str = "") -> str:
        """A number in words, sign and decimals included."""
        if number.is_digits:
            said = self.by_digits(number.whole)
        else:
            said = self.cardinal(number.value, "" if number.fraction else form)
        if number.fraction:
            said += f" {self.point} {self.decimals(number.fraction)}"
        return f"{self.minus} {said}" if number.negative else said

    def decimals(self, fraction: str) -> str:
        """What stands after the decimal sign: up to three digits as a number, more of them one by one."""
        if len(fraction) > 3 or not fraction.strip("0"):
            return self.by_digits(fraction)
        zeros = len(fraction) - len(fraction.lstrip("0"))
        return " ".join([self.digits[0]] * zeros + [self.cardinal(int(fraction))])

    def by_digits(self, text: str) -> str:
        return " ".join(self.digits[int(char)] for char in text)

    def is_one(self, number: Number) -> bool:
        return number.whole == "1" and not number.fraction

    def counted(self, number: Number, noun: Noun, form: str = "") -> str:
        """A number with what it counts."""
        name = noun.one if self.is_one(number) else noun.many
        return f"{self.spelled(number, noun.gender)} {name}"

    def many(self, number: Number, magnitude: Noun, noun: Noun | None) -> str:
        """A number of millions, of whatever there are millions of."""
        said = self.counted(number, magnitude)
        return f"{said}{self.of_magnitude}{noun.many}" if noun else said

    def money(self, number: Number, major: Noun, minor: Noun | None) -> str:
        if minor is None or len(number.fraction) not in (1, 2):
            return self.counted(number, major)
        cents = Number(number.fraction.ljust(2, "0").lstrip("0") or "0")
        whole = Number(number.whole, "", number.negative, number.grouped)
        if cents.whole == "0":
            return self.counted(whole, major)
        if not number.whole.strip("0"):
            return (f"{self.minus} " if number.negative else "") + self.counted(cents, minor)
        return self.with_cents(self.counted(whole, major), cents, minor)

    def with_cents(self, money: str, cents: Number, minor: Noun) -> str:
        return f"{money} {self.and_} {self.counted(cents, minor)}"

    def range(self, first: Number, last: Number, noun: Noun | None, form: str = "") -> str:
        said = f"{self.spelled(first)} {self.range_} "
        return said + (self.counted(last, noun) if noun else self.spelled(last, form))

    def half(self, number: Number, fraction: tuple[int, int]) -> str:
        """A whole number with a fraction sign behind it, as 2½."""
        return f"{self.spelled(number)} {self.and_half[fraction]}"

    def fraction(self, over: int, under: int) -> str:
        if said := self.fractions.get((over, under)):
            return said
        return f"{self.cardinal(over)} {self.slash} {self.cardinal(under)}"

    def date(self, day: int, month: int, year: int | None, before: str) -> str:
        said = f"{self.cardinal(day)} {self.months[month - 1]}"
        return f"{said} {self.year(year)}" if year is not None else said

    def clock(self, hour: int, minute: int, tail: str, before: str) -> str:
        """A time of day; `tail` is what was written behind it, as pm."""
        return f"{self.cardinal(hour)} {self.cardinal(minute)}"

    def phone(self, text: str) -> str:
        """Digit by digit, with a short rest where the writer left a gap."""
        groups = [self.by_digits(group) for group in re.findall(r"\d+", text)]
        return (f"{self.plus} " if text.lstrip().startswith("+") else "") + ", ".join(groups)

    def ordinal_sign(self, found: re.Match[str]) -> str | None:
        """What `ordinal_pattern` found, in words; nothing where it is no ordinal."""
        return self.ordinal(int(found["n"]))

    def roman(self, number: int, found: re.Match[str]) -> str | None:
        """What `roman_pattern` found, with the value of its group `r`, in words."""
        return None

    def ruler(self, number: int) -> str:
        """The numeral behind a ruler's name."""
        return self.ordinal(number)

    def spell(self, word: str) -> str:
        """Letter by letter."""
        return " ".join(self.letters.get(char.upper(), char) for char in word if not char.isspace())
