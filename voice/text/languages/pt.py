"""Portuguese, Brazilian in its units and money."""

# Tables of words that nobody changes:
# ruff: noqa: RUF012, SIM905

import re

from voice.text.languages._base import Language, Noun, nouns, pairs

_SMALL = (
    "zero um dois três quatro cinco seis sete oito nove dez onze doze treze catorze quinze dezesseis dezessete dezoito "
    "dezenove"
).split()
_TENS = "_ _ vinte trinta quarenta cinquenta sessenta setenta oitenta noventa".split()
_HUNDREDS = "_ cento duzentos trezentos quatrocentos quinhentos seiscentos setecentos oitocentos novecentos".split()
_BIG = ((10**12, "trilhão", "trilhões"), (10**9, "bilhão", "bilhões"), (10**6, "milhão", "milhões"))
_ORDINALS = "_ primeiro segundo terceiro quarto quinto sexto sétimo oitavo nono".split()
_ORDINAL_TENS = (
    "_ décimo vigésimo trigésimo quadragésimo quinquagésimo sexagésimo septuagésimo octogésimo nonagésimo".split()
)
_MONTHS = "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro".split()
_EURO, _CENT = Noun("euro", "euros"), Noun("centavo", "centavos")
_REAL, _DOLLAR = Noun("real", "reais"), Noun("dólar", "dólares")


