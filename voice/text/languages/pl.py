"""Polish."""

# Tables of words that nobody changes:
# ruff: noqa: RUF012, SIM905

import re

from voice.text.languages._base import Noun, Number, nouns, pairs
from voice.text.languages._slavic import Slavic

_SMALL = (
    "zero jeden dwa trzy cztery pięć sześć siedem osiem dziewięć dziesięć jedenaście dwanaście trzynaście czternaście "
    "piętnaście szesnaście siedemnaście osiemnaście dziewiętnaście"
).split()
_TENS = (
    "_ _ dwadzieścia trzydzieści czterdzieści pięćdziesiąt sześćdziesiąt siedemdziesiąt osiemdziesiąt dziewięćdziesiąt"
).split()
_HUNDREDS = "_ sto dwieście trzysta czterysta pięćset sześćset siedemset osiemset dziewięćset".split()
_GENITIVE = {
    short: long
    for short, _, long in (
        pair.partition("=")
        for pair in (
            "zero=zera jeden=jednego jedna=jednej jedno=jednego dwa=dwóch dwie=dwóch trzy=trzech cztery=czterech "
            "pięć=pięciu sześć=sześciu siedem=siedmiu osiem=ośmiu dziewięć=dziewięciu dziesięć=dziesięciu "
            "jedenaście=jedenastu dwanaście=dwunastu trzynaście=trzynastu czternaście=czternastu piętnaście=piętnastu "
            "szesnaście=szesnastu siedemnaście=siedemnastu osiemnaście=osiemnastu dziewiętnaście=dziewiętnastu "
            "dwadzieścia=dwudziestu trzydzieści=trzydziestu czterdzieści=czterdziestu pięćdziesiąt=pięćdziesięciu "
            "sześćdziesiąt=sześćdziesięciu siedemdziesiąt=siedemdziesięciu osiemdziesiąt=osiemdziesięciu "
            "dziewięćdziesiąt=dziewięćdziesięciu sto=stu dwieście=dwustu trzysta=trzystu czterysta=czterystu "
            "pięćset=pięciuset sześćset=sześciuset siedemset=siedmiuset osiemset=ośmiuset dziewięćset=dziewięciuset "
            "tysiąc=tysiąca tysiące=tysięcy milion=miliona miliony=milionów miliard=miliarda miliardy=miliardów"
        ).split()
    )
}
_STEMS = dict(
    zip(
        [*range(1, 20), *range(20, 100, 10), *range(100, 1000, 100)],
        "pierwsz drug trzec czwart piąt szóst siódm ósm dziewiąt dziesiąt jedenast dwunast trzynast czternast piętnast "
        "szesnast siedemnast osiemnast dziewiętnast dwudziest trzydziest czterdziest pięćdziesiąt sześćdziesiąt "
        "siedemdziesiąt osiemdziesiąt dziewięćdziesiąt setn dwusetn trzechsetn czterechsetn pięćsetn sześćsetn "
        "siedemsetn osiemsetn dziewięćsetn".split(),
        strict=True,
    )
)
_ENDINGS = {
    "m": "y",
    "f": "a",
    "n": "e",
    "gen": "ego",
    "dat": "emu",
    "loc": "ym",
    "fgen": "ej",
    "pl": "e",
    "plgen": "ych",
}
_BIG = (
    (10**12, Noun("bilion", "bilionów", "m", "biliony")),
    (10**9, Noun("miliard", "miliardów", "m", "miliardy")),
    (10**6, Noun("milion", "milionów", "m", "miliony")),
    (1000, Noun("tysiąc", "tysięcy", "m", "tysiące")),
)
_MONTHS = "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia".split()
_FEMININE = frozenset(
    "godziny minuty sekundy osoby książki strony kobiety dziewczyny córki siostry kawy herbaty ulice rzeczy noce "
    "godzina minuta sekunda osoba książka strona kobieta butelki butelka sztuki sztuka kartki szkoły gwiazdki".split()
)
_ZLOTY, _GROSZ = Noun("złoty", "złotych", "m", "złote", "złotego"), Noun("grosz", "groszy", "m", "grosze", "grosza")
_DOLLAR, _CENT = Noun("dolar", "dolarów", "m", "dolary", "dolara"), Noun("cent", "centów", "m", "centy", "centa")
_EURO = Noun("euro", "euro", "n", "euro", "euro")
_YEAR = {"rok": "m", "roku": "gen", "rokiem": "loc"}
_CENTURY = {"wiek": "m", "wieku": "gen", "wiekiem": "loc"}
_IN = frozenset(("w", "we", "po", "o", "na", "przy"))


