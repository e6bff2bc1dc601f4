"""Names of languages, which tags mean the same one, and a light guess from a text's script. Knows no engine."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from core.errors import BadRequest

_TAG = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8}){0,4}")

_LIST = """
af:Afrikaans|am:Amharic|an:Aragonese|ar:Arabic|as:Assamese|az:Azerbaijani|ba:Bashkir|be:Belarusian|bg:Bulgarian|
bn:Bengali|bo:Tibetan|bpy:Bishnupriya|br:Breton|brx:Bodo|bs:Bosnian|ca:Catalan|chr:Cherokee|cs:Czech|cv:Chuvash|
cy:Welsh|da:Danish|de:German|doi:Dogri|el:Greek|en:English|eo:Esperanto|es:Spanish|et:Estonian|eu:Basque|fa:Persian|
fi:Finnish|fo:Faroese|fr:French|ga:Irish|gd:Scottish Gaelic|gl:Galician|gn:Guarani|grc:Ancient Greek|gu:Gujarati|
ha:Hausa|hak:Hakka|haw:Hawaiian|hbs:Serbo-Croatian|he:Hebrew|hi:Hindi|hne:Chhattisgarhi|hr:Croatian|ht:Haitian Creole|
hu:Hungarian|hy:Armenian|hyw:Western Armenian|ia:Interlingua|id:Indonesian|io:Ido|is:Icelandic|it:Italian|ja:Japanese|
jbo:Lojban|jv:Javanese|ka:Georgian|kaa:Karakalpak|kk:Kazakh|kl:Greenlandic|km:Khmer|kn:Kannada|ko:Korean|kok:Konkani|
ku:Kurdish|ky:Kyrgyz|la:Latin|lb:Luxembourgish|lfn:Lingua Franca Nova|ln:Lingala|lo:Lao|lt:Lithuanian|ltg:Latgalian|
lv:Latvian|mai:Maithili|mg:Malagasy|mi:Maori|mk:Macedonian|ml:Malayalam|mn:Mongolian|mni:Manipuri|mr:Marathi|ms:Malay|
mt:Maltese|mto:Totontepec Mixe|my:Burmese|nci:Classical Nahuatl|ne:Nepali|nl:Dutch|nn:Nynorsk|no:Norwegian|nog:Nogai|
oc:Occitan|om:Oromo|or:Odia|pa:Punjabi|pap:Papiamento|piqd:Klingon|pl:Polish|ps:Pashto|pt:Portuguese|py:Pyash|
qdb:Lang Belta|qu:Quechua|quc:K'iche'|qya:Quenya|ro:Romanian|ru:Russian|sa:Sanskrit|sat:Santali|sd:Sindhi|shn:Shan|
si:Sinhala|sjn:Sindarin|sk:Slovak|sl:Slovenian|smj:Lule Saami|sn:Shona|so:Somali|sq:Albanian|sr:Serbian|su:Sundanese|
sv:Swedish|sw:Swahili|ta:Tamil|te:Telugu|tg:Tajik|th:Thai|ti:Tigrinya|tk:Turkmen|tl:Tagalog|tn:Setswana|tr:Turkish|
tt:Tatar|ug:Uyghur|uk:Ukrainian|ur:Urdu|uz:Uzbek|vi:Vietnamese|xex:Xextan|yi:Yiddish|yo:Yoruba|yue:Cantonese|
zh:Chinese|zu:Zulu
"""
_NAMES = {tag: name for tag, _, name in (entry.strip().partition(":") for entry in _LIST.split("|"))}
_TAGS = {name.casefold(): tag for tag, name in _NAMES.items()}

_SAME = {
    "cmn": "zh", "nb": "no", "iw": "he", "in": "id", "ji": "yi", "jw": "jv", "fil": "tl", "mo": "ro", "arb": "ar",
    "tlh": "piqd",
}  # fmt: skip

_SCRIPTS = {
    "ar": "\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc", "am": "\u1200-\u137f", "bn": "\u0980-\u09ff",
    "bo": "\u0f00-\u0fff", "chr": "\u13a0-\u13ff", "cmn": "\u3400-\u9fff\uf900-\ufaff",
    "el": "\u0370-\u03ff\u1f00-\u1fff", "gu": "\u0a80-\u0aff", "he": "\u0590-\u05ff", "hi": "\u0900-\u097f",
    "hy": "\u0530-\u058f", "ja": "\u3041-\u3096\u30a1-\u30fa", "ka": "\u10a0-\u10ff", "km": "\u1780-\u17ff",
    "kn": "\u0c80-\u0cff", "ko": "\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3", "lo": "\u0e80-\u0eff",
    "ml": "\u0d00-\u0d7f", "my": "\u1000-\u109f", "or": "\u0b00-\u0b7f", "pa": "\u0a00-\u0a7f",
    "ru": "\u0400-\u052f", "si": "\u0d80-\u0dff", "ta": "\u0b80-\u0bff", "te": "\u0c00-\u0c7f",
    "th": "\u0e00-\u0e7f", "": "A-Za-z\u00c0-\u024f",
}  # fmt: skip
_LETTERS = {language: re.compile(f"[{letters}]") for language, letters in _SCRIPTS.items()}
_SIGNS = {
    "fa": re.compile("[پچژگ]"), "ur": re.compile("[ٹڈڑںے]"), "uk": re.compile("[іїєґ]", re.I),
    "yi": re.compile("[װױײ]"),
}  # fmt: skip
_GUESS_FROM = 400
_UNSPACED = {"zh", "yue", "ja", "th", "lo", "km", "my", "bo"}


def canonical(tag: str) -> str:
    """The part of a tag that names the language, one name for each: `cmn-Latn` and `zh-CN` are both `zh`."""
    primary = tag.replace("_", "-").split("-")[0].casefold()
    return _SAME.get(primary, primary)


def checked(language: str) -> str:
    """A language as people give it, a tag or an English name, as a tag. Raises BadRequest on neither."""
    language = language.strip()
    if language.casefold() in _TAGS:
        return _TAGS[language.casefold()]
    if language and not _TAG.fullmatch(language):
        raise BadRequest(f"{language[:40]!r} is no language tag; give one such as en, pt-BR or zh.", param="language")
    return language.replace("_", "-")


def name_of(tag: str) -> str:
    """The language's English name, or the tag where none is known."""
    return _NAMES.get(canonical(tag), tag)


