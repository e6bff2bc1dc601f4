"""What is seen of a session that another server holds, from the events that pass. Reads no more of a client's than
stands at its beginning."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from api._realtime.sound import Wire
from voice.talk.live import Seen, Sound

BEGINNING = 200
"""Characters of a client's event in which its type is looked for."""
APPEND = "input_audio_buffer.append"
_TYPE = re.compile(r'"type"\s*:\s*"(\w+(?:\.\w+)+)"')
"""Of an event: all have a dot in them, which the types within do not."""

_TURN = {
    "input_audio_buffer.speech_started": "listening",
    "input_audio_buffer.committed": "thinking",
    "response.created": "thinking",
    "response.output_audio.delta": "speaking",
    "response.done": "listening",
}
_WORDS = {
    "conversation.item.input_audio_transcription.completed": "transcript",
    "response.output_audio_transcript.done": "transcript",
    "response.output_text.done": "text",
    "response.function_call_arguments.done": "arguments",
}
"""Where the events hold what is said."""


class Passing:
    """One relayed session. `seen` is what is shown of it."""

    def __init__(self, id: str, owner: str, name: str, engine: str, per_second: float = 0.0):
        self.seen = Seen("relay", id, owner, name, self._sound, {"thinks": engine.rstrip(":")}, per_second=per_second)
        self._heard = self._said = 0.0
        self._input = self._output = Wire("audio/pcm", 24000)

    def _sound(self) -> Sound:
        return Sound(self._heard, self._said)

    def up(self, text: str) -> None:
        """An event of the client, as it came."""
        found = _TYPE.search(text, 0, BEGINNING)
        if found is None:
            return
        if found[1] == APPEND:
            self._heard += _seconds(_base64(text), self._input)
        else:
            self.seen.note(found[1], asked=True)

    def down(self, event: Mapping[str, Any]) -> None:
        """An event of the server. What in it is not as it should be is passed over."""
        type = event["type"]
        if turn := _TURN.get(type):
            self.seen.turn = turn  # pyright: ignore[reportAttributeAccessIssue]
        if type == "response.output_audio.delta":
            self._said += _seconds(len(_text(event.get("delta"))), self._output)
        elif type in ("session.created", "session.updated"):
            self._hold(_object(event.get("session")))
        if not type.endswith(".delta"):
            self.seen.note(type[:80], _about(event), _text(event.get(_WORDS.get(type, ""))))

    def _hold(self, session: Mapping[str, Any]) -> None:
        audio = _object(session.get("audio"))
        input, output = _object(audio.get("input")), _object(audio.get("output"))
        self._input, self._output = _wire(input.get("format"), self._input), _wire(output.get("format"), self._output)
        self.seen.voice = _text(output.get("voice"))[:80] or self.seen.voice


def _about(event: Mapping[str, Any]) -> str:
    if event["type"] == "error":
        return _text(_object(event.get("error")).get("code"))[:80]
    if event["type"] == "response.done":
        return _text(_object(event.get("response")).get("status"))[:80]
    return _text(event.get("name"))[:80]


def _wire(format: Any, otherwise: Wire) -> Wire:
    told = _object(format)
    if told.get("type") in ("audio/pcmu", "audio/pcma"):
        return Wire(told["type"], 8000)
    rate = told.get("rate")
    return Wire("audio/pcm", rate) if isinstance(rate, int) and rate > 0 else otherwise


def _seconds(characters: int, wire: Wire) -> float:
    """Of sound in base64."""
    return characters * 3 / 4 / (wire.width * wire.rate)


def _base64(text: str) -> int:
    """How long the sound of an `append` is."""
    begin = text.find('"', text.find('"audio"') + len('"audio"')) + 1
    return max(0, text.find('"', begin) - begin)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
