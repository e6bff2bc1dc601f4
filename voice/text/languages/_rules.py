"""Finds in a text what is not written in words, and asks a language to read it. One pass, every pattern bounded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from voice.text.languages._base import Language, Noun, Number

WORD = r"[\w\u0300-\u036f\u064b-\u065f\u0900-\u0963]"
END = rf"(?!{WORD})"
BEGIN = rf"(?<!{WORD})"
START = rf"(?<!{WORD})(?<!\d[.,:/])"
GAPS = "\u00a0\u202f\u2009"
_DASH = r"\s?[–—]\s?|-"
_SIGNED = {"½": (1, 2), "¼": (1, 4), "¾": (3, 4), "⅓": (1, 3), "⅔": (2, 3), "⅛": (1, 8)}
_DOMAINS = "com|org|net|edu|gov|io|ai|app|dev|info|eu|de|at|ch|fr|es|it|pt|br|nl|be|pl|ru|in|tr|uk|us"
_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
_VOWELS = frozenset("AEIOUYÄÖÜÁÉÍÓÚÀÈÂÊАЕЁИОУЫЭЮЯİ")
_PATH = r"[^\s<>\"“”«»\u0600-\u06ff\u3000-\u9fff]"

Say = Callable[[re.Match[str]], str | None]


@dataclass(frozen=True)
class Rule:
    """Something that is read otherwise than it is written; `say` gives nothing where it is to be left alone."""

    pattern: re.Pattern[str]
    say: Say


class Rules:
    """A language's rules, compiled once. Holds no text."""

    def __init__(self, language: Language):
        self._language = language
        self._number = _number_pattern(language)
        self._unit_names = {**language.units, "%": language.percent, "٪": language.percent}
        self._rules = [Rule(re.compile(pattern), say) for pattern, say in self._listed() if pattern]
        self._any = re.compile("|".join(f"({_anonymous(rule.pattern.pattern)})" for rule in self._rules))

    def changes(self, text: str) -> Iterator[tuple[int, int, str]]:
        """What to replace, in order."""
        place = 0
        while found := self._any.search(text, place):
            said = self._said(found, text)
            if said is None:
                place = max(found.end(), found.start() + 1)
                continue
            start, end, new = said
            if new != text[start:end]:
                yield start, end, new
            place = max(end, start + 1)

    def _said(self, found: re.Match[str], text: str) -> tuple[int, int, str] | None:
        """The first rule from the one that was found on that has something to say at this place."""
        for rule in self._rules[(found.lastindex or 1) - 1 :]:
            match = rule.pattern.match(text, found.start())
            if match and match.end() > match.start() and (said := rule.say(match)) is not None:
                return match.start(), match.end(), said
        return None

    def _listed(self) -> Iterator[tuple[str, Say]]:
        language, number = self._language, self._number
        for name, pattern in language.own:
            yield pattern, getattr(language, name)
        yield rf"(?i:https?://|{BEGIN}www\.){_PATH}{{1,2000}}", self._url
        yield rf"(?<![\w.+-])[A-Za-z0-9_.+-]{{1,64}}@(?:[A-Za-z0-9-]{{1,63}}\.){{1,5}}[A-Za-z]{{2,24}}{END}", self._mail
        yield (
            (
                rf"(?<![\w@./-])(?:[A-Za-z0-9][A-Za-z0-9-]{{0,62}}\.){{1,4}}(?:{_DOMAINS})(?:/{_PATH}{{0,2000}})?(?![\w-])"
            ),
            self._url,
        )
        yield rf"{START}\d{{4}}-\d{{1,2}}-\d{{1,2}}(?!\d)", self._iso_date
        yield (
            (
                rf"{START}\d{{1,2}}(?:\.\s?\d{{1,2}}\.\s?|/\d{{1,2}}/|-\d{{1,2}}-)(?:\d{{4}}|\d{{2}})(?![\d/-])"
                + (f"(?:{language.year_tail})?" if language.year_tail else "")
            ),
            self._short_date,
        )
        if language.written_months:
            months = _one_of(language.written_months)
            tail = f"(?:{language.year_tail})?" if language.year_tail else ""
            year = rf"(?:,?\s+{language.of}(?P<y>[1-9]\d{{3}})(?![\d.,]\d|['’]\w){tail})?"
            yield (
                rf"{START}(?P<d>\d{{1,2}}){language.day_tail}\s+{language.of}(?P<m>(?i:{months}))\.?{END}{year}",
                self._date,
            )
        yield (
            (
                rf"{START}(?P<h>\d{{1,2}}){language.clock_mark}(?P<min>\d{{2}})(?::\d{{2}})?(?![\d:])"
                rf"(?:\s?(?P<tail>{language.clock_tail or '(?!)'}){END})?"
            ),
            self._clock,
        )
        if language.clock_tail:
            yield rf"{START}(?P<h>\d{{1,2}})\s?(?P<tail>{language.clock_tail}){END}", self._clock
        yield r"(?<![\w+])\+\d{1,3}(?:[ ./\u00a0-]?\(?\d{1,5}\)?){2,6}(?!\d)", self._phone
        yield language.phone_pattern and rf"{START}(?:{language.phone_pattern})(?![\d]|[.,-]\d)", self._phone
        grouped = r"(?![1-9]\d{0,2}(?:\.\d{3})+(?![\d.]))" if "." in language.thousands else ""
        yield rf"{START}{grouped}\d{{1,5}}(?:\.\d{{1,5}}){{2,6}}(?!\.?\d)", self._dotted
        yield language.ordinal_pattern and START + language.ordinal_pattern, language.ordinal_sign
        yield language.roman_pattern, self._roman
        if language.rulers:
            names = _one_of(language.rulers)
            yield rf"(?<!\w)(?P<name>{names}) (?P<r>[IVX]{{1,6}}|Ier)(?:\.|er|ère)?{END}", self._ruler
        yield rf"{START}(?P<n>\d{{1,4}})/(?P<d>\d{{1,4}})(?![\d/]){END}", self._fraction
        yield self._quantity_pattern(number), self._quantity
        yield "[½¼¾⅓⅔⅛]", self._sign
        if language.abbreviations:
            yield rf"{BEGIN}(?P<a>{_one_of(language.abbreviations)}){END}", self._abbreviation
        if language.before_number:
            yield rf"{BEGIN}(?P<a>{_one_of(language.before_number)})\s?(?=\d)", self._before_number
        yield rf"(?<![\w&.'’-])[^\W\d_a-zа-яё]{{2,6}}(?![\w&'’-]){END}", self._acronym
        yield (
            r"(?<=\w)&(?=\w)|(?<=[^\s&]\s)&(?=\s[^\s&])",
            lambda found: language.and_ if _is_apart(found) else f" {language.and_} ",
        )
        yield (
            r"(?<!\S)\+(?=\d)|(?<=\d)\s?[+×÷=<>≈]\s?(?=[-\d])|(?<=\w\s)[+=](?=\s\w)|(?<=\d\s)x(?=\s\d)",
            self._operator,
        )
        yield rf"(?<!\w)@(?=[A-Za-z_]{{2}})|(?<!\w)#(?=\d{{1,9}}{END})", self._mark
        yield r"\s[–—-]{1,3}\s|(?<=\w)—(?=\w)|(?<=\w)--(?=\w)", lambda found: ", "
        yield r"(?<![.…])(?:\.{4,}|…\.{0,3}|\. \. \.)", lambda found: "..."

    def _quantity_pattern(self, number: str) -> str:
        language = self._language
        signs = _one_of(language.currencies)
        units = _one_of({**self._unit_names, **language.currencies})
        big = _one_of(language.magnitudes) if language.magnitudes else "(?!)"
        gap = rf"[ {GAPS}]?"
        return (
            rf"(?<![\w\u0300-\u036f])(?:(?P<sign>[-−])(?=[\d$€£₹]))?(?:(?P<before>{signs}){gap}|(?P<pct>[%٪]){gap})?"
            rf"(?P<a>{number})(?:(?:{_DASH})(?P<b>{number}))?(?P<half>[½¼¾⅓⅔⅛])?"
            rf"(?:{gap}(?P<big>{big}){END})?(?:{gap}(?P<unit>{units}){END})?"
        )

    # what is found

    def _quantity(self, found: re.Match[str]) -> str | None:
        if found["pct"] and not self._language.percent_first:
            return None
        said = self._counted(found)
        return said + (" " if _touches(found) else "")

    def _counted(self, found: re.Match[str]) -> str:
        language = self._language
        first = _number(found["a"], language, negative=bool(found["sign"]))
        last = _number(found["b"], language) if found["b"] else None
        noun, minor = self._noun(found)
        before, after = word_before(found), "" if noun else word_after(found)
        if found["half"]:
            said = language.half(first, _SIGNED[found["half"]])
            return f"{said} {noun.many}" if noun else said
        if last:
            return self._range(first, last, noun, before, after)
        if found["big"]:
            return language.many(first, language.magnitudes[found["big"]], noun)
        if noun and (found["before"] or found["unit"] in language.currencies):
            return language.money(first, noun, minor)
        if noun:
            return language.counted(first, noun, language.form_after(before))
        if language.is_year(first, before, after):
            return language.year(first.value, before)
        return language.spelled(first, language.form_after(before) or language.form_before(after))

    def _noun(self, found: re.Match[str]) -> tuple[Noun | None, Noun | None]:
        sign = found["before"] or found["unit"]
        if sign in self._language.currencies:
            return self._language.currencies[sign]
        if found["pct"]:
            return self._language.percent, None
        return (self._unit_names[sign], None) if sign else (None, None)

    def _range(self, first: Number, last: Number, noun: Noun | None, before: str, after: str) -> str:
        language = self._language
        if first.is_digits or last.is_digits or (first.value, first.fraction) >= (last.value, last.fraction):
            tail = language.counted(last, noun) if noun else language.spelled(last)
            return f"{language.spelled(first)} {tail}"
        if noun is None and language.is_year(first, before, after) and language.is_year(last, before, after):
            return f"{language.year(first.value)} {language.range_} {language.year(last.value)}"
        return language.range(first, last, noun, language.form_before(after))

    def _iso_date(self, found: re.Match[str]) -> str | None:
        year, month, day = map(int, found[0].split("-"))
        return self._dated(day, month, year, found)

    def _short_date(self, found: re.Match[str]) -> str | None:
        first, second, last = re.findall(r"\d+", found[0])[:3]
        day, month, year = int(first), int(second), int(last)
        if self._language.order == "mdy" and "." not in found[0] and day <= 12:
            day, month = month, day
        if len(last) == 2:
            year += 2000 if year < 50 else 1900
        return self._dated(day, month, year, found)

    def _date(self, found: re.Match[str]) -> str | None:
        month = self._language.written_months[found["m"].lower()]
        return self._dated(int(found["d"]), month, int(found["y"]) if found["y"] else None, found)

    def _dated(self, day: int, month: int, year: int | None, found: re.Match[str]) -> str | None:
        if not (1 <= day <= 31 and 1 <= month <= 12):
            return None
        return self._language.date(day, month, year, word_before(found))

    def _clock(self, found: re.Match[str]) -> str | None:
        hour, minute = int(found["h"]), int(found.groupdict().get("min") or 0)
        if hour > 24 or minute > 59:
            return None
        return self._language.clock(hour, minute, found["tail"] or "", word_before(found))

    def _phone(self, found: re.Match[str]) -> str | None:
        return self._language.phone(found[0]) if sum(char.isdigit() for char in found[0]) >= 7 else None

    def _dotted(self, found: re.Match[str]) -> str:
        language = self._language
        groups = found[0].split(".")
        return f" {language.dot} ".join(language.spelled(_plain(group)) for group in groups)

    def _roman(self, found: re.Match[str]) -> str | None:
        number = roman(found["r"])
        return self._language.roman(number, found) if number else None

    def _ruler(self, found: re.Match[str]) -> str | None:
        number = roman(found["r"].removesuffix("er"))
        return f"{found['name']} {self._language.ruler(number)}" if number else None

    def _fraction(self, found: re.Match[str]) -> str:
        return self._language.fraction(int(found["n"]), int(found["d"]))

    def _sign(self, found: re.Match[str]) -> str:
        return self._language.fraction(*_SIGNED[found[0]])

    def _abbreviation(self, found: re.Match[str]) -> str:
        long = self._language.abbreviations[found["a"]]
        at_end = found["a"].endswith(".") and not found.string[found.end() : found.end() + 8].strip()
        return long + "." if at_end else long

    def _before_number(self, found: re.Match[str]) -> str:
        return self._language.before_number[found["a"]] + " "

    def _acronym(self, found: re.Match[str]) -> str | None:
        word, language = found[0], self._language
        if word in language.spoken_acronyms or not word.isupper():
            return None
        if word not in language.spelled_acronyms and (not _VOWELS.isdisjoint(word) or _is_roman(word)):
            return None
        if _is_shouted(found) and word not in language.spelled_acronyms:
            return None
        return language.spell(word)

    def _operator(self, found: re.Match[str]) -> str | None:
        language, sign = self._language, found[0].strip()
        said = {"+": language.plus, "=": language.equals, "×": language.times, "x": language.times}.get(sign)
        if not said:
            return None
        before = "" if not found.start() or _is_apart(found) else " "
        after = "" if found[0].endswith(sign) and found.string[found.end() : found.end() + 1].isspace() else " "
        return f"{before}{said}{after}"

    def _mark(self, found: re.Match[str]) -> str | None:
        said = self._language.at if found[0] == "@" else self._language.hash_
        return f"{said} " if said else None

    def _mail(self, found: re.Match[str]) -> str:
        return self._address(found[0])

    def _url(self, found: re.Match[str]) -> str:
        address = found[0].rstrip(".,;:!?)]}'»”")
        rest = found[0][len(address) :]
        bare = re.sub(r"^https?://", "", address, flags=re.I).rstrip("/")
        return self._address(bare) + rest

    def _address(self, address: str) -> str:
        """Signs by name, the rest as it stands."""
        language = self._language
        names = {".": language.dot, "@": language.at, "/": language.slash, "-": language.dash, "_": language.underscore}
        said = re.sub(r"[./@_-]", lambda sign: f" {names[sign[0]]} ", address)
        return re.sub(r"[^\S\n]+", " ", said).strip()


