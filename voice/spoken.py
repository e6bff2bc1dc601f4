"""Text as people write it to text that can be spoken, without markup, emoji and invisible characters."""

from __future__ import annotations

import re
import unicodedata

_LINK = re.compile(r"!?\[([^\[\]]{0,500})\]\([^()\s]{0,2000}\)")
_TAG = re.compile(r"</?[A-Za-z!][^<>]{0,300}>")
_LINE_START = re.compile(r"^[^\S\n]{0,8}(?:#{1,6}|>{1,3}|[*+•‣▪-])[^\S\n]+", re.M)
_RULE = re.compile(r"^[^\S\n]*(?:[-*_=~]{3,}|\|[-:| ]+\|)[^\S\n]*$", re.M)
_EMPHASIS = re.compile(
    r"\*{2,}|_{2,}|~{2,}|`+|(?<![\w\s])[*_](?=\w)|(?<![\w*])[*_](?=\w)|(?<=[^\W\d])\*|(?<=\w)_(?!\w)|\|"
)
_INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffd\ud800-\udfff]"
)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_EMOJI = re.compile(
    "[\u2190-\u21ff\u2300-\u23ff\u24c2\u2500-\u27bf\u2900-\u297f\u2b00-\u2bff\u3030\ufe00-\ufe0f\u20e3"
    "\U0001f000-\U0001faff\U000e0000-\U000e007f]+\u200d?"
)
_MARKS = re.compile(
    r"([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u20d0-\u20ff]{6})[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u20d0-\u20ff]+"
)
_MARKUP = re.compile(r"[*_~`|<\[#>+•‣▪=-]")
_SPACES = re.compile(r"[^\S\n]+")
_HEAD = 2000
_BINARY = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\ufffd]")


def spoken(text: str) -> str:
    """What a voice is given to read: of Markdown and HTML the words only, no emoji, no invisible characters."""
    if not text.isascii():
        text = _INVISIBLE.sub("", unicodedata.normalize("NFC", text))
        text = _MARKS.sub(r"\1", _EMOJI.sub(" ", text))
    text = _CONTROL.sub(" ", text.replace("\r\n", "\n"))
    if _MARKUP.search(text):
        text = _TAG.sub(" ", _LINK.sub(r"\1", text))
        text = _EMPHASIS.sub("", _LINE_START.sub("", _RULE.sub("", text)))
    return _SPACES.sub(" ", text).strip()


def is_speakable(text: str) -> bool:
    """Whether there is a letter or digit in it."""
    return any(char.isalnum() for char in text)


def is_binary(text: str) -> bool:
    """Whether it looks like a file rather than a text: a zero, or at the beginning one character in fifty that no text
    holds."""
    head = text[:_HEAD]
    return "\0" in text or len(_BINARY.findall(head)) * 50 > len(head)
