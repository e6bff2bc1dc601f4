"""One conversation on `/ws`, which outlives a dropped connection: its sound, its events, its history and its bill.

Knows one connection at a time, by its outbox.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any

from accounts.lease import Lease, Usage
from accounts.principal import Principal
from api._wire.codecs import HEARD, OPUS_FRAME, Ear, Mouth, Sound, ear, mouth
from api._wire.outbox import MOST_TEXT, Outbox
from api._ws import messages as wire
from core.errors import BadRequest, Overloaded
from voice.talk import events
from voice.talk.conversation import Conversation
from voice.talk.journal import Journal
from voice.talk.live import Seen
from voice.talk.live import Sound as Seconds
from voice.talk.settings import TalkSettings

BEHIND = 2.0
"""Seconds of sound that may wait for a slow client before the conversation waits for it too."""
CAUGHT_UP = 1.0
CATCH_UP_SECONDS = 1.0
STALL_SECONDS = 10.0
"""How long a client may take nothing at all."""

_ITEMS = (events.ItemAdded, events.ItemDone, events.ItemDeleted)


def new_token() -> str:
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


@dataclass
class Tally:
    """What the session came to."""

    characters: int = 0
    heard: float = 0.0
    spoken: int = 0
    engine: str = ""
    voice: str = ""


@dataclass(frozen=True)
class Line:
    """A connection, as a session sees it."""

    outbox: Outbox
    input: Sound
    output: Sound
    mouth: Mouth


class Session:
    """Made by `Sessions`, which gives it its conversation. Its events leave by `emit`."""

    def __init__(
        self,
        id: str,
        caller: Principal,
        token: str,
        lease: Lease,
        clock: Callable[[], float],
        ended: Callable[[Session], None],
    ):
        """`ended` is called once the conversation has ended by itself; then `close` is still to come."""
        self.id, self.caller, self.lease = id, caller, lease
        self._ended = ended
        self._token = digest(token)
        self._clock = clock
        self.line: Line | None = None
        self.left_at: float | None = clock()
        self.over = ""
        """Why it has ended; empty while it goes on."""
        self.typed, self.voiced = True, True
        """Whether it takes messages, and sound."""
        self.asked: dict[str, Any] = {}
        """How the client wants it held, as he said it."""
        self.models: dict[str, str] = {}
        self.tally = Tally()
        self.seen = Seen("chat", id, caller.id, caller.name, self._seconds)
        self.ear: Ear = ear(Sound())
        self._position = 0
        """Where the next sound belongs."""
        self._run = ""
        self._told: object = None
        self._holding = False

    def begin(self, conversation: Conversation, journal: Journal) -> None:
        self.conversation, self.journal = conversation, journal

    def hold(self, asked: dict[str, Any]) -> None:
        """Remember how the client wants it held."""
        self.asked = asked
        mode = asked.get("mode", "both")
        self.typed, self.voiced = mode != "voice", mode != "text"

    @property
    def settings(self) -> TalkSettings:
        return self.conversation.settings

    def opens(self, caller: Principal, token: str) -> bool:
        """Whether this caller may go on with it."""
        return caller.id == self.caller.id and hmac.compare_digest(self._token, digest(token))

    # The connection

    def attach(self, outbox: Outbox, input: Sound, output: Sound, received: int | None, **ready: Any) -> None:
        """Go on at this connection, with the sound after the `received` samples that the client has."""
        rate = self.settings.output_rate
        self.ear = ear(input)
        if ready["resumed"]:
            position = self._position if received is None else received
            self._position = self.conversation.attach(self.emit, min(position, self.conversation.position))
            self.journal.changed()
        self._run, self._holding, self.left_at, self.seen.away = "", False, None, False
        self.line = Line(outbox, input, output, mouth(output, rate))
        told = wire.written(
            "ready",
            v=wire.VERSION,
            session=self.id,
            input=vars(input),
            output=vars(output),
            rate=rate,
            heard_input=round(self.tally.heard * input.rate),
            position=self._position,
            voice=self.settings.voice,
            agent=self.settings.agent,
            models=self.models,
            lead_ms=round(self.settings.lead * 1000),
            history=[wire.item(item) for item in self.conversation.items],
            **ready,
        )
        outbox.text(told)

    def detach(self) -> None:
        """The connection is gone. Time stands still until there is another, or until nobody waits any longer."""
        if self.line and not self.over:
            self.line, self.left_at, self.seen.away = None, self._clock(), True
            self.conversation.detach()

    def take_over(self) -> None:
        """Another connection goes on with it."""
        if self.line:
            self.line.outbox.close(1000, "Another connection goes on with this session.")
        self.detach()

    def watch(self) -> bool:
        """Called every second. Whether the client still takes what it is sent."""
        if self.line is None or self.over:
            return True
        outbox = self.line.outbox
        if self._holding and outbox.seconds < CAUGHT_UP:
            self._holding = False
            self._position = self.conversation.attach(self.emit, self._position)
        return outbox.stalled() < STALL_SECONDS and outbox.characters < MOST_TEXT

    # Sound that comes in

    def hear(self, data: bytes) -> float:
        """A frame; the seconds of sound that were in it. Raises BadAudio, TooLarge, Overloaded."""
        samples = self.ear.feed(data)
        seconds = len(samples) / HEARD
        self.tally.heard += seconds
        # While the conversation waits for a client that is slow to listen, it hears no more than it has room for.
        if len(samples) and not self.conversation.hear(samples) and not self._holding:
            raise Overloaded("So much sound waits to be heard that this frame was left out.")
        return seconds

    async def caught_up(self) -> None:
        """Returns once all that came has been heard, or at last where the conversation waits for its client."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CATCH_UP_SECONDS):
                await self.conversation.caught_up()

    def take(self, message: wire.Said | wire.Bare | wire.Played | wire.ToolResult) -> None:
        """Do what a message asks for. Raises BadRequest."""
        talk = self.conversation
        if not isinstance(message, wire.Played):
            self.seen.note(message.type, asked=True)
        if isinstance(message, wire.Said):
            if not self.typed:
                raise BadRequest("This session is by voice only; it takes no messages in writing.", param="type")
            talk.write(message.content, message.id)
        elif isinstance(message, wire.Played):
            talk.played(min(message.position, talk.position))
        elif isinstance(message, wire.ToolResult):
            talk.tool_result(message.call_id, message.output)
        elif message.type == "history":
            if self.line:
                self.line.outbox.text(wire.written("history", items=[wire.item(item) for item in talk.items]))
        else:
            {"commit": talk.commit, "clear": talk.clear, "cancel": talk.cancel, "interrupt": talk.interrupt}[
                message.type
            ]()

    # What goes out

    def emit(self, event: events.Event) -> None:
        if type(event) is events.AudioOut:
            self._sound(event)
            return
        self.seen.tell(event)
        if isinstance(event, _ITEMS):
            self.journal.changed()
        if self.line:
            self._tell(self.line, event)
        if isinstance(event, events.Ended):
            self.over = self.over or event.reason or "ended"
            self._ended(self)

    def _tell(self, line: Line, event: events.Event) -> None:
        if isinstance(event, (events.AudioDone, events.Interrupted, events.Ended)):
            self._end_run(line, kept=not isinstance(event, events.Interrupted))
        self._count(event)
        for text in self._messages(event):
            line.outbox.text(text)

    def _sound(self, event: events.AudioOut) -> None:
        line = self.line
        if line is None:
            return
        if event.response != self._run or event.position != self._position:
            self._end_run(line)
            self._run = event.response
            line.outbox.text(wire.written("audio", response=event.response, position=event.position))
        count = len(event.samples)
        self._position = event.position + count
        self.tally.spoken += count
        self._frames(line, line.mouth.feed(event.samples))
        if line.outbox.seconds > BEHIND and not self._holding:
            self._holding = True
            asyncio.get_running_loop().call_soon(self._hold)

    def _hold(self) -> None:
        if self._holding and self.line:
            self.conversation.hold()

    def _frames(self, line: Line, frames: list[bytes]) -> None:
        for data in frames:
            opus = line.output.format == "opus"
            line.outbox.sound(data, OPUS_FRAME if opus else len(data) / (2 * line.output.rate))

    def _end_run(self, line: Line, kept: bool = True) -> None:
        """What the codec holds back of the run is sent, or thrown away with all that waits."""
        frames = line.mouth.flush() if self._run else []
        self._run = ""
        if kept:
            self._frames(line, frames)
        else:
            line.outbox.forget_sound()

    def _messages(self, event: events.Event) -> list[str]:
        if isinstance(event, events.ItemDone) and event.item is self._told:
            return []  # it was told whole when it was added
        found = [wire.told(event)]
        if isinstance(event, events.ItemAdded):
            self._told = event.item
            item = event.item
            if item.role == "user" and item.spoken:
                found.insert(
                    0, wire.written("transcript", item=item.id, text=item.text, sure=len(item.text), final=True)
                )
        return found

    def _seconds(self) -> Seconds:
        return Seconds(self.tally.heard, self.tally.spoken / self.settings.output_rate)

    def _count(self, event: events.Event) -> None:
        if isinstance(event, events.TextDelta) and self.settings.speak:
            self.tally.characters += len(event.text)
        elif isinstance(event, events.Speaking):
            self.tally.engine, self.tally.voice = event.engine, event.voice

    # The end

    async def close(self, reason: str) -> None:
        """End the conversation, settle what it came to and keep the history. The line is still up: `hang_up`."""
        self.over = self.over or reason
        async with AsyncExitStack() as ending:
            ending.push_async_callback(self._keep)
            ending.push_async_callback(self._settle)
            await self.conversation.close(reason)

    async def _settle(self) -> None:
        tally, seconds = self.tally, self._seconds()
        usage = Usage(tally.engine, tally.voice, tally.characters, round(seconds.heard + seconds.said, 3))
        await self.lease.settle(usage)

    async def _keep(self) -> None:
        self.journal.changed()
        await self.journal.close()

    def hang_up(self) -> None:
        if self.line:
            self.line.outbox.close(1000, self.over)
