"""Every voice in the house by name, and the well-known names that stand for one of them. Speaks with none of them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import TypeVar

from core.errors import NotInstalled, UnknownVoice, VoiceForgeError
from engines.base import Engine, EngineConfig, Voice
from voice._engines import Engines
from voice.catalogue import Catalogue
from voice.languages import is_exact, name_of, speaks

ALIASES = {
    "alloy": "", "ash": "male", "ballad": "male", "coral": "female", "echo": "male", "fable": "male", "nova": "female",
    "onyx": "male", "sage": "female", "shimmer": "female", "verse": "male", "marin": "female", "cedar": "male",
}  # fmt: skip
"""The names that first calls use, and the gender people expect behind them."""

VARIANTS = {
    "espeak-ng": {
        "f3": "female", "m3": "male", "f2": "female", "m1": "male", "f4": "female", "m7": "male",
        "f1": "female", "m4": "male", "f5": "female", "m2": "male", "m5": "male", "m6": "male",
    },
}  # fmt: skip
"""Engines whose voices take a variant after a plus, and the ones that help the aliases to sound apart."""

DEFAULT_NAMES = ("", "default")
_USUAL = {"en": "en-us", "zh": "cmn"}
MOST_ANSWERS = 1000
_Asked = tuple[str, str, frozenset[str]]
"""Language, engine, and the engines that can be used."""
T = TypeVar("T")
_VARIANT = re.compile(r"[\w-]{1,32}", re.ASCII)


class Voices:
    """The voices of a registry of engines, those of the best engines first."""

    def __init__(
        self,
        registry: Mapping[str, type[Engine]],
        config: EngineConfig | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.engines = Engines(registry, config or EngineConfig(), clock)
        self.catalogue = Catalogue(self.engines)
        self._voices: tuple[Voice, ...] = ()
        self._by_name: dict[str, list[Voice]] = {}
        self._aliases: dict[_Asked, dict[str, Voice]] = {}
        self._preferred: dict[_Asked, list[Voice]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Look again at what is installed."""
        self.engines.refresh()
        self.catalogue = Catalogue(self.engines)
        self._voices = tuple(
            voice for spec in self.engines.of_kind("tts") for voice in self.engines.cls(spec.name).voices()
        )
        self._by_name = {}
        for voice in self._voices:
            self._by_name.setdefault(voice.id.casefold(), []).append(voice)
            self._by_name.setdefault(voice.name.casefold(), []).append(voice)
        self._aliases, self._preferred = {}, {}

    def all(self) -> tuple[Voice, ...]:
        """The voices that can be used here."""
        ready = self._ready()
        return tuple(voice for voice in self._voices if voice.engine in ready)

    def _ready(self) -> frozenset[str]:
        return frozenset(spec.name for spec in self.engines.of_kind("tts") if self.engines.ready_models(spec.name))

    def find(self, name: str, language: str = "") -> Voice:
        """The voice by its id, its bare name where only one has it, an alias, or the best one for `default` and "".

        A language matters to aliases and the default only; they speak English where none is given. Raises
        UnknownVoice, naming the nearest, and NotInstalled for a voice of the catalogue that is not here.
        """
        key = name.strip().casefold()
        if key in DEFAULT_NAMES:
            return self.preferred(language)[0]
        if key in ALIASES:
            return self.aliases(language)[key]
        found = self._by_name.get(key, [])
        if len(found) > 1:
            ids = " and ".join(voice.id for voice in found)
            raise UnknownVoice(f"Several voices are called {name!r}; say which: {ids}.", param="voice")
        if found:
            return found[0]
        base, plus, variant = key.partition("+")
        if plus and len(plain := self._by_name.get(base, [])) == 1:
            return self._variant(plain[0], variant, name)
        raise self._unknown(name)

    def preferred(self, language: str = "", engine: str = "") -> list[Voice]:
        """Voices that can speak the language here, the best first, never none.

        Among the engines `auto` may pick, or of one engine. Raises UnknownVoice where there is none.
        """
        language = language or "en"
        key = language.casefold(), engine, self._ready()
        if key not in self._preferred:
            voices = [voice for voice in self.all() if self._may_serve(voice, language, engine)]
            if not voices:
                raise UnknownVoice(f"No voice here speaks {name_of(language)}.", param="voice")
            ranked = sorted(voices, key=lambda voice: self._rank(voice, language))
            _remember(self._preferred, key, ranked)
        return list(self._preferred[key])

    def with_variants(self, language: str = "") -> list[Voice]:
        """As `preferred`, and behind them the variants of the first that has any."""
        return _with_variants(self.preferred(language))

    def aliases(self, language: str = "", engine: str = "") -> dict[str, Voice]:
        """The well-known names and the voices they stand for: each a different one as long as there are enough."""
        key = (language.casefold(), engine, self._ready())
        if key not in self._aliases:
            _remember(self._aliases, key, _cast(_with_variants(self.preferred(language, engine))))
        return self._aliases[key]

    def _may_serve(self, voice: Voice, language: str, engine: str) -> bool:
        allowed = voice.engine == engine if engine else self.engines.spec(voice.engine).quality >= 0
        return allowed and speaks(voice.languages, language)

    def _rank(self, voice: Voice, language: str) -> tuple[int, str, int]:
        spec = self.engines.spec(voice.engine)
        if is_exact(voice.languages[:1], _USUAL.get(language.casefold(), language)):
            nearness = 0
        else:
            nearness = 1 if is_exact(voice.languages, language) else 2
        return -spec.quality, spec.name, nearness

    def _variant(self, voice: Voice, variant: str, asked: str) -> Voice:
        if voice.engine not in VARIANTS or "+" in voice.name or not _VARIANT.fullmatch(variant):
            raise self._unknown(asked)
        return _varied(voice, variant, VARIANTS[voice.engine].get(variant, ""))

    def _unknown(self, name: str) -> VoiceForgeError:
        if entry := self.catalogue.get(name.strip()):
            return NotInstalled(f"{entry.id}: {self.catalogue.standing_of(entry).why_not}", param="voice")
        shown = name if len(name) <= 60 else name[:60] + "…"
        known = [*ALIASES, *self._by_name]
        near = get_close_matches(name[:60].strip().casefold(), known, n=1, cutoff=0.55)
        voice = self._by_name[near[0]][0] if near and near[0] in self._by_name else None
        hint = f" Did you mean {voice.id if voice else near[0]}?" if near else " The list of voices has them all."
        return UnknownVoice(f"No voice is called {shown!r}.{hint}", param="voice")


