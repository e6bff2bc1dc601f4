"""The session object of `/v1/realtime`: its defaults, updates merged into it, and the settings that it means.

Knows no conversation. What is pinned by the secret that opened it stays as it was.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from api._realtime import events as asked
from api._realtime.sound import Wire
from core.errors import BadRequest
from engines.base import Tool
from voice.talk.agents import DEFAULT, agents
from voice.talk.settings import TalkSettings
from voice.talk.turns import TurnRules

LEAD = 0.3
"""Seconds that sound leaves ahead of being played. About as long as it takes to be sure that a sound of the other side
is an interruption: what a client still holds by then is what it plays while that is decided, so a cough makes no hole,
and an interruption leaves almost nothing to throw away. It also bridges an uneven road."""
MOST_TOKENS = asked.MOST_TOKENS
EAGERNESS = {"low": (1.0, 8.0), "medium": (0.5, 4.0), "auto": (0.5, 4.0), "high": (0.3, 2.0)}
"""Seconds of silence that end a turn, where it seems complete and where it does not; the longest are OpenAI's."""
NESTED = ("audio", "audio.input", "audio.output")
"""Objects of which an update may name some fields; any other field is replaced whole."""
MOST_DEPTH = 16
"""Of what is kept as it came."""


class Input(asked.Body):
    format: asked.Format = asked.Pcm()
    transcription: asked.Transcription | None = None
    noise_reduction: dict[str, Any] | None = None
    turn_detection: asked.TurnDetection | None = asked.ServerVad()


class Output(asked.Body):
    format: asked.Format = asked.Pcm()
    voice: asked.Voice = ""
    speed: Annotated[float, Field(ge=0.25, le=1.5)] = 1.0


class Sound(asked.Body):
    input: Input = Input()
    output: Output = Output()


class HeardOnly(asked.Body):
    input: Input = Input()


class Talking(asked.Body):
    """A session of type `realtime`."""

    type: Literal["realtime"] = "realtime"
    model: asked.Name = ""
    instructions: asked.Prompt = ""
    output_modalities: asked.Modalities = Field(default_factory=lambda: ["audio"])
    audio: Sound = Sound()
    tools: asked.Tools = Field(default_factory=list)
    tool_choice: asked.ToolChoice = "auto"
    max_output_tokens: asked.Tokens = "inf"
    parallel_tool_calls: bool | None = None
    prompt: Any = None
    tracing: Any = None
    truncation: Any = "auto"
    include: Any = None
    reasoning: Any = None


class Transcribing(asked.Body):
    """A session of type `transcription`."""

    type: Literal["transcription"]
    audio: HeardOnly = HeardOnly()
    include: Any = None


@dataclass(frozen=True)
class Session:
    """Made by `begun`; `updated` gives another."""

    id: str
    expires_at: int
    """Seconds since 1970."""
    body: Talking | Transcribing
    pinned: frozenset[str] = frozenset()
    """Fields that no update changes, such as `model` or `audio.output.voice`."""

    @property
    def talks(self) -> bool:
        """Whether it answers at all."""
        return isinstance(self.body, Talking)

    @property
    def spoken(self) -> bool:
        return isinstance(self.body, Talking) and "audio" in self.body.output_modalities

    @property
    def transcribed(self) -> bool:
        """Whether the client wants to read what was understood."""
        return self.body.audio.input.transcription is not None

    @property
    def manual(self) -> bool:
        return self.body.audio.input.turn_detection is None

    @property
    def heard(self) -> Wire:
        return wire(self.body.audio.input.format)

    def as_json(self) -> dict[str, Any]:
        """As `session.created` tells it."""
        told = self.body.model_dump(mode="json")
        kind = "realtime.session" if self.talks else "realtime.transcription_session"
        return {"object": kind, "id": self.id, "expires_at": self.expires_at} | told

    def updated(self, change: Mapping[str, Any]) -> Session:
        """With what an update asks for. Raises Mistake."""
        if (kind := change.get("type", self.body.type)) != self.body.type:
            raise asked.Mistake(
                f"The type of a session stays; this one is {self.body.type}, not {str(kind)[:40]}.",
                "invalid_value",
                "session.type",
            )
        _check_depth(change)
        now = self.body.model_dump(mode="json")
        wanted = _merged(now, change)
        if changed := next((name for name in sorted(self.pinned) if _at(now, name) != _at(wanted, name)), ""):
            raise _pinned("session", changed)
        return replace(self, body=_body(type(self.body), wanted))

    def allow(self, response: asked.ResponseBody) -> None:
        """Raises Mistake where one response is to be made otherwise than the secret wants all of them."""
        wanted = response.model_dump(mode="json", exclude_none=True)
        now = self.body.model_dump(mode="json") if self.pinned else {}
        for name in sorted(self.pinned):
            if _at(wanted, name) not in (None, _at(now, name)):
                raise _pinned("response", name)


def begun(
    id: str,
    expires_at: int,
    model: str,
    *,
    transcription: bool = False,
    change: Mapping[str, Any] | None = None,
    pinned: Iterable[str] = (),
) -> Session:
    """A session before the first update. `change` is what the secret that opens it asks for. Raises Mistake."""
    change = change or {}
    if transcription or change.get("type") == "transcription":
        body: Talking | Transcribing = Transcribing(
            type="transcription", audio=HeardOnly(input=Input(transcription=asked.Transcription()))
        )
    else:
        body = Talking(model=model, instructions=agents()[DEFAULT].prompt)
    session = Session(id, expires_at, body)
    return replace(session.updated(change) if change else session, pinned=frozenset(pinned))


