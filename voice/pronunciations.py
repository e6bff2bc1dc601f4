"""How each caller wants words to be said: his entries, kept, and the dictionary they compile to.

Knows owners by their ids and where entries are kept; who may change them is decided elsewhere.
"""

from __future__ import annotations

import asyncio
import re
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from core.errors import BadRequest, NotFound, TooLarge
from storage import pronunciations as rows
from storage.db import Storage
from storage.pronunciations import PronunciationRecord
from voice.languages import canonical, checked
from voice.text.dictionary import Dictionary, Entry, folded_words, words_of

PAGE = 100
FRESH_SECONDS = 5.0
"""How long a dictionary is used before the database is asked whether another process has changed it."""
MOST_OWNERS = 10_000
"""Callers of whom it is known which dictionary is theirs; of most, that they have none."""
MOST_COMPILED = 250_000
"""Entries of all dictionaries in memory, about half a kilobyte each; the newest may be larger by itself."""

_UNSEEN = re.compile("[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
"""Signs without a look that come along with copied text, and that speech leaves out of its text too."""
_MOST_RAW = 2000
"""Characters that are looked at to find out whether a field is short enough once it is clean."""
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class Pronunciation:
    """An entry that is kept, under its id."""

    id: str
    entry: Entry


@dataclass(frozen=True)
class _Known:
    version: int
    dictionary: Dictionary | None
    looked_at: float


class Pronunciations:
    """Made once for a process. `clock` gives seconds that only grow."""

    def __init__(self, storage: Storage, *, clock: Callable[[], float] = time.monotonic):
        self._storage, self._clock = storage, clock
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._making: dict[str, asyncio.Task[_Known]] = {}

    async def dictionary(self, owner: str) -> Dictionary | None:
        """What all he has compiles to, None where he has nothing. Compiled once, off the loop, and kept."""
        known = self._known.get(owner)
        if known is not None and self._clock() - known.looked_at < FRESH_SECONDS:
            self._known.move_to_end(owner)
            return known.dictionary
        making = self._making.get(owner)
        if making is None:
            making = asyncio.create_task(self._look(owner, known))
            self._making[owner] = making
            making.add_done_callback(lambda done: self._keep(owner, done))
        return (await asyncio.shield(making)).dictionary

    async def page(
        self, owner: str, *, offset: int = 0, limit: int = PAGE, search: str = ""
    ) -> tuple[list[Pronunciation], int]:
        """Entries in alphabetical order, and how many there are; of a search, those that begin so in whatever case."""
        prefix = _folded(cleaned(search))
        if not prefix.isprintable() and not prefix.translate({0x200C: None, 0x200D: None}).isprintable():
            return [], 0
        found = await self._storage.read(rows.page, owner, offset, limit, prefix)
        total = await self._storage.read(rows.count, owner, prefix)
        return [_shown(record) for record in found], total

    async def every(self, owner: str) -> list[Entry]:
        _, found = await self._storage.read(rows.every, owner)
        return [_entry(record) for record in found]

    async def get(self, owner: str, entry_id: str) -> Pronunciation:
        """Raises NotFound, as do `change` and `remove`, also where it is another owner's."""
        return _shown(await self._storage.read(rows.get, owner, _number(entry_id)))

    async def add(self, owner: str, entry: Entry) -> Pronunciation:
        """Raises BadRequest, TooLarge, and Conflict where there is one of the same written form and language."""
        kept = await self._storage.write(rows.add, owner, _record(entry))
        self._forget(owner)
        return _shown(kept)

    async def change(self, owner: str, entry_id: str, entry: Entry) -> Pronunciation:
        """Raises BadRequest, TooLarge, NotFound, Conflict."""
        kept = await self._storage.write(rows.change, owner, _number(entry_id), _record(entry))
        self._forget(owner)
        return _shown(kept)

    async def remove(self, owner: str, entry_id: str) -> Pronunciation:
        gone = await self._storage.write(rows.remove, owner, _number(entry_id))
        self._forget(owner)
        return _shown(gone)

    async def clear(self, owner: str) -> int:
        """How many there were."""
        count = await self._storage.write(rows.clear, owner)
        self._forget(owner)
        return count

    async def load(self, owner: str, entries: Iterable[Entry], *, replace: bool = False) -> int:
        """Take all of them or none; how many there are then. With `replace` they are all there is, else they go before
        those of their form. Of two alike the last one is taken. Raises BadRequest, TooLarge."""
        records = await asyncio.to_thread(_records, entries)
        total = await self._storage.write(rows.load, owner, records, replace)
        self._forget(owner)
        return total

    async def _look(self, owner: str, known: _Known | None) -> _Known:
        now = self._clock()
        version = await self._storage.read(rows.version, owner)
        if version == (known.version if known else 0):
            return _Known(version, known.dictionary if known else None, now)
        version, found = await self._storage.read(rows.every, owner)
        return _Known(version, await asyncio.to_thread(_compiled, found), now)

    def _keep(self, owner: str, done: asyncio.Task[_Known]) -> None:
        """Unless the owner has changed something while it was looked at."""
        if self._making.get(owner) is not done:
            return
        del self._making[owner]
        if done.cancelled() or done.exception():
            return
        self._known[owner] = done.result()
        self._known.move_to_end(owner)
        held = sum(len(known.dictionary) for known in self._known.values() if known.dictionary)
        while len(self._known) > MOST_OWNERS or (held > MOST_COMPILED and len(self._known) > 1):
            _, gone = self._known.popitem(last=False)
            held -= len(gone.dictionary) if gone.dictionary else 0

    def _forget(self, owner: str) -> None:
        self._known.pop(owner, None)
        self._making.pop(owner, None)


def cleaned(text: str) -> str:
    """As it is kept: composed, without invisible signs, its blanks one space each."""
    return " ".join(_UNSEEN.sub("", unicodedata.normalize("NFC", text)).split())


def tidied(entry: Entry) -> Entry:
    """The entry as it is kept. Raises BadRequest and TooLarge, naming the field, where it cannot be."""
    for name in ("written", "spoken", "ipa"):
        if len(getattr(entry, name)) > _MOST_RAW:
            raise TooLarge(f"{name} is longer than a word or a phrase.", param=name)
    language = canonical(checked(entry.language))
    clean = Entry(cleaned(entry.written), cleaned(entry.spoken), cleaned(entry.ipa), language, entry.case_sensitive)
    if not clean.written:
        raise BadRequest("Say what is written.", param="written")
    if not (clean.spoken or clean.ipa):
        raise BadRequest(f"Say how {clean.written[:40]!r} is spoken.", param="spoken")
    words_of(clean)
    return clean


def _records(entries: Iterable[Entry]) -> list[PronunciationRecord]:
    found: dict[tuple[str, str], PronunciationRecord] = {}
    for number, entry in enumerate(entries, 1):
        if number > rows.MOST:
            raise TooLarge(f"There is room for {rows.MOST:,} pronunciations.", param="entries")
        try:
            record = _record(entry)
        except BadRequest as error:
            raise type(error)(f"Entry {number}: {error.message}", param=error.param) from None
        found[record.form, record.language] = record
    return list(found.values())


def _record(entry: Entry) -> PronunciationRecord:
    clean = tidied(entry)
    form = f"={' '.join(words_of(clean))}" if clean.case_sensitive else f"~{' '.join(folded_words(clean))}"
    return PronunciationRecord(
        form, _folded(clean.written), clean.written, clean.spoken, clean.ipa, clean.language, clean.case_sensitive
    )


def _entry(record: PronunciationRecord) -> Entry:
    return Entry(record.written, record.spoken, record.ipa, record.language, record.case_sensitive)


def _shown(record: PronunciationRecord) -> Pronunciation:
    return Pronunciation(str(record.id), _entry(record))


def _compiled(found: list[PronunciationRecord]) -> Dictionary | None:
    return Dictionary(map(_entry, found)) if found else None


def _folded(text: str) -> str:
    return text.casefold()


def _number(entry_id: str) -> int:
    """The id as the database has it."""
    if entry_id.isascii() and entry_id.isdecimal() and len(entry_id) < 20 and int(entry_id) <= _LARGEST_ID:
        return int(entry_id)
    raise NotFound("You have no pronunciation by this id.", param="id")
