"""What a client of `/v1/realtime` may say: OpenAI's events, read leniently. Knows no socket and no conversation.

Fields that are not known are passed over, as new versions of clients send some; what a field holds is checked.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from core.errors import BadAudio, BadRequest

LONGEST_TEXT = 100_000
LONGEST_PROMPT = 50_000
MOST_TOKENS = 4096

Id = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\w.:-]+$")]
Name = Annotated[str, Field(max_length=200)]
Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
Prompt = Annotated[str, Field(max_length=LONGEST_PROMPT)]
Tokens = Annotated[int, Field(ge=1, le=MOST_TOKENS)] | Literal["inf"]
Metadata = Annotated[
    dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]], Field(max_length=16)
]
Modalities = Annotated[list[Literal["text", "audio"]], Field(min_length=1, max_length=2)]


class Body(BaseModel):
    model_config = ConfigDict(extra="ignore")


# How sound looks, and how turns are told apart


class Pcm(Body):
    type: Literal["audio/pcm"] = "audio/pcm"
    rate: Literal[24000, 16000, 8000] = 24000
    """Hz; OpenAI's has 24000 only."""


class G711(Body):
    type: Literal["audio/pcmu", "audio/pcma"]


Format = Annotated[Pcm | G711, Field(discriminator="type")]


class Transcription(BaseModel):
    model_config = ConfigDict(extra="allow")

    model: Name | None = None
    language: Name | None = None
    prompt: Prompt | None = None


class ServerVad(Body):
    type: Literal["server_vad"] = "server_vad"
    threshold: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    prefix_padding_ms: Annotated[int, Field(ge=0, le=5000)] = 300
    silence_duration_ms: Annotated[int, Field(ge=0, le=30_000)] = 500
    create_response: bool = True
    interrupt_response: bool = True
    idle_timeout_ms: Annotated[int, Field(ge=1000, le=300_000)] | None = None


class SemanticVad(Body):
    type: Literal["semantic_vad"]
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    create_response: bool = True
    interrupt_response: bool = True


TurnDetection = Annotated[ServerVad | SemanticVad, Field(discriminator="type")]


# What the model may ask for


class FunctionTool(Body):
    type: Literal["function"]
    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\w-]+$")]
    description: Annotated[str, Field(max_length=4096)] | None = None
    parameters: dict[str, Any] | None = None


class FunctionChoice(Body):
    type: Literal["function"]
    name: Name


Tools = Annotated[list[FunctionTool], Field(max_length=128)]
ToolChoice = Literal["auto", "none", "required"] | FunctionChoice


class CustomVoice(Body):
    id: Name


Voice = Name | CustomVoice


# Items


class Part(Body):
    type: Literal["input_text", "input_audio", "input_image", "output_text", "output_audio", "text", "audio"]
    text: Text | None = None
    transcript: Text | None = None
    audio: str | None = None


class Message(Body):
    type: Literal["message"]
    id: Id | None = None
    role: Literal["user", "assistant", "system"]
    content: Annotated[list[Part], Field(max_length=64)]


class FunctionCall(Body):
    type: Literal["function_call"]
    id: Id | None = None
    call_id: Id | None = None
    name: Name
    arguments: Text


class FunctionCallOutput(Body):
    type: Literal["function_call_output"]
    id: Id | None = None
    call_id: Annotated[str, Field(max_length=200)]
    output: Text


class ItemReference(Body):
    type: Literal["item_reference"]
    id: Id


CreatedItem = Annotated[Message | FunctionCall | FunctionCallOutput, Field(discriminator="type")]
InputItem = Annotated[Message | FunctionCall | FunctionCallOutput | ItemReference, Field(discriminator="type")]


# Events


class ResponseOutput(Body):
    format: Format | None = None
    voice: Voice | None = None


class ResponseAudio(Body):
    output: ResponseOutput | None = None


class ResponseBody(Body):
    """How one response is to be made, where it differs from the session."""

    audio: ResponseAudio | None = None
    conversation: Literal["auto", "none"] = "auto"
    input: Annotated[list[InputItem], Field(max_length=2000)] | None = None
    instructions: Prompt | None = None
    max_output_tokens: Tokens | None = None
    metadata: Metadata | None = None
    output_modalities: Modalities | None = None
    tool_choice: ToolChoice | None = None
    tools: Tools | None = None


class Event(Body):
    event_id: Annotated[str, Field(max_length=512)] | None = None


