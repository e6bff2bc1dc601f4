"""Which engine serves a request, and why. Loads no engine and asks none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from core.errors import BadRequest, NotInstalled, Unavailable
from engines.base import Engine, EngineConfig, EngineSpec, Voice
from voice._fitness import ANYONE, Fitness, Terms
from voice.languages import canonical, checked, guess, name_of, speaks
from voice.model_names import DOES, Model, ModelNames
from voice.needs import unmet
from voice.voices import ALIASES, DEFAULT_NAMES, Voices

__all__ = ["Route", "Routing", "Terms"]

ASKED = Terms(strict=True)
"""Of an engine that was named, for which nobody stands in."""

_CAN = {
    "translate": "translate",
    "grammar": "follow a grammar",
    "words": "give word times",
    "hotwords": "take hotwords",
}


@dataclass(frozen=True)
class Route:
    """Who serves a request."""

    engine: str
    """As the pool takes it: `name` or `name:model`."""
    reason: str
    """Why this one, a sentence for the person who reads it."""
    voice: str = ""
    """The voice's id in the house; empty for transcription."""
    voice_name: str = ""
    """The engine's own name for the voice."""
    language: str = ""
    """The tag handed to the engine; empty where it shall detect."""
    alias_of: str = ""
    """The id of the voice behind the alias or default that was asked for; empty where a voice was named."""

    @property
    def engine_name(self) -> str:
        return self.engine.partition(":")[0]


