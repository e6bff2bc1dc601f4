"""What a conversation tells, in OpenAI's server events and their order. Knows no socket.

A turn:      input_audio_buffer.speech_started, .speech_stopped, .committed, conversation.item.added, .done, and once
             it is understood conversation.item.input_audio_transcription.delta …, .completed
A response:  response.created, response.output_item.added, conversation.item.added, response.content_part.added,
             deltas of transcript and audio, response.output_audio.done, .output_audio_transcript.done,
             .content_part.done, conversation.item.done, response.output_item.done, response.done
"""

from __future__ import annotations

import json
import secrets
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from api._realtime import items as items
from api._realtime.output import Order, Output, ending, place, shape
from api._realtime.sound import mouth
from api._wire.codecs import OPUS_FRAME, OpusMouth
from api._wire.outbox import Outbox
from api.errors import kind
from core.errors import VoiceForgeError
from voice.talk import events

FROM_SERVER = (
    "error", "session.created", "session.updated", "conversation.created", "conversation.item.added",
    "conversation.item.done", "conversation.item.retrieved", "conversation.item.deleted", "conversation.item.truncated",
    "conversation.item.input_audio_transcription.delta", "conversation.item.input_audio_transcription.completed",
    "conversation.item.input_audio_transcription.failed", "input_audio_buffer.committed", "input_audio_buffer.cleared",
    "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", "input_audio_buffer.timeout_triggered",
    "input_audio_buffer.dtmf_event_received", "output_audio_buffer.started", "output_audio_buffer.stopped",
    "output_audio_buffer.cleared", "response.created", "response.done", "response.output_item.added",
    "response.output_item.done", "response.content_part.added", "response.content_part.done",
    "response.output_audio.delta", "response.output_audio.done", "response.output_audio_transcript.delta",
    "response.output_audio_transcript.done", "response.output_text.delta", "response.output_text.done",
    "response.function_call_arguments.delta", "response.function_call_arguments.done", "rate_limits.updated",
)  # fmt: skip

KEPT_SECONDS = 256
"""Items of which it is remembered how long their sound was."""


@dataclass
class Turn:
    """A turn of the other side that is not understood yet."""

    began: float
    ended: float | None = None
    told: str = ""
    """What was told of its text."""
    announced: bool = False
    understood: bool = False


