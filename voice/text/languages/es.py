"""Spanish."""

# Tables of words that nobody changes:
# ruff: noqa: RUF012, SIM905

import re

from voice.text.languages._base import Language, Noun, Number, nouns, pairs

_SMALL = (
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete "
    "dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete "
    "veintiocho veintinueve"
).split()
_TENS = "_ _ veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa".split()
_HUNDREDS = (
    "_ ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos".split()
)
_ORDINALS = "_ primero segundo tercero cuarto quinto sexto séptimo octavo noveno décimo undécimo duodécimo".split()
_ORDINAL_TENS = (
    "_ décimo vigésimo trigésimo cuadragésimo quincuagésimo sexagésimo septuagésimo octogésimo nonagésimo".split()
)
_MONTHS = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split()
_EURO, _CENT = Noun("euro", "euros"), Noun("céntimo", "céntimos")
_DOLLAR, _CENTAVO = Noun("dólar", "dólares"), Noun("centavo", "centavos")


class Spanish(Language):
    tag = "es"
    digits = tuple(_SMALL[:10])
    minus, plus, point, range_, and_, equals, times = "menos", "más", "coma", "a", "y", "igual a", "por"
    dot, at, slash, dash, underscore, hash_ = "punto", "arroba", "barra", "guion", "guion bajo", "número"
    percent = Noun("por ciento", "por ciento")
    of_magnitude = " de "
    units = nouns("""
        km: kilómetro, kilómetros
        m: metro, metros
        cm: centímetro, centímetros
        mm: milímetro, milímetros
        km² km2: kilómetro cuadrado, kilómetros cuadrados
        m² m2: metro cuadrado, metros cuadrados
        m³: metro cúbico, metros cúbicos
        kg: kilogramo, kilogramos
        g: gramo, gramos
        mg: miligramo, miligramos
        t: tonelada, toneladas, f
        l L: litro, litros
        ml mL: mililitro, mililitros
        km/h: kilómetro por hora, kilómetros por hora
        m/s: metro por segundo, metros por segundo
        °C ºC: grado Celsius, grados Celsius
        °F: grado Fahrenheit, grados Fahrenheit
        °: grado, grados
        kB KB: kilobyte, kilobytes
        MB: megabyte, megabytes
        GB: gigabyte, gigabytes
        TB: terabyte, terabytes
        Hz: hercio, hercios
        kHz: kilohercio, kilohercios
        MHz: megahercio, megahercios
        GHz: gigahercio, gigahercios
        W: vatio, vatios
        kW: kilovatio, kilovatios
        kWh: kilovatio hora, kilovatios hora
        V: voltio, voltios
        h: hora, horas, f
        min: minuto, minutos
        s: segundo, segundos
        ms: milisegundo, milisegundos
    """)
    currencies = {
        "€": (_EURO, _CENT), "EUR": (_EURO, _CENT), "$": (_DOLLAR, _CENTAVO), "USD": (_DOLLAR, _CENTAVO),
        "US$": (_DOLLAR, _CENTAVO), "£": (Noun("libra", "libras", "f"), Noun("penique", "peniques")),
        "MXN": (Noun("peso mexicano", "pesos mexicanos"), _CENTAVO), "¥": (Noun("yen", "yenes"), None),
        "₹": (Noun("rupia", "rupias", "f"), None),
    }  # fmt: skip
    magnitudes = nouns("""
        millón millones M: millón, millones
        mil: mil, mil
        billón billones: billón, billones
    """)
    months = tuple(_MONTHS)
    written_months = {name: number for number, name in enumerate(_MONTHS, 1)} | {"setiembre": 9}
    abbreviations = pairs("""
        Sr. = Señor
        Sra. = Señora
        Srta. = Señorita
        Sres. = Señores
        Dr. = Doctor
        Dra. = Doctora
        D. = Don
        Dña. = Doña
        Ud. = usted
        Uds. = ustedes
        Prof. = Profesor
        p. ej. = por ejemplo
        p.ej. = por ejemplo
        EE. UU. = Estados Unidos
        EE.UU. = Estados Unidos
        EEUU = Estados Unidos
        etc. = etcétera
        Avda. = Avenida
        Av. = Avenida
        C/ = calle
        tel. = teléfono
        tfno. = teléfono
        aprox. = aproximadamente
        depto. = departamento
        a. C. = antes de Cristo
        d. C. = después de Cristo
    """)
    before_number = {
        "n.º": "número", "N.º": "número", "nº": "número", "Nº": "número", "n.°": "número", "núm.": "número",
        "pág.": "página", "págs.": "páginas", "p.": "página", "vol.": "volumen", "art.": "artículo", "cap.": "capítulo",
        "fig.": "figura", "§": "sección",
    }  # fmt: skip
    spoken_acronyms = frozenset("OTAN ONU NASA UNESCO UNICEF OVNI FIFA SIDA ONCE".split())
    spelled_acronyms = frozenset("UE USA DNI IVA ADN CIA FBI API IA USB RTVE CEO".split()) - {"IVA"}
    fractions = {
        (1, 2): "un medio", (1, 3): "un tercio", (2, 3): "dos tercios", (1, 4): "un cuarto", (3, 4): "tres cuartos",
        (1, 5): "un quinto", (1, 8): "un octavo", (1, 10): "un décimo",
    }  # fmt: skip
    and_half = {
        (1, 2): "y medio", (1, 4): "y cuarto", (3, 4): "y tres cuartos", (1, 3): "y un tercio",
        (2, 3): "y dos tercios", (1, 8): "y un octavo",
    }  # fmt: skip
    rulers = frozenset(
        (
            "Felipe Alfonso Carlos Fernando Enrique Isabel Luis Juan Pío Benedicto Pablo Napoleón Jorge Guillermo "
            "Pedro Sancho Jaime León Ramiro"
        ).split()
    )
    day_tail = r"(?:º|\.º)?"
    of = r"(?:del?\s)?"
    clock_mark = r"[:]"
    clock_tail = r"[ap]\.\s?m\.|[ap]m|h"
    ordinal_pattern = r"(?P<n>\d{1,2})\.?(?P<end>er|º|ª|°(?!\s?[CF]))(?!\w)"
    roman_pattern = r"(?P<what>(?i:\bsiglos?|s\.|capítulo|tomo|acto|guerra mundial)) (?P<r>[IVXL]{1,6})(?!\w)"
    phone_pattern = r"[6-9]\d{2}(?: \d{3}){2}|[6-9]\d{2} \d{2} \d{2} \d{2}"

    def cardinal(self, number: int, form: str = "") -> str:
        """Form m is `un`, f `una`, as before a noun."""
        said = []
        billions, number = divmod(number, 10**12)
        millions, number = divmod(number, 10**6)
        if billions:
            said.append("un billón" if billions == 1 else f"{self.cardinal(billions, 'm')} billones")
        if millions:
            said.append("un millón" if millions == 1 else f"{self.cardinal(millions, 'm')} millones")
        thousands, rest = divmod(number, 1000)
        if thousands:
            said.append("mil" if thousands == 1 else f"{self._below_thousand(thousands, form or 'm')} mil")
        if rest or not said:
            said.append(self._below_thousand(rest, form))
        return " ".join(said)

    def _below_thousand(self, number: int, form: str) -> str:
        if number == 100:
            return "cien"
        hundreds, low = divmod(number, 100)
        said = []
        if hundreds:
            word = _HUNDREDS[hundreds]
            said.append(word[:-2] + "as" if form == "f" and hundreds > 1 else word)
        if low or not hundreds:
            said.append(self._below_hundred(low, form))
        return " ".join(said)

    def _below_hundred(self, number: int, form: str) -> str:
        if number < 30:
            said = _SMALL[number]
        else:
            tens, ones = divmod(number, 10)
            said = _TENS[tens] + (f" y {_SMALL[ones]}" if ones else "")
        if not said.endswith("uno") or not form:
            return said
        if form == "f":
            return said[:-1] + "a"
        return said[:-3] + "ún" if number == 21 else said[:-1]

    def ordinal(self, number: int, form: str = "") -> str:
        """Form f is the feminine, m the short masculine before a noun."""
        if number > 99 or not number:
            return self.cardinal(number)
        tens, ones = divmod(number, 10)
        said = (
            _ORDINALS[number]
            if number < 13
            else f"{_ORDINAL_TENS[tens]}{' ' if ones else ''}{_ORDINALS[ones] if ones else ''}"
        )
        if form == "f":
            return " ".join(word[:-1] + "a" for word in said.split())
        return said[:-1] if form == "m" and said.endswith(("primero", "tercero")) else said

    def form_before(self, word: str) -> str:
        word = word.lower()
        if (
            word in ("de", "y", "a", "o", "en", "por", "con", "que", "es", "más", "menos", "al", "del", "")
            or not word.isalpha()
        ):
            return ""
        return (
            "f"
            if word.endswith(("as", "a", "ción", "ciones", "dad", "dades"))
            and word not in ("días", "día", "programas", "problemas", "para")
            else "m"
        )

    def with_cents(self, money: str, cents: Number, minor: Noun) -> str:
        return f"{money} con {self.counted(cents, minor)}"

    def date(self, day: int, month: int, year: int | None, before: str) -> str:
        said = f"{self.cardinal(day)} de {self.months[month - 1]}"
        return f"{said} de {self.year(year)}" if year is not None else said

    def clock(self, hour: int, minute: int, tail: str, before: str) -> str:
        form = "f" if before in ("las", "la") else ""
        said = "una" if hour == 1 else self.cardinal(hour, form)
        if minute:
            said += f" {'cero ' if minute < 10 else ''}{self.cardinal(minute)}"
        elif not before and not tail:
            said += " en punto"
        half = "" if tail == "h" else " ".join(tail.replace(".", "").replace(" ", ""))
        return f"{said} {half}".strip() if tail != "h" or minute else f"{said} hora{'s' if hour != 1 else ''}"

    def ordinal_sign(self, found: re.Match[str]) -> str | None:
        form = {"ª": "f", "er": "m"}.get(found["end"], "")
        return self.ordinal(int(found["n"]), form) if int(found["n"]) else None

    def roman(self, number: int, found: re.Match[str]) -> str | None:
        if found["what"] == "s.":
            return f"siglo {self.cardinal(number)}"
        feminine = found["what"].lower() == "guerra mundial"
        return f"{found['what']} {self.ordinal(number, 'f') if feminine else self.cardinal(number)}"

    def ruler(self, number: int) -> str:
        """Ordinals up to ten, then cardinals."""
        return self.ordinal(number) if number <= 10 else self.cardinal(number)


LANGUAGE = Spanish()
