"""Italian."""

# Tables of words that nobody changes:
# ruff: noqa: RUF012, SIM905

import re

from voice.text.languages._base import Language, Noun, Number, nouns, pairs

_SMALL = (
    "zero uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici "
    "diciassette diciotto diciannove"
).split()
_TENS = "_ _ venti trenta quaranta cinquanta sessanta settanta ottanta novanta".split()
_BIG = ((10**12, "bilione", "bilioni"), (10**9, "miliardo", "miliardi"), (10**6, "milione", "milioni"))
_ORDINALS = "_ primo secondo terzo quarto quinto sesto settimo ottavo nono decimo".split()
_MONTHS = "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre".split()
_EURO, _CENT, _DOLLAR = Noun("euro", "euro"), Noun("centesimo", "centesimi"), Noun("dollaro", "dollari")


class Italian(Language):
    tag = "it"
    digits = tuple(_SMALL[:10])
    minus, plus, point, range_, and_, equals, times = "meno", "più", "virgola", "a", "e", "uguale", "per"
    dot, at, slash, dash, underscore, hash_ = "punto", "chiocciola", "barra", "trattino", "trattino basso", "numero"
    percent = Noun("per cento", "per cento")
    of_magnitude = " di "
    units = nouns("""
        km: chilometro, chilometri
        m: metro, metri
        cm: centimetro, centimetri
        mm: millimetro, millimetri
        km² km2 kmq: chilometro quadrato, chilometri quadrati
        m² m2 mq: metro quadrato, metri quadrati
        m³: metro cubo, metri cubi
        kg: chilogrammo, chilogrammi
        g: grammo, grammi
        mg: milligrammo, milligrammi
        t: tonnellata, tonnellate, f
        l L: litro, litri
        ml mL: millilitro, millilitri
        km/h: chilometro all'ora, chilometri all'ora
        m/s: metro al secondo, metri al secondo
        °C: grado Celsius, gradi Celsius
        °F: grado Fahrenheit, gradi Fahrenheit
        °: grado, gradi
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
        kWh: chilowattora, chilowattora
        V: volt, volt
        h: ora, ore, f
        min: minuto, minuti
        s: secondo, secondi
        ms: millisecondo, millisecondi
    """)
    currencies = {
        "€": (_EURO, _CENT), "EUR": (_EURO, _CENT), "$": (_DOLLAR, Noun("centesimo", "centesimi")),
        "USD": (_DOLLAR, _CENT), "£": (Noun("sterlina", "sterline", "f"), Noun("penny", "pence")),
        "CHF": (Noun("franco svizzero", "franchi svizzeri"), _CENT), "¥": (Noun("yen", "yen"), None),
        "₹": (Noun("rupia", "rupie", "f"), None),
    }  # fmt: skip
    magnitudes = nouns("""
        milione milioni mln: milione, milioni
        miliardo miliardi mld: miliardo, miliardi
    """)
    months = tuple(_MONTHS)
    written_months = {name: number for number, name in enumerate(_MONTHS, 1)}
    abbreviations = pairs("""
        Sig. = Signor
        sig. = signor
        Sig.ra = Signora
        sig.ra = signora
        Sig.na = Signorina
        Sigg. = Signori
        Dott. = Dottor
        dott. = dottor
        Dott.ssa = Dottoressa
        Dr. = Dottor
        Prof. = Professor
        Prof.ssa = Professoressa
        Avv. = Avvocato
        Ing. = Ingegner
        ad es. = ad esempio
        p. es. = per esempio
        ecc. = eccetera
        tel. = telefono
        ca. = circa
        cfr. = confronta
        a.C. = avanti Cristo
        d.C. = dopo Cristo
        S.p.A. = S P A
        P.zza = Piazza
        V.le = Viale
    """)
    before_number = {
        "n.": "numero", "N.": "numero", "n°": "numero", "N°": "numero", "nr.": "numero", "pag.": "pagina",
        "p.": "pagina", "pp.": "pagine", "vol.": "volume", "art.": "articolo", "cap.": "capitolo", "fig.": "figura",
        "§": "paragrafo",
    }  # fmt: skip
    spoken_acronyms = frozenset("NATO ONU NASA UNESCO UNICEF FIAT FIFA AIDS IVA INPS RAI".split())
    spelled_acronyms = frozenset("UE USA CIA FBI API USB IBM".split()) - {"USA", "CIA"}
    fractions = {
        (1, 2): "un mezzo", (1, 3): "un terzo", (2, 3): "due terzi", (1, 4): "un quarto", (3, 4): "tre quarti",
        (1, 5): "un quinto", (1, 8): "un ottavo", (1, 10): "un decimo",
    }  # fmt: skip
    and_half = {
        (1, 2): "e mezzo", (1, 4): "e un quarto", (3, 4): "e tre quarti", (1, 3): "e un terzo", (2, 3): "e due terzi",
        (1, 8): "e un ottavo",
    }  # fmt: skip
    rulers = frozenset(
        (
            "Luigi Carlo Enrico Elisabetta Giorgio Pio Paolo Benedetto Vittorio Umberto Napoleone Filippo "
            "Federico Guglielmo Leone Gregorio Alessandro Nicola Emanuele"
        ).split()
    )
    day_tail = r"[º°]?"
    ordinal_pattern = r"(?P<n>\d{1,4})(?P<end>[ºª]|°(?!\s?[CF\d]))(?!\w)"
    roman_pattern = r"(?<!\w)(?P<r>[IVXL]{1,6}) (?P<what>secolo|capitolo|atto|edizione)(?!\w)"
    phone_pattern = r"0\d{1,3}[ /-]\d{5,8}|3\d{2}[ /-]\d{6,7}|3\d{2} \d{3} \d{4}"

    def cardinal(self, number: int, form: str = "") -> str:
        """Forms m and f are `un` and `una`, as before a noun."""
        if number == 1 and form:
            return "una" if form == "f" else "un"
        said = []
        for size, one, many in _BIG:
            count, number = divmod(number, size)
            if count:
                said.append(f"un {one}" if count == 1 else f"{self.cardinal(count)} {many}")
        if number or not said:
            said.append(self._below_million(number))
        return " ".join(said)

    def _below_million(self, number: int) -> str:
        if number == 0:
            return "zero"
        thousands, rest = divmod(number, 1000)
        head = (
            ""
            if not thousands
            else "mille"
            if thousands == 1
            else f"{self._below_thousand(thousands).replace('tré', 'tre')}mila"
        )
        said = head + self._below_thousand(rest)
        return said[:-3] + "tré" if said.endswith("tre") and said != "tre" else said

    def _below_thousand(self, number: int) -> str:
        hundreds, low = divmod(number, 100)
        said = ("" if hundreds == 1 else _SMALL[hundreds]) + "cento" if hundreds else ""
        if (low == 8 or 80 <= low < 90) and said:
            said = said[:-1]
        return said + (self._below_hundred(low) if low else "")

    def _below_hundred(self, number: int) -> str:
        if number < 20:
            return _SMALL[number]
        tens, ones = divmod(number, 10)
        head = _TENS[tens][:-1] if ones in (1, 8) else _TENS[tens]
        return head + (_SMALL[ones] if ones else "")

    def ordinal(self, number: int, form: str = "") -> str:
        if number <= 10:
            said = _ORDINALS[number]
        else:
            words = self.cardinal(number).replace("tré", "tre")
            said = (words if words.endswith(("tre", "sei")) else words[:-1]) + "esimo"
        return said[:-1] + "a" if form == "f" else said

    def form_before(self, word: str) -> str:
        word = word.lower()
        if not word.isalpha() or word in ("e", "a", "di", "o", "per", "con", "in", "che", "è", "più", "meno", "da"):
            return ""
        return "f" if word.endswith("a") else "m"

    def with_cents(self, money: str, cents: Number, minor: Noun) -> str:
        return f"{money} e {self.counted(cents, minor)}"

    def range(self, first: Number, last: Number, noun: Noun | None, form: str = "") -> str:
        said = super().range(first, last, noun, form)
        return f"da {said}"

    def fraction(self, over: int, under: int) -> str:
        return self.fractions.get((over, under)) or f"{self.cardinal(over)} su {self.cardinal(under)}"

    def date(self, day: int, month: int, year: int | None, before: str) -> str:
        said = f"{'primo' if day == 1 else self.cardinal(day)} {self.months[month - 1]}"
        return f"{said} {self.year(year)}" if year is not None else said

    def clock(self, hour: int, minute: int, tail: str, before: str) -> str:
        said = "una" if hour == 1 else self.cardinal(hour)
        return f"{said} e {self.cardinal(minute)}" if minute else said

    def ordinal_sign(self, found: re.Match[str]) -> str | None:
        return self.ordinal(int(found["n"]), "f" if found["end"] == "ª" else "") if int(found["n"]) else None

    def roman(self, number: int, found: re.Match[str]) -> str | None:
        return f"{self.ordinal(number, 'f' if found['what'] == 'edizione' else '')} {found['what']}"


LANGUAGE = Italian()
