"""Modern standard Arabic, in the nominative but for years."""

# Tables of words that nobody changes:
# ruff: noqa: RUF012, SIM905

import re

from voice.text.languages._base import Language, Noun, Number, pairs

_ONES = "صفر واحد اثنان ثلاثة أربعة خمسة ستة سبعة ثمانية تسعة عشرة".split()
_WITH_FEMININE = "صفر واحدة اثنتان ثلاث أربع خمس ست سبع ثمان تسع عشر".split()
_TENS = "_ _ عشرون ثلاثون أربعون خمسون ستون سبعون ثمانون تسعون".split()
_HUNDREDS = "_ مئة مئتان ثلاثمئة أربعمئة خمسمئة ستمئة سبعمئة ثمانمئة تسعمئة".split()
_BIG = (
    (10**12, ("تريليون", "تريليونان", "تريليونات", "تريليونًا")),
    (10**9, ("مليار", "ملياران", "مليارات", "مليارًا")),
    (10**6, ("مليون", "مليونان", "ملايين", "مليونًا")),
    (1000, ("ألف", "ألفان", "آلاف", "ألفًا")),
)
_ORDINALS = "_ الأول الثاني الثالث الرابع الخامس السادس السابع الثامن التاسع العاشر".split()
_HOURS = (
    "الثانية_عشرة الواحدة الثانية الثالثة الرابعة الخامسة السادسة السابعة الثامنة التاسعة العاشرة الحادية_عشرة"
).split()
_MONTHS = "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر".split()
_WRITTEN = {name: number for number, name in enumerate(_MONTHS, 1)} | {
    "إبريل": 4, "ابريل": 4, "اغسطس": 8, "اكتوبر": 10, "شباط": 2, "آذار": 3, "نيسان": 4, "أيار": 5, "حزيران": 6,
    "تموز": 7, "آب": 8, "أيلول": 9,
}  # fmt: skip
_FEMININE = frozenset(
    (
        "دقائق دقيقة ساعات ساعة سنوات سنة ثوان ثواني ثانية مرات مرة صفحات صفحة سيارات سيارة نساء بنات ليال مدن "
        "دول شركات كلمات"
    ).split()
)
_YEAR_WORDS = frozenset("عام سنة في منذ حتى العام قبل بعد لعام وعام بعام خلال".split())
_OBLIQUE = re.compile(r"(?<=\w)(?:ون|ان)(?=$|\s)")
_MINUTE = Noun("دقيقة", "دقائق", "f", "دقيقتان", "دقيقة")


def _noun(one: str, few: str, many: str, part: str, gender: str = "m") -> Noun:
    """In the order of grammars: singular, dual, plural, singular of the accusative."""
    return Noun(one, many, gender, few, part)


def _regular(one: str) -> Noun:
    return _noun(one, f"{one}ان", f"{one}ات", f"{one}ًا")


_DOLLAR = _regular("دولار")
_RIYAL = _noun("ريال", "ريالان", "ريالات", "ريالًا")
_CENT = _regular("سنت")
_DEGREE = _noun("درجة مئوية", "درجتان مئويتان", "درجات مئوية", "درجة مئوية", "f")