class SessionUpdate(Event):
    type: Literal["session.update"]
    session: dict[str, Any]
    """As it came: what is left out stays, and what is null is switched off."""


class Append(Event):
    type: Literal["input_audio_buffer.append"]
    audio: str


class Bare(Event):
    type: Literal["input_audio_buffer.commit", "input_audio_buffer.clear", "output_audio_buffer.clear"]


class CreateItem(Event):
    type: Literal["conversation.item.create"]
    item: CreatedItem
    previous_item_id: Annotated[str, Field(max_length=64)] | None = None


class ItemNamed(Event):
    type: Literal["conversation.item.delete", "conversation.item.retrieve"]
    item_id: Annotated[str, Field(max_length=64)]


class Truncate(Event):
    type: Literal["conversation.item.truncate"]
    item_id: Annotated[str, Field(max_length=64)]
    content_index: Annotated[int, Field(ge=0)]
    audio_end_ms: Annotated[int, Field(ge=0, le=2**40)]


class CreateResponse(Event):
    type: Literal["response.create"]
    response: ResponseBody | None = None


class CancelResponse(Event):
    type: Literal["response.cancel"]
    response_id: Annotated[str, Field(max_length=64)] | None = None


ClientEvent = (
    SessionUpdate | Append | Bare | CreateItem | ItemNamed | Truncate | CreateResponse | CancelResponse
)  # fmt: skip

_EVENTS: TypeAdapter[ClientEvent] = TypeAdapter(Annotated[ClientEvent, Field(discriminator="type")])

FROM_CLIENT = (
    "session.update", "input_audio_buffer.append", "input_audio_buffer.commit", "input_audio_buffer.clear",
    "output_audio_buffer.clear", "conversation.item.create", "conversation.item.delete", "conversation.item.retrieve",
    "conversation.item.truncate", "response.create", "response.cancel",
)  # fmt: skip


class Mistake(BadRequest):
    """An event that cannot be understood or served, in OpenAI's words for what is wrong with it."""

    def __init__(self, message: str, code: str | None = None, param: str | None = None):
        super().__init__(message, param=param)
        self.code = code or BadRequest.code


def parsed(text: str) -> dict[str, Any]:
    """An event as JSON. Raises Mistake."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise Mistake('This is not valid JSON. An event is an object such as {"type": "response.create"}.') from None
    if not isinstance(value, dict):
        raise Mistake("An event is a JSON object with a `type`.")
    return value


def read(value: dict[str, Any]) -> ClientEvent:
    """An event, checked. Raises Mistake, which says what is wrong with it."""
    name = value.get("type")
    if not isinstance(name, str):
        raise Mistake("An event is a JSON object with a `type`.", "missing_required_parameter", "type")
    if name not in FROM_CLIENT:
        raise Mistake(
            f"Invalid value: '{name[:60]}'. Supported values are: {', '.join(map(repr, FROM_CLIENT))}.",
            "invalid_value",
            "type",
        )
    try:
        return _EVENTS.validate_python(value)
    except ValidationError as error:
        raise invalid(error, skip=name) from None


def invalid(error: ValidationError, *, within: str = "", skip: str = "") -> Mistake:
    """The first of pydantic's complaints, naming the field."""
    first = error.errors(include_url=False, include_input=False)[0]
    parts = [str(part) for part in first["loc"] if str(part) != skip and not _is_tag(part)]
    param = ".".join([*([within] if within else []), *parts])[:120]
    code = "missing_required_parameter" if first["type"] == "missing" else "invalid_value"
    return Mistake(f"Invalid '{param}': {first['msg']}.", code, param or None)


_TAGS = {
    "Pcm", "G711", "audio/pcm", "audio/pcmu", "audio/pcma", "server_vad", "semantic_vad", "message", "function_call",
    "function_call_output", "item_reference", "FunctionChoice", "CustomVoice", "str", "int",
}  # fmt: skip


def _is_tag(part: Any) -> bool:
    """Whether it is the name that pydantic gives to one of several shapes, and no field."""
    text = str(part)
    return text in _TAGS or text.startswith(("literal[", "constrained-", "function-"))


def sound(audio: Any) -> bytes:
    """What an `audio` field holds. Raises BadAudio."""
    if not isinstance(audio, str):
        raise BadAudio("Invalid 'audio'. It is a string of base64.", param="audio")
    try:
        return base64.b64decode(audio, validate=True)
    except (binascii.Error, ValueError):
        raise BadAudio("Invalid 'audio'. Expected base64-encoded audio bytes.", param="audio") from None
