"""Whether what somebody said so far sounds like all of it, from the text alone. A hint for the endpoint, no more.

A list of words per language on which sentences do not end; nobody has to speak a listed language.
"""

from __future__ import annotations

import re

_OPEN = {
    "en": "and but or so because if when while that which who the a an my your his her our their of to in on at for "
    "with from by as is are was were am be i'm it's um uh er hmm like than about into",
    "de": "und aber oder weil wenn dass als ob der die das den dem ein eine einen einem einer mein meine dein sein ihr "
    "von zu in im auf an für mit aus bei ist sind war ich äh ähm also nach über um",
    "fr": "et mais ou donc parce que si quand qui le la les un une des mon ma mes ton son sa de du à au en dans pour "
    "avec par sur est sont je euh ben alors",
    "es": "y pero o porque que si cuando el la los las un una unos mi tu su de del a al en por para con sin es son "
    "yo eh este pues entonces",
    "it": "e ma o perché che se quando il lo la i gli le un una mio tuo suo di del della a al in per con su è sono io "
    "ehm allora",
    "pt": "e mas ou porque que se quando o a os as um uma meu seu de do da em no na por para com é são eu é hum então",
    "nl": "en maar of omdat als dat de het een mijn jouw zijn van naar in op aan voor met uit bij is ik eh uh dus",
    "pl": "i a ale lub bo że jeśli kiedy mój twój z w na do od dla po przez jest są ja yyy no więc",
    "hi": "और लेकिन या क्योंकि अगर जब कि का की के को में पर से मेरा मेरी है तो मैं",
}  # fmt: skip
_LAST = re.compile(r"[\w'’]+\W*$")
_ENDS = re.compile(r"[.!?。！？।؟]['\"”’)]*\s*$")
_GOES_ON = re.compile(r"([,;:\-–—…，、]|\.\.\.)\s*$")


def complete(text: str, language: str = "") -> float | None:
    """How probable it is that this is a whole turn, 0 to 1; None where the text tells nothing."""
    text = text.strip()
    if not text:
        return None
    if _GOES_ON.search(text):
        return 0.2
    found = _LAST.search(text.casefold())
    last = found.group().rstrip(".!?,;: ") if found else ""
    own = _OPEN.get(language.partition("-")[0].lower())
    if own and last in own.split():
        return 0.1
    return 1.0 if own and _ENDS.search(text) else None
