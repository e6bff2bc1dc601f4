"""One way to every language model: which one thinks, why, and who does in its place when it fails. Knows neither
conversations nor audio."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol

from core.errors import BadRequest, EngineError, NotInstalled, UnknownModel, VoiceForgeError
from engines.base import ChatRequest, Delta, Engine, EngineConfig, EngineSpec
from engines.pool import Pool, Priority
from engines.schema import fault, parsed
from voice._aloud import Aloud
from voice._engines import Engines
from voice.model_names import Model, model_ids
from voice.routing import Route

logger = logging.getLogger(__name__)

REMOTE = "remote"
REST = 30.0
"""Seconds that a remote server which has failed is passed over by `auto`."""


class Remote(Protocol):
    """A server of language models."""

    model: str
    """The one asked where none is named; empty is the server's first."""
    known: tuple[str, ...]
    """Those it listed last."""

    async def models(self) -> tuple[str, ...]: ...

    def stream(self, request: ChatRequest, model: str = "") -> AsyncGenerator[Delta]: ...


@dataclass(frozen=True)
class _Candidate:
    route: Route
    remote: bool = False
    model: str = ""
    """At the remote server."""


class Thinking:
    """Built once. A model is `auto`, an engine or `engine:size`, `remote`, `remote:name`, or a name that the remote
    server lists. `preferred` is the owner's choice for `auto`. `clock` gives seconds."""

    def __init__(
        self,
        pool: Pool,
        engines: Mapping[str, type[Engine]] | Engines,
        remote: Remote | None = None,
        preferred: str = "",
        config: EngineConfig | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        """Raises BadRequest where `preferred` is nothing that thinks."""
        self._pool = pool
        self._engines = engines if isinstance(engines, Engines) else Engines(engines, config or EngineConfig())
        self._remote = remote
        self._clock = clock
        self._failed_at = -math.inf
        self._failure = ""
        self._ids = {name.casefold(): name for spec in self._engines.of_kind("llm") for name in model_ids(spec)}
        self._preferred = "" if preferred.strip().casefold() in ("", "auto") else preferred.strip()
        self._own = self._folder(self._preferred)
        if self._preferred and not self._named(self._preferred):
            raise BadRequest(f"LLM_ENGINE is {preferred!r}; it takes auto, {', '.join(self._names())}.")

    async def models(self) -> list[Model]:
        """What a conversation may name, `auto` first. A remote server that does not answer is listed with why."""
        found = [self._card(name) for name in self._ids.values()]
        if self._remote:
            found = [*await self._remote_cards(self._remote), *found]
        try:
            now, why = f"now {self.route().engine}.", ""
        except VoiceForgeError as error:
            now, why = "", error.message
        return [Model("auto", "voiceforge", "llm", True, not why, why, f"The best that is here, {now}"), *found]

    def route(self, model: str = "auto") -> Route:
        """Who would think. Raises UnknownModel, naming the nearest, NotInstalled or NotDownloaded."""
        return self._candidates(model)[0].route

    async def stream(
        self,
        request: ChatRequest,
        model: str = "auto",
        *,
        priority: Priority = Priority.REALTIME,
        chosen: Callable[[Route], None] | None = None,
    ) -> AsyncGenerator[Delta]:
        """Pieces of the answer. Use with `contextlib.aclosing`. `chosen` is told who thinks before the first of them.

        With `auto`, who fails before the first piece is replaced by the next, and the route's reason says why. Raises
        what `route` raises, what the pool raises, and EngineError for a call that does not fit its tool.
        """
        candidates = await self._known_candidates(model, request)
        passed: list[str] = []
        for place, candidate in enumerate(candidates):
            begun = False
            try:
                async with aclosing(self._ask(candidate, request, priority)) as deltas:
                    async for delta in deltas:
                        if not begun and chosen:
                            chosen(replace(candidate.route, reason=" ".join([*passed, candidate.route.reason])))
                        begun = True
                        yield delta
                return
            except VoiceForgeError as error:
                self._note(candidate, error)
                if begun or place == len(candidates) - 1:
                    raise
                logger.warning("%s failed, the next is asked: %s", candidate.route.engine, error.message)
                passed.append(f"{candidate.route.engine} failed: {error.message}")

    async def _ask(self, candidate: _Candidate, request: ChatRequest, priority: Priority) -> AsyncGenerator[Delta]:
        if candidate.remote and self._remote:
            deltas = self._remote.stream(request, candidate.model)
        else:
            deltas = self._pool.stream(candidate.route.engine, request, priority=priority)
        aloud = Aloud()
        async with aclosing(deltas):
            async for delta in deltas:
                text = aloud.feed(delta.text) + (aloud.end() if delta.finish else "")
                if text or delta.calls or delta.finish:
                    yield _checked(replace(delta, text=text), request)

    # Who may think

    async def _known_candidates(self, model: str, request: ChatRequest) -> list[_Candidate]:
        """As `_candidates`, with a look at what the remote server lists now where a name is not known."""
        if self._remote and not self._is_open(model) and not self._named(model):
            try:
                await self._remote.models()
            except VoiceForgeError as error:
                raise UnknownModel(
                    f"No model here is called {_short(model)}, and: {error.message}", param="model"
                ) from error
        found = self._candidates(model)
        if self._is_open(model) and request.schema is not None:
            found = [one for one in found if one.remote or "schema" in self._spec(one).capabilities]
        if not found:
            raise NotInstalled("No model that can follow a schema is here.")
        return found

    def _candidates(self, model: str) -> list[_Candidate]:
        """In the order in which they are asked, at least one."""
        if not self._is_open(model):
            candidate = self._named(model)
            if not candidate:
                raise self._unknown(model)
            if not candidate.remote:
                self._engines.check(*_split(candidate.route.engine))
            return [candidate]
        return self._open()

    def _open(self) -> list[_Candidate]:
        found: list[_Candidate] = []
        why = []
        if self._preferred and (candidate := self._named(self._preferred)):
            if lacking := "" if candidate.remote else self._engines.why_not(*_split(candidate.route.engine)):
                why.append(f"LLM_ENGINE is {self._preferred}, which cannot be used: {lacking}")
            else:
                found.append(self._because(candidate, f"LLM_ENGINE is {self._preferred}."))
        if self._remote and not any(one.remote for one in found):
            if resting := self._resting():
                why.append(resting)
            else:
                found.append(self._because(self._far(self._remote.model), "LLM_BASE_URL is set."))
        specs = [spec for spec in self._engines.of_kind("llm") if spec.quality >= 0]
        ready = [spec for spec in specs if self._engines.ready_models(spec.name)]
        for spec in ready:
            lacking = [self._engines.why_not(other.name) for other in specs if other.quality > spec.quality]
            reason = " ".join([*why, *filter(None, lacking), f"Using {spec.name}. {spec.summary}"])
            found.append(_Candidate(Route(self._with_model(spec.name), reason)))
        if not found:
            raise NotInstalled(" ".join([*why, "No language model can be used here."]))
        firsts = {one.route.engine: one for one in reversed(found)}
        return [one for one in found if firsts[one.route.engine] is one]

    def _named(self, model: str) -> _Candidate | None:
        """Whom a name means, if anybody."""
        name = model.strip()
        if name and name == self._own:
            return _Candidate(Route(name, "The owner's own weights were asked for."))
        if engine := self._ids.get(name.casefold()):
            return _Candidate(Route(self._with_model(engine), f"{engine} was asked for."))
        if not self._remote:
            return None
        head, _, tail = name.partition(":")
        if head.casefold() == REMOTE:
            return self._far(tail or self._remote.model)
        return self._far(name) if name in (self._remote.model, *self._remote.known) else None

    def _far(self, model: str) -> _Candidate:
        name = f"{REMOTE}:{model}" if model else REMOTE
        return _Candidate(Route(name, f"{name} was asked for."), remote=True, model=model)

    def _because(self, candidate: _Candidate, reason: str) -> _Candidate:
        return replace(candidate, route=replace(candidate.route, reason=reason))

    def _with_model(self, engine: str) -> str:
        """The engine with the best of its models that is here, unless one is named."""
        name, model = _split(engine)
        model = model or next(iter(self._engines.ready_models(name)), "")
        return f"{name}:{model}" if model else name

    def _folder(self, preferred: str) -> str:
        """The owner's setting where it names weights of his own; no request can."""
        name, model = _split(preferred)
        known = name in self._engines.names() and self._engines.spec(name).kind == "llm"
        return preferred if known and Path(model).is_absolute() else ""

    def _is_open(self, model: str) -> bool:
        return model.strip().casefold() in ("", "auto")

    def _spec(self, candidate: _Candidate) -> EngineSpec:
        return self._engines.spec(candidate.route.engine_name)

    # The remote server's failures

    def _note(self, candidate: _Candidate, error: VoiceForgeError) -> None:
        if candidate.remote and not isinstance(error, (BadRequest, UnknownModel)):
            self._failed_at, self._failure = self._clock(), error.message

    def _resting(self) -> str:
        return self._failure if self._clock() - self._failed_at < REST else ""

    # Names and cards

    def _names(self) -> list[str]:
        far = [REMOTE, *filter(None, [self._remote.model, *self._remote.known])] if self._remote else []
        return [*dict.fromkeys(far), *self._ids.values()]

    def _unknown(self, model: str) -> UnknownModel:
        near = get_close_matches(model.strip()[:60].casefold(), ["auto", *self._names()], n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]}?" if near else f"There are auto, {', '.join(self._names()[:6])}."
        return UnknownModel(f"No model that thinks is called {_short(model)}. {hint}", param="model")

    def _card(self, id: str) -> Model:
        name, model = _split(id)
        spec, why = self._engines.spec(name), self._engines.why_not(name, model)
        installed = self._engines.is_installed(name)
        return Model(id, name, "llm", installed, installed and not why, why, spec.summary)

    async def _remote_cards(self, remote: Remote) -> list[Model]:
        summary = "At the server that the owner of this app has set."
        try:
            listed, why = await remote.models(), ""
        except VoiceForgeError as error:
            listed, why = remote.known, error.message
        names = dict.fromkeys(filter(None, [remote.model, *listed]))
        ids = [f"{REMOTE}:{name}" for name in names] or [REMOTE]
        return [Model(id, REMOTE, "llm", True, not why, why, summary) for id in ids]


def _checked(delta: Delta, request: ChatRequest) -> Delta:
    """Models are known to ask for tools that there are not, and with arguments that are none. Raises EngineError."""
    tools = {tool.name: tool for tool in request.tools}
    for call in delta.calls:
        if call.name not in tools:
            raise EngineError("The model asked for a tool that there is not.")
        try:
            wrong = fault(parsed(call.arguments), {"type": "object", **tools[call.name].parameters})
        except (ValueError, RecursionError):
            wrong = "its arguments are not JSON."
        if wrong:
            raise EngineError(f"The model asked for the tool {call.name}, but {wrong}")
    return delta


def _short(model: str) -> str:
    model = model.strip()
    return repr(model if len(model) <= 60 else model[:60] + "…")


def _split(engine: str) -> tuple[str, str]:
    name, _, model = engine.partition(":")
    return name, model
