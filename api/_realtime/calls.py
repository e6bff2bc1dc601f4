"""Calls: sessions of `/v1/realtime` whose sound goes by WebRTC, and whose events take a data channel beside it.

Another way into the same rooms. Knows no WebRTC but the `Peer` it is given.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from accounts.principal import Principal
from api._realtime import events as asked
from api._realtime.auth import SECRET, Entry
from api._realtime.calls_offer import Offer
from api._realtime.reading import Reading
from api._realtime.rooms import Rooms
from api._realtime.talk import Talk
from api._wire.codecs import HEARD
from api._wire.flow import Flow
from api._wire.outbox import Outbox, Send
from core.errors import Forbidden, NotFound, Overloaded

if TYPE_CHECKING:
    from api._realtime.calls_peer import Peer, Voice

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 15.0
"""How long a connection may take to come about."""
MOST_PENDING = 32
"""Calls whose connection has not come about, side by side."""
MOST_EVENTS, MOST_CHARACTERS = 256, 12_000_000
"""That may wait to be read."""
CLOSE_SECONDS = 5.0
EVERYBODY = "keys"
"""The scope of who may hang up others' calls."""


class CallOutbox(Outbox):
    """Of a call: the messages take their channel, and sound the track beside it."""

    def __init__(self, send: Send, clock: Callable[[], float], voice: Voice):
        super().__init__(send, clock)
        self._voice = voice
        self.beside: list[Outbox] = []
        """Of sockets that follow the call."""
        self.over = asyncio.Event()
        """Nothing more is put in."""

    def text(self, text: str) -> None:
        super().text(text)
        for other in self.beside:
            other.text(text)

    def sound(self, data: str | bytes, seconds: float) -> None:
        """A packet of Opus."""
        assert isinstance(data, bytes)
        self._voice.add(data)

    def forget_sound(self) -> None:
        self._voice.clear()

    def close(self, code: int, reason: str) -> None:
        super().close(code, reason)
        self.over.set()
        for other in self.beside:
            other.close(code, reason)
            asyncio.get_running_loop().call_later(CLOSE_SECONDS, other.give_up)


class Call:
    """`open` gives it its session; `run` returns when both have ended."""

    def __init__(self, rooms: Rooms, caller: Principal, offer: Offer, peer: Callable[..., Peer]):
        self.id = f"rtc_{secrets.token_hex(12)}"
        self.caller = caller
        self._rooms, self._offer = rooms, offer
        self._peer = peer(self._hear, self._take)
        self._outbox = CallOutbox(self._send, rooms.clock, self._peer.voice)
        self._talk: Talk | None = None
        self._events: deque[str | bytes] = deque()
        self._came = asyncio.Event()
        self._flow = Flow(rooms.clock())
        self.ended = asyncio.Event()

    @property
    def pending(self) -> bool:
        return not self._peer.connected.is_set()

    async def open(self, entry: Entry, model: str, session: Mapping[str, Any]) -> str:
        """The answer to the offer. Raises what opening a session raises; `close` is due all the same."""
        self._talk = talk = await self._rooms.open(entry, self._outbox, model)
        talk.told.buffered = talk.told.packets = True
        if session:
            await talk.take(asked.SessionUpdate(type="session.update", session=dict(session)))
        return await self._peer.answer(self._offer.sdp)

    async def run(self) -> None:
        reason = "No connection came about."
        try:
            if await self._connected():
                reason = "The client is gone."
                await self._hold()
        except Exception:
            reason = "Something broke in here."
            logger.exception("call %s broke", self.id)
        finally:
            await asyncio.shield(self.close(reason))

    async def close(self, reason: str) -> None:
        """Settled, and nothing is left of it. A second call does nothing new."""
        try:
            if self._talk:
                await self._rooms.end(self._talk, reason)
        finally:
            await self._peer.close()
            self.ended.set()

    async def hang_up(self, reason: str) -> None:
        """Its client is told first. Returns once nothing is left of it."""
        if self._talk:
            await self._rooms.end(self._talk, reason)
        await self.ended.wait()

    def join(self, outbox: Outbox) -> Talk:
        """A socket that hears of everything from now on, and may ask for anything. Raises NotFound once it is over."""
        if self._talk is None or self._outbox.closing:
            raise _unknown(self.id)
        told = self._talk.told
        greeting = {"type": "session.created", "event_id": told.event_id(), "session": self._talk.session.as_json()}
        outbox.text(json.dumps(greeting))
        self._outbox.beside.append(outbox)
        return self._talk

    def leave(self, outbox: Outbox) -> None:
        self._outbox.beside.remove(outbox)

    async def _connected(self) -> bool:
        peer = self._peer
        await _first(CONNECT_SECONDS, peer.connected, peer.gone, self._outbox.over)
        return peer.connected.is_set()

    async def _hold(self) -> None:
        peer = self._peer
        reading = asyncio.create_task(self._read(), name="read from a call")
        sending = asyncio.create_task(self._outbox.run(), name="send to a call")
        watching = asyncio.create_task(self._watch(), name="watch a call")
        tasks = (reading, sending, watching)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if reading.done() and (error := reading.exception()):
                logger.error("call %s broke", self.id, exc_info=error)
                self._outbox.close(1011, "Something broke in here.")
            if self._outbox.closing and not peer.gone.is_set():
                await asyncio.wait((sending,), timeout=CLOSE_SECONDS)
        finally:
            for task in tasks:
                task.cancel()
            for error in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(error, Exception):
                    logger.debug("call %s ended with %r", self.id, error)

    async def _watch(self) -> None:
        """Returns when the other side is gone, or must go."""
        peer = self._peer
        while not peer.gone.is_set():
            if peer.flooded:
                logger.warning("call %s sent more of a message than there is room for", self.id)
                return
            await _first(1.0, peer.gone)

    async def _read(self) -> None:
        assert self._talk
        reading = Reading(self._talk, self._rooms.clock)
        while not self._outbox.closing:
            await self._came.wait()
            self._came.clear()
            while self._events and not self._outbox.closing:
                if wait := await reading.one(self._events.popleft()):
                    await asyncio.sleep(wait)

    async def _send(self, message: dict[str, Any]) -> None:
        """As a socket sends."""
        peer = self._peer
        if message["type"] == "websocket.close":
            await peer.finish()
            return
        if not self._offer.events:
            return
        await _first(None, peer.opened, peer.gone)
        text = message["text"]
        if self._offer.longest and len(text.encode()) > self._offer.longest and self._talk:
            most = f"An event was longer than the {self._offer.longest} bytes that you take, and was left out."
            self._talk.told.failure(most, "server_error", "event_too_large")
            return
        await peer.send(text)

    # What comes from the other side

    def _take(self, event: str | bytes) -> None:
        self._events.append(event)
        self._came.set()
        waiting = len(self._events)
        if waiting > MOST_EVENTS or (waiting > 8 and sum(map(len, self._events)) > MOST_CHARACTERS):
            self._outbox.close(1008, "You send more events than can be read.")

    def _hear(self, samples: np.ndarray) -> None:
        if self._talk and not self._talk.over and not self._flow.take(len(samples) / HEARD, self._rooms.clock()):
            self._talk.listen(samples)


