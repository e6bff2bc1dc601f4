"""What people say while they go on listening, and what they say to be let in. Plain lists of words by language."""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum

BACKCHANNELS = {
    "": "mm mmm hm hmm mhm mmhm mmhmm mm-hmm hm-hm uh-huh uhhuh um-hum uhum aha ah oh ok okay",
    "ar": "نعم طيب تمام ايوه صح",
    "cs": "jo jasně dobře no chápu",
    "da": "ja nå okay klart præcis",
    "de": "ja jaja genau klar gut stimmt so achso verstehe richtig eben ach jawohl",
    "en": "yeah yes yep yup right sure huh good great wow really i-see got-it alright all-right i-know of-course",
    "es": "sí ya vale claro bueno ajá bien exacto cierto entiendo de-acuerdo ah-sí",
    "fr": "oui ouais d'accord bien bon ah-bon bien-sûr très-bien voilà exactement je-vois hum",
    "hi": "हाँ हां जी अच्छा ठीक ठीक-है हूँ हूं हम्म सही",
    "it": "sì si certo va-bene bene capisco esatto già ecco giusto",
    "ja": "はい ええ うん そう そうですね なるほど へえ",
    "ko": "네 예 응 그래 그렇군요 맞아요",
    "nl": "ja jaja precies oké goed klopt juist tuurlijk snap-ik",
    "pl": "tak no jasne dobrze aha rozumiem właśnie racja",
    "pt": "sim tá certo entendi claro pois pois-é sei isso bom aham uhum",
    "ru": "да ага угу так понятно ясно хорошо конечно",
    "sv": "ja jo okej precis just-det visst mm",
    "tr": "evet hıhı tamam peki doğru anladım",
    "uk": "так ага угу добре ясно зрозуміло",
    "zh": "嗯 对 好 好的 是 是的 哦 明白",
}
"""Words joined by a hyphen are said together. Those under no language belong to all."""

HALTS = {
    "": "stop",
    "ar": "توقف لا انتظر",
    "cs": "stop počkej počkejte ne",
    "da": "stop vent nej",
    "de": "stopp halt warte warten nein moment augenblick schluss",
    "en": "stop wait no hold-on hang-on enough pause sorry excuse-me hey listen",
    "es": "para pare espera espere no basta perdona perdone momento escucha escuche",
    "fr": "arrête arrêtez attends attendez non stop pardon suffit écoute écoutez",
    "hi": "रुको रुकिए नहीं ठहरो ठहरिए बस सुनो सुनिए",
    "it": "ferma fermo aspetta aspetti no basta scusa scusi senti senta",
    "ja": "待って ストップ いや 違う",
    "ko": "잠깐 잠깐만 아니 멈춰",
    "nl": "stop wacht nee ho genoeg sorry",
    "pl": "stop czekaj nie dosyć dość chwileczkę przepraszam",
    "pt": "para pare espera espere não peraí chega desculpe",
    "ru": "стоп подожди подождите нет хватит",
    "sv": "stopp vänta nej sluta",
    "tr": "dur bekle hayır",
    "uk": "стоп зачекай ні досить",
    "zh": "等等 停 不 不是",
}


class Meaning(StrEnum):
    NONE = "none"
    """Nothing is understood yet, or no more than how a backchannel of several words begins."""
    BACKCHANNEL = "backchannel"
    """Nothing but words of somebody who listens."""
    HALT = "halt"
    """Asks for the floor."""
    WORD = "word"
    """One other word, which may have been misheard."""
    WORDS = "words"
    """Several."""


class Lexicon:
    """The words of one language; without one those of all, and what halts in any is no backchannel in another."""

    def __init__(self, language: str = ""):
        base = language.lower().replace("_", "-").partition("-")[0]
        of = [base, ""] if base and base in BACKCHANNELS else list(BACKCHANNELS)
        self._halts = {tuple(plain(word)) for tag in of for word in HALTS[tag].split()}
        self._backchannels = {tuple(plain(word)) for tag in of for word in BACKCHANNELS[tag].split()} - self._halts
        self._beginnings = {words[:size] for words in self._backchannels for size in range(1, len(words))}

    def meaning(self, text: str) -> Meaning:
        words = plain(text)
        if not words:
            return Meaning.NONE
        if any(tuple(words[at : at + size]) in self._halts for at in range(len(words)) for size in (1, 2)):
            return Meaning.HALT
        others, whole = self._others(words)
        if not others:
            return Meaning.BACKCHANNEL if whole else Meaning.NONE
        return Meaning.WORD if others == 1 else Meaning.WORDS

    def _others(self, words: list[str]) -> tuple[int, bool]:
        """How many words belong to no backchannel, and whether the last of those is whole."""
        others = at = 0
        while at < len(words):
            size = next((size for size in (3, 2, 1) if tuple(words[at : at + size]) in self._backchannels), 0)
            if not size and tuple(words[at:]) in self._beginnings:
                return others, False
            others += not size
            at += size or 1
        return others, True


def plain(text: str) -> list[str]:
    """Words in small letters without signs; a hyphen parts words as a space does."""
    text = unicodedata.normalize("NFC", text).casefold().replace("’", "'")
    return re.findall(r"[^\W_](?:[\w'\u0900-\u097f]*[\w\u0900-\u097f])?", text.replace("-", " "))
