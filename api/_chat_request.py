"""What a program asks of `/v1/chat/completions`: OpenAI's body, checked. Fields that are not known are left alone.

Knows no engine; recordings in it are bytes that somebody else hears.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.speech import NamedVoice
from core.errors import BadAudio, BadRequest, TooLarge
from engines.base import Message, Tool, ToolCall

LONGEST_TEXT = 400_000
"""Characters of all messages together."""
MOST_RECORDINGS = 32
SLICE = 1 << 18
"""Characters of base64 that are decoded at once."""
MOST_TOKENS = 2048
"""Of an answer, where the request names no limit."""
TOOL_NAME = r"^[\w-]+$"
SPOKEN = "audio_"
"""What the id of a spoken answer begins with."""
FORMATS = {"wav": "wav", "mp3": "mp3", "flac": "flac", "opus": "opus", "aac": "aac", "pcm16": "pcm"}
"""OpenAI's names of the formats, and ours."""
ELSEWHERE = re.compile(r"(chatgpt|gpt|o\d|codex|davinci|babbage)([-.\w:]*)", re.IGNORECASE)
"""Names of models that are somebody else's: clients send them unasked."""

Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
Name = Annotated[str, Field(max_length=200)]
Heard = tuple[str, ...]
"""What was heard in the recordings of a request, in their order."""


class InputAudio(BaseModel):
    data: str
    format: Name = ""


class Part(BaseModel):
    """Of a message's content."""

    type: Literal["text", "input_audio", "refusal"]
    text: Text = ""
    refusal: Text = ""
    input_audio: InputAudio | None = None


class FunctionCalled(BaseModel):
    name: Name
    arguments: Text = ""


class CallBody(BaseModel):
    id: Name
    type: Literal["function"] = "function"
    function: FunctionCalled


class SpokenBefore(BaseModel):
    id: Annotated[str, Field(max_length=LONGEST_TEXT)]


class MessageBody(BaseModel):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Text | Annotated[list[Part], Field(max_length=256)] | None = None
    tool_calls: Annotated[list[CallBody], Field(max_length=128)] | None = None
    tool_call_id: Name = ""
    audio: SpokenBefore | None = None

    def parts(self) -> list[Part]:
        if isinstance(self.content, str):
            return [Part(type="text", text=self.content)]
        return self.content or []


class FunctionBody(BaseModel):
    name: Annotated[str, Field(min_length=1, max_length=64, pattern=TOOL_NAME)]
    description: Annotated[str, Field(max_length=8192)] | None = None
    parameters: dict[str, Any] | None = None


class ToolBody(BaseModel):
    type: Literal["function"] = "function"
    function: FunctionBody


class FunctionNamed(BaseModel):
    name: Name


class ToolNamed(BaseModel):
    type: Literal["function"] = "function"
    function: FunctionNamed


