"""German."""

# Tables of words that nobody changes:
# ruff: noqa: RUF012, SIM905

import re

from voice.text.languages._base import Language, Noun, Number, nouns, pairs

_SMALL = (
    "null ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn "
    "achtzehn neunzehn"
).split()
_TENS = "_ _ zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig".split()
_BIG = ((10**12, "Billion", "Billionen"), (10**9, "Milliarde", "Milliarden"), (10**6, "Million", "Millionen"))
_STEMS = {1: "erst", 3: "dritt", 7: "siebt", 8: "acht"}
_MONTHS = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()
_WRITTEN = {name.lower(): number for number, name in enumerate(_MONTHS, 1)} | {
    "jan": 1, "feb": 2, "mär": 3, "apr": 4, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "sept": 9, "okt": 10, "nov": 11,
    "dez": 12, "jänner": 1,
}  # fmt: skip
_EN = frozenset("am im vom zum beim den dem des einem einen eines ihrem seinem jedem jeden bis ab seit der_".split())
_E = frozenset("der die das jede".split())
_EURO, _CENT, _DOLLAR = Noun("Euro", "Euro"), Noun("Cent", "Cent"), Noun("Dollar", "Dollar")


class German(Language):
    tag = "de"
    digits = ("null", "eins", *_SMALL[2:10])
    minus, plus, point, range_, and_, equals, times = "minus", "plus", "Komma", "bis", "und", "gleich", "mal"
    dot, at, slash, dash, underscore, hash_ = "Punkt", "at", "Schrägstrich", "minus", "Unterstrich", "Nummer"
    percent = Noun("Prozent", "Prozent")
    units = nouns("""
        km: Kilometer, Kilometer
        m: Meter, Meter
        cm: Zentimeter, Zentimeter
        mm: Millimeter, Millimeter
        km² km2: Quadratkilometer, Quadratkilometer
        m² m2 qm: Quadratmeter, Quadratmeter
        m³: Kubikmeter, Kubikmeter
        kg: Kilogramm, Kilogramm
        g: Gramm, Gramm
        mg: Milligramm, Milligramm
        t: Tonne, Tonnen, f
        l: Liter, Liter
        ml: Milliliter, Milliliter
        km/h: Kilometer pro Stunde, Kilometer pro Stunde
        m/s: Meter pro Sekunde, Meter pro Sekunde
        °C: Grad Celsius, Grad Celsius
        °F: Grad Fahrenheit, Grad Fahrenheit
        °: Grad, Grad
        kB KB: Kilobyte, Kilobyte
        MB: Megabyte, Megabyte
        GB: Gigabyte, Gigabyte
        TB: Terabyte, Terabyte
        Hz: Hertz, Hertz
        kHz: Kilohertz, Kilohertz
        MHz: Megahertz, Megahertz
        GHz: Gigahertz, Gigahertz
        W: Watt, Watt
        kW: Kilowatt, Kilowatt
        kWh: Kilowattstunde, Kilowattstunden, f
        V: Volt, Volt
        h Std.: Stunde, Stunden, f
        min Min.: Minute, Minuten, f
        s Sek.: Sekunde, Sekunden, f
        ms: Millisekunde, Millisekunden, f
    """)
    currencies = {
        "€": (_EURO, _CENT), "EUR": (_EURO, _CENT), "Euro": (_EURO, _CENT), "$": (_DOLLAR, _CENT),
        "USD": (Noun("US-Dollar", "US-Dollar"), _CENT), "£": (Noun("Pfund", "Pfund"), Noun("Penny", "Pence")),
        "CHF": (Noun("Franken", "Franken"), Noun("Rappen", "Rappen")), "¥": (Noun("Yen", "Yen"), None),
        "₹": (Noun("Rupie", "Rupien", "f"), None),
    }  # fmt: skip
    magnitudes = nouns("""
        Mio. Mio Million Millionen: Million, Millionen, f
        Mrd. Mrd Milliarde Milliarden: Milliarde, Milliarden, f
        Bio. Billionen: Billion, Billionen, f
        Tsd.: tausend, tausend
    """)
    months = tuple(_MONTHS)
    written_months = _WRITTEN
    abbreviations = pairs("""
        z. B. = zum Beispiel
        z.B. = zum Beispiel
        d. h. = das heißt
        d.h. = das heißt
        u. a. = unter anderem
        u.a. = unter anderem
        i. d. R. = in der Regel
        i.d.R. = in der Regel
        Dr. = Doktor
        Prof. = Professor
        Hr. = Herr
        Fr. = Frau
        Dipl.-Ing. = Diplom-Ingenieur
        St. = Sankt
        usw. = und so weiter
        bzw. = beziehungsweise
        ca. = circa
        ggf. = gegebenenfalls
        evtl. = eventuell
        vgl. = vergleiche
        inkl. = inklusive
        zzgl. = zuzüglich
        sog. = sogenannte
        etc. = et cetera
        bspw. = beispielsweise
        Str. = Straße
        Tel. = Telefon
        Jh. = Jahrhundert
        v. Chr. = vor Christus
        n. Chr. = nach Christus
        GmbH = G m b H
    """)
    before_number = pairs("""
        Nr. = Nummer
        S. = Seite
        Kap. = Kapitel
        Abs. = Absatz
        Art. = Artikel
        Abb. = Abbildung
        Bd. = Band
        § = Paragraf
    """)
    spoken_acronyms = frozenset("NATO NASA UNO UNESCO UNICEF BAFÖG TÜV".split()) - {"TÜV"}
    spelled_acronyms = frozenset(
        "ADAC EU USA AG API CEO IBM KI IT BASF SAP EDV EZB CIA UKW ARD PKW LKW AKW AOK".split()
    )
    fractions = {
        (1, 2): "ein halb", (1, 3): "ein Drittel", (2, 3): "zwei Drittel", (1, 4): "ein Viertel",
        (3, 4): "drei Viertel",
        (1, 5): "ein Fünftel", (1, 8): "ein Achtel", (1, 10): "ein Zehntel",
    }  # fmt: skip
    rulers = frozenset(
        (
            "Ludwig Karl Friedrich Wilhelm Heinrich Otto Elisabeth Karl Katharina Nikolaus Pius Benedikt "
            "Franziskus Napoleon Peter Georg Philipp Franz Leopold Johannes Paul"
        ).split()
    )
    year_tail = ""
    clock_tail = "Uhr"
    ordinal_pattern = r"(?P<n>\d{1,3})\.(?=\s[A-ZÄÖÜ]\w|\s[a-zäöü]{2,12}(?:e|en|er|es)\s[A-ZÄÖÜ])"
    phone_pattern = r"0\d{1,5}[ /-]\d{3,8}(?:[ -]\d{1,8}){0,4}|\(0\d{1,5}\)\s?\d{3,9}"

    own = (
        ("_clock_with_dot", r"(?<![\w.,])(?P<h>\d{1,2})\.(?P<min>\d{2})(?=\sUhr)(?P<tail>\sUhr)"),
        ("_day_and_month", r"(?<![\w.,])(?P<d>\d{1,2})\.\s?(?P<m>\d{1,2})\.(?!\s?\d)"),
        ("_compound", r"(?<![\w.,])(?P<n>\d{1,3})-(?=jährig|tägig|wöchig|stündig|prozentig|fach|köpfig|malig|mal\b)"),
        ("_decade", r"(?<![\w.,])(?P<n>\d{1,3})er(?!\w)"),
    )

    def cardinal(self, number: int, form: str = "") -> str:
        """Forms: empty is `eins`, m and n `ein`, f `eine`, en `einen`; `stem` is what a longer word goes on from."""
        said = []
        for size, one, many in _BIG:
            count, number = divmod(number, size)
            if count:
                said.append(f"eine {one}" if count == 1 else f"{self.cardinal(count, 'm')} {many}")
        if number or not said:
            said.append(self._below_million(number, form))
        return " ".join(said)

    def _below_million(self, number: int, form: str) -> str:
        thousands, rest = divmod(number, 1000)
        hundreds, low = divmod(rest, 100)
        said = f"{self._below_million(thousands, 'stem')}tausend" if thousands else ""
        said += f"{_SMALL[hundreds]}hundert" if hundreds else ""
        if not low:
            return said or "null"
        if low == 1:
            last = "e" if form == "f" else "" if form in ("m", "n", "stem") else "s"
            return f"{said}ein{last}"
        if low < 20:
            return said + _SMALL[low]
        tens, ones = divmod(low, 10)
        return said + (f"{_SMALL[ones]}und" if ones else "") + _TENS[tens]

    def ordinal(self, number: int, form: str = "e") -> str:
        low = number % 100
        head = self._below_million(number - low, "stem") if number > low else ""
        stem = _STEMS.get(low) or (self._below_million(low, "stem") + ("t" if low < 20 else "st") if low else "st")
        return head + stem + form

    def year(self, number: int, before: str = "") -> str:
        high, low = divmod(number, 100)
        if not 11 <= high < 20:
            said = self.cardinal(number)
            return said.removeprefix("ein") if said.startswith("eintausend") else said
        return f"{_SMALL[high]}hundert" + (self.cardinal(low) if low else "")

    def is_year(self, number: Number, before: str, after: str) -> bool:
        if len(number.whole) != 4 or number.fraction or number.grouped or number.negative:
            return False
        return number.whole != "1000" and 1100 <= number.value < 2000

    def decimals(self, fraction: str) -> str:
        return self.by_digits(fraction)

    def counted(self, number: Number, noun: Noun, form: str = "") -> str:
        said = super().counted(number, noun)
        return said.removeprefix("ein") if said.startswith("einhundert ") else said

    def with_cents(self, money: str, cents: Number, minor: Noun) -> str:
        return f"{money} {self.spelled(cents)}"

    def form_before(self, word: str) -> str:
        if not word[:1].isalpha():
            return ""
        return (
            "f"
            if word[:1].isupper() and word.endswith(("e", "ung", "heit", "keit"))
            else "m"
            if word[:1].isupper()
            else ""
        )

    def half(self, number: Number, fraction: tuple[int, int]) -> str:
        if fraction == (1, 2):
            return "eineinhalb" if number.whole == "1" else f"{self.spelled(number, 'stem')}einhalb"
        return f"{self.spelled(number)} {self.fractions.get(fraction, self.fraction(*fraction))}"

    def fraction(self, over: int, under: int) -> str:
        return (
            self.fractions.get((over, under))
            or f"{self.cardinal(over)} {self.slash if under > 100 else 'durch'} {self.cardinal(under)}"
        )

    def date(self, day: int, month: int, year: int | None, before: str) -> str:
        said = f"{self.ordinal(day, _ending(before, 'er'))} {self.months[month - 1]}"
        return f"{said} {self.year(year)}" if year is not None else said

    def clock(self, hour: int, minute: int, tail: str, before: str) -> str:
        said = f"{self.cardinal(hour, 'm')} Uhr"
        return f"{said} {self.cardinal(minute)}" if minute else said

    def ordinal_sign(self, found: re.Match[str]) -> str | None:
        words = found.string[max(0, found.start() - 16) : found.start()].lower().split()
        ending = _ending(words[-1] if words else "", "")
        if not ending and found.string[found.end() + 1 : found.end() + 12].startswith("Jahrhundert"):
            ending = "es"
        return self.ordinal(int(found["n"]), ending) if ending and int(found["n"]) else None

    def ruler(self, number: int) -> str:
        return f"der {self.ordinal(number).capitalize()}"

    def _clock_with_dot(self, found: re.Match[str]) -> str | None:
        hour, minute = int(found["h"]), int(found["min"])
        return self.clock(hour, minute, "", "") if hour < 25 and minute < 60 else None

    def _day_and_month(self, found: re.Match[str]) -> str | None:
        day, month = int(found["d"]), int(found["m"])
        before = found.string[max(0, found.start() - 8) : found.start()].lower().split()[-1:]
        return self.date(day, month, None, "".join(before)) if 1 <= day <= 31 and 1 <= month <= 12 else None

    def _compound(self, found: re.Match[str]) -> str:
        """The first half of a word such as fünfzigjährig."""
        return self.cardinal(int(found["n"]), "stem")

    def _decade(self, found: re.Match[str]) -> str:
        return self.cardinal(int(found["n"]), "stem") + "er"

    def spell(self, word: str) -> str:
        return " ".join(word)


def _ending(before: str, otherwise: str) -> str:
    """The ending of an ordinal after an article or preposition."""
    return "en" if before in _EN else "e" if before in _E else otherwise


LANGUAGE = German()