class Calls:
    """Those of one process; closed before the rooms are."""

    def __init__(self, rooms: Rooms):
        self._rooms = rooms
        self._calls: dict[str, Call] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._calls)

    async def open(
        self, entry: Entry, secret: str | None, offer: Offer, model: str, session: Mapping[str, Any]
    ) -> tuple[Call, str]:
        """A call, and the answer to its offer. Raises BadRequest, Overloaded, and what opening a session raises."""
        if sum(call.pending for call in self._calls.values()) >= MOST_PENDING:
            raise Overloaded("Too many calls wait for their connection.", retry_after=5.0)
        peer = await asyncio.to_thread(_peer)
        if session and not (secret or "").startswith(SECRET):
            entry, session = Entry(entry.caller, session), {}
        call = Call(self._rooms, entry.caller, offer, peer)
        self._calls[call.id] = call
        try:
            answer = await call.open(entry, model, session)
        except BaseException:
            await asyncio.shield(call.close("It could not be opened."))
            del self._calls[call.id]
            raise
        task = asyncio.create_task(call.run(), name=f"hold {call.id}")
        self._tasks.add(task)
        task.add_done_callback(partial(self._over, call.id))
        return call, answer

    async def hang_up(self, id: str, caller: Principal) -> None:
        """Raises NotFound where there is none, or it is another's."""
        call = self._calls.get(id)
        if call is None or not (call.caller.id == caller.id or caller.may(EVERYBODY)):
            raise _unknown(id)
        await call.hang_up("It was hung up.")

    def find(self, id: str, caller: Principal, secret: str | None) -> Call:
        """A call of one's own, to follow. Raises NotFound; Forbidden for a secret, which a browser holds: it was made
        for one session of its own."""
        if (secret or "").startswith(SECRET):
            raise Forbidden("A call is followed with the key itself.")
        call = self._calls.get(id)
        if call is None or call.caller.id != caller.id:
            raise _unknown(id)
        return call

    async def close(self) -> None:
        """End every one of them."""
        await asyncio.gather(*(call.hang_up("The house closes.") for call in list(self._calls.values())))
        await asyncio.gather(*self._tasks)

    def _over(self, id: str, task: asyncio.Task[None]) -> None:
        self._calls.pop(id, None)
        self._tasks.discard(task)


def _unknown(id: str) -> NotFound:
    return NotFound(f"No call {id[:40]!r} of yours is being held here.", param="call_id")


def _peer() -> type[Peer]:
    """Imported by the first call: it is large, and most never need it."""
    from api._realtime.calls_peer import Peer

    return Peer


async def _first(seconds: float | None, *events: asyncio.Event) -> None:
    """Returns once any of them is set, or after so many seconds."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