def wire(format: asked.Format) -> Wire:
    return Wire(format.type, format.rate) if isinstance(format, asked.Pcm) else Wire(format.type, 8000)


def settings(session: Session, model: str) -> TalkSettings:
    """How the conversation is to be held. `model` is who thinks, by the name it is asked by. Raises BadRequest."""
    body = session.body
    heard = body.audio.input.transcription or asked.Transcription()
    detection = body.audio.input.turn_detection
    plain = TalkSettings(
        hears=heard.model or "auto",
        language=heard.language or "",
        rules=rules(detection),
        interruptible=bool(detection and detection.interrupt_response),
        respond=session.talks and bool(detection and detection.create_response),
        speak=session.spoken,
        lead=LEAD,
    )
    if not isinstance(body, Talking):
        return plain
    return replace(
        plain,
        model=model,
        prompt=body.instructions,
        voice=voice(body.audio.output.voice),
        speed=body.audio.output.speed,
        tools=tools(body.tools),
        tool_choice=choice(body.tool_choice, body.tools),
        max_tokens=tokens(body.max_output_tokens),
    )


def of_response(now: TalkSettings, response: asked.ResponseBody, offered: asked.Tools) -> TalkSettings:
    """The settings for one response that is to be made otherwise. Raises Mistake."""
    told: dict[str, Any] = {}
    if response.instructions is not None:
        told["prompt"] = response.instructions
    if response.tools is not None:
        told["tools"], offered = tools(response.tools), response.tools
    if response.tool_choice is not None:
        told["tool_choice"] = choice(response.tool_choice, offered)
    if response.max_output_tokens is not None:
        told["max_tokens"] = tokens(response.max_output_tokens)
    if response.output_modalities is not None:
        told["speak"] = "audio" in response.output_modalities
    if response.audio and response.audio.output and response.audio.output.voice is not None:
        told["voice"] = voice(response.audio.output.voice)
    return replace(now, **told)


def voice(named: asked.Voice) -> str:
    return named.id if isinstance(named, asked.CustomVoice) else named


def tokens(most: int | str) -> int:
    return most if isinstance(most, int) else MOST_TOKENS


def tools(offered: asked.Tools) -> tuple[Tool, ...]:
    return tuple(Tool(tool.name, tool.description or "", tool.parameters or {}) for tool in offered)


def choice(chosen: asked.ToolChoice, offered: asked.Tools) -> str:
    """Raises Mistake where a tool must be called that there is not."""
    if isinstance(chosen, str):
        return chosen
    if chosen.name not in {tool.name for tool in offered}:
        raise asked.Mistake(f"There is no tool '{chosen.name[:64]}'.", "invalid_value", "tool_choice")
    return chosen.name


def rules(detection: asked.TurnDetection | None) -> TurnRules:
    """Raises BadRequest."""
    if detection is None:
        return TurnRules(mode="manual")
    if isinstance(detection, asked.SemanticVad):
        soon, late = EAGERNESS[detection.eagerness]
        return TurnRules(min_delay=soon, max_delay=late)
    threshold = min(max(detection.threshold, 0.01), 0.99)
    silence = detection.silence_duration_ms / 1000
    return TurnRules(
        threshold=threshold,
        release=min(0.35, 0.7 * threshold),
        stop=min(0.2, max(0.02, silence)),
        min_delay=silence,
        max_delay=silence,
        prefix=detection.prefix_padding_ms / 1000,
        idle=(detection.idle_timeout_ms or 0) / 1000,
    )


def _pinned(where: str, name: str) -> asked.Mistake:
    message = f"'{name}' is set by the secret that opened this session, and stays."
    return asked.Mistake(message, "pinned_by_client_secret", f"{where}.{name}")


def _body(kind: type[Talking | Transcribing], value: dict[str, Any]) -> Talking | Transcribing:
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise asked.invalid(error, within="session") from None


def _merged(now: dict[str, Any], change: Mapping[str, Any], place: str = "") -> dict[str, Any]:
    found = dict(now)
    for name, value in change.items():
        where = f"{place}.{name}" if place else name
        if where in NESTED:
            if not isinstance(value, Mapping):
                raise asked.Mistake(f"Invalid 'session.{where}': it is an object.", "invalid_value", f"session.{where}")
            found[name] = _merged(now.get(name) or {}, value, where)
        elif where == "audio.input.turn_detection" and _is_same_kind(now.get(name), value):
            found[name] = now[name] | dict(value)
        elif name in now:
            found[name] = copy.deepcopy(value)
    return found


def _is_same_kind(now: Any, value: Any) -> bool:
    """Whether turn detection goes on as it is, but for some of its fields."""
    both = isinstance(now, dict) and isinstance(value, Mapping)
    return both and value.get("type", now["type"]) == now["type"]


def _at(value: Any, place: str) -> Any:
    for name in place.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _check_depth(value: Any) -> None:
    """Raises BadRequest. What is nested deeper than anybody needs would be copied and written again and again."""
    level = [value]
    for _ in range(MOST_DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, (list, Mapping))
            for inner in (outer.values() if isinstance(outer, Mapping) else outer)
        ]
        if not level:
            return
    raise BadRequest(f"This is nested deeper than {MOST_DEPTH} levels.", param="session")
