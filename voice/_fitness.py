"""Whether an engine or a voice can serve a request now, and why not: installed, downloaded, healthy, allowed. Chooses
nobody."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from core.errors import CircuitOpen, NotInstalled, Unavailable, VoiceForgeError
from engines.base import EngineSpec, Voice
from voice._engines import Engines
from voice.catalogue import Catalogue
from voice.licences import allows_commerce
from voice.needs import NEEDS, unmet

COMMERCIAL_ONLY = "VOICEFORGE_COMMERCIAL_ONLY"


@dataclass(frozen=True)
class Terms:
    """What a request says about who may serve it."""

    strict: bool = False
    """What was asked for or an error: nobody stands in for an engine that is down."""
    needs: tuple[str, ...] = ()
    """Of `voice.needs.NEEDS`."""
    without: Mapping[str, str] = field(default_factory=dict)
    """Engines that have failed this request, as the pool takes them, and the sentence on it."""


ANYONE = Terms()


class Fitness:
    """`down` tells why an engine, as the pool takes it, rests; `own` are the owner's settings, which may name a folder
    of weights as an engine's model."""

    def __init__(
        self,
        engines: Engines,
        catalogue: Callable[[], Catalogue],
        *,
        down: Callable[[str], str] = lambda engine: "",
        commercial_only: bool = False,
        own: Collection[str] = (),
    ):
        self._engines = engines
        self._catalogue = catalogue
        self._down = down
        self._commercial_only = commercial_only
        self._own = own
        self._free: dict[str, bool] = {}
        """By licence: whether it allows use for money."""

    def lane(self, engine: str, terms: Terms = ANYONE) -> str:
        """The engine with a model that can be used now: the one named, else the best that is downloaded and healthy.

        Raises NotInstalled, NotDownloaded, CircuitOpen where it is down, Unavailable where its licence is in the way.
        """
        name, _, model = engine.partition(":")
        if self._commercial_only:
            self._check_engine(name)
        if self._is_folder(engine):
            if not self._engines.is_installed(name):
                raise NotInstalled(self._engines.why_not(name))
            return self._healthy([engine], terms)
        self._engines.check(name, model)
        models = [model] if model else self._engines.ready_models(name)
        return self._healthy([f"{name}:{size}" if size else name for size in models], terms)

    def speaker(self, voice: Voice, engine: str = "", terms: Terms = ANYONE) -> str:
        """As `lane`, for a voice, whose own licence counts too."""
        if self._commercial_only and (entry := self._catalogue().get(voice.id)):
            self._check_licences(voice.id, [entry.licence])
        return self.lane(engine or voice.engine, terms)

    def why_not(self, engine: str, terms: Terms = ANYONE) -> str:
        """A sentence on what keeps an engine from serving; empty if nothing does."""
        try:
            self.lane(engine, terms)
        except VoiceForgeError as error:
            return error.message
        return ""

    def speaks(self, voice: Voice, terms: Terms) -> bool:
        """Whether a voice can be used now."""
        try:
            self.speaker(voice, "", terms)
        except VoiceForgeError:
            return False
        return True

    def able(self, specs: Iterable[EngineSpec], terms: Terms) -> list[EngineSpec]:
        """Those that can serve now, in their order; where all of them rest, those that rest: the error of one that is
        tried says how long."""
        specs = list(specs)
        able = [spec for spec in specs if not self.why_not(spec.name, terms)]
        return able or [spec for spec in specs if not self.why_not(spec.name, replace(terms, strict=True))]

    def cannot(self, spec: EngineSpec, terms: Terms) -> str:
        """What it does not do of what is asked for, as the end of a sentence; empty if it does all."""
        return " or ".join(NEEDS[need].does for need in unmet(spec, terms.needs))

    def _healthy(self, lanes: list[str], terms: Terms) -> str:
        if terms.strict:
            return lanes[0]
        found = {lane: terms.without.get(lane) or self._down(lane) for lane in lanes}
        for lane, why in found.items():
            if not why:
                return lane
        raise CircuitOpen(f"{lanes[0]} is down: {found[lanes[0]]}")

    def _check_engine(self, name: str) -> None:
        """The licence of its code, and of any of its voices, where the catalogue knows them."""
        self._check_licences(name, [self._engines.spec(name).licence])
        if voices := [entry.licence for entry in self._catalogue().entries if entry.engine == name]:
            self._check_licences(name, voices)

    def _check_licences(self, whose: str, licences: list[str]) -> None:
        """Raises Unavailable unless one of them will do."""
        if not any(self._free.setdefault(licence, allows_commerce(licence)) for licence in dict.fromkeys(licences)):
            raise Unavailable(
                f"{whose} is not known to be free for commercial use ({licences[0]}), and {COMMERCIAL_ONLY} is set."
            )

    def _is_folder(self, engine: str) -> bool:
        """Whether the owner's setting names weights of his own; no request can."""
        name, _, model = engine.partition(":")
        return engine in self._own and bool(model) and model not in self._engines.spec(name).models
