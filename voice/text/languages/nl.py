"""Dutch."""

# Tables of words that nobody changes:
# ruff: noqa: RUF012, SIM905

import re

from voice.text.languages._base import Language, Noun, Number, nouns, pairs

_SMALL = (
    "nul een twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien zeventien "
    "achttien negentien"
).split()
_TENS = "_ _ twintig dertig veertig vijftig zestig zeventig tachtig negentig".split()
_BIG = ((10**12, "biljoen"), (10**9, "miljard"), (10**6, "miljoen"))
_ORDINALS = {1: "eerste", 2: "tweede", 3: "derde", 8: "achtste"}
_MONTHS = "januari februari maart april mei juni juli augustus september oktober november december".split()
_WRITTEN = {name: number for number, name in enumerate(_MONTHS, 1)} | {
    "jan": 1, "feb": 2, "mrt": 3, "apr": 4, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "sept": 9, "okt": 10, "nov": 11,
    "dec": 12,
}  # fmt: skip
_EURO, _CENT, _DOLLAR = Noun("euro", "euro"), Noun("cent", "cent"), Noun("dollar", "dollar")


class Dutch(Language):
    tag = "nl"
    digits = ("nul", "één", *_SMALL[2:10])
    minus, plus, point, range_, and_, equals, times = "min", "plus", "komma", "tot", "en", "is", "keer"
    dot, at, slash, dash, underscore, hash_ = (
        "punt",
        "apenstaartje",
        "schuine streep",
        "streepje",
        "laag streepje",
        "nummer",
    )
    percent = Noun("procent", "procent")
    units = nouns("""
        km: kilometer, kilometer
        m: meter, meter
        cm: centimeter, centimeter
        mm: millimeter, millimeter
        km² km2: vierkante kilometer, vierkante kilometer
        m² m2: vierkante meter, vierkante meter
        m³: kubieke meter, kubieke meter
        kg: kilogram, kilogram
        g gr: gram, gram
        mg: milligram, milligram
        t: ton, ton
        l L: liter, liter
        ml: milliliter, milliliter
        km/u km/h: kilometer per uur, kilometer per uur
        m/s: meter per seconde, meter per seconde
        °C: graad Celsius, graden Celsius
        °F: graad Fahrenheit, graden Fahrenheit
        °: graad, graden
        kB KB: kilobyte, kilobyte
        MB: megabyte, megabyte
        GB: gigabyte, gigabyte
        TB: terabyte, terabyte
        Hz: hertz, hertz
        kHz: kilohertz, kilohertz
        MHz: megahertz, megahertz
        GHz: gigahertz, gigahertz
        W: watt, watt
        kW: kilowatt, kilowatt
        kWh: kilowattuur, kilowattuur
        V: volt, volt
        u: uur, uur
        min.: minuut, minuten
        s sec.: seconde, seconden
        ms: milliseconde, milliseconden
    """)
    currencies = {
        "€": (_EURO, _CENT), "EUR": (_EURO, _CENT), "euro": (_EURO, _CENT), "$": (_DOLLAR, _CENT),
        "USD": (_DOLLAR, _CENT),
        "£": (Noun("pond", "pond"), Noun("penny", "pence")), "¥": (Noun("yen", "yen"), None),
        "₹": (Noun("roepie", "roepie"), None),
    }  # fmt: skip
    magnitudes = nouns("""
        miljoen mln. mln: miljoen, miljoen
        miljard mld. mld: miljard, miljard
    """)
    months = tuple(_MONTHS)
    written_months = _WRITTEN
    abbreviations = pairs("""
        bijv. = bijvoorbeeld
        bv. = bijvoorbeeld
        d.w.z. = dat wil zeggen
        o.a. = onder andere
        m.a.w. = met andere woorden
        t/m = tot en met
        dhr. = de heer
        mevr. = mevrouw
        mw. = mevrouw
        dr. = dokter
        prof. = professor
        drs. = doctorandus
        ir. = ingenieur
        enz. = enzovoort
        etc. = et cetera
        ca. = circa
        i.p.v. = in plaats van
        a.u.b. = alstublieft
        n.v.t. = niet van toepassing
        i.v.m. = in verband met
        m.b.t. = met betrekking tot
        t.o.v. = ten opzichte van
        o.l.v. = onder leiding van
        v.Chr. = voor Christus
        n.Chr. = na Christus
        tel. = telefoon
        St. = Sint
    """)
    before_number = {
        "nr.": "nummer", "Nr.": "nummer", "blz.": "bladzijde", "p.": "pagina", "art.": "artikel", "hfst.": "hoofdstuk",
        "fig.": "figuur", "§": "paragraaf",
    }  # fmt: skip
    spoken_acronyms = frozenset("NAVO NASA UNESCO UNICEF FIFA AIDS HAVO".split())
    spelled_acronyms = frozenset("EU VS VN USA AOW ANWB KLM CIA FBI API USB IBM PVDA WAO".split())
    fractions = {
        (1, 2): "een half", (1, 3): "een derde", (2, 3): "twee derde", (1, 4): "een kwart", (3, 4): "driekwart",
        (1, 5): "een vijfde", (1, 8): "een achtste", (1, 10): "een tiende",
    }  # fmt: skip
    and_half = {
        (1, 2): "en een half", (1, 4): "en een kwart", (3, 4): "en driekwart", (1, 3): "en een derde",
        (2, 3): "en twee derde", (1, 8): "en een achtste",
    }  # fmt: skip
    rulers = frozenset(
        (
            "Willem Lodewijk Karel Hendrik Elizabeth Filips Frederik George Pius Paulus Benedictus Napoleon "
            "Leopold Albert Peter Nicolaas"
        ).split()
    )
    clock_tail = "uur"
    ordinal_pattern = r"(?P<n>\d{1,4})(?:ste|de|e)(?!\w)"
    roman_pattern = r"(?P<what>\b(?:Wereldoorlog|Hoofdstuk|Deel|deel|hoofdstuk)) (?P<r>[IVXL]{1,6})(?!\w)"
    phone_pattern = r"0\d{1,3}[ -]\d{6,8}|06[ -]\d{8}|0\d{1,3}[ -]\d{2,3}(?: \d{2,3}){2,3}"

    def cardinal(self, number: int, form: str = "") -> str:
        """Standing alone one is `één`; form stem is `een`, as within a longer word."""
        said = []
        for size, name in _BIG:
            count, number = divmod(number, size)
            if count:
                said.append(f"{self.cardinal(count)} {name}")
        thousands, rest = divmod(number, 1000)
        if thousands:
            said.append("duizend" if thousands == 1 else f"{self._below_thousand(thousands)}duizend")
        if rest or not said:
            said.append(self._below_thousand(rest) if rest != 1 or said or form == "stem" else "één")
        return " ".join(said)

    def _below_thousand(self, number: int) -> str:
        hundreds, low = divmod(number, 100)
        said = ("" if hundreds == 1 else _SMALL[hundreds]) + "honderd" if hundreds else ""
        if low or not said:
            said += self._below_hundred(low)
        return said

    def _below_hundred(self, number: int) -> str:
        if number < 20:
            return _SMALL[number]
        tens, ones = divmod(number, 10)
        if not ones:
            return _TENS[tens]
        return f"{_SMALL[ones]}{'ën' if _SMALL[ones].endswith('e') else 'en'}{_TENS[tens]}"

    def ordinal(self, number: int, form: str = "") -> str:
        low = number % 100
        words = self.cardinal(number, "stem")
        if low in _ORDINALS:
            return words.removesuffix(_SMALL[low]) + _ORDINALS[low]
        return words + ("de" if 0 < low < 20 else "ste")

    def year(self, number: int, before: str = "") -> str:
        high, low = divmod(number, 100)
        if 11 <= high < 20:
            return f"{_SMALL[high]}honderd{self._below_hundred(low) if low else ''}"
        return self.cardinal(number)

    def is_year(self, number: Number, before: str, after: str) -> bool:
        if len(number.whole) != 4 or number.fraction or number.grouped or number.negative:
            return False
        return 1100 <= number.value < 2000

    def spelled(self, number: Number, form: str = "") -> str:
        """Whole hundreds from 1100 on are counted in hundreds."""
        whole = number.whole
        if (
            len(whole) == 4
            and whole.endswith("00")
            and whole[1] != "0"
            and not number.fraction
            and not number.is_digits
        ):
            said = f"{self._below_hundred(int(whole[:2]))}honderd"
            return f"{self.minus} {said}" if number.negative else said
        return super().spelled(number, form)

    def decimals(self, fraction: str) -> str:
        return self.by_digits(fraction)

    def with_cents(self, money: str, cents: Number, minor: Noun) -> str:
        return f"{money} {self.spelled(cents)}"

    def date(self, day: int, month: int, year: int | None, before: str) -> str:
        said = f"{self.cardinal(day)} {self.months[month - 1]}"
        return f"{said} {self.year(year)}" if year is not None else said

    def clock(self, hour: int, minute: int, tail: str, before: str) -> str:
        said = f"{self.cardinal(hour)} uur"
        return f"{said} {self.cardinal(minute)}" if minute else said

    def roman(self, number: int, found: re.Match[str]) -> str | None:
        return f"{found['what']} {self.cardinal(number)}"

    def ruler(self, number: int) -> str:
        return f"de {self.ordinal(number)}"


LANGUAGE = Dutch()
