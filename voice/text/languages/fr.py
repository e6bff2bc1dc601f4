"""French of France."""

# Tables of words that nobody changes:
# ruff: noqa: RUF012, SIM905

import re

from voice.text.languages._base import Language, Noun, Number, nouns, pairs

_SMALL = (
    "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept dix-huit "
    "dix-neuf"
).split()
_TENS = "_ _ vingt trente quarante cinquante soixante soixante quatre-vingt quatre-vingt".split()
_BIG = ((10**12, "billion"), (10**9, "milliard"), (10**6, "million"))
_MONTHS = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()
_WRITTEN = {name: number for number, name in enumerate(_MONTHS, 1)} | {
    "janv": 1, "févr": 2, "avr": 4, "juil": 7, "sept": 9, "oct": 10, "nov": 11, "déc": 12, "fevrier": 2, "aout": 8,
    "decembre": 12,
}  # fmt: skip
_FEMININE = frozenset(
    "heure heures minute minutes seconde secondes page pages année années personne personnes fois femme femmes fille "
    "filles maison maisons voiture voitures semaine semaines chose choses place places ville villes question questions "
    "tonne tonnes".split()
)
_EURO, _CENT = Noun("euro", "euros"), Noun("centime", "centimes")
_DOLLAR = Noun("dollar", "dollars")


