"""Words and phrases that are spoken otherwise than they are written. Compiled once, applied in one pass; what it writes
is not looked at again. Knows neither owners nor storage."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from core.errors import BadRequest, TooLarge
from voice.languages import canonical
from voice.text.parts import Mark, Phoneme
from voice.text.spans import Mapped, replaced

MOST_ENTRIES = 100_000
MOST_CHARS = 200
"""Of a written or a spoken form."""
MOST_WORDS = 24
"""Words and signs of a written form."""
_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Scripts that leave no space between words: every character is taken as one."""
_JOINED = r"[\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0900-\u0dff\u200c\u200d]"
_JOINERS = {0x200C: None, 0x200D: None}
_WORD = re.compile(rf"[^\W_{_UNSPACED}]+(?:{_JOINED}+[^\W_{_UNSPACED}]*)*|[^\s]")


@dataclass(frozen=True)
class Entry:
    """What is written, and how it is spoken."""

    written: str
    spoken: str
    ipa: str = ""
    """Its sound, for engines that take phonemes; the others read `spoken`."""
    language: str = ""
    """A tag; empty for every language."""
    case_sensitive: bool = False


class Dictionary:
    """Compiled entries; holds no text and may be shared.

    A phrase is a row of words and signs; the index goes from a row's first to all lengths that begin so, and the
    longest entry that is there wins, whole words only. Raises BadRequest and TooLarge on entries that cannot be.
    """

    def __init__(self, entries: Iterable[Entry] = ()):
        self._exact: dict[tuple[str, ...], dict[str, Entry]] = {}
        self._folded: dict[tuple[str, ...], dict[str, Entry]] = {}
        self._lengths: dict[str, set[int]] = {}
        hashed = hashlib.sha256()
        for count, entry in enumerate(entries, 1):
            if count > MOST_ENTRIES:
                raise TooLarge(f"A dictionary may have {MOST_ENTRIES:,} entries at most.", param="entries")
            self._enter(entry)
            hashed.update(repr(entry).encode("utf-8", "surrogatepass"))
        self.digest = hashed.hexdigest()
        """Sha256 of the entries in their order: two dictionaries of one digest read alike."""

    def __len__(self) -> int:
        return sum(map(len, self._exact.values())) + sum(map(len, self._folded.values()))

    def apply(self, text: str, language: str = "") -> Mapped:
        """The text with spoken forms in place of written ones."""
        return replaced(text, ((start, end, entry.spoken) for start, end, entry in self.found(text, language)))

    def marked(self, text: str, language: str, first: int, marks: list[Mark]) -> Mapped:
        """As `apply`; entries with a sound become private characters from `first` on, their marks go to `marks`."""

        def said(entry: Entry, written: str) -> str:
            if not entry.ipa:
                return entry.spoken
            marks.append(Phoneme(entry.spoken or written, entry.ipa))
            return chr(first + len(marks) - 1)

        return replaced(
            text, ((start, end, said(entry, text[start:end])) for start, end, entry in self.found(text, language))
        )

    def found(self, text: str, language: str = "") -> Iterator[tuple[int, int, Entry]]:
        """Where entries stand, from left to right, without overlap."""
        if not self._lengths:
            return
        words = list(_WORD.finditer(text))
        written = [_form(word[0]) for word in words]
        folded = [_fold(word) for word in written]
        tag, place = canonical(language), 0
        while place < len(words):
            count, entry = self._longest(written, folded, place, tag)
            if entry:
                yield words[place].start(), words[place + count - 1].end(), entry
            place += max(1, count)

    def _longest(self, written: list[str], folded: list[str], place: int, tag: str) -> tuple[int, Entry | None]:
        for count in sorted(self._lengths.get(folded[place], ()), reverse=True):
            for index, words in ((self._exact, written), (self._folded, folded)):
                row = tuple(words[place : place + count])
                entries = index.get(row) if len(row) == count else None
                entry = (entries.get(tag) or entries.get("")) if entries else None
                if entry:
                    return count, entry
        return 0, None

    def _enter(self, entry: Entry) -> None:
        row = words_of(entry)
        folded = tuple(map(_fold, row))
        key = canonical(entry.language) if entry.language else ""
        index, words = (self._exact, row) if entry.case_sensitive else (self._folded, folded)
        index.setdefault(words, {})[key] = entry
        self._lengths.setdefault(folded[0], set()).add(len(row))


def words_of(entry: Entry) -> tuple[str, ...]:
    """The words and signs of the written form. Raises BadRequest and TooLarge on an entry that cannot be."""
    if max(len(entry.written), len(entry.spoken), len(entry.ipa)) > MOST_CHARS:
        raise TooLarge(f"An entry of a dictionary may have {MOST_CHARS} characters at most.", param="entries")
    if not _readable(entry.written + entry.spoken + entry.ipa):
        raise BadRequest("An entry of a dictionary holds characters that cannot be read.", param="entries")
    row = tuple(_form(word) for word in _WORD.findall(entry.written))
    if len(row) > MOST_WORDS:
        raise TooLarge(f"An entry of a dictionary may have {MOST_WORDS} words at most.", param="entries")
    if not row or not (entry.spoken.strip() or entry.ipa.strip()):
        raise BadRequest("An entry of a dictionary needs a written and a spoken form.", param="entries")
    return row


def folded_words(entry: Entry) -> tuple[str, ...]:
    """The same without regard to case."""
    return tuple(map(_fold, words_of(entry)))


def _readable(text: str) -> bool:
    """Persian and the scripts of India write with a joiner and a non-joiner that Python does not take for printable."""
    return text.isprintable() or text.translate(_JOINERS).isprintable()


def _form(word: str) -> str:
    return word if word.isascii() else unicodedata.normalize("NFC", word)


def _fold(word: str) -> str:
    return word.lower() if word.isascii() else word.casefold()