def _remember(answers: dict[_Asked, T], asked: _Asked, answer: T) -> None:
    """Tags of languages are anybody's to make up, so there is an end to it."""
    if len(answers) >= MOST_ANSWERS:
        answers.clear()
    answers[asked] = answer


def _varied(voice: Voice, variant: str, gender: str) -> Voice:
    return replace(voice, id=f"{voice.id}+{variant}", name=f"{voice.name}+{variant}", gender=gender)


def _with_variants(voices: list[Voice]) -> list[Voice]:
    """The voices, and behind them the variants of the first that has any."""
    plain = next((voice for voice in voices if voice.engine in VARIANTS and "+" not in voice.name), None)
    if not plain:
        return voices
    known = {voice.id for voice in voices}
    variants = [_varied(plain, name, gender) for name, gender in VARIANTS[plain.engine].items()]
    return voices + [voice for voice in variants if voice.id not in known]


def _cast(voices: list[Voice]) -> dict[str, Voice]:
    """A voice for each alias in turn: the first free one of the gender, else the first free one, else any."""
    free = list(voices)
    parts: dict[str, Voice] = {}
    for alias, gender in ALIASES.items():
        pool = free or voices
        parts[alias] = next((voice for voice in pool if gender in ("", voice.gender.casefold())), pool[0])
        if parts[alias] in free:
            free.remove(parts[alias])
    return parts
