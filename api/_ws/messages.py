"""What the two sides of `/ws` say to each other as JSON; docs/protocol.md is the promise. Knows no socket."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from api._wire.codecs import Format, Sound
from core.errors import BadRequest, TooLarge, VoiceForgeError
from engines.base import Tool
from voice.talk import events
from voice.talk.items import Item
from voice.talk.settings import TalkSettings
from voice.talk.turns import TurnRules

VERSION = 1
LONGEST_TEXT = 100_000
LONGEST_PROMPT = 50_000
LONGEST_SCHEMA, DEEPEST_SCHEMA = 50_000, 64
LONGEST_MESSAGE = 1_000_000
"""Characters of JSON."""
MOST_FIELDS = 64

Id = Annotated[str, Field(max_length=64, pattern=r"^[\w.:-]*$")]
Name = Annotated[str, Field(max_length=200)]
Samples = Annotated[int, Field(ge=0, le=2**53)]


def _plain_json(value: dict[str, Any]) -> dict[str, Any]:
    """What everybody can read to whom it is sent on. Raises ValueError."""
    try:
        data = json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise ValueError("it is not plain JSON") from None
    if len(data) > LONGEST_SCHEMA:
        raise ValueError(f"it has {len(data)} bytes of JSON, and may have {LONGEST_SCHEMA}")
    level: list[Any] = [value]
    for _ in range(DEEPEST_SCHEMA):
        level = [part for one in level for part in (one.values() if isinstance(one, dict) else one)]
        level = [part for part in level if isinstance(part, (dict, list))]
    if level:
        raise ValueError(f"it goes deeper than {DEEPEST_SCHEMA} levels")
    return value


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SoundBody(Body):
    format: Format = "pcm16"
    rate: Annotated[int, Field(ge=8000, le=48000)]


class ToolBody(Body):
    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\w-]+$")]
    description: Annotated[str, Field(max_length=4096)] = ""
    parameters: Annotated[dict[str, Any], AfterValidator(_plain_json)] = {}


class Manner(Body):
    """How the conversation is to be held: what may change while it goes on."""

    voice: Name | None = None
    language: Name | None = None
    model: Name | None = None
    hears: Name | None = None
    speaks: Name | None = None
    agent: Name | None = None
    prompt: Annotated[str, Field(max_length=LONGEST_PROMPT)] | None = None
    greeting: Annotated[str, Field(max_length=4096)] | None = None
    turns: Literal["auto", "manual"] | None = None
    rules: Annotated[dict[str, Annotated[float, Field(allow_inf_nan=False)]], Field(max_length=32)] | None = None
    tools: Annotated[list[ToolBody], Field(max_length=128)] | None = None
    speak: bool | None = None
    speed: Annotated[float, Field(ge=0.25, le=4.0)] | None = None
    interruptible: bool | None = None
    respond: bool | None = None
    mode: Literal["text", "voice", "both"] | None = None

    def settings(self, now: TalkSettings) -> TalkSettings:
        """`now` with what is asked for in its place. Raises BadRequest."""
        plain = ("voice", "language", "model", "hears", "speaks", "agent", "prompt", "greeting", "speak", "speed",
                 "interruptible", "respond")  # fmt: skip
        asked: dict[str, Any] = {name: value for name in plain if (value := getattr(self, name)) is not None}
        rules: dict[str, Any] = dict(self.rules or {})
        if unknown := set(rules) - set(RULES):
            raise BadRequest(f"rules has no {min(unknown)[:40]!r}; it has {', '.join(RULES)}.", param="rules")
        if self.turns:
            rules["mode"] = "manual" if self.turns == "manual" else "vad"
        if self.tools is not None:
            asked["tools"] = tuple(Tool(tool.name, tool.description, tool.parameters) for tool in self.tools)
        if self.mode and "speak" not in asked:
            asked["speak"] = self.mode != "text"
        return replace(now, **asked, rules=replace(now.rules, **rules))


class Start(Manner):
    type: Literal["start"] = "start"
    v: Literal[1] = VERSION
    key: Annotated[str, Field(max_length=4096)] = ""
    session: Id = ""
    token: Annotated[str, Field(max_length=200)] = ""
    received: Samples | None = None
    input: SoundBody | None = None
    output: SoundBody | None = None

    def heard(self) -> Sound:
        """Raises BadRequest."""
        return Sound(self.input.format, self.input.rate) if self.input else Sound()

    def spoken(self, default: int) -> Sound:
        """Raises BadRequest."""
        return Sound(self.output.format, self.output.rate) if self.output else Sound("pcm16", default)


class Said(Body):
    type: Literal["message"]
    content: Annotated[str, Field(max_length=LONGEST_TEXT)]
    id: Id = ""
    key: Annotated[str, Field(max_length=4096)] = ""


class Bare(Body):
    type: Literal["commit", "clear", "cancel", "interrupt", "history", "end"]


class Played(Body):
    type: Literal["played"]
    position: Samples


class ToolResult(Body):
    type: Literal["tool_result"]
    call_id: Annotated[str, Field(max_length=200)]
    output: Annotated[str, Field(max_length=LONGEST_TEXT)]


class Configure(Manner):
    type: Literal["configure"]


class Ping(Body):
    type: Literal["ping"]
    t: float | None = Field(None, allow_inf_nan=False)


Message = Start | Said | Bare | Played | ToolResult | Configure | Ping

_MESSAGES: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])

FROM_CLIENT = (
    "start", "message", "commit", "clear", "cancel", "interrupt", "played", "tool_result", "configure", "history",
    "ping", "end",
)  # fmt: skip
FROM_SERVER = (
    "ready", "speech_started", "speech_stopped", "turn_ended", "cleared", "transcript", "item", "item_deleted",
    "response_started", "text", "speaking", "audio", "audio_done", "pause", "resume", "interrupted", "backchannel",
    "tool_call", "transfer", "digits", "response_done", "idle", "history", "error", "pong", "ended",
)  # fmt: skip
RULES = tuple(item.name for item in fields(TurnRules) if item.name != "mode")


def read(text: str) -> Message:
    """A message of the client. Raises BadRequest, which says what is wrong with it."""
    if len(text) > LONGEST_MESSAGE:
        raise TooLarge(f"A message holds up to {LONGEST_MESSAGE} characters; this one had {len(text)}.")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise BadRequest('This is not valid JSON. A message is an object such as {"type": "commit"}.') from None
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        raise BadRequest("A message is a JSON object with a `type`.", param="type")
    if len(value) > MOST_FIELDS:
        raise BadRequest(f"No message has {len(value)} fields.")
    if value["type"] not in FROM_CLIENT:
        raise BadRequest(
            f"There is no message {value['type'][:40]!r}; there are {', '.join(FROM_CLIENT)}.", param="type"
        )
    try:
        return _MESSAGES.validate_python(value)
    except ValidationError as error:
        raise _invalid(value["type"], error) from None


def _invalid(name: str, error: ValidationError) -> BadRequest:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part != name)
    if first["type"] == "extra_forbidden":
        return BadRequest(f"{name} has no field {place[:60]!r}.", param=place[:60])
    return BadRequest(f"{place}: {first['msg']}." if place else f"{first['msg']}.", param=place[:60] or None)


def written(type: str, **values: Any) -> str:
    """A message to the client; half a letter in it, which nobody can send, is a question mark."""
    text = _dumps({"type": type} | values)
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def failure(error: VoiceForgeError, *, fatal: bool = False) -> str:
    more: dict[str, Any] = {"param": error.param} if error.param else {}
    if error.retry_after is not None:
        more["retry_after"] = round(error.retry_after, 3)
    return written("error", code=error.code, message=error.message, retryable=error.retryable, fatal=fatal, **more)


_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def item(value: Item) -> dict[str, Any]:
    """An item as JSON tells it."""
    told: dict[str, Any] = {"id": value.id, "role": value.role, "text": value.text, "spoken": value.spoken,
                            "heard": value.heard, "status": value.status}  # fmt: skip
    if value.call:
        told["call"] = asdict(value.call)
    return told | ({"call_id": value.call_id} if value.call_id else {})


def told(event: events.Event) -> str:
    """Any event but sound as a message."""
    name, values = _TELL[type(event)](event)
    return written(name, **values)


def _turn(turn: events.Turn) -> dict[str, Any]:
    """Times to the millisecond; the picture's points as pairs."""
    values: dict[str, Any] = {key: _rounded(value) for key, value in vars(turn).items()}
    values["probabilities"] = [[round(at, 3), round(probability, 3)] for at, probability in turn.probabilities]
    values["partials"] = [[round(at, 3), text] for at, text in turn.partials]
    del values["response"]
    return values


