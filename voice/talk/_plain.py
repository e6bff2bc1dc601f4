"""A piece of what a language model wrote, with its Markdown, addresses and tags, to text that `voice.speech` can speak.

A model may ask for a rest, `[pause:1s]`, and for sounds, `[laugh]`, `(sighs)`. Other markup is taken out, so nothing it
writes chooses a voice, a language or a pace, or breaks the speech.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from core.errors import BadRequest
from voice._marks import CLAUSES, CLAUSES_ALONE, STOPS, STRONG
from voice.spoken import is_speakable, spoken
from voice.text.parts import FIRST_MARK, MARKS, Pause, Sound, Spoken
from voice.text.tags import tagged

LONGEST_PAUSE = 3.0
"""Seconds that a model may be silent in the midst of its words."""

_ADDRESS = re.compile(
    r"<?(?:https?://(?:www\.)?|www\.)([^\s/?#<>()\[\]\"，。、]{1,253})"
    r"(?:[/?#][^\s<>()\[\]\"，。、]{0,2000}?)?(?P<rest>[.,;:!?'*_~`|]{0,8})(?:>|(?=[\s<>()\[\]\"，。、]|$))",
    re.I,
)
_ROW = re.compile(r"^[^\S\n]{0,8}\|([^\n]{0,2000})$", re.M)
_RULE = re.compile(r"^[\s:|-]*$")
_CUT_LINK = re.compile(r"!?\[([^\[\]]{0,500})\]\([^()\s]{0,2000}$")
_DECLARATION = re.compile(r"<[?!][^<>]{0,300}>")
_GAP = re.compile(r" +(?=[.,](?!\w))")
_SPACES = re.compile(" {2,}")
_ENTITY = re.compile(r"&(?:[A-Za-z]{2,8}|#\d{1,6});")
_HEADING_END = re.compile(r"^([^\S\n]{0,8}#{1,6}[^\S\n][^\n]{0,500}?)[^\S\n]#{1,6}[^\S\n]*$", re.M)
_OWN_LINE = re.compile(
    rf"^([^\S\n]{{0,8}}(?:#{{1,6}}|[-*+•‣▪]|\d{{1,3}}[.)])[^\S\n][^\n]{{0,500}}"
    rf"[^\s{re.escape(STOPS + STRONG + CLAUSES + CLAUSES_ALONE)}*_`~])([*_`~]{{0,4}}[^\S\n]*)$(?=\n)",
    re.M,
)
_BRACKETED = re.compile(r"\[[^\[\]\n]{0,150}\](?!\()")
_OPENING = re.compile(r"[\[\]]|<(?=[A-Za-z/!?])")
_MARK = re.compile(f"[{chr(FIRST_MARK)}-{chr(FIRST_MARK + MARKS)}]")


def plain(text: str) -> str:
    """What is to be spoken; empty where there is nothing."""
    if _ENTITY.search(text):
        text = html.unescape(text)
    text = _DECLARATION.sub(" ", _CUT_LINK.sub(r"\1", _ADDRESS.sub(_host, text)))
    if "|" in text:
        text = _ROW.sub(_cells, text)
    text = _OWN_LINE.sub(r"\1.\2", _HEADING_END.sub(r"\1", text))
    text, names = _marked(text)
    text = _GAP.sub("", _SPACES.sub(" ", _OPENING.sub(" ", spoken(text))))
    if not is_speakable(_MARK.sub("", text)):
        return ""
    return _MARK.sub(_written(names), text).strip()


def _host(found: re.Match[str]) -> str:
    """Of an address what a person would say of it."""
    host = found[1].rpartition("@")[2].partition(":")[0]
    return host.rstrip(".,;!'*_~`|") + (found["rest"] or found[1][len(found[1].rstrip(".,;!?'*_~`|")) :])


def _cells(found: re.Match[str]) -> str:
    """A table's row as an enumeration; its ruling as nothing."""
    if _RULE.match(found[1]):
        return ""
    return ", ".join(cell.strip() for cell in found[1].split("|") if cell.strip()) + "."


def _marked(text: str) -> tuple[str, list[str]]:
    """Every tag that may stay as one private character, and what each stands for."""
    names: list[str] = []
    try:
        return _parsed(text, names), names
    except BadRequest:
        names.clear()
        return _parsed(_BRACKETED.sub(" ", text).replace("[", " "), names), names


def _parsed(text: str, names: list[str]) -> str:
    def mark(name: str) -> str:
        names.append(name)
        return chr(FIRST_MARK + len(names) - 1)

    out: list[str] = []
    for part in tagged(text):
        match part:
            case Pause(seconds):
                rest = round(min(seconds, LONGEST_PAUSE), 2)
                out.append(mark(f"[pause:{rest:.2f}s]") if rest > 0 else " ")
            case Spoken(text=said, marks=marks):
                sounds = [one.name if isinstance(one, Sound) else "" for one in marks]
                out.append(
                    _MARK.sub(
                        lambda found, sounds=sounds: mark(f"[{sounds[ord(found[0]) - FIRST_MARK]}]"),
                        said,
                    )
                )
    return "".join(out)


def _written(names: list[str]) -> Callable[[re.Match[str]], str]:
    return lambda found: names[ord(found[0]) - FIRST_MARK]
