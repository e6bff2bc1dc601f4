"""Every published voice, installed here or not: to browse, search and count. Speaks with none and fetches none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from core.errors import UnknownModel, UnknownVoice
from engines.base import Voice
from voice._engines import Engines
from voice.catalogue.cards import FOLDER, KINDS, Card, Download, Entry, read
from voice.languages import canonical, checked, is_exact, name_of, speaks

__all__ = ["KINDS", "Card", "Catalogue", "Counts", "Download", "Entry", "Standing"]

UNSPECIFIED = "unspecified"
"""Asks for the voices whose gender nobody has published."""


@dataclass(frozen=True)
class Standing:
    """Whether an engine can be used here."""

    installed: bool
    downloaded: bool
    """True only where it is installed too."""
    why_not: str
    """What is missing, with the command that brings it; empty if nothing is."""


@dataclass(frozen=True)
class Counts:
    voices: int
    languages: int
    engines: int


class Catalogue:
    """The files are read at the first question. Where `engines` are given, it knows what stands here, and lists the
    voices of those engines too that have no file of their own."""

    def __init__(self, engines: Engines | None = None, folder: Path = FOLDER):
        self._engines = engines
        self._folder = folder

    @cached_property
    def cards(self) -> dict[str, Card]:
        """The engines that have a file, by name."""
        return {card.name: card for card, _ in self._files}

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """All voices, those of the files first."""
        return tuple(entry for _, entries in self._files for entry in entries) + tuple(self._unfiled())

    def entry(self, id: str) -> Entry:
        """Raises UnknownVoice."""
        if found := self.get(id):
            return found
        raise UnknownVoice(f"The catalogue has no voice {id[:60]!r}.", param="voice")

    def get(self, id: str) -> Entry | None:
        """The voice of that id, if there is one."""
        return self._by_id.get(id)

    def standing(self, engine: str) -> Standing:
        """Asked anew each time, so that it is true after an installation or a download. Raises UnknownModel."""
        if self._engines and engine in self._engines.names():
            why = self._engines.why_not(engine)
            installed = self._engines.is_installed(engine)
            return Standing(installed, installed and not why, why)
        if engine not in self.cards:
            raise UnknownModel(f"The catalogue has no engine {engine[:60]!r}.", param="engine")
        return Standing(False, False, self.cards[engine].install)

    def standing_of(self, entry: Entry) -> Standing:
        """As `standing`, and whether the engine that is here offers the voice at all."""
        standing = self.standing(entry.engine)
        if standing.installed and entry.id not in self._offered:
            return Standing(False, False, f"{self.cards[entry.engine].title} does not offer this voice here.")
        return standing

    def search(
        self,
        text: str = "",
        language: str = "",
        engine: str = "",
        gender: str = "",
        kind: str = "",
        installed: bool | None = None,
    ) -> list[Entry]:
        """The voices that fit all that is asked, the nearest first.

        Every word of `text` must occur in one of the voice's fields. A language is a tag or an English name; a tag with
        a region is found by the tag without one too. `gender` takes `unspecified` as well. Raises BadRequest where the
        language is neither.
        """
        tag, words = checked(language), text.casefold().split()
        standings = {name: self.standing(name) for name in dict.fromkeys(entry.engine for entry in self.entries)}
        found = [
            (_rank(entry, words, tag, standings[entry.engine], place), entry)
            for place, entry in enumerate(self.entries)
            if (not engine or entry.engine == engine)
            and (not gender or (entry.gender or UNSPECIFIED) == gender)
            and (not kind or entry.kind == kind)
            and (installed is None or installed == (standings[entry.engine].installed and entry.id in self._offered))
            and speaks(entry.languages, tag)
            and all(word in self._words[entry.id] for word in words)
        ]
        return [entry for _, entry in sorted(found, key=lambda pair: pair[0])]

    def counts(self, entries: Iterable[Entry] | None = None) -> Counts:
        """Of the published voices, unless others are given. Turns of a dialogue and languages without a speaker of
        their own do not count."""
        filed = (entry for _, of_file in self._files for entry in of_file)
        voices = [entry for entry in (filed if entries is None else entries) if not entry.described]
        voices = [entry for entry in voices if entry.kind != "tag"]
        languages = {canonical(tag) for entry in voices for tag in entry.languages}
        return Counts(len(voices), len(languages), len({entry.engine for entry in voices}))

    @cached_property
    def _files(self) -> tuple[tuple[Card, tuple[Entry, ...]], ...]:
        return tuple(read(self._folder))

    @cached_property
    def _offered(self) -> set[str]:
        """Ids of the voices that the engines here have, installed or not."""
        if not self._engines:
            return set()
        classes = [self._engines.cls(spec.name) for spec in self._engines.of_kind("tts")]
        return {voice.id for cls in classes for voice in cls.voices()}

    @cached_property
    def _by_id(self) -> dict[str, Entry]:
        return {entry.id: entry for entry in self.entries}

    @cached_property
    def _words(self) -> dict[str, str]:
        """All that a search looks at, by the voice's id."""
        return {entry.id: self._text(entry) for entry in self.entries}

    def _text(self, entry: Entry) -> str:
        card = self.cards.get(entry.engine)
        languages = [word for tag in entry.languages for word in (tag, name_of(tag))]
        about = (card.title, card.environment) if card else ()
        fields = (entry.id, entry.name, entry.gender, entry.description, entry.kind, entry.grade, entry.licence)
        return " ".join((*fields, entry.source, *languages, *about)).casefold()

    def _unfiled(self) -> Iterable[Entry]:
        if not self._engines:
            return
        for spec in self._engines.of_kind("tts"):
            if spec.name not in self.cards:
                for voice in self._engines.cls(spec.name).voices():
                    yield _of(voice, spec.licence)


def _of(voice: Voice, licence: str) -> Entry:
    """A voice that only its engine knows of."""
    return Entry(
        id=voice.id,
        engine=voice.engine,
        name=voice.name,
        languages=voice.languages,
        gender=voice.gender,
        description=voice.description,
        kind="variant" if "+" in voice.name else "named-speaker",
        grade="",
        licence=licence,
        source="installed here",
        verified=True,
    )


def _rank(
    entry: Entry, words: list[str], tag: str, standing: Standing, place: int
) -> tuple[bool, int, bool, bool, bool, int]:
    """Smaller is nearer: a voice's main language, its name, the region, what can be used now, the catalogue's order."""
    return (
        bool(tag) and canonical(entry.languages[0]) != canonical(tag),
        _nearness(entry, " ".join(words)) if words else 0,
        "-" in tag and not is_exact(entry.languages, tag),
        not standing.downloaded,
        not standing.installed,
        place,
    )


def _nearness(entry: Entry, text: str) -> int:
    """0 is the whole name or id, 1 the beginning of the name, 2 a part of it, 3 any other field."""
    name = entry.name.casefold()
    if text in (name, entry.id.casefold()):
        return 0
    return 1 if name.startswith(text) else 2 if text in name else 3