def _plain(name: str, *kept: str) -> Any:
    """An event whose fields are the message's."""
    return lambda event: (name, {key: _rounded(getattr(event, key)) for key in kept})


def _rounded(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value


def _call(event: events.ToolCalled) -> tuple[str, Mapping[str, Any]]:
    call = event.call
    return "tool_call", {"response": event.response, "item": event.item, "call_id": call.id, "name": call.name,
                         "arguments": call.arguments}  # fmt: skip


def _done(event: events.ResponseDone) -> tuple[str, Mapping[str, Any]]:
    return "response_done", {
        "response": event.response,
        "status": event.status,
        "item": item(event.item) if event.item else None,
        "calls": [asdict(call) for call in event.calls],
        "turn": _turn(event.turn),
    }


_TELL: Mapping[type, Any] = {
    events.SpeechStarted: _plain("speech_started", "at", "item"),
    events.SpeechStopped: _plain("speech_stopped", "at", "item"),
    events.TurnEnded: _plain("turn_ended", "at", "item", "reason", "waited"),
    events.Partial: lambda event: (
        "transcript", {"item": event.item, "text": event.text, "sure": event.sure, "final": False}
    ),
    events.ItemAdded: lambda event: ("item", {"item": item(event.item), "after": event.after}),
    events.ItemDone: lambda event: ("item", {"item": item(event.item)}),
    events.ItemDeleted: _plain("item_deleted", "id"),
    events.Cleared: _plain("cleared"),
    events.ResponseStarted: _plain("response_started", "response", "item"),
    events.TextDelta: lambda event: (
        "text", {"response": event.response, "item": event.item, "delta": event.text}
    ),
    events.Speaking: _plain("speaking", "response", "item", "start", "end", "position", "voice", "engine"),
    events.AudioDone: _plain("audio_done", "response", "position"),
    events.Paused: _plain("pause", "response", "position"),
    events.Resumed: _plain("resume", "response", "position", "reason"),
    events.Interrupted: _plain("interrupted", "response", "item", "heard", "position", "reason"),
    events.Backchannel: _plain("backchannel", "seconds", "text"),
    events.ToolCalled: _call,
    events.TransferAsked: _plain("transfer", "to"),
    events.DigitsAsked: _plain("digits", "digits"),
    events.ResponseDone: _done,
    events.Idle: _plain("idle", "seconds"),
    events.Failed: lambda event: ("error", {"code": event.code, "message": event.message,
                                            "retryable": event.retryable, "fatal": False, "response": event.response}),
    events.Ended: _plain("ended", "reason"),
}  # fmt: skip
"""How each event is told. `AudioOut` is not among them: it is sound, and travels as it is."""