class SchemaBody(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    name: Name = ""
    content: dict[str, Any] | None = Field(None, alias="schema")


class ResponseFormat(BaseModel):
    type: Literal["text", "json_object", "json_schema"] = "text"
    json_schema: SchemaBody | None = None


class AudioBody(BaseModel):
    voice: str | NamedVoice = ""
    format: Literal["wav", "mp3", "flac", "opus", "aac", "pcm16"] | None = None


class StreamOptions(BaseModel):
    include_usage: bool = False


class ChatBody(BaseModel):
    messages: Annotated[list[MessageBody], Field(min_length=1, max_length=2000)]
    model: Name = "auto"
    modalities: list[Literal["text", "audio"]] | None = None
    audio: AudioBody | None = None
    tools: Annotated[list[ToolBody], Field(max_length=128)] | None = None
    tool_choice: Literal["none", "auto", "required"] | ToolNamed | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    stop: Annotated[str, Field(max_length=200)] | Annotated[list[Name], Field(max_length=4)] | None = None
    n: int | None = None
    stream: bool | None = False
    stream_options: StreamOptions | None = None

    def asked(self) -> Asked:
        """Raises BadRequest, BadAudio or TooLarge."""
        if self.n not in (None, 1):
            raise BadRequest("One answer is given at a time: n takes 1.", param="n")
        tools = tuple(_tool(one.function) for one in self.tools or ())
        recordings = [part for message in self.messages for part in message.parts() if part.type == "input_audio"]
        if len(recordings) > MOST_RECORDINGS:
            raise TooLarge(f"{len(recordings)} recordings are too many; {MOST_RECORDINGS} go.", param="messages")
        _check_length(self.messages)
        speaks = "audio" in (self.modalities or ())
        audio = self.audio or AudioBody()
        return Asked(
            tuple(self.messages),
            tuple(_recording(part) for part in recordings),
            self.model,
            tools,
            _choice(self.tool_choice, tools),
            self.parallel_tool_calls is False,
            _schema(self.response_format),
            0.7 if self.temperature is None else self.temperature,
            self.max_completion_tokens or self.max_tokens or MOST_TOKENS,
            tuple(filter(None, [self.stop] if isinstance(self.stop, str) else self.stop or ())),
            speaks,
            audio.voice.id if isinstance(audio.voice, NamedVoice) else audio.voice,
            self._format(audio) if speaks else "",
        )

    def _format(self, audio: AudioBody) -> str:
        if self.stream and audio.format not in (None, "pcm16"):
            raise BadRequest("Streamed audio comes as pcm16, which audio.format has to say.", param="audio")
        return FORMATS[audio.format or ("pcm16" if self.stream else "wav")]


@dataclass(frozen=True)
class Asked:
    """A request that can be understood. `single` is whether one call of a tool at most is wanted."""

    bodies: tuple[MessageBody, ...]
    recordings: tuple[str, ...]
    """In base64."""
    model: str
    tools: tuple[Tool, ...]
    tool_choice: str
    single: bool
    schema: dict[str, Any] | None
    temperature: float
    max_tokens: int
    stop: tuple[str, ...]
    speaks: bool
    voice: str
    format: str

    def messages(self, heard: Heard) -> tuple[Message, ...]:
        """As a model reads them. Raises BadRequest, and BadAudio where nothing was said in a message of sound."""
        words = iter(heard)
        return tuple(_message(body, words) for body in self.bodies)


def _check_length(messages: list[MessageBody]) -> None:
    """Words in ids count as well: packed, they are a thousandth of what they hold. Raises TooLarge, BadRequest."""
    total = 0
    for body in messages:
        written = sum(len(part.text or part.refusal) for part in body.parts())
        total += written or (len(words_of(body.audio.id)) if body.audio else 0)
        if total > LONGEST_TEXT:
            raise TooLarge(f"The messages have more than {LONGEST_TEXT} characters.", param="messages")


def _message(body: MessageBody, heard: Any) -> Message:
    parts = [_words(part, heard) for part in body.parts()]
    text = "\n".join(filter(None, parts))
    if body.role == "user" and not text.strip() and any(part.type == "input_audio" for part in body.parts()):
        raise BadAudio("No words could be heard in this recording.", param="messages")
    if body.audio and not text:
        text = words_of(body.audio.id)
    if body.role == "tool" and not body.tool_call_id:
        raise BadRequest("A message of a tool names the call that it answers in tool_call_id.", param="messages")
    calls = body.tool_calls or [] if body.role == "assistant" else []
    return Message(
        "system" if body.role == "developer" else body.role,
        text,
        tuple(ToolCall(call.id, call.function.name, call.function.arguments or "{}") for call in calls),
        body.tool_call_id if body.role == "tool" else "",
    )


def _words(part: Part, heard: Any) -> str:
    return next(heard) if part.type == "input_audio" else part.text or part.refusal


def _recording(part: Part) -> str:
    if part.input_audio is None:
        raise BadRequest("A part of the type input_audio has its data in input_audio.", param="messages")
    data = part.input_audio.data
    # Browsers write recordings as data: addresses, of which the sound is the last part.
    return data.partition(",")[2] if data.startswith("data:") else data


def decoded(data: str) -> bytes:
    """A recording's bytes, a slice at a time, so that a loop beside it goes on. Raises BadAudio."""
    try:
        slices = [data[at : at + SLICE] for at in range(0, len(data), SLICE)]
        return b"".join([binascii.a2b_base64(part, strict_mode=True) for part in slices])
    except ValueError:
        raise BadAudio("The recording in input_audio is not valid base64.", param="messages") from None


def _tool(body: FunctionBody) -> Tool:
    return Tool(body.name, body.description or "", body.parameters or {})


def _choice(asked: Any, tools: tuple[Tool, ...]) -> str:
    if isinstance(asked, ToolNamed):
        asked = asked.function.name
        if asked not in {tool.name for tool in tools}:
            raise BadRequest(f"tool_choice names {asked[:64]!r}, which is not among the tools.", param="tool_choice")
    if asked == "required" and not tools:
        raise BadRequest("tool_choice is required, and there are no tools.", param="tool_choice")
    return asked or "auto"


def _schema(asked: ResponseFormat | None) -> dict[str, Any] | None:
    if asked is None or asked.type == "text":
        return None
    if asked.type == "json_object":
        return {"type": "object"}
    if asked.json_schema is None or asked.json_schema.content is None:
        raise BadRequest("response_format needs the schema in json_schema.schema.", param="response_format")
    return asked.json_schema.content


# A spoken answer is referred to by its id later on. The id holds the words, so nobody has to keep them.


def spoken_id(text: str) -> str:
    return SPOKEN + base64.urlsafe_b64encode(zlib.compress(text.encode("utf-8", "surrogatepass"))).decode()


def words_of(id: str) -> str:
    """Raises BadRequest for an id that is none of ours."""
    try:
        unpacking = zlib.decompressobj()
        packed = base64.b64decode(id.removeprefix(SPOKEN), altchars=b"-_", validate=True)
        text = unpacking.decompress(packed, 4 * LONGEST_TEXT).decode()
        if id.startswith(SPOKEN) and unpacking.eof:
            return text
    except (binascii.Error, ValueError, zlib.error):
        pass
    raise BadRequest("There is no spoken answer with this id. Send its words as content.", param="messages")
