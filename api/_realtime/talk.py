"""One session of `/v1/realtime`: what its client asks for, done with a conversation. Knows no socket but its outbox."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from accounts.lease import Lease, Usage
from accounts.principal import Principal
from api._realtime import events as asked
from api._realtime import items as items
from api._realtime import session as sessions
from api._realtime.events import Mistake
from api._realtime.output import Order
from api._realtime.sound import Ear
from api._realtime.told import Told
from api._turn import thinks
from api._wire.codecs import HEARD
from api._wire.outbox import Outbox
from core.errors import BadAudio, BadRequest, TooLarge, UnknownModel
from studio import Studio
from voice.listening import Listening
from voice.talk import events
from voice.talk.conversation import Conversation
from voice.talk.history import FIRST
from voice.talk.items import Item
from voice.talk.live import Seen, Sound
from voice.talk.settings import TalkSettings

SHORTEST = 0.1
"""Seconds of sound that can be committed."""
MOST_APPENDED = 15 * 2**20
"""Bytes of sound in one event."""
MOST_SECONDS = 120.0
"""Of sound in an item that comes whole."""
SLICE = HEARD
"""Samples that are handed on at once."""
MOST_AHEAD = 2.0
"""Seconds of sound that may wait to be looked at before more is read."""
SLACK = 0.03
"""Seconds by which a client may be wrong about the end of a sound."""
MOST_BEHIND = 20.0
"""Seconds of sound that may wait for a client that does not read."""
MOST_TEXT = 20_000_000
"""Characters that may wait for it."""
STALL_SECONDS = 10.0
"""How long it may take nothing at all."""


@dataclass(frozen=True)
class Thinker:
    """Who thinks: the name it is asked by, and the name that is told."""

    model: str
    name: str


async def thinker(studio: Studio, model: str) -> Thinker:
    """Any name is taken: one that is not known here stands for the best that is. Raises what routing raises."""
    try:
        route = await thinks(studio, model or "auto")
    except UnknownModel:
        model, route = "auto", await thinks(studio, "auto")
    return Thinker(model or "auto", route.engine)


class Talk:
    """Made by `Rooms`, which gives it its conversation and settles its bill."""

    def __init__(
        self, studio: Studio, caller: Principal, lease: Lease, outbox: Outbox, session: sessions.Session, mind: Thinker
    ):
        self.studio, self.caller, self.lease, self.outbox = studio, caller, lease, outbox
        self.id = session.id
        self.session = session
        self.over = ""
        """Why it has ended; empty while it goes on."""
        self.told = Told(outbox, f"conv_{secrets.token_hex(10)}", TalkSettings().output_rate)
        self.told.limits = _limits(lease)
        self.heard = 0.0
        """Seconds."""
        self.seen = Seen("realtime", self.id, caller.id, caller.name, self._sound, {"thinks": mind.name})
        self._mind = mind
        self._next: Order | None = None
        """How the response is told that is about to begin."""
        self._ear = Ear(session.heard)
        self._uncommitted = 0.0
        self._unwanted: set[str] = set()
        """Turns that were deleted before they were understood."""

    def begin(self, conversation: Conversation) -> None:
        """Greet the client. The conversation is held as the session says."""
        self.conversation = conversation
        self.told.arrived = conversation.arrived
        self._held()
        self.told.say("session.created", session=self.session.as_json())
        if self.session.talks:
            thing = {"id": self.told.conversation, "object": "realtime.conversation"}
            self.told.say("conversation.created", conversation=thing)

    @property
    def settings(self) -> TalkSettings:
        return sessions.settings(self.session, self._mind.model)

    def usage(self) -> Usage:
        """What it came to."""
        told = self.told
        seconds = round(self.heard + told.spoken / told.rate, 3)
        return Usage(told.engine, told.voice, told.characters, seconds, told.input_tokens, told.output_tokens)

    def _sound(self) -> Sound:
        return Sound(self.heard, self.told.spoken / self.told.rate)

    def healthy(self) -> bool:
        """Whether the client still takes what it is sent."""
        outbox = self.outbox
        slow = outbox.seconds > MOST_BEHIND or outbox.characters > MOST_TEXT
        return not slow and outbox.stalled() < STALL_SECONDS

    def emit(self, event: events.Event) -> None:
        if isinstance(event, events.ResponseStarted):
            self.told.order = self._next or self._order(self.settings, asked.ResponseBody(), beside=False)
        self.told.tell(event)
        self.seen.tell(event)
        if isinstance(event, events.ItemAdded) and event.item.id in self._unwanted:
            self._unwanted.discard(event.item.id)
            asyncio.get_running_loop().call_soon(self._forget, event.item.id)
        elif isinstance(event, events.TurnEnded):
            self._uncommitted = 0.0
        elif isinstance(event, events.Ended):
            self.over = self.over or event.reason or "ended"

    def digit(self, key: str) -> None:
        """A key of a telephone was pressed, where the session is a call."""
        self.told.digit(key)

    # What the client asks for

    async def take(self, event: asked.ClientEvent) -> None:
        """Raises BadRequest and its like; nothing has changed then."""
        if isinstance(event, asked.SessionUpdate):
            await self._update(event.session)
        elif isinstance(event, asked.Bare):
            await {"commit": self._commit, "clear": self._clear}.get(
                event.type.rpartition(".")[2] if event.type.startswith("input") else "", self._silence
            )()
        elif isinstance(event, asked.CreateItem):
            await self._create(event)
        elif isinstance(event, asked.ItemNamed):
            self._delete(event.item_id) if event.type.endswith("delete") else self._retrieve(event.item_id)
        elif isinstance(event, asked.Truncate):
            self._truncate(event)
        elif isinstance(event, asked.CreateResponse):
            self._respond(event.response or asked.ResponseBody())
        elif isinstance(event, asked.CancelResponse):
            self._cancel(event.response_id)

    async def hear(self, audio: Any) -> float:
        """Sound, as the client's event holds it. The seconds that were in it. Raises BadAudio, TooLarge."""
        if self.told.packets:
            raise Mistake("In a call sound comes over its track, not in events.", "invalid_value", "type")
        if isinstance(audio, str) and len(audio) > MOST_APPENDED * 4 // 3 + 4:
            raise TooLarge(f"An event holds up to {MOST_APPENDED >> 20} MiB of sound.", param="audio")
        data = asked.sound(audio)
        if not data:
            raise BadAudio("Invalid 'audio'. There is no sound in it.", param="audio")
        samples = self._ear.feed(data)
        seconds = len(data) / (self._ear.wire.width * self._ear.wire.rate)
        self.heard += seconds
        self._uncommitted += seconds
        for at in range(0, len(samples), SLICE):
            await self.conversation.caught_up(MOST_AHEAD)
            self.conversation.hear(samples[at : at + SLICE])
        return seconds

    def listen(self, samples: np.ndarray) -> None:
        """Sound of a call's track, float32 (n,) at 16 kHz. It comes when it comes: what cannot be looked at in time is
        lost."""
        seconds = len(samples) / HEARD
        self.heard += seconds
        self._uncommitted += seconds
        self.conversation.hear(samples)

    async def _update(self, change: dict[str, Any]) -> None:
        mind = self._mind
        if isinstance(model := change.get("model"), str) and model != mind.name and self.session.talks:
            mind = await thinker(self.studio, model[:200])
            change = change | {"model": mind.name}
        session = self.session.updated(change)
        settings = sessions.settings(session, mind.model)
        routing = self.studio.routing
        routing.transcription(settings.hears, settings.language)
        if settings.speak:
            routing.speech(settings.voice, settings.speaks, settings.language)
        self.conversation.configure(settings)
        if session.heard != self._ear.wire:
            self._ear = Ear(session.heard)
        self.session, self._mind = session, mind
        self._held()
        self.told.say("session.updated", session=session.as_json())

    def _held(self) -> None:
        """What of the session the translation has to know."""
        self.told.transcribed, self.told.manual = self.session.transcribed, self.session.manual
        self.told.prefix = self.settings.rules.prefix

    async def _commit(self) -> None:
        if self._uncommitted < SHORTEST:
            raise Mistake(
                "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer "
                f"only has {1000 * self._uncommitted:.2f}ms of audio.",
                "input_audio_buffer_commit_empty",
            )
        await self.conversation.caught_up()
        try:
            self.conversation.commit()
        except BadRequest as error:
            raise Mistake(error.message, "input_audio_buffer_commit_empty") from None

    async def _clear(self) -> None:
        self._uncommitted = 0.0
        self.conversation.clear()

    async def _silence(self) -> None:
        """Our sound that waits is thrown away, and with it the response."""
        response = self.conversation.response
        self.conversation.cancel()
        if response and not self.told.buffered:
            self.told.say("output_audio_buffer.cleared", response_id=response)

    async def _create(self, event: asked.CreateItem) -> None:
        item, after = event.item, event.previous_item_id
        id = item.id or f"item_{secrets.token_hex(10)}"
        if id in self.told.items:
            raise Mistake(f"There is an item '{id}' already.", "item_create_duplicate_id", "item.id")
        if after not in (None, FIRST) and after not in self.told.items:
            raise Mistake(f"There is no item '{after}'.", "item_create_invalid_previous_item_id", "previous_item_id")
        if isinstance(item, asked.FunctionCallOutput) and not self.told.items.calls(item.call_id):
            raise Mistake(
                f"Tool call ID '{item.call_id[:64]}' not found in conversation.", "invalid_tool_call_id", "item.call_id"
            )
        if isinstance(item, asked.Message):
            item = await self._with_words(item)
        own = items.own(item, id)
        place = "" if after is None else self.told.items.place(after, self._knows)
        self.conversation.add(own, place)
        self.told.created(items.told(item, id), after)

    async def _with_words(self, item: asked.Message) -> asked.Message:
        """An item whose sound is understood, where it came without its transcript. Raises BadAudio, TooLarge, and what
        understanding raises."""
        parts: list[asked.Part] = []
        for part in item.content:
            if part.type == "input_audio" and part.transcript is None and part.audio:
                part = part.model_copy(update={"transcript": await self._understood(part.audio), "audio": None})
            parts.append(part)
        return item.model_copy(update={"content": parts})

    async def _understood(self, audio: str) -> str:
        ear, data = Ear(self.session.heard), asked.sound(audio)
        seconds = len(data) / (ear.wire.width * ear.wire.rate)
        if seconds > MOST_SECONDS:
            raise TooLarge(f"An item holds up to {MOST_SECONDS:g} s of sound.", param="item.content")
        settings = self.settings
        listening = Listening(self.studio.pool, self.studio.routing, model=settings.hears)
        with closing(listening.utterance(settings.language)) as utterance:
            utterance.feed(ear.feed(data))
            self.heard += seconds
            return (await utterance.final()).text

    def _delete(self, id: str) -> None:
        if self._find(id)["status"] == "in_progress":
            raise Mistake(f"Item '{id}' is still being said; cancel its response first.", "item_delete_in_progress")
        if self._knows(id):
            self.conversation.delete(id)
        elif self.told.awaits(id):
            self._unwanted.add(id)
        self.told.items.drop(id)
        self.told.say("conversation.item.deleted", item_id=id)

    def _retrieve(self, id: str) -> None:
        self.told.say("conversation.item.retrieved", item=self._find(id))

    def _find(self, id: str) -> items.Wire:
        if (found := self.told.items.get(id)) is None:
            raise Mistake(f"The item with id '{id[:64]}' does not exist.", "item_not_found", "item_id")
        return found

    def _truncate(self, event: asked.Truncate) -> None:
        id, item = event.item_id, self._find(event.item_id)
        content = item.get("content") or [{}]
        if item.get("role") != "assistant" or (content[0] and content[0]["type"] != "output_audio"):
            raise Mistake("Only sound that we said can be truncated.", "item_truncate_invalid_item_id", "item_id")
        if event.content_index:
            raise Mistake("An item that we said has one part.", "invalid_value", "content_index")
        wanted, sent = event.audio_end_ms / 1000, self._seconds_of(id)
        if wanted > sent + SLACK:
            raise Mistake(
                f"Audio content of {round(1000 * sent)}ms is already shorter than {event.audio_end_ms}ms.",
                "invalid_value",
                "audio_end_ms",
            )
        self.conversation.truncate(id, wanted)
        known = next((own.known for own in self.conversation.items if own.id == id), "")
        part = {"type": "output_audio", "transcript": known}
        self.told.items.put(items.message(id, "assistant", [part], "incomplete"))
        place = {"item_id": id, "content_index": 0, "audio_end_ms": event.audio_end_ms}
        self.told.say("conversation.item.truncated", **place)

    def _seconds_of(self, item: str) -> float:
        """Of sound that was sent of an item of ours."""
        for output in self.told.open.values():
            if output.item == item:
                return output.samples / self.told.rate
        return self.told.seconds.get(item, 0.0)

    def _respond(self, response: asked.ResponseBody) -> None:
        if not isinstance(self.session.body, sessions.Talking):
            raise Mistake("A transcription session has no responses.", "invalid_request")
        beside = response.conversation == "none"
        if not beside and (active := self.conversation.response):
            raise Mistake(
                f"Conversation already has an active response in progress: {active}. Wait until the response is "
                "finished before creating a new one.", "conversation_already_has_active_response",
            )  # fmt: skip
        self.session.allow(response)
        settings = sessions.of_response(self.settings, response, self.session.body.tools)
        if beside and self.told.packets:
            # It would be heard among what the conversation says.
            settings = replace(settings, speak=False)
        if settings.speak:
            self.studio.routing.speech(settings.voice, settings.speaks, settings.language)
        given = None if response.input is None else [self._given(item) for item in response.input]
        self._next = self._order(settings, response, beside=beside)
        try:
            (self.conversation.aside if beside else self.conversation.respond)(settings, given)
        finally:
            self._next = None

    def _given(self, item: asked.InputItem) -> Item:
        if not isinstance(item, asked.ItemReference):
            return items.own(item, item.id or f"item_{secrets.token_hex(10)}")
        for own in self.conversation.items:
            if own.id == item.id:
                return own
        raise Mistake(f"The item with id '{item.id}' does not exist.", "item_not_found", "response.input")

    def _cancel(self, id: str | None) -> None:
        active = self.conversation.response
        if (id and id not in self.told.open) or not (id or active):
            raise Mistake("Cancellation failed: no active response found", "response_cancel_not_active")
        self.conversation.cancel(id or active)

    # How responses are told

    def _order(self, settings: TalkSettings, response: asked.ResponseBody, *, beside: bool) -> Order:
        body = self.session.body
        assert isinstance(body, sessions.Talking)
        output = response.audio.output if response.audio else None
        form = output.format if output and output.format else body.audio.output.format
        return Order(
            spoken=settings.speak,
            wire=sessions.wire(form),
            format=form.model_dump(),
            voice=settings.voice,
            most_tokens=response.max_output_tokens or body.max_output_tokens,
            conversation=None if beside else self.told.conversation,
            metadata=response.metadata,
        )

    def _knows(self, id: str) -> bool:
        return any(item.id == id for item in self.conversation.items)

    def _forget(self, id: str) -> None:
        with suppress(BadRequest):
            self.conversation.delete(id)


def _limits(lease: Lease) -> tuple[dict[str, Any], ...]:
    """The key's limit, as `rate_limits.updated` tells it; none where there is none."""
    told = lease.headers()
    if not told:
        return ()
    limit, left, reset = (told[f"x-ratelimit-{name}-requests"] for name in ("limit", "remaining", "reset"))
    return ({"name": "requests", "limit": int(limit), "remaining": int(left), "reset_seconds": float(reset[:-1])},)