class French(Language):
    tag = "fr"
    thousands = ". "
    digits = tuple(_SMALL[:10])
    minus, plus, point, range_, and_, equals, times = "moins", "plus", "virgule", "à", "et", "égale", "fois"
    dot, at, slash, dash, underscore, hash_ = "point", "arobase", "barre oblique", "tiret", "tiret bas", "numéro"
    percent = Noun("pour cent", "pour cent")
    of_magnitude = " de "
    units = nouns("""
        km: kilomètre, kilomètres
        m: mètre, mètres
        cm: centimètre, centimètres
        mm: millimètre, millimètres
        km² km2: kilomètre carré, kilomètres carrés
        m² m2: mètre carré, mètres carrés
        m³: mètre cube, mètres cubes
        kg: kilogramme, kilogrammes
        g: gramme, grammes
        mg: milligramme, milligrammes
        t: tonne, tonnes, f
        l L: litre, litres
        ml mL: millilitre, millilitres
        km/h: kilomètre par heure, kilomètres par heure
        m/s: mètre par seconde, mètres par seconde
        °C: degré Celsius, degrés Celsius
        °F: degré Fahrenheit, degrés Fahrenheit
        °: degré, degrés
        ko Ko: kilooctet, kilooctets
        Mo: mégaoctet, mégaoctets
        Go: gigaoctet, gigaoctets
        To: téraoctet, téraoctets
        GB: gigabyte, gigabytes
        MB: mégabyte, mégabytes
        Hz: hertz, hertz
        kHz: kilohertz, kilohertz
        MHz: mégahertz, mégahertz
        GHz: gigahertz, gigahertz
        W: watt, watts
        kW: kilowatt, kilowatts
        kWh: kilowattheure, kilowattheures
        V: volt, volts
        min: minute, minutes, f
        s: seconde, secondes, f
        ms: milliseconde, millisecondes, f
    """)
    currencies = {
        "€": (_EURO, _CENT), "EUR": (_EURO, _CENT), "$": (_DOLLAR, Noun("cent", "cents")),
        "USD": (Noun("dollar américain", "dollars américains"), None),
        "£": (Noun("livre", "livres", "f"), Noun("penny", "pence")),
        "CHF": (Noun("franc suisse", "francs suisses"), _CENT), "¥": (Noun("yen", "yens"), None),
        "₹": (Noun("roupie", "roupies", "f"), None),
    }  # fmt: skip
    magnitudes = nouns("""
        million millions M: million, millions
        milliard milliards Md Mds: milliard, milliards
    """)
    months = tuple(_MONTHS)
    written_months = _WRITTEN
    abbreviations = pairs("""
        M. = Monsieur
        MM. = Messieurs
        Mme = Madame
        Mmes = Mesdames
        Mlle = Mademoiselle
        Dr = Docteur
        Pr = Professeur
        Me = Maître
        p. ex. = par exemple
        p.ex. = par exemple
        c.-à-d. = c'est-à-dire
        etc. = et cetera
        env. = environ
        av. J.-C. = avant Jésus-Christ
        apr. J.-C. = après Jésus-Christ
        tél. = téléphone
        bd = boulevard
        St = Saint
        Ste = Sainte
        cf. = confer
        s.v.p. = s'il vous plaît
        svp = s'il vous plaît
        RDV = rendez-vous
        rdv = rendez-vous
    """)
    before_number = {
        "n°": "numéro", "N°": "numéro", "n o": "numéro", "nº": "numéro", "p.": "page", "pp.": "pages", "vol.": "volume",
        "art.": "article", "chap.": "chapitre", "fig.": "figure", "§": "paragraphe",
    }  # fmt: skip
    spoken_acronyms = frozenset("OTAN ONU NASA UNESCO UNICEF SIDA FIFA INSEE ENA".split())
    spelled_acronyms = frozenset(
        "UE USA PME TVA EDF RATP SNCF IA API BNP CIA FBI PIB CEO USB HLM IBM UMP INA".split()
    ) - {"INA"}
    fractions = {
        (1, 2): "un demi", (1, 3): "un tiers", (2, 3): "deux tiers", (1, 4): "un quart", (3, 4): "trois quarts",
        (1, 5): "un cinquième", (1, 8): "un huitième", (1, 10): "un dixième",
    }  # fmt: skip
    and_half = {
        (1, 2): "et demi", (1, 4): "un quart", (3, 4): "trois quarts", (1, 3): "un tiers", (2, 3): "deux tiers",
        (1, 8): "un huitième",
    }  # fmt: skip
    rulers = frozenset(
        (
            "Louis Charles Henri François Philippe Napoléon Élisabeth Georges Guillaume Jacques Pie Paul Benoît "
            "Léon Nicolas Alexandre Catherine Pierre Frédéric Édouard Richard"
        ).split()
    )
    day_tail = r"(?:er)?"
    clock_mark = r"(?:\s?[hH]\s?|:)"
    ordinal_pattern = r"(?P<n>\d{1,4})\s?(?P<end>ers?|res?|ères?|èmes?|emes?|es?|nde?s?|ᵉ)(?!\w)"
    roman_pattern = r"(?<!\w)(?P<r>[IVX]{1,6})\s?(?P<end>ers?|ères?|res?|èmes?|es?|ᵉ)(?!\w)"
    phone_pattern = r"0\d(?:[ .-]\d{2}){4}"
    own = (("_hour", r"(?<![\w.,])(?P<h>\d{1,2})\s?h(?!\w)"),)

    def cardinal(self, number: int, form: str = "") -> str:
        """Form f is `une`."""
        said = []
        for size, name in _BIG:
            count, number = divmod(number, size)
            if count:
                said.append(f"{self.cardinal(count)} {name}{'s' if count > 1 else ''}")
        thousands, rest = divmod(number, 1000)
        if thousands:
            said.append("mille" if thousands == 1 else f"{self._below_thousand(thousands, last=False)} mille")
        if rest or not said:
            said.append(self._below_thousand(rest, last=True))
        text = " ".join(said)
        return text + "e" if form == "f" and re.search(r"\bun$", text) else text

    def _below_thousand(self, number: int, *, last: bool) -> str:
        """`last` tells whether nothing follows: then quatre-vingts and cents have their s."""
        hundreds, low = divmod(number, 100)
        said = []
        if hundreds:
            said.append("cent" if hundreds == 1 else f"{_SMALL[hundreds]} cent{'s' if last and not low else ''}")
        if low or not hundreds:
            said.append(self._below_hundred(low, last=last))
        return " ".join(said)

    def _below_hundred(self, number: int, *, last: bool) -> str:
        if number < 20:
            return _SMALL[number]
        tens, ones = divmod(number, 10)
        if tens in (7, 9):
            ones += 10
        if not ones:
            return _TENS[tens] + ("s" if tens == 8 and last else "")
        if ones in (1, 11) and tens < 8:
            return f"{_TENS[tens]} et {_SMALL[ones]}"
        return f"{_TENS[tens]}-{_SMALL[ones]}"

    def ordinal(self, number: int, form: str = "") -> str:
        if number == 1:
            return "première" if form == "f" else "premier"
        words = self.cardinal(number)
        for end, instead in (("cinq", "cinqu"), ("neuf", "neuv"), ("quatre-vingts", "quatre-vingt"), ("cents", "cent")):
            if words.endswith(end):
                words = words.removesuffix(end) + instead
                break
        return (words[:-1] if words.endswith("e") else words) + "ième"

    def is_one(self, number: Number) -> bool:
        """French counts in the plural from two on."""
        return number.whole in ("0", "1")

    def form_before(self, word: str) -> str:
        return "f" if word.lower() in _FEMININE else ""

    def with_cents(self, money: str, cents: Number, minor: Noun) -> str:
        return f"{money} {self.spelled(cents)}"

    def date(self, day: int, month: int, year: int | None, before: str) -> str:
        said = f"{'premier' if day == 1 else self.cardinal(day)} {self.months[month - 1]}"
        return f"{said} {self.year(year)}" if year is not None else said

    def clock(self, hour: int, minute: int, tail: str, before: str) -> str:
        said = f"{self.cardinal(hour, 'f')} heure{'s' if hour > 1 else ''}"
        return f"{said} {self.cardinal(minute, 'f')}" if minute else said

    def phone(self, text: str) -> str:
        """Numbers of France in pairs."""
        groups = re.findall(r"\d+", text)
        if text.startswith("+") or any(len(group) != 2 for group in groups):
            return super().phone(text)
        return ", ".join(
            f"zéro {_SMALL[int(group)]}" if group[0] == "0" else self.cardinal(int(group)) for group in groups
        )

    def ordinal_sign(self, found: re.Match[str]) -> str | None:
        return self._ordinal(int(found["n"]), found["end"])

    def roman(self, number: int, found: re.Match[str]) -> str | None:
        return self._ordinal(number, found["end"])

    def ruler(self, number: int) -> str:
        return "premier" if number == 1 else self.cardinal(number)

    def _ordinal(self, number: int, end: str) -> str | None:
        if end.startswith("nd") and number == 2:
            return "second" + end[2:]
        if not number or (end[0] in "rè" and number == 1) != (number == 1 and not end.startswith("er")):
            return None
        many = "s" if end.endswith("s") else ""
        return self.ordinal(number, "f" if end[0] in "rè" and number == 1 else "") + many

    def _hour(self, found: re.Match[str]) -> str | None:
        hour = int(found["h"])
        return f"{self.cardinal(hour, 'f')} heure{'s' if hour > 1 else ''}"


LANGUAGE = French()