class Portuguese(Language):
    tag = "pt"
    digits = tuple(_SMALL[:10])
    minus, plus, point, range_, and_, equals, times = "menos", "mais", "vírgula", "a", "e", "igual a", "vezes"
    dot, at, slash, dash, underscore, hash_ = "ponto", "arroba", "barra", "hífen", "sublinhado", "número"
    percent = Noun("por cento", "por cento")
    of_magnitude = " de "
    units = nouns("""
        km: quilômetro, quilômetros
        m: metro, metros
        cm: centímetro, centímetros
        mm: milímetro, milímetros
        km² km2: quilômetro quadrado, quilômetros quadrados
        m² m2: metro quadrado, metros quadrados
        m³: metro cúbico, metros cúbicos
        kg: quilograma, quilogramas
        g: grama, gramas
        mg: miligrama, miligramas
        t: tonelada, toneladas, f
        l L: litro, litros
        ml mL: mililitro, mililitros
        km/h: quilômetro por hora, quilômetros por hora
        m/s: metro por segundo, metros por segundo
        °C ºC: grau Celsius, graus Celsius
        °F: grau Fahrenheit, graus Fahrenheit
        °: grau, graus
        kB KB: quilobyte, quilobytes
        MB: megabyte, megabytes
        GB: gigabyte, gigabytes
        TB: terabyte, terabytes
        Hz: hertz, hertz
        kHz: quilohertz, quilohertz
        MHz: megahertz, megahertz
        GHz: gigahertz, gigahertz
        W: watt, watts
        kW: quilowatt, quilowatts
        kWh: quilowatt-hora, quilowatts-hora
        V: volt, volts
        min: minuto, minutos
        s: segundo, segundos
        ms: milissegundo, milissegundos
    """)
    currencies = {
        "R$": (_REAL, _CENT), "BRL": (_REAL, _CENT), "€": (_EURO, Noun("cêntimo", "cêntimos")),
        "EUR": (_EURO, Noun("cêntimo", "cêntimos")), "$": (_DOLLAR, _CENT), "US$": (_DOLLAR, _CENT),
        "USD": (_DOLLAR, _CENT), "£": (Noun("libra", "libras", "f"), Noun("péni", "pence")),
        "¥": (Noun("iene", "ienes"), None), "₹": (Noun("rupia", "rupias", "f"), None),
    }  # fmt: skip
    magnitudes = nouns("""
        milhão milhões mi: milhão, milhões
        bilhão bilhões bi: bilhão, bilhões
        mil: mil, mil
    """)
    months = tuple(_MONTHS)
    written_months = {name: number for number, name in enumerate(_MONTHS, 1)}
    abbreviations = pairs("""
        Sr. = Senhor
        Sra. = Senhora
        Srta. = Senhorita
        Dr. = Doutor
        Dra. = Doutora
        D. = Dom
        Prof. = Professor
        Profa. = Professora
        Profª = Professora
        p. ex. = por exemplo
        p.ex. = por exemplo
        etc. = et cetera
        Av. = Avenida
        R. = Rua
        tel. = telefone
        aprox. = aproximadamente
        a.C. = antes de Cristo
        d.C. = depois de Cristo
        Cia. = Companhia
        Ltda. = Limitada
    """)
    before_number = {
        "n.º": "número", "N.º": "número", "nº": "número", "Nº": "número", "n°": "número", "núm.": "número",
        "pág.": "página", "p.": "página", "pp.": "páginas", "vol.": "volume", "art.": "artigo", "cap.": "capítulo",
        "fig.": "figura", "§": "parágrafo",
    }  # fmt: skip
    spoken_acronyms = frozenset("ONU OTAN NASA UNESCO UNICEF FIFA AIDS PETROBRAS".split())
    spelled_acronyms = frozenset("UE EUA CPF IBGE USP INSS FBI CIA API USB IA PIB".split()) - {"PIB", "CIA"}
    fractions = {
        (1, 2): "um meio", (1, 3): "um terço", (2, 3): "dois terços", (1, 4): "um quarto", (3, 4): "três quartos",
        (1, 5): "um quinto", (1, 8): "um oitavo", (1, 10): "um décimo",
    }  # fmt: skip
    and_half = {
        (1, 2): "e meio", (1, 4): "e um quarto", (3, 4): "e três quartos", (1, 3): "e um terço", 
        (2, 3): "e dois terços",
        (1, 8): "e um oitavo",
    }  # fmt: skip
    rulers = frozenset(
        (
            "Pedro João Luís Henrique Elizabeth Isabel Carlos Filipe Manuel Afonso Pio Paulo Bento Napoleão Jorge "
            "Guilherme Maria Sebastião"
        ).split()
    )
    day_tail = r"[º°]?"
    of = r"(?:de\s)?"
    clock_mark = r"(?:\s?h\s?|:)"
    ordinal_pattern = r"(?P<n>\d{1,2})\.?(?P<end>[ºª]|°(?!\s?[CF\d]))(?!\w)"
    roman_pattern = r"(?P<what>(?i:\bséculos?|séc\.|capítulo|tomo|ato)) (?P<r>[IVXL]{1,6})(?!\w)"
    phone_pattern = r"\(\d{2}\)\s?9?\d{4}-\d{4}|9?\d{4}-\d{4}"
    own = (("_hour", r"(?<![\w.,])(?P<h>\d{1,2})\s?h(?![\w])"),)

    def cardinal(self, number: int, form: str = "") -> str:
        """Form f is `uma`, `duas`, `duzentas`."""
        said = []
        for size, one, many in _BIG:
            count, number = divmod(number, size)
            if count:
                said.append(f"um {one}" if count == 1 else f"{self.cardinal(count)} {many}")
        thousands, rest = divmod(number, 1000)
        if thousands:
            said.append("mil" if thousands == 1 else f"{self._below_thousand(thousands, form)} mil")
        if rest or not said:
            last = self._below_thousand(rest, form)
            said.append(f"e {last}" if said and (rest < 100 or rest % 100 == 0) else last)
        return " ".join(said)

    def _below_thousand(self, number: int, form: str) -> str:
        if number == 100:
            return "cem"
        hundreds, low = divmod(number, 100)
        said = []
        if hundreds:
            said.append(_HUNDREDS[hundreds][:-2] + "as" if form == "f" and hundreds > 1 else _HUNDREDS[hundreds])
        if low or not hundreds:
            said.append(self._below_hundred(low, form))
        return " e ".join(said)

    def _below_hundred(self, number: int, form: str) -> str:
        tens, ones = divmod(number, 10)
        small = number if number < 20 else ones
        last = {1: "uma", 2: "duas"}.get(small, _SMALL[small]) if form == "f" else _SMALL[small]
        if number < 20:
            return last
        return _TENS[tens] + (f" e {last}" if ones else "")

    def ordinal(self, number: int, form: str = "") -> str:
        if not 0 < number < 100:
            return self.cardinal(number)
        tens, ones = divmod(number, 10)
        said = " ".join(filter(None, (_ORDINAL_TENS[tens] if tens else "", _ORDINALS[ones] if ones else "")))
        return " ".join(word[:-1] + "a" for word in said.split()) if form == "f" else said

    def form_before(self, word: str) -> str:
        word = word.lower()
        if word in ("da", "na", "para", "a", "dias", "dia", "problemas", "programas") or not word.isalpha():
            return ""
        return "f" if word.endswith(("as", "a", "ção", "ções", "dade", "dades")) else ""

    def date(self, day: int, month: int, year: int | None, before: str) -> str:
        said = f"{'primeiro' if day == 1 else self.cardinal(day)} de {self.months[month - 1]}"
        return f"{said} de {self.year(year)}" if year is not None else said

    def clock(self, hour: int, minute: int, tail: str, before: str) -> str:
        said = self.cardinal(hour, "f")
        if minute:
            return f"{said} e {self.cardinal(minute)}"
        return f"{said} hora{'s' if hour > 1 else ''}"

    def ordinal_sign(self, found: re.Match[str]) -> str | None:
        return self.ordinal(int(found["n"]), "f" if found["end"] == "ª" else "") if int(found["n"]) else None

    def roman(self, number: int, found: re.Match[str]) -> str | None:
        what = "século" if found["what"] == "séc." else found["what"]
        return f"{what} {self.ordinal(number) if number <= 10 else self.cardinal(number)}"

    def ruler(self, number: int) -> str:
        return self.ordinal(number) if number <= 10 else self.cardinal(number)

    def _hour(self, found: re.Match[str]) -> str:
        return self.clock(int(found["h"]), 0, "h", "")


LANGUAGE = Portuguese()