class Arabic(Language):
    tag = "ar"
    decimal, thousands = ".", ",٬"
    digits = tuple(_ONES[:10])
    minus, plus, point, range_, and_, equals, times = "سالب", "زائد", "فاصلة", "إلى", "و", "يساوي", "ضرب"
    dot, at, slash, dash, underscore, hash_ = "نقطة", "آت", "شرطة مائلة", "شرطة", "شرطة سفلية", "رقم"
    percent = Noun("بالمئة", "بالمئة", "m", "بالمئة", "بالمئة")
    units = {
        sign: noun
        for signs, noun in (
            ("كم km", _regular("كيلومتر")),
            ("م m", _noun("متر", "متران", "أمتار", "مترًا")),
            ("سم cm", _regular("سنتيمتر")),
            ("ملم مم mm", _regular("مليمتر")),
            ("كجم كغ كغم kg", _regular("كيلوغرام")),
            ("جم غ غم g", _regular("غرام")),
            ("ل l", _regular("لتر")),
            ("مل ml", _regular("مليلتر")),
            (
                "كم/س كم/ساعة km/h",
                _noun("كيلومتر في الساعة", "كيلومتران في الساعة", "كيلومترات في الساعة", "كيلومترًا في الساعة"),
            ),
            ("°C °م", _DEGREE),
            ("°", _noun("درجة", "درجتان", "درجات", "درجة", "f")),
            ("KB", _regular("كيلوبايت")),
            ("MB ميجا", _noun("ميغابايت", "ميغابايت", "ميغابايت", "ميغابايت")),
            ("GB جيجا", _noun("غيغابايت", "غيغابايت", "غيغابايت", "غيغابايت")),
            ("Hz", _noun("هرتز", "هرتز", "هرتز", "هرتز")),
            ("MHz", _noun("ميغاهرتز", "ميغاهرتز", "ميغاهرتز", "ميغاهرتز")),
            ("GHz", _noun("غيغاهرتز", "غيغاهرتز", "غيغاهرتز", "غيغاهرتز")),
        )
        for sign in signs.split()
    }
    currencies = {
        "$": (_DOLLAR, _CENT), "USD": (_DOLLAR, _CENT), "€": (Noun("يورو", "يورو", "m", "يورو", "يورو"), _CENT),
        "EUR": (Noun("يورو", "يورو", "m", "يورو", "يورو"), _CENT), "ر.س": (_RIYAL, None), "﷼": (_RIYAL, None),
        "SAR": (_RIYAL, None), "د.إ": (_noun("درهم", "درهمان", "دراهم", "درهمًا"), None),
        "ج.م": (_noun("جنيه", "جنيهان", "جنيهات", "جنيهًا"), None),
        "£": (_noun("جنيه إسترليني", "جنيهان إسترلينيان", "جنيهات إسترلينية", "جنيهًا إسترلينيًا"), None),
        "₹": (_noun("روبية", "روبيتان", "روبيات", "روبية", "f"), None),
    }  # fmt: skip
    magnitudes = {
        "مليون": _noun(*_BIG[2][1]), "ملايين": _noun(*_BIG[2][1]), "مليار": _noun(*_BIG[1][1]),
        "ألف": _noun(*_BIG[3][1]),
    }  # fmt: skip
    months = tuple(_MONTHS)
    written_months = _WRITTEN
    abbreviations = pairs("""
        د. = الدكتور
        أ. = الأستاذ
        م. = المهندس
        أ.د. = الأستاذ الدكتور
        إلخ = إلى آخره
        الخ = إلى آخره
        ق.م = قبل الميلاد
        هـ = هجرية
    """)
    before_number = {"ص.": "صفحة", "رقم:": "رقم"}
    fractions = {
        (1, 2): "نصف", (1, 3): "ثلث", (2, 3): "ثلثان", (1, 4): "ربع", (3, 4): "ثلاثة أرباع", (1, 5): "خمس",
        (1, 8): "ثمن", (1, 10): "عشر",
    }  # fmt: skip
    and_half = {
        (1, 2): "ونصف", (1, 4): "وربع", (3, 4): "وثلاثة أرباع", (1, 3): "وثلث", (2, 3): "وثلثان", (1, 8): "وثمن",
    }  # fmt: skip
    day_tail = ""
    of = "(?:من )?"
    clock_tail = "صباحًا|صباحا|مساءً|مساء|ص|م"
    phone_pattern = r"0\d{1,3}[ -]\d{3}[ -]\d{4}|05\d ?\d{3} ?\d{4}"

    def cardinal(self, number: int, form: str = "") -> str:
        """Form f is what counts feminine nouns, gen the genitive."""
        said = []
        for size, names in _BIG:
            count, number = divmod(number, size)
            if count:
                said.append(self._scaled(count, names))
        if number or not said:
            said += self._below_thousand(number, form)
        text = " و".join(said)
        return _OBLIQUE.sub("ين", text) if form == "gen" else text

    def _scaled(self, count: int, names: tuple[str, str, str, str]) -> str:
        one, dual, plural, accusative = names
        if count < 3:
            return one if count == 1 else dual
        low = count % 100
        name = plural if 3 <= low <= 10 else accusative if low > 10 else one
        return f"{' و'.join(self._below_thousand(count, ''))} {name}"

    def _below_thousand(self, number: int, form: str) -> list[str]:
        hundreds, low = divmod(number, 100)
        said = [_HUNDREDS[hundreds]] if hundreds else []
        if low or not said:
            said += _below_hundred(low, form)
        return said

    def year(self, number: int, before: str = "") -> str:
        return self.cardinal(number, "gen")

    def is_year(self, number: Number, before: str, after: str) -> bool:
        if len(number.whole) != 4 or number.fraction or number.grouped or number.negative:
            return False
        return 1000 <= number.value < 2200 and before in _YEAR_WORDS

    def form_before(self, word: str) -> str:
        return "f" if word in _FEMININE else ""

    def counted(self, number: Number, noun: Noun, form: str = "") -> str:
        """One and two are told by the noun itself; its form follows the last two digits."""
        if number.fraction or number.is_digits:
            return f"{self.spelled(number)} {noun.one}"
        value, low = number.value, number.value % 100
        if value in (1, 2) and noun is not self.percent:
            said = f"{noun.one} {'واحدة' if noun.gender == 'f' else 'واحد'}" if value == 1 else noun.few
            return f"{self.minus} {said}" if number.negative else said
        name = noun.many if 3 <= low <= 10 else noun.part if low > 10 else noun.one
        return f"{self.spelled(number, noun.gender)} {name}"

    def with_cents(self, money: str, cents: Number, minor: Noun) -> str:
        return f"{money} و{self.counted(cents, minor)}"

    def range(self, first: Number, last: Number, noun: Noun | None, form: str = "") -> str:
        gender = noun.gender if noun else form
        tail = self.counted(last, noun) if noun else self.spelled(last, form)
        return f"{self.spelled(first, gender)} {self.range_} {tail}"

    def fraction(self, over: int, under: int) -> str:
        return self.fractions.get((over, under)) or f"{self.cardinal(over)} على {self.cardinal(under)}"

    def date(self, day: int, month: int, year: int | None, before: str) -> str:
        said = f"{self.ordinal(day)} من {self.months[month - 1]}"
        return f"{said} {self.year(year)}" if year is not None else said

    def ordinal(self, number: int, form: str = "") -> str:
        """With the article, masculine; from 100 on the number itself."""
        if number > 99:
            return self.cardinal(number)
        if number <= 10:
            return _ORDINALS[number]
        tens, ones = divmod(number, 10)
        head = "الحادي" if ones == 1 else _ORDINALS[ones]
        if tens == 1:
            return f"{head} عشر"
        return f"{head} وال{_TENS[tens]}" if ones else f"ال{_TENS[tens]}"

    def clock(self, hour: int, minute: int, tail: str, before: str) -> str:
        """Twelve hours and the half of the day, as it is said."""
        said = _HOURS[hour % 12].replace("_", " ")
        if minute:
            exact = {15: "الربع", 30: "النصف"}
            said += " و" + (exact.get(minute) or self.counted(Number(str(minute)), _MINUTE))
        half = "صباحًا" if tail.startswith("ص") else "مساءً" if tail or hour > 12 else ""
        return f"{said} {half}".strip()


def _below_hundred(number: int, form: str) -> list[str]:
    ones = _WITH_FEMININE if form == "f" else _ONES
    if number <= 10:
        return [ones[number]]
    tens, low = divmod(number, 10)
    if tens == 1:
        head = {1: "إحدى" if form == "f" else "أحد", 2: "اثنتا" if form == "f" else "اثنا"}.get(low, ones[low])
        return [f"{head} {'عشرة' if form == 'f' else 'عشر'}"]
    first = "إحدى" if form == "f" and low == 1 else ones[low].replace("ثمان", "ثمانٍ") if form == "f" else ones[low]
    return [first, _TENS[tens]] if low else [_TENS[tens]]


LANGUAGE = Arabic()
