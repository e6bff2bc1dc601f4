"""What lies on the wire is what was put there."""

import json

import numpy as np
import pytest

from audio.value import Audio
from engines._packing import pack, unpack
from engines.base import ChatRequest, Chunk, Delta, Message, Segment, Tool, ToolCall, TranscriptionRequest, Word

pytestmark = pytest.mark.unit

CALL = ToolCall("call_0", "get_weather", '{"city": "Zürich"}')
VALUES = [
    Segment("hi", 0.0, 1.0, words=(Word("hi", 0.0, 1.0),), tokens=(1, 2)),
    ChatRequest((Message("user", "hi"),)),
    ChatRequest(
        (
            Message("system", "Be brief."),
            Message("user", "Weather?"),
            Message("assistant", "", (CALL, CALL)),
            Message("tool", "21", call_id="call_0"),
        ),
        tools=(Tool("get_weather", "Tells it.", {"type": "object", "properties": {}}), Tool("end")),
        tool_choice="required",
        schema={"type": "object"},
        temperature=0.0,
        max_tokens=7,
        stop=("\n", "END"),
    ),
    Delta("hello"),
    Delta(calls=(CALL,), finish="tool_calls", input_tokens=3, output_tokens=4),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_comes_back_as_it_went(value):
    header, body = pack(value)
    assert unpack(json.loads(json.dumps(header)), bytes(body)) == value


@pytest.mark.parametrize("cls", [Chunk, TranscriptionRequest])
def test_audio_goes_as_samples(cls):
    audio = Audio(np.arange(5, dtype=np.float32), 8000)
    header, body = pack(cls(audio))
    back = unpack(json.loads(json.dumps(header)), bytes(body))
    assert back.audio.rate == 8000
    assert back.audio.samples.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "header",
    [
        {"type": "Nothing"},
        {"type": "ChatRequest"},
        {"type": "ChatRequest", "messages": [1]},
        {"type": "ChatRequest", "messages": [{"role": "user", "shoe": 1}]},
        {"type": "ChatRequest", "messages": [{"role": "assistant", "calls": ["x"]}]},
        {"type": "Delta", "calls": 3},
    ],
)
def test_what_pack_does_not_write_is_refused(header):
    with pytest.raises((KeyError, TypeError, ValueError)):
        unpack(header, b"")