class Routing:
    """Built once. `tts_engine` and `stt_engine` are the owner's choice for requests that leave it open, `down` tells
    why an engine, as the pool takes it, rests; with `commercial_only` only licences speak that are known to allow it.
    """

    def __init__(
        self,
        registry: Mapping[str, type[Engine]],
        config: EngineConfig | None = None,
        *,
        tts_engine: str = "auto",
        stt_engine: str = "auto",
        down: Callable[[str], str] = lambda engine: "",
        commercial_only: bool = False,
    ):
        self.voices = Voices(registry, config)
        self._engines = self.voices.engines
        self._names = ModelNames(self._engines)
        self._preferred = {
            "tts": self._setting(tts_engine, "TTS_ENGINE"),
            "stt": self._setting(stt_engine, "STT_ENGINE"),
        }
        self._fitness = Fitness(
            self._engines,
            lambda: self.voices.catalogue,
            down=down,
            commercial_only=commercial_only,
            own=frozenset(self._preferred.values()),
        )

    def refresh(self) -> None:
        """Look again at what is installed and downloaded."""
        self.voices.refresh()

    def spec(self, engine: str) -> EngineSpec:
        """The card of an engine, by its name or as the pool takes it."""
        return self._engines.spec(_split(engine)[0])

    def is_downloaded(self, engine: str, model: str = "") -> bool:
        """Whether the weights are here; false for an engine nobody knows."""
        return engine in self._engines.names() and self._engines.is_downloaded(engine, model)

    def speech(
        self, voice: str = "", model: str = "auto", language: str = "", text: str = "", terms: Terms = ANYONE
    ) -> Route:
        """Who speaks. Without a language it is the voice's, else the one the script of `text` suggests, else English.

        Where the engine or voice that was asked for cannot be used now, the next best voice of the language stands in,
        of the same gender where there is one, unless the terms are strict. Raises UnknownModel, UnknownVoice,
        Unavailable where nobody can speak, or BadRequest where voice, model and language do not go together.
        """
        engine = self._names.engine(model, "tts")
        tag = checked(language)
        key = voice.strip().casefold()
        if key in ALIASES or key in DEFAULT_NAMES:
            return self._by_language(key, engine, tag or guess(text) or "en", terms)
        return self._by_voice(voice, engine, tag, text, terms)

    def candidates(self, language: str, terms: Terms = ANYONE) -> list[Voice]:
        """The voices that can speak a language now: those of engines that do more of what is asked for first, then the
        best. May be none."""
        voices = [voice for voice in self.voices.with_variants(language) if self._fitness.speaks(voice, terms)]
        return sorted(voices, key=lambda voice: len(unmet(self._engines.spec(voice.engine), terms.needs)))

    def transcription(self, model: str = "auto", language: str = "", needs: Iterable[str] = ()) -> Route:
        """Who hears. `needs` are capabilities the engine must have.

        Raises UnknownModel, NotInstalled, NotDownloaded, or BadRequest where the engine does not hear the language or
        cannot do what is needed.
        """
        wanted, tag, needs = self._names.engine(model, "stt"), checked(language), tuple(needs)
        if wanted:
            lane = self._fitness.lane(wanted, ASKED)
            return self._hearing(lane, tag, needs, f"{wanted.partition(':')[0]} was asked for.")
        chosen = self._preferred["stt"]
        if not chosen:
            return self._best_hearing(tag, needs)
        if not self._fitness.why_not(chosen) and not _lacks(self._engines.spec(_split(chosen)[0]), tag, needs):
            return self._hearing(self._fitness.lane(chosen), tag, needs, f"STT_ENGINE is {chosen}.")
        route = self._best_hearing(tag, needs)
        return replace(route, reason=f"STT_ENGINE is {chosen}, which cannot serve this. {route.reason}")

    def models(self) -> list[Model]:
        """What a request may name: the open names first, then each engine and its sizes."""
        return self._names.cards(self._now)

    # speech

    def _by_voice(self, name: str, engine: str, tag: str, text: str, terms: Terms) -> Route:
        voice, missing = self._named(name)
        if engine and engine.partition(":")[0] != voice.engine:
            raise BadRequest(f"{voice.id} is not a voice of {engine}; leave the model at auto.", param="voice")
        if tag and not speaks(voice.languages, tag):
            spoken = " and ".join(dict.fromkeys(name_of(own) for own in voice.languages))
            raise BadRequest(f"{voice.id} speaks {spoken}, not {name_of(tag)}.", param="language")
        language = tag or next((own for own in voice.languages if own != "*"), "") or guess(text) or "en"
        return self._voiced(voice, engine, language, terms, missing, f"The voice {voice.id} was asked for.")

    def _named(self, name: str) -> tuple[Voice, NotInstalled | None]:
        """A voice, and what is missing where it is one of the catalogue that is not here."""
        try:
            return self.voices.find(name), None
        except NotInstalled as error:
            entry = self.voices.catalogue.entry(name.strip())
            return Voice(entry.id, entry.engine, entry.name, entry.languages, entry.gender, entry.description), error

    def _voiced(
        self, voice: Voice, engine: str, language: str, terms: Terms, missing: NotInstalled | None, reason: str
    ) -> Route:
        try:
            if missing:
                raise missing
            lane = self._fitness.speaker(voice, engine, terms)
        except Unavailable as error:
            return self._standing_in(voice.gender, language, terms, error)
        return Route(lane, self._with_lack(reason, lane, terms), voice.id, voice.name, language)

    def _standing_in(self, gender: str, language: str, terms: Terms, error: Unavailable) -> Route:
        """The next best of the same language, of the same gender if there is one. Raises `error` if there is none."""
        voices = [] if terms.strict else self.candidates(language, terms)
        if not voices:
            raise error
        alike = [voice for voice in voices if gender and voice.gender.casefold() == gender.casefold()]
        voice = (alike or voices)[0]
        lane = self._fitness.speaker(voice, "", terms)
        reason = f"{error.message.rstrip('.')}; using {voice.id}."
        return Route(lane, self._with_lack(reason, lane, terms), voice.id, voice.name, language, alias_of=voice.id)

    def _by_language(self, key: str, engine: str, language: str, terms: Terms) -> Route:
        """An alias, or the best voice of an engine or of all."""
        name = _split(engine)[0]
        if name and not speaks(self._engines.spec(name).languages, language):
            raise BadRequest(f"{name} does not speak {name_of(language)}.", param="language")
        try:
            lane, reason = (self._fitness.lane(engine, terms), f"{engine} was asked for.") if engine else ("", "")
        except Unavailable as error:
            return self._standing_in(ALIASES.get(key, ""), language, terms, error)
        if not engine:
            lane, reason = self._best_speaking(language, terms)
        if key in DEFAULT_NAMES:
            voice = self._first_voice(language, _split(lane)[0], terms)
            return Route(lane, self._with_lack(reason, lane, terms), voice.id, voice.name, language, alias_of=voice.id)
        chosen = engine or self._preferred["tts"]
        own = bool(chosen) and _split(lane)[0] == _split(chosen)[0]
        voice = self.voices.aliases(language, _split(lane)[0] if own else "")[key]
        named = f"{key} stands for {voice.id} here."
        route = self._voiced(voice, lane if voice.engine == _split(lane)[0] else "", language, terms, None, named)
        return replace(route, alias_of=route.voice)

    def _first_voice(self, language: str, engine: str, terms: Terms) -> Voice:
        voices = self.voices.preferred(language, engine)
        return next((voice for voice in voices if self._fitness.speaks(voice, terms)), voices[0])

    def _best_speaking(self, language: str, terms: Terms) -> tuple[str, str]:
        """As the pool takes it, and why."""
        chosen = self._preferred["tts"]
        serves = chosen and speaks(self._engines.spec(_split(chosen)[0]).languages, language)
        if serves and not self._fitness.why_not(chosen, terms):
            return self._fitness.lane(chosen, terms), f"TTS_ENGINE is {chosen}."
        able = [spec for spec in self._open_to_all("tts") if speaks(spec.languages, language)]
        ready = sorted(self._fitness.able(able, terms), key=lambda spec: len(unmet(spec, terms.needs)))
        if not ready:
            raise self._nobody("tts", language, able)
        reason = self._why(ready, able, f"speaks {name_of(language)}", "most clearly of what is installed", terms)
        if chosen:
            reason = f"TTS_ENGINE is {chosen}, which cannot serve this. {reason}"
        return self._lane(ready[0], terms), reason

    def _with_lack(self, reason: str, lane: str, terms: Terms) -> str:
        lack = self._fitness.cannot(self.spec(lane), terms)
        return f"{reason} {_split(lane)[0]} cannot {lack}." if lack else reason

    # transcription

    def _best_hearing(self, tag: str, needs: tuple[str, ...]) -> Route:
        able = [spec for spec in self._open_to_all("stt") if not _lacks(spec, tag, needs)]
        ready = self._fitness.able(able, ANYONE)
        if not ready:
            raise self._nobody("stt", tag, able, needs)
        does = " and ".join(
            [f"hears {name_of(tag)}" if tag else "hears", *(f"can {_CAN.get(need, need)}" for need in needs)]
        )
        reason = self._why(ready, able, does, "best of what is installed", ANYONE)
        return self._hearing(self._lane(ready[0], ANYONE), tag, needs, reason)

    def _hearing(self, engine: str, tag: str, needs: tuple[str, ...], reason: str) -> Route:
        spec = self._engines.spec(engine.partition(":")[0])
        if lack := _lacks(spec, tag, needs):
            others = [other.name for other in self._open_to_all("stt") if not _lacks(other, tag, needs)]
            raise BadRequest(f"{spec.name} {lack[0]}{f'; {others[0]} does' if others else ''}.", param=lack[1])
        only = {canonical(own) for own in spec.languages}
        return Route(engine, reason, language=tag or (only.pop() if len(only) == 1 and "*" not in only else ""))

    # shared

    def _open_to_all(self, kind: str) -> list[EngineSpec]:
        return [spec for spec in self._engines.of_kind(kind) if spec.quality >= 0]

    def _lane(self, spec: EngineSpec, terms: Terms) -> str:
        """One that can be used now, or that rests where all do."""
        resting = self._fitness.why_not(spec.name, terms)
        return self._fitness.lane(spec.name, replace(terms, strict=True) if resting else terms)

    def _why(self, ready: list[EngineSpec], able: list[EngineSpec], does: str, superlative: str, terms: Terms) -> str:
        best = ready[0]
        if able[0] is not best:
            lack = self._fitness.why_not(able[0].name, terms).rstrip(".")
            lack = lack or f"{able[0].name} cannot {self._fitness.cannot(able[0], terms)}"
            return f"{lack}; using {best.name}. {best.summary}"
        if len(ready) == 1:
            return f"{best.name}: the only engine here that {does}."
        return f"{best.name} {does} {superlative}."

    def _nobody(self, kind: str, tag: str, able: list[EngineSpec], needs: tuple[str, ...] = ()) -> Exception:
        """The error where no engine can serve: the one that could, and what it lacks."""
        if not self._open_to_all(kind):
            return NotInstalled(f"No engine that {DOES[kind]} is installed here.")
        can = " and ".join(_CAN.get(need, need) for need in needs)
        does = f"that can {can}" if can else f"that {DOES[kind]} {name_of(tag) if tag else 'anything'}"
        hint = f": {self._fitness.why_not(able[0].name)}" if able else "."
        if not can and not tag:
            return NotInstalled(f"No engine {does} can be used here{hint}")
        return BadRequest(f"No engine {does} can be used here{hint}", param="language" if tag and not can else "model")

    def _setting(self, value: str, variable: str) -> str:
        value = value.strip()
        if value in ("", "auto"):
            return ""
        name = value.partition(":")[0]
        if name not in self._engines.names():
            known = ", ".join(spec.name for spec in self._engines.of_kind(variable[:3].lower()))
            raise BadRequest(f"{variable} is {value!r}; the engines are auto, {known}.")
        return value

    def _now(self, kind: str) -> str:
        """The engine that an open request would get, empty where there is none."""
        try:
            return (self.speech() if kind == "tts" else self.transcription()).engine
        except (BadRequest, Unavailable):
            return ""


def _split(engine: str) -> tuple[str, str]:
    name, _, model = engine.partition(":")
    return name, model


def _lacks(spec: EngineSpec, tag: str, needs: Iterable[str]) -> tuple[str, str] | None:
    """What keeps an engine from serving a request, and the parameter at fault; None if nothing does."""
    if not speaks(spec.languages, tag):
        heard = sorted({name_of(own) for own in spec.languages})
        return f"hears {heard[0]} only, not {name_of(tag)}" if len(
            heard
        ) == 1 else f"does not hear {name_of(tag)}", "language"
    for need in needs:
        if need not in spec.capabilities:
            return f"cannot {_CAN.get(need, need)}", "task" if need == "translate" else need
    return None