def word_before(found: re.Match[str]) -> str:
    """The word right before, in small letters; empty at the beginning of a sentence."""
    words = re.findall(rf"{WORD}+|[.!?]", found.string[max(0, found.start() - 24) : found.start()].lower())
    return words[-1] if words and words[-1] not in ".!?" else ""


def word_after(found: re.Match[str]) -> str:
    """The word that follows after one space, as written."""
    match = re.compile(rf"[^\S\n](?P<w>{WORD}{{1,24}})").match(found.string, found.end())
    return match["w"] if match and not match["w"][0].isdigit() else ""


def roman(text: str) -> int:
    """The value of a Roman numeral in its regular form, else 0."""
    total = 0
    for char, following in zip(text, [*text[1:], "I"], strict=True):
        value = _ROMAN.get(char, 0)
        total += -value if value < _ROMAN.get(following, 0) else value
    return total if total and _as_roman(total) == text else 0


def _as_roman(number: int) -> str:
    said = ""
    for value, sign in (
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ):
        said += sign * (number // value)
        number %= value
    return said


def _is_roman(word: str) -> bool:
    return bool(roman(word))


def _is_shouted(found: re.Match[str]) -> bool:
    """Whether a word beside it is in capitals too."""
    around = (
        found.string[max(0, found.start() - 16) : found.start()] + " " + found.string[found.end() : found.end() + 16]
    )
    words = re.findall(r"[^\W\d_]{3,}", around)
    return bool(words) and all(word.isupper() for word in words)


def _is_apart(found: re.Match[str]) -> bool:
    """Whether white space stands before it."""
    return found.string[found.start() - 1 : found.start()].isspace()


def _touches(found: re.Match[str]) -> bool:
    following = found.string[found.end() : found.end() + 1]
    return following.isalpha() or following in ("½", "¼", "¾")


def _one_of(names) -> str:
    """An alternation of names, the longest first."""
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))


def _anonymous(pattern: str) -> str:
    """The same pattern with no groups of its own."""
    return re.sub(r"\(\?P<\w+>", "(?:", pattern)


def _number_pattern(language: Language) -> str:
    group = f"[{re.escape(language.thousands)}{GAPS}]"
    indian = r"[1-9]\d?(?:,\d{2})+,\d{3}(?!\d)|" if language.thousands == "," else ""
    return rf"(?:{indian}[1-9٠-٩०-९]\d{{0,2}}(?:{group}\d{{3}})+(?!\d)|\d+)(?:[{re.escape(language.decimal)}٫]\d+)?"


def _number(text: str, language: Language, *, negative: bool = False) -> Number:
    """What a number pattern matched."""
    whole, fraction = text, ""
    for sign in (*language.decimal, "٫"):
        if sign in text:
            whole, _, fraction = text.rpartition(sign)
    digits = "".join(_digit(char) for char in whole if char.isdigit())
    return Number(digits, "".join(_digit(char) for char in fraction), negative, len(digits) < len(whole))


def _digit(char: str) -> str:
    return str(int(char))


def _plain(text: str) -> Number:
    return Number("".join(_digit(char) for char in text))
