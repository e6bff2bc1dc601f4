"""Hindi."""

# Tables of words that nobody changes:
# ruff: noqa: RUF012, SIM905

import re

from voice.text.languages._base import Language, Noun, Number, pairs

_UNDER_100 = """
शून्य एक दो तीन चार पाँच छह सात आठ नौ
दस ग्यारह बारह तेरह चौदह पंद्रह सोलह सत्रह अठारह उन्नीस
बीस इक्कीस बाईस तेईस चौबीस पच्चीस छब्बीस सत्ताईस अट्ठाईस उनतीस
तीस इकतीस बत्तीस तैंतीस चौंतीस पैंतीस छत्तीस सैंतीस अड़तीस उनतालीस
चालीस इकतालीस बयालीस तैंतालीस चौवालीस पैंतालीस छियालीस सैंतालीस अड़तालीस उनचास
पचास इक्यावन बावन तिरपन चौवन पचपन छप्पन सत्तावन अट्ठावन उनसठ
साठ इकसठ बासठ तिरसठ चौंसठ पैंसठ छियासठ सड़सठ अड़सठ उनहत्तर
सत्तर इकहत्तर बहत्तर तिहत्तर चौहत्तर पचहत्तर छिहत्तर सतहत्तर अठहत्तर उन्यासी
अस्सी इक्यासी बयासी तिरासी चौरासी पचासी छियासी सतासी अट्ठासी नवासी
नब्बे इक्यानवे बानवे तिरानवे चौरानवे पचानवे छियानवे सत्तानवे अट्ठानवे निन्यानवे
""".split()
_SCALE = ((10**11, "खरब"), (10**9, "अरब"), (10**7, "करोड़"), (10**5, "लाख"), (1000, "हज़ार"), (100, "सौ"))
_MONTHS = "जनवरी फ़रवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर अक्टूबर नवंबर दिसंबर".split()
_WRITTEN = {name: number for number, name in enumerate(_MONTHS, 1)} | {
    "फरवरी": 2, "सितम्बर": 9, "अक्तूबर": 10, "नवम्बर": 11, "दिसम्बर": 12,
}  # fmt: skip
_ORDINALS = {1: "पहल", 2: "दूसर", 3: "तीसर", 4: "चौथ", 6: "छठ"}
_YEAR_WORDS = frozenset("में ई से तक के की का को सन् सन वर्ष साल".split())
_RUPEE, _PAISA = Noun("रुपया", "रुपये"), Noun("पैसा", "पैसे")
_DOLLAR, _CENT = Noun("डॉलर", "डॉलर"), Noun("सेंट", "सेंट")