class Told:
    """Of one session. `order` is how the response is told that begins next; `arrived` turns a time of the conversation
    into seconds of sound that the client sent."""

    def __init__(self, outbox: Outbox, conversation: str, rate: int):
        self.outbox, self.conversation, self.rate = outbox, conversation, rate
        self.items = items.Items()
        self.order: Order
        self.arrived: Callable[[float], float] = lambda at: at
        self.transcribed = False
        """Whether the client wants to read what was understood."""
        self.manual = False
        self.prefix = 0.0
        """Seconds before the speech that belong to a turn."""
        self.limits: Sequence[Mapping[str, Any]] = ()
        self.buffered = False
        """Whether the sound goes by a way of its own, as in a call, and its buffer is told of."""
        self.packets = False
        """Whether it does so in packets of Opus, rather than in events."""
        self.seconds: dict[str, float] = {}
        """Of sound that was sent, of the last items."""
        self.open: dict[str, Output] = {}
        self.characters = 0
        self.spoken = 0
        """Samples sent."""
        self.engine = self.voice = ""
        self.input_tokens = self.output_tokens = 0
        self._turns: dict[str, Turn] = {}
        self._failure: events.Failed | None = None
        self._event = f"event_{secrets.token_hex(5)}"
        self._numbers = count(1)

    def awaits(self, item: str) -> bool:
        """Whether it is a turn that is not understood yet."""
        return item in self._turns

    # Anything

    def say(self, type: str, **values: Any) -> None:
        self.outbox.text(_dumps({"type": type, "event_id": self.event_id()} | values))

    def event_id(self) -> str:
        return f"{self._event}{next(self._numbers):08x}"

    def error(self, error: VoiceForgeError, event_id: str | None = None) -> None:
        self.failure(error.message, kind(error.status), error.code, error.param, event_id)

    def failure(
        self, message: str, type: str, code: str, param: str | None = None, event_id: str | None = None
    ) -> None:
        told = {"type": type, "code": code, "message": message, "param": param, "event_id": event_id}
        self.say("error", error=told)

    def created(self, item: items.Wire, after: str | None = None) -> None:
        """An item that is whole from the beginning."""
        before = self.items.put(item, after)
        self.say("conversation.item.added", previous_item_id=before, item=item)
        self.say("conversation.item.done", previous_item_id=before, item=item)

    def digit(self, key: str) -> None:
        """A key of a telephone."""
        self.say("input_audio_buffer.dtmf_event_received", event=key, received_at=int(time.time()))

    # What a conversation tells

    def tell(self, event: events.Event) -> None:
        if type(event) is events.AudioOut:
            self._sound(event)
        elif found := _TOLD.get(type(event)):
            found(self, event)

    # A turn of the other side

    def _speech_started(self, event: events.SpeechStarted) -> None:
        turn = self._turns[event.item] = Turn(event.at)
        if not self.manual:
            turn.announced = True
            start = max(0.0, self.arrived(event.at) - self.prefix)
            self.say("input_audio_buffer.speech_started", audio_start_ms=_ms(start), item_id=event.item)

    def _turn_ended(self, event: events.TurnEnded) -> None:
        turn = self._turns.setdefault(event.item, Turn(event.at))
        turn.ended = event.at
        if turn.announced and event.reason != "commit":
            end = _ms(self.arrived(event.at))
            self.say("input_audio_buffer.speech_stopped", audio_end_ms=end, item_id=event.item)
        self._committed(items.heard(event.item))

    def _committed(self, item: items.Wire) -> None:
        self.say("input_audio_buffer.committed", previous_item_id=self.items.last, item_id=item["id"])
        self.created(item)

    def _partial(self, event: events.Partial) -> None:
        turn = self._turns.get(event.item)
        if turn is None:
            return
        if turn.ended is not None:
            turn.understood = True  # the last one comes when the turn is over
        if self.transcribed:
            self._transcript_delta(event.item, turn, event.text[: event.sure])

    def _transcript_delta(self, item: str, turn: Turn, text: str) -> None:
        """What is certain of the text, in pieces; where it changed all the same, `completed` has the last word."""
        if len(text) > len(turn.told) and text.startswith(turn.told):
            delta, turn.told = text[len(turn.told) :], text
            self.say(f"{_TRANSCRIPTION}.delta", item_id=item, content_index=0, delta=delta)

    def _item_added(self, event: events.ItemAdded) -> None:
        if turn := self._turns.pop(event.item.id, None):
            self._understood(event.item.id, turn, event.item.text)

    def _item_deleted(self, event: events.ItemDeleted) -> None:
        """A turn in which nothing was understood stays an item for the client."""
        turn = self._turns.pop(event.id, None)
        if turn is None:
            return
        if turn.understood or self._failure is None:
            self._understood(event.id, turn, "")
        elif self.transcribed:
            failed, self._failure = self._failure, None
            error = {"type": "server_error", "code": failed.code, "message": failed.message, "param": None}
            self.say(f"{_TRANSCRIPTION}.failed", item_id=event.id, content_index=0, error=error)

    def _understood(self, id: str, turn: Turn, text: str) -> None:
        if id in self.items:
            self.items.put(items.heard(id, text))
        if self.transcribed:
            self._transcript_delta(id, turn, text)
            seconds = round((turn.ended or turn.began) - turn.began, 3)
            usage = {"type": "duration", "seconds": seconds}
            self.say(f"{_TRANSCRIPTION}.completed", item_id=id, content_index=0, transcript=text, usage=usage)

    def _cleared(self, _: events.Cleared) -> None:
        self._turns = {id: turn for id, turn in self._turns.items() if turn.ended is not None}
        self.say("input_audio_buffer.cleared")

    def _idle(self, event: events.Idle) -> None:
        id, end = f"item_{secrets.token_hex(10)}", self.arrived(event.at)
        start = max(0.0, end - event.seconds)
        self.say("input_audio_buffer.timeout_triggered", audio_start_ms=_ms(start), audio_end_ms=_ms(end), item_id=id)
        self._committed(items.heard(id))

    # A response

    def _response_started(self, event: events.ResponseStarted) -> None:
        output = self.open[event.response] = Output(event.response, event.item, self.order)
        self.say("response.created", response=shape(output, "in_progress"))
        if self.limits:
            self.say("rate_limits.updated", rate_limits=list(self.limits))

    def _text_delta(self, event: events.TextDelta) -> None:
        output = self.open.get(event.response)
        if output is None or not event.text:
            return
        if not output.message:
            self._begin_message(output)
        output.text.append(event.text)
        if output.order.spoken:
            self.characters += len(event.text)
        name = "output_audio_transcript" if output.order.spoken else "output_text"
        self.say(f"response.{name}.delta", **place(output), delta=event.text)

    def _begin_message(self, output: Output) -> None:
        output.message = True
        output.index += 1
        item = items.message(output.item, "assistant", (), "in_progress")
        self.say("response.output_item.added", response_id=output.id, output_index=output.index, item=item)
        if output.order.conversation:
            before = self.items.put(item)
            self.say("conversation.item.added", previous_item_id=before, item=item)
        part = {"type": "audio", "transcript": ""} if output.order.spoken else {"type": "text", "text": ""}
        self.say("response.content_part.added", **place(output), part=part)

    def _sound(self, event: events.AudioOut) -> None:
        output = self.open.get(event.response)
        if output is None or not output.message:
            return
        if output.mouth is None:
            output.mouth = OpusMouth(self.rate, self.rate) if self.packets else mouth(output.order.wire, self.rate)
            if self.buffered:
                self.say("output_audio_buffer.started", response_id=output.id)
        output.samples += len(event.samples)
        self.spoken += len(event.samples)
        self._send_sound(output, output.mouth.feed(event.samples))

    def _send_sound(self, output: Output, parts: list[bytes]) -> None:
        wire, beside = output.order.wire, output.order.conversation is None
        for data in parts:
            if self.packets:
                self.outbox.sound(data, OPUS_FRAME)
                continue
            # Fifty times a second for each session: written by hand, since a general encoder takes ten times as long.
            text = (
                f'{{"type":"response.output_audio.delta","event_id":"{self.event_id()}","response_id":"{output.id}",'
                f'"item_id":"{output.item}","output_index":0,"content_index":0,"delta":"{b64encode(data).decode()}"}}'
            )
            if beside:  # It comes as fast as it is made, and an interruption of the conversation is none of it.
                self.outbox.text(text)
            else:
                self.outbox.sound(text, len(data) / (wire.width * wire.rate))

    def _end_sound(self, output: Output, *, kept: bool = True) -> None:
        if output.sounded or not (output.message and output.order.spoken):
            return
        output.sounded = True
        if output.mouth:
            rest = output.mouth.flush()
            if kept:
                self._send_sound(output, rest)
            else:
                self.outbox.forget_sound()
        self.say("response.output_audio.done", **place(output))

    def _audio_done(self, event: events.AudioDone) -> None:
        if output := self.open.get(event.response):
            self._end_sound(output)

    def _interrupted(self, event: events.Interrupted) -> None:
        if output := self.open.get(event.response):
            output.reason = event.reason
            self._end_sound(output, kept=False)
            if self.packets:
                self.outbox.forget_sound()
            if self.buffered and output.mouth:
                self.say("output_audio_buffer.cleared", response_id=output.id)

    def _end_message(self, output: Output, status: str) -> None:
        if not output.message or output.said:
            return
        self._end_sound(output)
        text, at = "".join(output.text), place(output)
        if output.order.spoken:
            part, content = {"type": "audio", "transcript": text}, {"type": "output_audio", "transcript": text}
            self.say("response.output_audio_transcript.done", **at, transcript=text)
        else:
            part, content = {"type": "text", "text": text}, {"type": "output_text", "text": text}
            self.say("response.output_text.done", **at, text=text)
        self.say("response.content_part.done", **at, part=part)
        self._keep_seconds(output)
        self._item_done(output, items.message(output.item, "assistant", [content], status))

    def _item_done(self, output: Output, item: items.Wire) -> None:
        output.said.append(item)
        if output.order.conversation:
            before = self.items.put(item)
            self.say("conversation.item.done", previous_item_id=before, item=item)
        self.say("response.output_item.done", response_id=output.id, output_index=output.index, item=item)

    def _keep_seconds(self, output: Output) -> None:
        self.seconds[output.item] = output.samples / self.rate
        while len(self.seconds) > KEPT_SECONDS:
            del self.seconds[next(iter(self.seconds))]

    def _tool_called(self, event: events.ToolCalled) -> None:
        output = self.open.get(event.response)
        if output is None:
            return
        self._end_message(output, "completed")
        output.index += 1
        call, id = event.call, event.item
        begun = items.call(id, call, "in_progress", "")
        self.say("response.output_item.added", response_id=output.id, output_index=output.index, item=begun)
        if output.order.conversation:
            before = self.items.put(begun)
            self.say("conversation.item.added", previous_item_id=before, item=begun)
        at = {"response_id": output.id, "item_id": id, "output_index": output.index, "call_id": call.id}
        self.say("response.function_call_arguments.delta", **at, delta=call.arguments)
        self.say("response.function_call_arguments.done", **at, name=call.name, arguments=call.arguments)
        self._item_done(output, items.call(id, call))

    def _response_done(self, event: events.ResponseDone) -> None:
        output = self.open.pop(event.response, None)
        if output is None:
            return
        status, details = ending(event, output)
        self.input_tokens += event.turn.input_tokens
        self.output_tokens += event.turn.output_tokens
        self._end_message(output, "completed" if status in ("completed", "failed") else "incomplete")
        self.say("response.done", response=shape(output, status, details, event.turn))
        if self.limits:
            self.say("rate_limits.updated", rate_limits=list(self.limits))
        if self.buffered and output.mouth and not output.reason:
            self.say("output_audio_buffer.stopped", response_id=output.id)

    def _speaking(self, event: events.Speaking) -> None:
        self.engine, self.voice = event.engine, event.voice

    def _failed(self, event: events.Failed) -> None:
        output = self.open.get(event.response)
        if output:
            output.failure = output.failure or event
            return
        self._failure = event
        self.failure(event.message, "server_error", event.code)


_TRANSCRIPTION = "conversation.item.input_audio_transcription"

_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode

_TOLD: Mapping[type, Callable[[Told, Any], None]] = {
    events.SpeechStarted: Told._speech_started,
    events.TurnEnded: Told._turn_ended,
    events.Partial: Told._partial,
    events.ItemAdded: Told._item_added,
    events.ItemDeleted: Told._item_deleted,
    events.Cleared: Told._cleared,
    events.Idle: Told._idle,
    events.ResponseStarted: Told._response_started,
    events.TextDelta: Told._text_delta,
    events.Speaking: Told._speaking,
    events.AudioDone: Told._audio_done,
    events.Interrupted: Told._interrupted,
    events.ToolCalled: Told._tool_called,
    events.ResponseDone: Told._response_done,
    events.Failed: Told._failed,
}
"""OpenAI has no words for the others: a pause is sound that does not come."""


def _ms(seconds: float) -> int:
    return round(1000 * seconds)