def speaks(languages: Iterable[str], tag: str) -> bool:
    """Whether a list of tags, in which `*` is any, holds the language. An empty tag is held by every list."""
    wanted = canonical(tag)
    return not wanted or any(own == "*" or canonical(own) == wanted for own in languages)


def is_spaced(tag: str) -> bool:
    """Whether the language is written with spaces between words."""
    return canonical(tag) not in _UNSPACED


def is_exact(languages: Iterable[str], tag: str) -> bool:
    """Whether the list holds the tag to the letter, region included."""
    return tag.casefold() in (own.casefold() for own in languages)


def guess(text: str) -> str:
    """The language that the script of a text's beginning suggests; empty for Latin letters, which many share.

    No more than a guess: Cyrillic without a Ukrainian letter is taken for Russian, Devanagari for Hindi, Arabic script
    without a Persian or Urdu letter for Arabic.
    """
    head = text[:_GUESS_FROM]
    if head.isascii():
        return ""
    votes = Counter({language: len(letters.findall(head)) for language, letters in _LETTERS.items()})
    language, count = votes.most_common(1)[0]
    if not count:
        return ""
    if language == "cmn" and votes["ja"]:
        return "ja"
    related = {"ar": ("ur", "fa"), "ru": ("uk",), "he": ("yi",)}.get(language, ())
    return next((other for other in related if _SIGNS[other].search(head)), language)
