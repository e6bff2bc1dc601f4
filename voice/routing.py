"""Which engine serves a request, and why. Loads no engine and asks none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from core.errors import BadRequest, NotInstalled
from engines.base import Engine, EngineConfig, EngineSpec, Voice
from voice.languages import canonical, checked, guess, name_of, speaks
from voice.model_names import DOES, Model, ModelNames
from voice.voices import ALIASES, DEFAULT_NAMES, Voices

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
    """Built once. `tts_engine` and `stt_engine` are the owner's choice for requests that leave it open."""

    def __init__(
        self,
        registry: Mapping[str, type[Engine]],
        config: EngineConfig | None = None,
        *,
        tts_engine: str = "auto",
        stt_engine: str = "auto",
    ):
        self.voices = Voices(registry, config)
        self._engines = self.voices.engines
        self._names = ModelNames(self._engines)
        self._preferred = {
            "tts": self._setting(tts_engine, "TTS_ENGINE"),
            "stt": self._setting(stt_engine, "STT_ENGINE"),
        }

    def refresh(self) -> None:
        """Look again at what is installed and downloaded."""
        self.voices.refresh()

    def spec(self, engine: str) -> EngineSpec:
        """The card of an engine, by its name or as the pool takes it."""
        return self._engines.spec(_split(engine)[0])

    def is_downloaded(self, engine: str, model: str = "") -> bool:
        """Whether the weights are here; false for an engine nobody knows."""
        return engine in self._engines.names() and self._engines.is_downloaded(engine, model)

    def speech(self, voice: str = "", model: str = "auto", language: str = "", text: str = "") -> Route:
        """Who speaks. Without a language it is the voice's, else the one the script of `text` suggests, else English.

        Raises UnknownModel, UnknownVoice, NotInstalled, NotDownloaded, or BadRequest where voice, model and language
        do not go together.
        """
        engine = self._names.engine(model, "tts")
        tag = checked(language)
        key = voice.strip().casefold()
        if key in ALIASES or key in DEFAULT_NAMES:
            return self._by_language(key, engine, tag or guess(text) or "en")
        return self._by_voice(self.voices.find(voice), engine, tag, text)

    def transcription(self, model: str = "auto", language: str = "", needs: Iterable[str] = ()) -> Route:
        """Who hears. `needs` are capabilities the engine must have.

        Raises UnknownModel, NotInstalled, NotDownloaded, or BadRequest where the engine does not hear the language or
        cannot do what is needed.
        """
        wanted, tag, needs = self._names.engine(model, "stt"), checked(language), tuple(needs)
        if wanted:
            return self._hearing(self._with_model(wanted), tag, needs, f"{wanted.partition(':')[0]} was asked for.")
        chosen = self._preferred["stt"]
        if not chosen:
            return self._best_hearing(tag, needs)
        if self._is_ready(chosen) and not _lacks(self._engines.spec(_split(chosen)[0]), tag, needs):
            return self._hearing(self._with_model(chosen), tag, needs, f"STT_ENGINE is {chosen}.")
        route = self._best_hearing(tag, needs)
        return replace(route, reason=f"STT_ENGINE is {chosen}, which cannot serve this. {route.reason}")

    def models(self) -> list[Model]:
        """What a request may name: the open names first, then each engine and its sizes."""
        return self._names.cards(self._now)

    # speech

    def _by_voice(self, voice: Voice, engine: str, tag: str, text: str) -> Route:
        if engine and engine.partition(":")[0] != voice.engine:
            raise BadRequest(f"{voice.id} is not a voice of {engine}; leave the model at auto.", param="voice")
        if tag and not speaks(voice.languages, tag):
            spoken = " and ".join(dict.fromkeys(name_of(own) for own in voice.languages))
            raise BadRequest(f"{voice.id} speaks {spoken}, not {name_of(tag)}.", param="language")
        self._engines.check(voice.engine)
        language = tag or next((own for own in voice.languages if own != "*"), "") or guess(text) or "en"
        reason = f"The voice {voice.id} was asked for."
        return Route(self._with_model(engine or voice.engine), reason, voice.id, voice.name, language)

    def _by_language(self, key: str, engine: str, language: str) -> Route:
        if engine:
            self._engines.check(*_split(engine))
            chosen, reason = engine, f"{engine} was asked for."
        else:
            chosen, reason = self._best_speaking(language)
        name = _split(chosen)[0]
        if not speaks(self._engines.spec(name).languages, language):
            raise BadRequest(f"{name} does not speak {name_of(language)}.", param="language")
        if key in DEFAULT_NAMES:
            voice = self.voices.preferred(language, name)[0]
        else:
            voice = self.voices.aliases(language, name if chosen in (engine, self._preferred["tts"]) else "")[key]
            reason = f"{key} stands for {voice.id} here."
        chosen = chosen if voice.engine == name else voice.engine
        return Route(self._with_model(chosen), reason, voice.id, voice.name, language, alias_of=voice.id)

    def _best_speaking(self, language: str) -> tuple[str, str]:
        chosen = self._preferred["tts"]
        if chosen and self._is_ready(chosen) and speaks(self._engines.spec(_split(chosen)[0]).languages, language):
            return chosen, f"TTS_ENGINE is {chosen}."
        able = [spec for spec in self._open_to_all("tts") if speaks(spec.languages, language)]
        ready = [spec for spec in able if self._engines.ready_models(spec.name)]
        if not ready:
            raise self._nobody("tts", language, able)
        reason = self._why(ready, able, f"speaks {name_of(language)}", "most clearly of what is installed")
        if chosen:
            reason = f"TTS_ENGINE is {chosen}, which cannot serve this. {reason}"
        return ready[0].name, reason

    # transcription

    def _best_hearing(self, tag: str, needs: tuple[str, ...]) -> Route:
        able = [spec for spec in self._open_to_all("stt") if not _lacks(spec, tag, needs)]
        ready = [spec for spec in able if self._engines.ready_models(spec.name)]
        if not ready:
            raise self._nobody("stt", tag, able, needs)
        does = " and ".join(
            [f"hears {name_of(tag)}" if tag else "hears", *(f"can {_CAN.get(need, need)}" for need in needs)]
        )
        reason = self._why(ready, able, does, "best of what is installed")
        return self._hearing(self._with_model(ready[0].name), tag, needs, reason)

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

    def _why(self, ready: list[EngineSpec], able: list[EngineSpec], does: str, superlative: str) -> str:
        best = ready[0]
        if able[0] is not best:
            return f"{self._engines.why_not(able[0].name).rstrip('.')}; using {best.name}. {best.summary}"
        if len(ready) == 1:
            return f"{best.name}: the only engine here that {does}."
        return f"{best.name} {does} {superlative}."

    def _nobody(self, kind: str, tag: str, able: list[EngineSpec], needs: tuple[str, ...] = ()) -> Exception:
        """The error where no engine can serve: the one that could, and what it lacks."""
        if not self._open_to_all(kind):
            return NotInstalled(f"No engine that {DOES[kind]} is installed here.")
        can = " and ".join(_CAN.get(need, need) for need in needs)
        does = f"that can {can}" if can else f"that {DOES[kind]} {name_of(tag) if tag else 'anything'}"
        hint = f": {self._engines.why_not(able[0].name)}" if able else "."
        if not can and not tag:
            return NotInstalled(f"No engine {does} can be used here{hint}")
        return BadRequest(f"No engine {does} can be used here{hint}", param="language" if tag and not can else "model")

    def _with_model(self, engine: str) -> str:
        """The engine with a model that can be used: the one named, else the best downloaded."""
        name, model = _split(engine)
        if self._is_folder(engine):
            return engine
        self._engines.check(name, model)
        model = model or self._engines.ready_models(name)[0]
        return f"{name}:{model}" if model else name

    def _is_ready(self, engine: str) -> bool:
        name, model = _split(engine)
        return self._engines.is_installed(name) if self._is_folder(engine) else not self._engines.why_not(name, model)

    def _is_folder(self, engine: str) -> bool:
        """Whether the owner's setting names weights of his own; no request can."""
        name, model = _split(engine)
        return engine in self._preferred.values() and bool(model) and model not in self._engines.spec(name).models

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
        except (BadRequest, NotInstalled):
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
