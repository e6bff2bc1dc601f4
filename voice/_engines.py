"""The engines by name, and for each whether it can be used here and why not. Loads none of them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from core.errors import NotDownloaded, NotInstalled
from engines.base import Engine, EngineConfig, EngineSpec

AGAIN_SECONDS = 1.0
"""How long weights that are not here are not looked for again: a look reads the disk, and every request asks."""


class Engines:
    """Asks each class once whether it is installed, and about weights until they are there; `refresh` asks anew.
    `clock` gives seconds."""

    def __init__(
        self, registry: Mapping[str, type[Engine]], config: EngineConfig, clock: Callable[[], float] = time.monotonic
    ):
        self._registry = dict(registry)
        self._config = config
        self._clock = clock
        self._looked: dict[tuple[str, str], float] = {}
        self._missing: dict[str, str] = {}
        self._downloaded: set[tuple[str, str]] = set()
        self.refresh()

    def refresh(self) -> None:
        self._missing = {name: self._needs_gpu(cls.spec) or cls.missing() for name, cls in self._registry.items()}
        self._downloaded.clear()
        self._looked.clear()

    def _needs_gpu(self, spec: EngineSpec) -> str:
        needs = spec.gpu and self._config.device == "cpu"
        return f"{spec.name} needs a GPU, and engines run on the CPU here." if needs else ""

    def names(self) -> list[str]:
        return list(self._registry)

    def spec(self, name: str) -> EngineSpec:
        return self._registry[name].spec

    def cls(self, name: str) -> type[Engine]:
        return self._registry[name]

    def of_kind(self, kind: str) -> list[EngineSpec]:
        """Cards, the best quality first."""
        specs = [cls.spec for cls in self._registry.values() if cls.spec.kind == kind]
        return sorted(specs, key=lambda spec: (-spec.quality, spec.name))

    def is_installed(self, name: str) -> bool:
        return not self._missing[name]

    def is_downloaded(self, name: str, model: str) -> bool:
        key = (name, model)
        if key not in self._downloaded and self._clock() - self._looked.get(key, -math.inf) > AGAIN_SECONDS:
            self._looked[key] = self._clock()
            if self._registry[name].downloaded(replace(self._config, model=model)):
                self._downloaded.add(key)
        return key in self._downloaded

    def ready_models(self, name: str) -> list[str]:
        """The models that can be used now, best first: empty where none can, `[""]` where there is one only."""
        if not self.is_installed(name):
            return []
        return [model for model in self.spec(name).models or ("",) if self.is_downloaded(name, model)]

    def why_not(self, name: str, model: str = "") -> str:
        """A sentence on what is missing; empty if the engine, or this model of it, can be used."""
        if self._missing[name]:
            return self._missing[name]
        if model:
            return "" if self.is_downloaded(name, model) else f"{name} {model} is not downloaded."
        if self.ready_models(name):
            return ""
        return f"No model of {name} is downloaded." if self.spec(name).models else f"{name} is not downloaded."

    def check(self, name: str, model: str = "") -> None:
        """Raises NotInstalled or NotDownloaded unless it can be used."""
        if self._missing[name]:
            raise NotInstalled(self._missing[name])
        if why := self.why_not(name, model):
            raise NotDownloaded(why)
