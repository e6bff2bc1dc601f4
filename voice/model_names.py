"""The names a request may give as its model, what each means, and the list of them. Chooses no engine by itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

from core.errors import BadRequest, UnknownModel
from engines.base import EngineSpec
from voice._engines import Engines

AUTO = {
    "auto": "", "tts-1": "tts", "tts-1-hd": "tts", "gpt-4o-mini-tts": "tts",
    "whisper-1": "stt", "gpt-4o-transcribe": "stt", "gpt-4o-mini-transcribe": "stt",
}  # fmt: skip
"""Names that leave the choice to the house, and the kind they are for; `auto` is for speech and transcription."""

DOES = {"tts": "speaks", "stt": "hears", "llm": "thinks", "vad": "finds speech"}
_LONGEST = 200
_WHISPER = re.compile(r"whisper[-_](.+?)(-ct2)?")


@dataclass(frozen=True)
class Model:
    """A name that a request may give as its model."""

    id: str
    owned_by: str
    kind: str
    """`tts`, `stt`, `llm` or `vad`; empty for `auto`, which serves speech and transcription."""
    installed: bool
    downloaded: bool
    why_not: str
    """A sentence on what is missing; empty if it can be used."""
    summary: str


class ModelNames:
    """What the names mean among these engines."""

    def __init__(self, engines: Engines):
        self._engines = engines
        self._ids = {
            known.casefold(): known for kind in DOES for spec in engines.of_kind(kind) for known in model_ids(spec)
        }

    def engine(self, model: str, kind: str) -> str:
        """The engine, `name` or `name:model`, that a name means; empty for the house's choice.

        Raises UnknownModel, naming the nearest, or BadRequest for a name of another kind.
        """
        name = model.strip().casefold()
        if name in ("", *AUTO):
            if AUTO.get(name, "") not in ("", kind):
                raise _other_kind(name, AUTO[name], kind)
            return ""
        engine = self._ids.get(name) or self._by_hub_name(name)
        if not engine:
            raise self._unknown(model.strip(), kind)
        spec = self._engines.spec(engine.partition(":")[0])
        if spec.kind != kind:
            raise _other_kind(spec.name, spec.kind, kind)
        return engine

    def cards(self, now: Callable[[str], str]) -> list[Model]:
        """The open names first, then each engine and its sizes. `now` tells the engine an open name of a kind gets."""
        open_names = [
            _open_card(name, [engine for of in _kinds(kind) if (engine := now(of))]) for name, kind in AUTO.items()
        ]
        return open_names + [self._card(name) for name in self._ids.values()]

    def _by_hub_name(self, name: str) -> str:
        """`Systran/faster-whisper-small` and its like."""
        at = name.rfind("whisper")
        found = _WHISPER.fullmatch(name, at) if at >= 0 and len(name) <= _LONGEST else None
        distilled = "distil-" if "distil-" in name else ""
        return self._ids.get(f"faster-whisper:{distilled}{found[1]}", "") if found else ""

    def _unknown(self, asked: str, kind: str) -> UnknownModel:
        shown = asked if len(asked) <= 60 else asked[:60] + "…"
        known = [name for name in (*AUTO, *self._ids) if self._kind(name) in (kind, "")]
        near = get_close_matches(asked[:60].casefold(), known, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]}?" if near else f" There are {', '.join(known[:6])} and others."
        return UnknownModel(f"No model is called {shown!r}.{hint}", param="model")

    def _kind(self, name: str) -> str:
        return AUTO[name] if name in AUTO else self._engines.spec(self._ids[name].partition(":")[0]).kind

    def _card(self, id: str) -> Model:
        name, _, model = id.partition(":")
        spec, why = self._engines.spec(name), self._engines.why_not(name, model)
        installed = self._engines.is_installed(name)
        return Model(id, name, spec.kind, installed, installed and not why, why, spec.summary)


def model_ids(spec: EngineSpec) -> list[str]:
    """An engine's name, and one for each of its sizes."""
    return [spec.name, *(f"{spec.name}:{model}" for model in spec.models)]


def _kinds(kind: str) -> list[str]:
    return [kind] if kind else ["tts", "stt"]


def _open_card(name: str, now: list[str]) -> Model:
    why = "" if now else "No engine for it can be used here."
    summary = f"The best that is here, now {' and '.join(now)}." if now else "The best that is here."
    return Model(name, "voiceforge", AUTO[name], bool(now), bool(now), why, summary)


def _other_kind(name: str, kind: str, wanted: str) -> BadRequest:
    return BadRequest(f"{name} {DOES[kind]}; this needs a model that {DOES[wanted]}.", param="model")
