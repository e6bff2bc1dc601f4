"""Russian."""

# Tables of words that nobody changes:
# ruff: noqa: RUF012, SIM905

import re

from voice.text.languages._base import Noun, Number, nouns, pairs
from voice.text.languages._slavic import Slavic

_SMALL = (
    "ноль один два три четыре пять шесть семь восемь девять десять одиннадцать двенадцать тринадцать четырнадцать "
    "пятнадцать шестнадцать семнадцать восемнадцать девятнадцать"
).split()
_TENS = "_ _ двадцать тридцать сорок пятьдесят шестьдесят семьдесят восемьдесят девяносто".split()
_HUNDREDS = "_ сто двести триста четыреста пятьсот шестьсот семьсот восемьсот девятьсот".split()
_GENITIVE = {
    "ноль": "нуля", "один": "одного", "одна": "одной", "одно": "одного", "два": "двух", "две": "двух", "три": "трёх",
    "четыре": "четырёх", "восемь": "восьми", "сорок": "сорока", "девяносто": "девяноста", "сто": "ста",
    "двести": "двухсот", "триста": "трёхсот", "четыреста": "четырёхсот", "тысяча": "тысячи", "тысячи": "тысяч",
    "миллион": "миллиона", "миллиона": "миллионов", "миллиард": "миллиарда", "миллиарда": "миллиардов",
    "восемьдесят": "восьмидесяти", "восемьсот": "восьмисот",
}  # fmt: skip
_STEMS = dict(
    zip(
        range(1, 20),
        "перв втор трет четвёрт пят шест седьм восьм девят десят одиннадцат двенадцат тринадцат четырнадцат пятнадцат "
        "шестнадцат семнадцат восемнадцат девятнадцат".split(),
        strict=True,
    )
) | {
    20: "двадцат", 30: "тридцат", 40: "сороков", 50: "пятидесят", 60: "шестидесят", 70: "семидесят",
    80: "восьмидесят", 90: "девяност", 100: "сот", 200: "двухсот", 300: "трёхсот", 400: "четырёхсот", 500: "пятисот",
    600: "шестисот", 700: "семисот", 800: "восьмисот", 900: "девятисот",
}  # fmt: skip
_ENDINGS = {
    "m": "ый", "f": "ая", "n": "ое", "gen": "ого", "dat": "ому", "loc": "ом", "ins": "ым", "acc": "ую", "fgen": "ой",
    "pl": "ые", "plgen": "ых", "plins": "ыми",
}  # fmt: skip
_THIRD = {
    "m": "ий", "f": "ья", "n": "ье", "gen": "ьего", "dat": "ьему", "loc": "ьем", "ins": "ьим", "acc": "ью",
    "fgen": "ьей", "pl": "ьи", "plgen": "ьих", "plins": "ьими",
}  # fmt: skip
_BIG = (
    (10**12, Noun("триллион", "триллионов", "m", "триллиона")),
    (10**9, Noun("миллиард", "миллиардов", "m", "миллиарда")),
    (10**6, Noun("миллион", "миллионов", "m", "миллиона")),
    (1000, Noun("тысяча", "тысяч", "f", "тысячи")),
)
_MONTHS = "января февраля марта апреля мая июня июля августа сентября октября ноября декабря".split()
_WRITTEN = {name: number for number, name in enumerate(_MONTHS, 1)} | {
    "янв": 1, "фев": 2, "мар": 3, "апр": 4, "июн": 6, "июл": 7, "авг": 8, "сен": 9, "сент": 9, "окт": 10, "ноя": 11,
    "нояб": 11, "дек": 12,
}  # fmt: skip
_PARTS = {1: "десят", 2: "сот", 3: "тысячн"}
_TODAY = frozenset("сегодня завтра послезавтра это".split())
_RUBLE, _KOPECK = Noun("рубль", "рублей", "m", "рубля"), Noun("копейка", "копеек", "f", "копейки")
_DOLLAR, _CENT = Noun("доллар", "долларов", "m", "доллара"), Noun("цент", "центов", "m", "цента")
_EURO = Noun("евро", "евро", "m", "евро")
_YEAR = {"год": "m", "года": "gen", "году": "loc", "годом": "ins"}
_CENTURY = {"век": "m", "века": "gen", "веке": "loc", "веку": "dat", "веком": "ins"}


