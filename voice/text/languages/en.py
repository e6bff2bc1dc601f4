"""English, American in its dates."""

# Tables of words that nobody changes:
# ruff: noqa: RUF012, SIM905

import re

from voice.text.languages._base import Language, Noun, Number, nouns, pairs

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
_TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
_SCALE = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
_MONTHS = "January February March April May June July August September October November December".split()
_SHORT = "jan feb mar apr jun jul aug sep sept oct nov dec".split()
_NUMBERS = (1, 2, 3, 4, 6, 7, 8, 9, 9, 10, 11, 12)
_CENT = Noun("cent", "cents")
_DOLLAR = Noun("dollar", "dollars")
_POUND = Noun("pound", "pounds")
_YEAR_WORDS = frozenset("in since by until till from before after during around circa early late of year".split())


class English(Language):
    tag = "en"
    decimal, thousands, order = ".", ",", "mdy"
    digits = tuple(_SMALL[:10])
    minus, plus, point, range_, and_, equals, times = "minus", "plus", "point", "to", "and", "equals", "times"
    dot, at, slash, dash, underscore, hash_ = "dot", "at", "slash", "dash", "underscore", "number"
    units = nouns("""
        km: kilometer, kilometers
        m: meter, meters
        cm: centimeter, centimeters
        mm: millimeter, millimeters
        mi: mile, miles
        ft: foot, feet
        km² km2: square kilometer, square kilometers
        m² m2: square meter, square meters
        sq.ft.: square foot, square feet
        kg: kilogram, kilograms
        g: gram, grams
        mg: milligram, milligrams
        lb lbs: pound, pounds
        oz: ounce, ounces
        l L: liter, liters
        ml mL: milliliter, milliliters
        km/h kph: kilometer per hour, kilometers per hour
        mph: mile per hour, miles per hour
        m/s: meter per second, meters per second
        °C: degree Celsius, degrees Celsius
        °F: degree Fahrenheit, degrees Fahrenheit
        °: degree, degrees
        kB KB: kilobyte, kilobytes
        MB: megabyte, megabytes
        GB: gigabyte, gigabytes
        TB: terabyte, terabytes
        Mbps Mbit/s: megabit per second, megabits per second
        Hz: hertz, hertz
        kHz: kilohertz, kilohertz
        MHz: megahertz, megahertz
        GHz: gigahertz, gigahertz
        W: watt, watts
        kW: kilowatt, kilowatts
        kWh: kilowatt hour, kilowatt hours
        V: volt, volts
        mAh: milliamp hour, milliamp hours
        h hr hrs: hour, hours
        min: minute, minutes
        s sec: second, seconds
        ms: millisecond, milliseconds
    """)
    currencies = {
        "$": (_DOLLAR, _CENT), "USD": (Noun("US dollar", "US dollars"), _CENT), "US$": (_DOLLAR, _CENT),
        "€": (Noun("euro", "euros"), _CENT), "EUR": (Noun("euro", "euros"), _CENT),
        "£": (_POUND, Noun("penny", "pence")), "GBP": (_POUND, Noun("penny", "pence")),
        "¥": (Noun("yen", "yen"), None), "₹": (Noun("rupee", "rupees"), Noun("paisa", "paise")),
        "¢": (_CENT, None), "₽": (Noun("ruble", "rubles"), None), "₺": (Noun("lira", "lira"), None),
    }  # fmt: skip
    magnitudes = {
        word: Noun(word.lower(), word.lower()) for word in ("thousand", "million", "billion", "trillion", "Million")
    } | {
        short: Noun(word, word)
        for short, word in (("M", "million"), ("bn", "billion"), ("B", "billion"), ("K", "thousand"), ("k", "thousand"))
    }
    months = tuple(_MONTHS)
    written_months = {name.lower(): number for number, name in enumerate(_MONTHS, 1)} | dict(
        zip(_SHORT, _NUMBERS, strict=True)
    )
    abbreviations = pairs("""
        Dr. = Doctor
        Mr. = Mister
        Mrs. = Missus
        Ms. = Miz
        Prof. = Professor
        Jr. = Junior
        Sr. = Senior
        e.g. = for example
        i.e. = that is
        etc. = et cetera
        vs. = versus
        vs = versus
        approx. = approximately
        Ave. = Avenue
        Blvd. = Boulevard
        Inc. = Incorporated
        Ltd. = Limited
        Corp. = Corporation
        dept. = department
        a.k.a. = also known as
        w/ = with
        w/o = without
    """)
    before_number = pairs("""
        No. = number
        Nos. = numbers
        no. = number
        p. = page
        pp. = pages
        vol. = volume
        Vol. = volume
        fig. = figure
        Fig. = figure
        ch. = chapter
        § = section
    """)
    spoken_acronyms = frozenset("NASA NATO UNESCO UNICEF OPEC COVID AIDS LASER RADAR SWAT NAFTA FIFA ASAP".split())
    spelled_acronyms = frozenset(
        (
            "AI API ATM BMI CEO CIA ESA FBI IMF IPO IRA ISBN LED MRI NBA NFL OECD RAM UAE VIP CIO EU FAQ IBM IT "
            "UK UN US USA USB UFO URL UI UX IP ID IRS TV PC OK DIY ETA AC DNA LA"
        ).split()
    ) - {"IT", "US", "OK", "LA"}
    fractions = {
        (1, 2): "one half", (1, 3): "one third", (2, 3): "two thirds", (1, 4): "one quarter", (3, 4): "three quarters",
        (1, 5): "one fifth", (1, 8): "one eighth", (1, 10): "one tenth",
    }  # fmt: skip
    and_half = {
        (1, 2): "and a half", (1, 4): "and a quarter", (3, 4): "and three quarters", (1, 3): "and a third",
        (2, 3): "and two thirds", (1, 8): "and an eighth",
    }  # fmt: skip
    rulers = frozenset(
        "Henry Louis Elizabeth Charles Edward George James William Richard Philip Napoleon Pius Paul Francis Benedict "
        "Catherine Nicholas Peter Alexander Frederick Leo Gregory John Mary".split()
    )
    day_tail = r"(?:st|nd|rd|th)?"
    of = r"(?:of\s)?"
    clock_tail = r"[AaPp]\.\s?[Mm]\.|[AaPp][Mm]"
    ordinal_pattern = r"(?P<n>\d{1,3}(?:,\d{3})*|\d+)(?:st|nd|rd|th)(?!\w)"
    roman_pattern = (
        r"(?P<what>\b(?:Chapter|Part|War|Volume|Act|Phase|Type|Section|Book|Bowl|Class|Level|Article)) "
        r"(?P<r>[IVXL]{1,6})(?!\w)"
    )
    phone_pattern = (
        r"\(\d{3}\)\s?\d{3}-\d{4}|\d{3}[-.]\d{3}[-.]\d{4}|\d-\d{3}-\d{3}-\d{4}|\d{3}-\d{4}|0\d{2,4} \d{3} \d{3,4}"
    )
    own = (
        ("_month_first", rf"(?<!\w)(?P<m>(?:{'|'.join(_MONTHS)})|(?:{'|'.join(name.title() for name in _SHORT)})\.?)\s"
                         r"(?P<d>\d{1,2})(?:st|nd|rd|th)?(?![\d\w]|[:.]\d)(?:,?\s(?P<y>[1-9]\d{3})(?![\d\w]))?"),
        ("_height", r"(?<![\w.,])(?P<ft>\d)['’](?P<inch>\d{1,2})[\"”]"),
        ("_decade", r"(?<![\w.,])(?P<n>[12]\d[1-9]0)s(?!\w)"),
        ("_saint_or_street", r"(?<=[a-z]\s)St\.(?!\w)|(?<!\w)St\.(?=\s[A-Z])"),
    )  # fmt: skip

    def cardinal(self, number: int, form: str = "") -> str:
        if number < 20:
            return _SMALL[number]
        if number < 100:
            tens, ones = divmod(number, 10)
            return _TENS[tens] + (f"-{_SMALL[ones]}" if ones else "")
        size, name = next((size, name) for size, name in _SCALE if number >= size)
        count, rest = divmod(number, size)
        return f"{self.cardinal(count)} {name}" + (f" {self.cardinal(rest)}" if rest else "")

    def ordinal(self, number: int, form: str = "") -> str:
        words = re.split(r"([ -])", self.cardinal(number))
        last = words[-1]
        ending = last[:-1] + "ieth" if last.endswith("y") else last + "th"
        return "".join(words[:-1]) + _ORDINALS.get(last, ending)

    def year(self, number: int, before: str = "") -> str:
        high, low = divmod(number, 100)
        if number < 1000 or 2000 <= number < 2010 or (high % 10 == 0 and low < 10):
            return self.cardinal(number)
        if not low:
            return f"{self.cardinal(high)} hundred"
        return f"{self.cardinal(high)} {'oh ' if low < 10 else ''}{self.cardinal(low)}"

    def is_year(self, number: Number, before: str, after: str) -> bool:
        if len(number.whole) != 4 or number.fraction or number.grouped or number.negative:
            return False
        return 1900 <= number.value < 2100 or (1000 <= number.value < 2200 and before in _YEAR_WORDS)

    def decimals(self, fraction: str) -> str:
        return self.by_digits(fraction)

    def with_cents(self, money: str, cents: Number, minor: Noun) -> str:
        return f"{money} and {self.counted(cents, minor)}"

    def date(self, day: int, month: int, year: int | None, before: str) -> str:
        said = f"{self.months[month - 1]} {self.ordinal(day)}"
        return f"{said}, {self.year(year)}" if year is not None else said

    def clock(self, hour: int, minute: int, tail: str, before: str) -> str:
        half = " ".join(tail.replace(".", "").replace(" ", "").lower())
        if not minute:
            said = (
                self.cardinal(hour)
                if half
                else (f"{self.cardinal(hour)} o'clock" if 0 < hour <= 12 else f"{self.cardinal(hour)} hundred")
            )
        else:
            said = f"{self.cardinal(hour)} {'oh ' if minute < 10 else ''}{self.cardinal(minute)}"
        return f"{said} {half}".strip()

    def ordinal_sign(self, found: re.Match[str]) -> str | None:
        digits = found["n"].replace(",", "")
        return self.ordinal(int(digits)) if len(digits) < 13 else None

    def roman(self, number: int, found: re.Match[str]) -> str | None:
        return f"{found['what']} {self.cardinal(number)}"

    def ruler(self, number: int) -> str:
        return f"the {self.ordinal(number)}"

    def _month_first(self, found: re.Match[str]) -> str | None:
        day = int(found["d"])
        if not 1 <= day <= 31:
            return None
        return self.date(
            day, self.written_months[found["m"].lower().rstrip(".")], int(found["y"]) if found["y"] else None, ""
        )

    def _decade(self, found: re.Match[str]) -> str:
        year = int(found["n"])
        tens = self.cardinal(year % 100)
        return f"{self.cardinal(year // 100)} {tens[:-1]}ies" if year // 100 != 20 else f"two thousand {tens[:-1]}ies"

    def _height(self, found: re.Match[str]) -> str:
        return f"{self.cardinal(int(found['ft']))} foot {self.cardinal(int(found['inch']))}"

    def _saint_or_street(self, found: re.Match[str]) -> str:
        """A street's name stands before it in capitals, a saint's behind it."""
        words = found.string[max(0, found.start() - 24) : found.start()].split()
        follows = found.string[found.end() : found.end() + 2].strip()
        return "Street" if words and words[-1][:1].isupper() and not follows[:1].isupper() else "Saint"


LANGUAGE = English()
