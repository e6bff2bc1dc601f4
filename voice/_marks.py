"""What ends a sentence or a clause in the world's scripts, and where a character may not be cut. Tables and small rules
over single positions of a text; knows nothing of pieces."""

from __future__ import annotations

import unicodedata

STRONG = "。！？｡︒؟۔।॥።፧።។៕။։߹᙮᠃᠉꓿꘎꛳⁇⁈⁉‼？！"
"""Ends a sentence by itself, whatever follows."""
STOPS = ".!?…．"
"""Ends a sentence where white space or the end follows, and what follows looks like a beginning."""
CLAUSES_ALONE = "、，；：､،؛၊፣፤፥៖—"
"""Ends a clause by itself."""
CLAUSES = ",;:–"
"""Ends a clause where white space follows."""
CLOSERS = "\"'”’»›)]}」』】》〉〕）］｝〗"
"""May stand after a stop and still belong to its sentence."""

_SHORT_WORDS = """
mr mrs ms dr prof rev hon st mt ft sgt capt cpt lt col gen adm gov pres sen rep jr sr esq messrs mmes vs etc al cf
ca approx est dept inc ltd co corp bros no nos vol vols fig figs eq pp ed eds ch sec art ave blvd rd bldg apt tel
ext min max avg misc temp jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thurs fri sat sun
hr fr frl nr str bzw usw ggf evtl vgl inkl exkl zzgl abs aufl bd bes bspw gem geb gest hrsg jh jhd mio mrd sog std
ufw uvm zb tägl wg zz dipl ing
mme mlle mm éd env cie chap sra srta sres ud uds dra prof av núm pág págs aprox avda gral depto sig dott sigg ing
rag
dhr mevr bijv enz blz resp bl a m kl osv ev dvs pga tlf godz ul prof mgr inż np tzn tj itd itp ok nap např atd tzv г
гг ул д кв стр рис см др пр тов руб коп тыс млн млрд им проф акад dok doç sok cad vb bkz
"""  # English; German; French, Spanish, Portuguese, Italian; Dutch, Scandinavian, Polish, Czech, Russian, Turkish
ABBREVIATIONS = frozenset(_SHORT_WORDS.split())

_JOINERS = {"\u200d", "\u200c"}
_VIRAMAS = set("\u094d\u09cd\u0a4d\u0acd\u0b4d\u0c4d\u0ccd\u0d4d\u0dca\u1039\u17d2\u1a60")
_TRAILING = set("\u0e33\u0eb3\uff9e\uff9f")
_LEADING_VOWELS = set("เแโใไເແໂໃໄ")


def is_joined(text: str, at: int) -> bool:
    """Whether cutting before `at` would split what a reader sees as one character."""
    if not 0 < at < len(text):
        return False
    before, after = text[at - 1], text[at]
    if after < "\u0300":
        return (before, after) == ("\r", "\n")
    if before in _JOINERS or after in _JOINERS or before in _LEADING_VOWELS:
        return True
    if after in _TRAILING or unicodedata.combining(after) or unicodedata.category(after)[0] == "M":
        return True
    if before in _VIRAMAS and after.isalpha():
        return True
    return _is_second_half(text, at)


def _is_second_half(text: str, at: int) -> bool:
    """Surrogates, skin tones, tags, flags and Hangul letters that make one syllable."""
    before, after = text[at - 1], text[at]
    if "\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff":
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f":
        return True
    if "\u1160" <= after <= "\u11ff":
        return "\u1100" <= before <= "\u11ff" or "\uac00" <= before <= "\ud7a3"
    return _is_flag(after) and _flags_before(text, at) % 2 == 1


def _is_flag(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _flags_before(text: str, at: int) -> int:
    """Counts the regional letters that end at `at`, sixteen at most: longer rows of flags are cut anywhere even."""
    count = 0
    while count < 16 and at - count > 0 and _is_flag(text[at - count - 1]):
        count += 1
    return count


def ends_by_dot(text: str, start: int, at: int) -> bool:
    """Whether the full stop at `at` ends a sentence, judged by the word before it; `start` bounds the look back."""
    begin = at
    floor = max(start, at - 24)
    while begin > floor and (text[begin - 1].isalnum() or text[begin - 1] in ".'’" or is_joined(text, begin)):
        begin -= 1
    word = text[begin:at]
    if not word:
        return True
    if word.isdigit():
        return len(word) > 2
    if "." in word.strip("."):
        return not all(len(part) <= 2 for part in word.strip(".").split("."))
    if len(word) == 1 and word.isalpha():
        return False
    return word.casefold() not in ABBREVIATIONS