class Polish(Slavic):
    tag = "pl"
    thousands = ". "
    digits = tuple(_SMALL[:10])
    minus, plus, point, range_, and_, equals, times = "minus", "plus", "przecinek", "do", "i", "równa się", "razy"
    from_ = "od"
    dot, at, slash, dash, underscore, hash_ = "kropka", "małpa", "ukośnik", "myślnik", "podkreślnik", "numer"
    percent = Noun("procent", "procent", "m", "procent", "procent")
    genitive_after = frozenset("około od do ponad_ powyżej poniżej ok blisko po_ bez dla z_ spośród".split())
    one_is_only_one = True
    units = nouns("""
        km: kilometr, kilometrów, m, kilometry, kilometra
        m: metr, metrów, m, metry, metra
        cm: centymetr, centymetrów, m, centymetry, centymetra
        mm: milimetr, milimetrów, m, milimetry, milimetra
        km² km2: kilometr kwadratowy, kilometrów kwadratowych, m, kilometry kwadratowe, kilometra kwadratowego
        m² m2: metr kwadratowy, metrów kwadratowych, m, metry kwadratowe, metra kwadratowego
        kg: kilogram, kilogramów, m, kilogramy, kilograma
        g: gram, gramów, m, gramy, grama
        mg: miligram, miligramów, m, miligramy, miligrama
        t: tona, ton, f, tony, tony
        l: litr, litrów, m, litry, litra
        ml: mililitr, mililitrów, m, mililitry, mililitra
        km/h: kilometr na godzinę, kilometrów na godzinę, m, kilometry na godzinę, kilometra na godzinę
        m/s: metr na sekundę, metrów na sekundę, m, metry na sekundę, metra na sekundę
        °C: stopień Celsjusza, stopni Celsjusza, m, stopnie Celsjusza, stopnia Celsjusza
        °: stopień, stopni, m, stopnie, stopnia
        kB KB: kilobajt, kilobajtów, m, kilobajty, kilobajta
        MB: megabajt, megabajtów, m, megabajty, megabajta
        GB: gigabajt, gigabajtów, m, gigabajty, gigabajta
        TB: terabajt, terabajtów, m, terabajty, terabajta
        Hz: herc, herców, m, herce, herca
        kHz: kiloherc, kiloherców, m, kiloherce, kiloherca
        MHz: megaherc, megaherców, m, megaherce, megaherca
        GHz: gigaherc, gigaherców, m, gigaherce, gigaherca
        W: wat, watów, m, waty, wata
        kW: kilowat, kilowatów, m, kilowaty, kilowata
        V: wolt, woltów, m, wolty, wolta
        h godz.: godzina, godzin, f, godziny, godziny
        min min.: minuta, minut, f, minuty, minuty
        s sek.: sekunda, sekund, f, sekundy, sekundy
        ms: milisekunda, milisekund, f, milisekundy, milisekundy
    """)
    currencies = {
        "zł": (_ZLOTY, _GROSZ), "PLN": (_ZLOTY, _GROSZ), "gr": (_GROSZ, None), "$": (_DOLLAR, _CENT),
        "USD": (_DOLLAR, _CENT), "€": (_EURO, _CENT), "EUR": (_EURO, _CENT),
        "£": (Noun("funt", "funtów", "m", "funty", "funta"), Noun("pens", "pensów", "m", "pensy", "pensa")),
        "¥": (Noun("jen", "jenów", "m", "jeny", "jena"), None),
        "₹": (Noun("rupia", "rupii", "f", "rupie", "rupii"), None),
    }  # fmt: skip
    magnitudes = nouns("""
        tys. tys: tysiąc, tysięcy, m, tysiące, tysiąca
        mln mln.: milion, milionów, m, miliony, miliona
        mld mld.: miliard, miliardów, m, miliardy, miliarda
        bln: bilion, bilionów, m, biliony, biliona
    """)
    months = tuple(_MONTHS)
    written_months = {name: number for number, name in enumerate(_MONTHS, 1)}
    abbreviations = pairs("""
        np. = na przykład
        tzn. = to znaczy
        tj. = to jest
        itd. = i tak dalej
        itp. = i tym podobne
        m.in. = między innymi
        m. in. = między innymi
        tzw. = tak zwany
        dr = doktor
        prof. = profesor
        mgr = magister
        inż. = inżynier
        ks. = ksiądz
        św. = święty
        ul. = ulica
        al. = aleja
        pl. = plac
        tel. = telefon
        ok. = około
        ds. = do spraw
        wg = według
        p.n.e. = przed naszą erą
        n.e. = naszej ery
        woj. = województwo
        im. = imienia
    """)
    before_number = {
        "nr": "numer", "Nr": "numer", "str.": "strona", "s.": "strona", "rozdz.": "rozdział", "art.": "artykuł",
        "pkt": "punkt", "rys.": "rysunek", "t.": "tom", "§": "paragraf",
    }  # fmt: skip
    spoken_acronyms = frozenset("NATO NASA UNESCO UNICEF ZUS FIFA AIDS PAN".split())
    spelled_acronyms = frozenset("UE USA ONZ API CIA FBI IBM USB PKO AGH UJ".split())
    fractions = {
        (1, 2): "jedna druga", (1, 3): "jedna trzecia", (2, 3): "dwie trzecie", (1, 4): "jedna czwarta",
        (3, 4): "trzy czwarte", (1, 5): "jedna piąta", (1, 8): "jedna ósma", (1, 10): "jedna dziesiąta",
    }  # fmt: skip
    and_half = {
        (1, 2): "i pół", (1, 4): "i jedna czwarta", (3, 4): "i trzy czwarte", (1, 3): "i jedna trzecia",
        (2, 3): "i dwie trzecie", (1, 8): "i jedna ósma",
    }  # fmt: skip
    rulers = frozenset(
        (
            "Paweł Zygmunt Jan Kazimierz Władysław August Bolesław Mieszko Henryk Ludwik Karol Elżbieta Katarzyna "
            "Mikołaj Aleksander Piotr Pius Benedykt Napoleon Jerzy Wilhelm Fryderyk Stefan"
        ).split()
    )
    year_tail = r"\s(?:roku|r\.)"
    ordinal_pattern = r"(?P<n>\d{1,3})-?(?P<end>szy|szego|szym|sza|go|gi|mu|ty|ta|ci|ym|ego|ej)(?!\w)"
    roman_pattern = r"(?<!\w)(?P<r>[IVX]{1,6}) (?P<what>wiek(?:u|iem)?|w\.)(?!\w)"
    phone_pattern = r"0\d{2}[ -]\d{3}[ -]\d{2}[ -]\d{2}|\d{3}-\d{3}-\d{3}|\(\d{2}\) \d{3} \d{2} \d{2}"
    own = (
        ("_year", r"(?<![\w.,-])(?P<y>1\d{3}|20\d{2})\s(?P<w>rok(?:u|iem)?|r\.)(?!\w)"),
        ("_hour", r"(?i:(?<!\w)(?:(?P<o>o|od|do|po)\s)?godz\.)\s?(?P<h>\d{1,2})(?:[:.](?P<min>\d{2}))?(?!\d)"),
        ("_decade", r"(?<!\w)(?P<w>lata|latach|lat) (?P<n>\d0)\.?(?!\w)"),
        ("_street", r"(?<!\w)(?P<a>ul|al|pl)\.(?=\s?[A-ZŁŚŻĆŹ\d])"),
    )

    def cardinal(self, number: int, form: str = "") -> str:
        """Forms m f n of the nominative, gen and genf of the genitive."""
        gender = form.removeprefix("gen") or "m"
        one = {"f": "jedna", "n": "jedno"}.get(gender, "jeden")
        said = [one] if number == 1 else self._words(number, gender)
        if form.startswith("gen"):
            # Behind other words jeden has no cases.
            said = [word if word == "jeden" and number > 1 else _GENITIVE.get(word, word) for word in said]
        return " ".join(said)

    def _words(self, number: int, gender: str) -> list[str]:
        said = []
        for size, noun in _BIG:
            count, number = divmod(number, size)
            if count:
                said += [*([] if count == 1 else self._below_thousand(count, "m")), self.name_after(count, noun)]
        return said + (self._below_thousand(number, gender) if number or not said else [])

    def _below_thousand(self, number: int, gender: str) -> list[str]:
        hundreds, low = divmod(number, 100)
        said = [_HUNDREDS[hundreds]] if hundreds else []
        if low >= 20:
            said.append(_TENS[low // 10])
            low %= 10
        if low or not said:
            said.append("dwie" if low == 2 and gender == "f" else _SMALL[low])
        return said

    def ordinal(self, number: int, form: str = "m") -> str:
        """Tens and ones are both ordinals; forms are those of `_ENDINGS`."""
        form = form or "m"
        if number and number % 1000 == 0 and number < 10**6:
            count = number // 1000
            head = "" if count == 1 else "dwu" if count == 2 else self.cardinal(count, "gen").replace(" ", "")
            return head + _with_ending("tysięczn", form)
        rest, low = number % 1000, number % 100
        last = [low or rest] if low in _STEMS or not low else [low // 10 * 10, low % 10]
        head = number - (low or rest)
        said = [self.cardinal(head)] if head else []
        return " ".join(said + [_with_ending(_STEMS[part], form) for part in last if part])

    def fraction(self, over: int, under: int) -> str:
        if said := self.fractions.get((over, under)):
            return said
        if not 1 < under <= 100 or not over:
            return super().fraction(over, under)
        low = over % 10
        form = "f" if over == 1 else "pl" if low in (2, 3, 4) and over // 10 % 10 != 1 else "plgen"
        return f"{self.cardinal(over, 'f')} {self.ordinal(under, form)}"

    def form_before(self, word: str) -> str:
        return "f" if word.lower() in _FEMININE else ""

    def with_cents(self, money: str, cents: Number, minor: Noun) -> str:
        return f"{money} {self.counted(cents, minor)}"

    def date(self, day: int, month: int, year: int | None, before: str) -> str:
        said = f"{self.ordinal(day, 'gen')} {self.months[month - 1]}"
        return f"{said} {self.ordinal(year, 'gen')} roku" if year else said

    def clock(self, hour: int, minute: int, tail: str, before: str) -> str:
        said = (
            self.ordinal(hour, "fgen" if before in ("o", "od", "do", "po", "godzinie", "godziny") else "f")
            if hour
            else "zero"
        )
        return f"{said} {'zero ' if minute < 10 else ''}{self.cardinal(minute)}" if minute else said

    def ordinal_sign(self, found: re.Match[str]) -> str | None:
        forms = {
            "go": "gen",
            "szego": "gen",
            "ego": "gen",
            "mu": "dat",
            "szym": "loc",
            "ym": "loc",
            "sza": "f",
            "ta": "f",
            "ej": "fgen",
        }
        return self.ordinal(int(found["n"]), forms.get(found["end"], "m")) if int(found["n"]) else None

    def roman(self, number: int, found: re.Match[str]) -> str | None:
        before = _last_word(found)
        what = {"w.": "wieku" if before in _IN else "wiek"}.get(found["what"], found["what"])
        form = "loc" if what == "wieku" and before in _IN else _CENTURY[what]
        return f"{self.ordinal(number, form)} {what}"

    def ruler(self, number: int) -> str:
        return self.ordinal(number)

    def _year(self, found: re.Match[str]) -> str:
        before, what = _last_word(found), found["w"]
        what = "roku" if what == "r." else what
        form = "loc" if what == "roku" and before in _IN else _YEAR[what]
        return f"{self.ordinal(int(found['y']), form)} {what}"

    def _hour(self, found: re.Match[str]) -> str | None:
        hour, minute, before = int(found["h"]), int(found["min"] or 0), (found["o"] or "").lower()
        if hour > 24 or minute > 59:
            return None
        what = {"": "godzina", "od": "godziny", "do": "godziny"}.get(before, "godzinie")
        return f"{before} {what} {self.clock(hour, minute, '', before)}".strip()

    def _decade(self, found: re.Match[str]) -> str | None:
        number = int(found["n"])
        return f"{found['w']} {self.ordinal(number, 'pl' if found['w'] == 'lata' else 'plgen')}" if number else None

    def _street(self, found: re.Match[str]) -> str:
        return {"ul": "ulica", "al": "aleja", "pl": "plac"}[found["a"]]


def _with_ending(stem: str, form: str) -> str:
    ending = _ENDINGS[form]
    if stem.endswith("c"):
        return stem + ("i" if ending == "y" else "i" + ending.replace("ym", "m").replace("ych", "ch"))
    if stem.endswith("g"):
        return stem + (
            ending if ending == "a" else "i" if ending == "y" else "i" + ending.replace("ym", "m").replace("ych", "ch")
        )
    return stem + ending


def _last_word(found: re.Match[str]) -> str:
    words = found.string[max(0, found.start() - 8) : found.start()].lower().split()
    return words[-1] if words else ""


LANGUAGE = Polish()