class Hindi(Language):
    tag = "hi"
    decimal, thousands = ".", ","
    digits = tuple(_UNDER_100[:10])
    minus, plus, point, range_, and_, equals, times = "माइनस", "प्लस", "दशमलव", "से", "और", "बराबर", "गुणा"
    dot, at, slash, dash, underscore, hash_ = "डॉट", "ऐट", "स्लैश", "डैश", "अंडरस्कोर", "नंबर"
    percent = Noun("प्रतिशत", "प्रतिशत")
    units = {
        sign: Noun(name, name)
        for signs, name in pairs("""
            किमी कि.मी. km = किलोमीटर
            मी m = मीटर
            सेमी cm = सेंटीमीटर
            मिमी mm = मिलीमीटर
            वर्ग_किमी km² = वर्ग किलोमीटर
            m² = वर्ग मीटर
            किग्रा कि.ग्रा. kg = किलोग्राम
            ग्रा g = ग्राम
            mg = मिलीग्राम
            ली l L = लीटर
            मिली ml = मिलीलीटर
            किमी/घंटा किमी/घं km/h = किलोमीटर प्रति घंटा
            m/s = मीटर प्रति सेकंड
            °C °से = डिग्री सेल्सियस
            °F = डिग्री फ़ारेनहाइट
            ° = डिग्री
            KB = किलोबाइट
            MB = मेगाबाइट
            GB = गीगाबाइट
            TB = टेराबाइट
            Hz = हर्ट्ज़
            kHz = किलोहर्ट्ज़
            MHz = मेगाहर्ट्ज़
            GHz = गीगाहर्ट्ज़
            W = वाट
            kW = किलोवाट
            V = वोल्ट
        """).items()
        for sign in signs.split()
    }
    currencies = {
        "₹": (_RUPEE, _PAISA), "रु.": (_RUPEE, _PAISA), "रु": (_RUPEE, _PAISA), "Rs.": (_RUPEE, _PAISA),
        "Rs": (_RUPEE, _PAISA), "INR": (_RUPEE, _PAISA), "$": (_DOLLAR, _CENT), "USD": (_DOLLAR, _CENT),
        "€": (Noun("यूरो", "यूरो"), _CENT), "£": (Noun("पाउंड", "पाउंड"), Noun("पेंस", "पेंस")),
        "¥": (Noun("येन", "येन"), None),
    }  # fmt: skip
    magnitudes = {word: Noun(word, word) for word in ("हज़ार", "हजार", "लाख", "करोड़", "अरब", "मिलियन", "बिलियन")}
    months = tuple(_MONTHS)
    written_months = _WRITTEN
    abbreviations = pairs("""
        डॉ. = डॉक्टर
        डा. = डॉक्टर
        प्रो. = प्रोफ़ेसर
        श्री. = श्री
        कु. = कुमारी
        पं. = पंडित
        ई. पू. = ईसा पूर्व
        इ. = इत्यादि
        उदा. = उदाहरण के लिए
        वि.वि. = विश्वविद्यालय
        लि. = लिमिटेड
        कं. = कंपनी
    """)
    before_number = {"पृ.": "पृष्ठ", "सं.": "संख्या", "क्र.": "क्रमांक", "नं.": "नंबर", "अ.": "अध्याय", "§": "धारा"}
    spoken_acronyms = frozenset({"NATO", "NASA", "UNESCO", "UNICEF"})
    spelled_acronyms = frozenset("USA UN EU API USB AI IIT ISRO".split()) - {"ISRO"}
    fractions = {
        (1, 2): "आधा", (1, 3): "एक तिहाई", (2, 3): "दो तिहाई", (1, 4): "एक चौथाई", (3, 4): "तीन चौथाई",
    }  # fmt: skip
    and_half = {(1, 4): "सही एक बटा चार", (3, 4): "सही तीन बटा चार", (1, 3): "सही एक बटा तीन", (2, 3): "सही दो बटा तीन",
                (1, 8): "सही एक बटा आठ"}  # fmt: skip
    day_tail = ""
    clock_tail = "बजे"
    ordinal_pattern = r"(?P<n>\d{1,4})(?P<end>वाँ|वां|वीं|वें|ला|ली|ले|रा|री|रे|था|थी|थे|ठा|ठी|ठे)(?![\w\u0900-\u0963])"
    phone_pattern = r"0\d{2,4}[ -]\d{6,8}|[6-9]\d{4} \d{5}"

    def cardinal(self, number: int, form: str = "") -> str:
        if number < 100:
            return _UNDER_100[number]
        size, name = next((size, name) for size, name in _SCALE if number >= size)
        count, rest = divmod(number, size)
        return f"{self.cardinal(count)} {name}" + (f" {self.cardinal(rest)}" if rest else "")

    def ordinal(self, number: int, form: str = "ा") -> str:
        """`form` is the vowel of the ending."""
        form = form or "ा"
        if number in _ORDINALS:
            return _ORDINALS[number] + form
        return self.cardinal(number) + {"ा": "वाँ", "ी": "वीं", "े": "वें"}[form]

    def year(self, number: int, before: str = "") -> str:
        high, low = divmod(number, 100)
        if not 11 <= high < 20:
            return self.cardinal(number)
        return f"{_UNDER_100[high]} सौ" + (f" {_UNDER_100[low]}" if low else "")

    def is_year(self, number: Number, before: str, after: str) -> bool:
        if len(number.whole) != 4 or number.fraction or number.grouped or number.negative:
            return False
        return 1100 <= number.value < 2000 and (before in _YEAR_WORDS or after in _YEAR_WORDS)

    def decimals(self, fraction: str) -> str:
        return self.by_digits(fraction)

    def half(self, number: Number, fraction: tuple[int, int]) -> str:
        """One and a half, two and a half have words of their own; from three on it is साढ़े."""
        said = self.spelled(number)
        if fraction == (1, 2):
            return {1: "डेढ़", 2: "ढाई"}.get(number.value if not number.is_digits else 0, f"साढ़े {said}")
        if fraction == (1, 4):
            return f"सवा {said}" if number.whole != "1" else "सवा"
        return f"{said} {self.and_half[fraction]}"

    def fraction(self, over: int, under: int) -> str:
        return self.fractions.get((over, under)) or f"{self.cardinal(over)} बटा {self.cardinal(under)}"

    def with_cents(self, money: str, cents: Number, minor: Noun) -> str:
        return f"{money} {self.counted(cents, minor)}"

    def date(self, day: int, month: int, year: int | None, before: str) -> str:
        said = f"{self.cardinal(day)} {self.months[month - 1]}"
        return f"{said} {self.year(year)}" if year is not None else said

    def clock(self, hour: int, minute: int, tail: str, before: str) -> str:
        if not minute:
            return f"{self.cardinal(hour)} बजे"
        return f"{self.cardinal(hour)} बजकर {self.cardinal(minute)} मिनट"

    def ordinal_sign(self, found: re.Match[str]) -> str | None:
        end = found["end"]
        vowel = "ी" if "ी" in end else "े" if "े" in end else "ा"
        return self.ordinal(int(found["n"]), vowel) if int(found["n"]) else None


LANGUAGE = Hindi()