class Russian(Slavic):
    tag = "ru"
    thousands = ". "
    digits = tuple(_SMALL[:10])
    minus, plus, point, range_, and_, equals, times = "минус", "плюс", "запятая", "до", "и", "равно", "на"
    from_ = "от"
    dot, at, slash, dash, underscore, hash_ = "точка", "собака", "слэш", "дефис", "подчёркивание", "номер"
    percent = Noun("процент", "процентов", "m", "процента")
    genitive_after = frozenset("около от до более менее свыше после больше меньше без для из порядка".split())
    units = nouns("""
        км km: километр, километров, m, километра
        м m: метр, метров, m, метра
        см cm: сантиметр, сантиметров, m, сантиметра
        мм mm: миллиметр, миллиметров, m, миллиметра
        км² km²: квадратный километр, квадратных километров, m, квадратных километра, квадратного километра
        м² m²: квадратный метр, квадратных метров, m, квадратных метра, квадратного метра
        кг kg: килограмм, килограммов, m, килограмма
        г g: грамм, граммов, m, грамма
        мг mg: миллиграмм, миллиграммов, m, миллиграмма
        т: тонна, тонн, f, тонны
        л: литр, литров, m, литра
        мл ml: миллилитр, миллилитров, m, миллилитра
        км/ч km/h: километр в час, километров в час, m, километра в час
        м/с m/s: метр в секунду, метров в секунду, m, метра в секунду
        °C °С: градус Цельсия, градусов Цельсия, m, градуса Цельсия
        °: градус, градусов, m, градуса
        КБ Кб KB: килобайт, килобайт, m, килобайта
        МБ Мб MB: мегабайт, мегабайт, m, мегабайта
        ГБ Гб GB: гигабайт, гигабайт, m, гигабайта
        ТБ Тб TB: терабайт, терабайт, m, терабайта
        Гц Hz: герц, герц, m, герца
        кГц kHz: килогерц, килогерц, m, килогерца
        МГц MHz: мегагерц, мегагерц, m, мегагерца
        ГГц GHz: гигагерц, гигагерц, m, гигагерца
        Вт W: ватт, ватт, m, ватта
        кВт kW: киловатт, киловатт, m, киловатта
        В V: вольт, вольт, m, вольта
        ч ч.: час, часов, m, часа
        мин мин.: минута, минут, f, минуты
        сек сек. с: секунда, секунд, f, секунды
        мс ms: миллисекунда, миллисекунд, f, миллисекунды
    """)
    currencies = {
        "₽": (_RUBLE, _KOPECK), "руб.": (_RUBLE, _KOPECK), "руб": (_RUBLE, _KOPECK), "RUB": (_RUBLE, _KOPECK),
        "$": (_DOLLAR, _CENT), "USD": (_DOLLAR, _CENT), "€": (_EURO, _CENT), "EUR": (_EURO, _CENT),
        "£": (Noun("фунт", "фунтов", "m", "фунта"), Noun("пенс", "пенсов", "m", "пенса")),
        "₴": (Noun("гривна", "гривен", "f", "гривны"), _KOPECK), "¥": (Noun("иена", "иен", "f", "иены"), None),
        "₹": (Noun("рупия", "рупий", "f", "рупии"), None),
    }  # fmt: skip
    magnitudes = nouns("""
        тыс. тыс: тысяча, тысяч, f, тысячи
        млн млн.: миллион, миллионов, m, миллиона
        млрд млрд.: миллиард, миллиардов, m, миллиарда
        трлн: триллион, триллионов, m, триллиона
    """)
    months = tuple(_MONTHS)
    written_months = _WRITTEN
    abbreviations = pairs("""
        т. е. = то есть
        т.е. = то есть
        и т. д. = и так далее
        и т.д. = и так далее
        и т. п. = и тому подобное
        и т.п. = и тому подобное
        т. к. = так как
        т.к. = так как
        т. н. = так называемый
        т.н. = так называемый
        и др. = и другие
        и пр. = и прочее
        г-н = господин
        г-жа = госпожа
        ул. = улица
        пр-т = проспект
        пер. = переулок
        пл. = площадь
        обл. = область
        напр. = например
        см. = смотри
        ср. = сравни
        проф. = профессор
        акад. = академик
        тел. = телефон
        до н. э. = до нашей эры
        н. э. = нашей эры
        им. = имени
    """)
    before_number = {
        "№": "номер", "стр.": "страница", "с.": "страница", "гл.": "глава", "п.": "пункт", "ст.": "статья",
        "рис.": "рисунок", "д.": "дом", "кв.": "квартира", "т.": "том", "§": "параграф",
    }  # fmt: skip
    spoken_acronyms = frozenset("НАТО ООН НАСА ЮНЕСКО ЮНИСЕФ ВУЗ ЗАГС ГУМ МИД СПИД ТАСС НАСА БАМ".split())
    spelled_acronyms = frozenset("США СССР ЕС ООО ОАО ЗАО АЭС ЭВМ АО ИП".split())
    letters = dict(
        zip(
            "АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЫЭЮЯ",
            "а бэ вэ гэ дэ е ё жэ зэ и й ка эль эм эн о пэ эр эс тэ у эф ха цэ че ша ща ы э ю я".split(),
            strict=True,
        )
    )
    fractions = {
        (1, 2): "одна вторая", (1, 3): "одна треть", (2, 3): "две трети", (1, 4): "одна четверть",
        (3, 4): "три четверти", (1, 5): "одна пятая", (1, 8): "одна восьмая", (1, 10): "одна десятая",
    }  # fmt: skip
    and_half = {
        (1, 2): "с половиной", (1, 4): "с четвертью", (3, 4): "и три четверти", (1, 3): "с третью",
        (2, 3): "и две трети", (1, 8): "и одна восьмая",
    }  # fmt: skip
    rulers = frozenset(
        (
            "Пётр Петр Николай Александр Павел Екатерина Елизавета Иван Людовик Карл Генрих Наполеон Пий Бенедикт "
            "Георг Вильгельм Фридрих"
        ).split()
    )
    day_tail = r"(?:-?го|-?е)?"
    year_tail = r"\s(?:года?|г\.)"
    ordinal_pattern = r"(?P<n>\d{1,4})-?(?P<end>ый|ой|й|ая|я|ое|е|ого|го|ому|му|ом|м|ую|ю|ым|ые|ых|х|ми)(?!\w)"
    roman_pattern = r"(?<!\w)(?P<r>[IVX]{1,6}) (?P<what>век(?:а|е|у|ом)?|в\.)(?!\w)"
    phone_pattern = r"8[ -]\(?\d{3}\)?[ -]\d{3}-\d{2}-\d{2}|\d{3}-\d{2}-\d{2}"
    own = (
        ("_compound", r"(?<![\w.,-])(?P<n>\d{1,3})-(?=[а-яё]{4})"),
        ("_year", r"(?<![\w.,-])(?P<y>1\d{3}|20\d{2}|\d{3})(?:-?(?:й|го|м|му))?\s(?P<w>год(?:а|у|ом)?|г\.)(?!\w)"),
    )

    def cardinal(self, number: int, form: str = "") -> str:
        """Forms m f n of the nominative, gen and genf of the genitive."""
        gender = form.removeprefix("gen") or "m"
        said = []
        for size, noun in _BIG:
            count, number = divmod(number, size)
            if count:
                head = [] if count == 1 else self._below_thousand(count, noun.gender)
                said += [*head, self.name_after(count, noun)]
        if number or not said:
            said += self._below_thousand(number, gender)
        if form.startswith("gen"):
            said = [_genitive(word) for word in said]
        return " ".join(said)

    def _below_thousand(self, number: int, gender: str) -> list[str]:
        hundreds, low = divmod(number, 100)
        said = [_HUNDREDS[hundreds]] if hundreds else []
        if low >= 20:
            said.append(_TENS[low // 10])
            low %= 10
        if low or not said:
            last = {(1, "f"): "одна", (1, "n"): "одно", (2, "f"): "две"}.get((low, gender), _SMALL[low])
            said.append(last)
        return said

    def ordinal(self, number: int, form: str = "m") -> str:
        """Only the last word is an ordinal; forms are those of `_ENDINGS`."""
        form = form or "m"
        if number and number % 1000 == 0 and number < 10**6:
            count = number // 1000
            head = "" if count == 1 else self.cardinal(count, "gen").replace(" ", "")
            return f"{head}тысячн{_ENDINGS[form]}"
        low = number % 100
        last = low if low in _STEMS else low % 10 or number % 1000
        if last not in _STEMS:
            return self.cardinal(number)
        head = self.cardinal(number - last) + " " if number > last else ""
        ending = _THIRD[form] if last == 3 else _ENDINGS[form]
        if form == "m" and last in (2, 6, 7, 8, 40):
            ending = "ой"
        return head + _STEMS[last] + ending

    def spelled(self, number: Number, form: str = "") -> str:
        if form in ("a", "y", "n"):
            form = _gender(number.whole, form)
        if not 0 < len(number.fraction) <= 3 or number.is_digits:
            return super().spelled(number, form)
        over = int(number.fraction)
        said = (
            f"{self.cardinal(number.value, 'f')} {'целая' if _ends_in_one(number.value) else 'целых'} "
            f"{self.cardinal(over, 'f')} {_PARTS[len(number.fraction)]}{'ая' if _ends_in_one(over) else 'ых'}"
        )
        return f"{self.minus} {said}" if number.negative else said

    def fraction(self, over: int, under: int) -> str:
        if said := self.fractions.get((over, under)):
            return said
        if not 1 < under <= 100 or not over:
            return super().fraction(over, under)
        return f"{self.cardinal(over, 'f')} {self.ordinal(under, 'f' if _ends_in_one(over) else 'plgen')}"

    def form_before(self, word: str) -> str:
        """The ending of the noun: a, y or n; which gender it tells depends on the number."""
        word = word.lower()
        if len(word) < 3:
            return ""
        if word.endswith(("а", "я")):
            return "a"
        if word.endswith(("ы", "и", "ие", "ые")):
            return "y"
        return "n" if word.endswith(("о", "е", "ое")) else ""

    def with_cents(self, money: str, cents: Number, minor: Noun) -> str:
        return f"{money} {self.counted(cents, minor)}"

    def date(self, day: int, month: int, year: int | None, before: str) -> str:
        form = "n" if not before or before in _TODAY else "gen"
        said = f"{self.ordinal(day, form)} {self.months[month - 1]}"
        return f"{said} {self.ordinal(year, 'gen')} года" if year else said

    def clock(self, hour: int, minute: int, tail: str, before: str) -> str:
        form = "gen" if before in ("с", "со") else self.form_after(before)
        if not minute:
            return self.counted(Number(str(hour)), Noun("час", "часов", "m", "часа"), form)
        return f"{self.cardinal(hour, form)} {'ноль ' if minute < 10 else ''}{self.cardinal(minute)}"

    def ordinal_sign(self, found: re.Match[str]) -> str | None:
        number, end = int(found["n"]), found["end"]
        forms = {
            "й": "m", "ый": "m", "ой": "m", "я": "f", "ая": "f", "ое": "n", "го": "gen", "ого": "gen", "му": "dat",
            "ому": "dat", "м": "loc", "ом": "loc", "ю": "acc", "ую": "acc", "ым": "ins", "ые": "pl", "х": "plgen",
            "ых": "plgen", "ми": "plins", "е": "pl" if number % 10 == 0 else "n",
        }  # fmt: skip
        return self.ordinal(number, forms[end]) if number else None

    def roman(self, number: int, found: re.Match[str]) -> str | None:
        what, form = found["what"], _CENTURY.get(found["what"])
        if form is None:
            before = found.string[max(0, found.start() - 3) : found.start()].lower().split()
            what, form = ("веке", "loc") if before[-1:] == ["в"] else ("век", "m")
        return f"{self.ordinal(number, form)} {what}"

    def ruler(self, number: int) -> str:
        return self.ordinal(number)

    def _compound(self, found: re.Match[str]) -> str:
        """The first half of a word such as трёхкомнатная."""
        number = int(found["n"])
        exact = {1: "одно", 90: "девяносто", 100: "сто"}
        return exact.get(number) or self.cardinal(number, "gen").replace(" ", "")

    def _year(self, found: re.Match[str]) -> str | None:
        number, what = int(found["y"]), found["w"]
        before = found.string[max(0, found.start() - 8) : found.start()].lower().split()[-1:]
        if what == "г.":
            what = (
                "году"
                if before in (["в"], ["во"])
                else "года"
                if before in (["с"], ["до"], ["от"], ["после"])
                else "год"
            )
        form = "dat" if what == "году" and before in (["к"], ["по"]) else _YEAR[what]
        return f"{self.ordinal(number, form)} {what}"


def _genitive(word: str) -> str:
    if word in _GENITIVE:
        return _GENITIVE[word]
    if word.endswith("десят"):
        return word.removesuffix("ьдесят") + "идесяти"
    if word.endswith("сот"):
        return word.removesuffix("ьсот") + "исот"
    return word[:-1] + "и" if word.endswith("ь") else word


def _gender(whole: str, ending: str) -> str:
    """From the ending of what is counted: одна книга, одно окно, but две книги and два дома."""
    if whole.endswith("2"):
        return "f" if ending == "y" else ""
    return {"a": "f", "n": "n"}.get(ending, "")


def _ends_in_one(number: int) -> bool:
    return number % 10 == 1 and number % 100 != 11


LANGUAGE = Russian()
