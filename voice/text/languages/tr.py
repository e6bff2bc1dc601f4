"""Turkish."""

# Tables of words that nobody changes:
# ruff: noqa: RUF012, SIM905

import re

from voice.text.languages._base import Language, Noun, Number, nouns, pairs

_ONES = "sıfır bir iki üç dört beş altı yedi sekiz dokuz".split()
_TENS = "_ on yirmi otuz kırk elli altmış yetmiş seksen doksan".split()
_BIG = ((10**12, "trilyon"), (10**9, "milyar"), (10**6, "milyon"))
_MONTHS = "Ocak Şubat Mart Nisan Mayıs Haziran Temmuz Ağustos Eylül Ekim Kasım Aralık".split()
_LIRA, _KURUS, _CENT = Noun("lira", "lira"), Noun("kuruş", "kuruş"), Noun("sent", "sent")
_RANKED = (
    "Dünya|Yüzyıl|Kat|Sınıf|Bölüm|Lig|Ordu|Cadde|Sokak|Meşrutiyet|Cumhurbaşkanı|"
    "Mehmed|Murad|Murat|Selim|Mahmud|Ahmed|Abdülhamid"
)


class Turkish(Language):
    tag = "tr"
    digits = tuple(_ONES)
    minus, plus, point, range_, and_, equals, times = "eksi", "artı", "virgül", "ila", "ve", "eşittir", "çarpı"
    dot, at, slash, dash, underscore, hash_ = "nokta", "et", "bölü", "tire", "alt tire", "numara"
    percent, percent_first = Noun("yüzde", "yüzde"), True
    units = {
        sign: Noun(name, name)
        for sign, name in pairs("""
            km = kilometre
            m = metre
            cm = santimetre
            mm = milimetre
            km² = kilometrekare
            m² = metrekare
            kg = kilogram
            gr = gram
            g = gram
            mg = miligram
            t = ton
            l = litre
            lt = litre
            ml = mililitre
            km/sa = saatte kilometre
            km/s = saatte kilometre
            km/h = saatte kilometre
            m/s = saniyede metre
            °C = derece
            °F = fahrenhayt derece
            ° = derece
            KB = kilobayt
            MB = megabayt
            GB = gigabayt
            TB = terabayt
            Hz = hertz
            kHz = kilohertz
            MHz = megahertz
            GHz = gigahertz
            W = vat
            kW = kilovat
            V = volt
            sa = saat
            dk = dakika
            sn = saniye
            ms = milisaniye
        """).items()
    }
    currencies = {
        "₺": (_LIRA, _KURUS), "TL": (_LIRA, _KURUS), "TRY": (_LIRA, _KURUS), "$": (Noun("dolar", "dolar"), _CENT),
        "USD": (Noun("dolar", "dolar"), _CENT), "€": (Noun("avro", "avro"), _CENT),
        "EUR": (Noun("avro", "avro"), _CENT),
        "£": (Noun("sterlin", "sterlin"), None), "¥": (Noun("yen", "yen"), None), "₹": (Noun("rupi", "rupi"), None),
    }  # fmt: skip
    magnitudes = nouns("""
        bin: bin, bin
        milyon mn: milyon, milyon
        milyar mr: milyar, milyar
        trilyon: trilyon, trilyon
    """)
    months = tuple(_MONTHS)
    written_months = {name.replace("İ", "i").lower(): number for number, name in enumerate(_MONTHS, 1)}
    abbreviations = pairs("""
        vb. = ve benzeri
        vs. = vesaire
        vd. = ve diğerleri
        örn. = örneğin
        Dr. = Doktor
        Prof. = Profesör
        Doç. = Doçent
        Av. = Avukat
        Sn. = Sayın
        Cad. = Caddesi
        Sok. = Sokağı
        Mah. = Mahallesi
        Apt. = Apartmanı
        bkz. = bakınız
        yy. = yüzyıl
        M.Ö. = milattan önce
        M.S. = milattan sonra
        Ltd. = Limited
        Şti. = Şirketi
        A.Ş. = anonim şirketi
        T.C. = Türkiye Cumhuriyeti
        tel. = telefon
    """)
    before_number = {"No.": "numara", "no.": "numara", "No:": "numara", "s.": "sayfa", "md.": "madde", "§": "paragraf"}
    spoken_acronyms = frozenset("NATO NASA UNESCO UNICEF TÜBİTAK FIFA TÜİK AİDS".split())
    spelled_acronyms = frozenset("ABD AB TBMM TRT AKP CHP MHP PTT USB API FBI CIA".split())
    letters = dict(
        zip(
            "ABCÇDEFGĞHIİJKLMNOÖPRSŞTUÜVYZ",
            "a be ce çe de e fe ge yumuşak_ge he ı i je ke le me ne o ö pe re se şe te u ü ve ye ze".split(),
            strict=True,
        )
    )
    fractions = {
        (1, 2): "yarım", (1, 3): "üçte bir", (2, 3): "üçte iki", (1, 4): "dörtte bir", (3, 4): "dörtte üç",
        (1, 5): "beşte bir", (1, 8): "sekizde bir", (1, 10): "onda bir",
    }  # fmt: skip
    and_half = {
        (1, 2): "buçuk", (1, 4): "tam dörtte bir", (3, 4): "tam dörtte üç", (1, 3): "tam üçte bir",
        (2, 3): "tam üçte iki", (1, 8): "tam sekizde bir",
    }  # fmt: skip
    day_tail = ""
    ordinal_pattern = rf"(?P<n>\d{{1,3}})\.(?=\s(?:[a-zçğıöşü]|{_RANKED}))"
    roman_pattern = r"(?<!\w)(?P<r>[IVX]{1,6})\.(?=\s\w)"
    phone_pattern = r"0?\(?\d{3}\)? \d{3} \d{2} \d{2}"
    own = (
        ("_suffixed", r"(?<![\w.,'’])(?P<n>[1-9]\d{0,2}(?:\.\d{3})+|\d{1,9})['’](?P<s>[a-zçğıöşü]{1,8})(?!\w)"),
        ("_suffixed_clock", r"(?<![\w.,])(?P<h>\d{1,2})[:.](?P<min>\d{2})['’](?P<s>[a-zçğıöşü]{1,8})(?!\w)"),
        ("_dotted_clock", r"(?<=[Ss]aat )(?P<h>\d{1,2})\.(?P<min>\d{2})(?!\d)"),
    )

    def cardinal(self, number: int, form: str = "") -> str:
        said = []
        for size, name in _BIG:
            count, number = divmod(number, size)
            if count:
                said += [self._below_thousand(count), name]
        thousands, rest = divmod(number, 1000)
        if thousands:
            said += ["bin"] if thousands == 1 else [self._below_thousand(thousands), "bin"]
        if rest or not said:
            said.append(self._below_thousand(rest))
        return " ".join(said)

    def _below_thousand(self, number: int) -> str:
        hundreds, low = divmod(number, 100)
        tens, ones = divmod(low, 10)
        said = [] if hundreds < 2 else [_ONES[hundreds]]
        said += ["yüz"] if hundreds else []
        said += [_TENS[tens]] if tens else []
        said += [_ONES[ones]] if ones or not said else []
        return " ".join(said)

    def ordinal(self, number: int, form: str = "") -> str:
        """The ending follows the last vowel; after a vowel it loses its own."""
        words = self.cardinal(number)
        vowel = next(char for char in reversed(words) if char in "aeıioöuü")
        high = {"a": "ı", "ı": "ı", "e": "i", "i": "i", "o": "u", "u": "u", "ö": "ü", "ü": "ü"}[vowel]
        if words[-1] in "aeıioöuü":
            return f"{words}nc{high}"
        stem = words[:-1] + "d" if words.endswith("dört") else words
        return f"{stem}{high}nc{high}"

    def counted(self, number: Number, noun: Noun, form: str = "") -> str:
        if noun is self.percent:
            return f"{noun.one} {self.spelled(number)}"
        per, space, name = noun.one.partition(" ")
        if space and per in ("saatte", "saniyede"):
            return f"{per} {self.spelled(number)} {name}"
        return f"{self.spelled(number)} {noun.one}"

    def with_cents(self, money: str, cents: Number, minor: Noun) -> str:
        return f"{money} {self.counted(cents, minor)}"

    def date(self, day: int, month: int, year: int | None, before: str) -> str:
        said = f"{self.cardinal(day)} {self.months[month - 1]}"
        return f"{said} {self.year(year)}" if year is not None else said

    def clock(self, hour: int, minute: int, tail: str, before: str) -> str:
        said = self.cardinal(hour)
        return f"{said} {'sıfır ' if minute < 10 else ''}{self.cardinal(minute)}" if minute else said

    def ordinal_sign(self, found: re.Match[str]) -> str | None:
        return self.ordinal(int(found["n"])) if int(found["n"]) else None

    def roman(self, number: int, found: re.Match[str]) -> str | None:
        return self.ordinal(number)

    def spell(self, word: str) -> str:
        return super().spell(word).replace("_", " ")

    def _suffixed(self, found: re.Match[str]) -> str:
        """A suffix behind an apostrophe is written as it sounds, so it is joined to the word."""
        words = self.spelled(Number(found["n"].replace(".", ""), grouped="." in found["n"]))
        if words.endswith("dört") and found["s"][0] in "aeıioöuü":
            words = words[:-1] + "d"
        return words + found["s"]

    def _suffixed_clock(self, found: re.Match[str]) -> str | None:
        said = self._dotted_clock(found)
        return said + found["s"] if said else None

    def _dotted_clock(self, found: re.Match[str]) -> str | None:
        hour, minute = int(found["h"]), int(found["min"])
        return self.clock(hour, minute, "", "") if hour < 25 and minute < 60 else None


LANGUAGE = Turkish()
