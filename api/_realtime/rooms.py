"""All sessions of `/v1/realtime` that this process holds: admitted, opened, watched over, settled. Knows no socket."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from accounts.principal import Principal
from api._realtime import session as sessions
from api._realtime.auth import Entry
from api._realtime.places import entering
from api._realtime.talk import Talk, Thinker, thinker
from api._watch import lapsed, watch
from api._wire.outbox import Outbox
from core.errors import Overloaded, VoiceForgeError
from studio import Studio

logger = logging.getLogger(__name__)

BEGIN_SECONDS = 15.0
"""How long a session to which nothing comes keeps its place in a full house."""


class Rooms:
    """One for a process; made in its event loop, closed before the Studio is."""

    def __init__(self, studio: Studio):
        self.studio = studio
        self.clock = asyncio.get_running_loop().time
        self.strangers = 0
        """Connections that are told why they are not let in."""
        self._longest = 60.0 * studio.settings.realtime_minutes
        """Seconds that a session lasts."""
        self._talks: dict[str, tuple[Talk, float]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._gauge = studio.metrics.gauge("realtime_sessions", "Sessions held on /v1/realtime.")
        watching = watch(self._look, self._check_keys, "the realtime sessions")
        self._watching = asyncio.create_task(watching, name="watch over the realtime sessions")

    def __len__(self) -> int:
        return len(self._talks)

    async def open(self, entry: Entry, outbox: Outbox, model: str, *, transcription: bool = False) -> Talk:
        """A session for a connection; what greets it is in the outbox when this returns.

        Raises BadRequest, Unavailable, and what admitting and routing raise; nothing is left of it then.
        """
        studio = self.studio
        mind = await thinker(studio, str(entry.session.get("model") or model))
        change = {name: value for name, value in entry.session.items() if name != "model"}
        session = sessions.begun(
            f"sess_{secrets.token_hex(12)}", int(time.time() + self._longest), mind.name,
            transcription=transcription, change=change, pinned=entry.pinned,
        )  # fmt: skip
        with entering(studio, entry.caller):
            talk = await self._begun(entry, outbox, session, mind)
            self._talks[talk.id] = talk, self.clock()
            studio.live.add(talk.seen, partial(self.end, talk))
        self._gauge.set(len(self._talks))
        return talk

    async def _begun(self, entry: Entry, outbox: Outbox, session: sessions.Session, mind: Thinker) -> Talk:
        studio = self.studio
        async with AsyncExitStack() as stack:
            lease = await studio.accounts.admit(entry.caller, "conversation", characters=1)
            await stack.enter_async_context(lease)
            dictionary = await studio.pronunciations.dictionary(entry.caller.id)
            talk = Talk(studio, entry.caller, lease, outbox, session, mind)
            begin = partial(studio.talks.open, talk.settings, talk.emit, dictionary=dictionary)
            try:
                conversation = begin()
            except Overloaded:
                await self._make_room(entry.caller)
                conversation = begin()
            stack.push_async_callback(conversation.close, "not begun")
            talk.begin(conversation)
            stack.pop_all()
        return talk

    async def _make_room(self, caller: Principal) -> None:
        """Of the caller's own sessions to which nothing has come for a while the oldest gives way; where he has none,
        of everybody's."""
        until = self.clock() - BEGIN_SECONDS
        silent = [talk for talk, began in self._talks.values() if began <= until and talk.seen.silent]
        own = [talk for talk in silent if talk.caller.id == caller.id]
        if silent:
            talk = (own or silent)[0]
            talk.told.error(Overloaded("The house is full, and nothing was sent to this session."))
            talk.outbox.close(1013, "The house is full.")
            await self.end(talk, "The house is full.")

    async def end(self, talk: Talk, reason: str) -> None:
        """Its bill is kept when this returns, and even if who waits for it is cancelled. A second call does nothing."""
        if self._talks.pop(talk.id, None) is None:
            return
        self.studio.live.drop(talk.id)
        self._gauge.set(len(self._talks))
        talk.over = talk.over or reason
        await asyncio.shield(self._spawn(self._settle(talk, reason)))

    async def _settle(self, talk: Talk, reason: str) -> None:
        try:
            await talk.conversation.close(reason)
        except Exception:
            logger.exception("session %s broke while it ended", talk.id)
        try:
            await talk.lease.settle(talk.usage())
        except VoiceForgeError as error:
            logger.error("session %s could not be settled: %s", talk.id, error.message)
        logger.info(
            "session %s ended: %s; heard %.1f s, said %d characters", talk.id, talk.over, talk.heard,
            talk.told.characters,
        )  # fmt: skip
        talk.outbox.close(1000, talk.over)

    async def close(self) -> None:
        """End every one of them."""
        self._watching.cancel()
        await asyncio.gather(self._watching, return_exceptions=True)
        await asyncio.gather(*(self.end(talk, "The house closes.") for talk, _ in list(self._talks.values())))
        await asyncio.gather(*self._tasks)

    def _look(self) -> None:
        now = self.clock()
        for talk, began in list(self._talks.values()):
            self._look_at(talk, now - began)

    def _look_at(self, talk: Talk, seconds: float) -> None:
        if talk.over:
            self._spawn(self.end(talk, talk.over))
        elif seconds >= self._longest:
            minutes = f"{self._longest / 60:g}"
            message = f"Your session hit the maximum duration of {minutes} minutes."
            talk.told.failure(message, "invalid_request_error", "session_expired")
            self._spawn(self.end(talk, message))
        elif not talk.healthy():
            talk.told.error(Overloaded("You read more slowly than this is said."))
            talk.outbox.abandon()
            self._spawn(self.end(talk, "The client does not read."))

    async def _check_keys(self) -> None:
        for talk, _ in list(self._talks.values()):
            if error := await lapsed(self.studio.accounts, talk.caller, talk.id):
                talk.told.error(error)
                talk.outbox.close(3000, error.message)
                self._spawn(self.end(talk, error.message))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
