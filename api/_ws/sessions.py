"""All conversations that this process holds on `/ws`: begun, gone on with, watched over, ended.

Each is admitted by accounts/ once and settled once. Knows no socket.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import secrets
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import Any

from accounts.principal import Principal
from api._holds import RENEW_SECONDS, Holds
from api._turn import thinks
from api._watch import lapsed, watch
from api._wire.outbox import Outbox
from api._ws import messages as wire
from api._ws.session import Session, digest, new_token
from api._ws.strangers import Strangers
from core.errors import Conflict, NotFound, Overloaded, VoiceForgeError
from storage import conversations as rows
from storage.conversations import ConversationRecord
from studio import Studio
from voice.talk.items import Item
from voice.talk.journal import Journal, history
from voice.talk.settings import TalkSettings

logger = logging.getLogger(__name__)

WAIT_SECONDS = 60.0
"""How long a session waits for its client to come back."""

MANNER = set(wire.Manner.model_fields)


class Sessions:
    """One for a process; made in its event loop, closed before the Studio is."""

    def __init__(self, studio: Studio):
        self.studio = studio
        self.clock = asyncio.get_running_loop().time
        self.strangers = Strangers()
        self._holds = Holds(studio.storage)
        self._sessions: dict[str, Session] = {}
        self._opening: set[str] = set()
        self._endings: dict[str, asyncio.Task[None]] = {}
        self._gauge = studio.metrics.gauge("conversations", "Conversations held on /ws, those included that wait.")
        watching = watch(self._look, self._check_keys, "the conversations")
        self._watching = asyncio.create_task(watching, name="watch over the conversations")
        self._renewing = asyncio.create_task(self._renew(), name="hold the conversations")

    def __len__(self) -> int:
        return len(self._sessions)

    def live(self, id: str) -> Session | None:
        """The conversation of this id where this process holds it at the moment."""
        return self._sessions.get(id)

    async def start(self, caller: Principal, asked: wire.Start, outbox: Outbox, line: str = "") -> Session:
        """A session for a connection, begun or gone on with; its `ready` is in the outbox when this returns. `line` is
        what led the connection to this process.

        Raises BadRequest, NotFound, Conflict where another process holds it, Unavailable and what admitting raises;
        nothing is left of it then.
        """
        if not asked.session:
            return await self._new(caller, asked, outbox, line)
        if ending := self._endings.get(asked.session):
            await asyncio.shield(ending)
        found = self._sessions.get(asked.session)
        if found is None:
            return await self._again(caller, asked, outbox, line)
        if not found.opens(caller, asked.token):
            raise _foreign()
        await self.configure(found, asked)
        if found.over:
            raise Conflict("The session has just ended. Start again to go on with what was said.", param="session")
        input, output = asked.heard(), asked.spoken(found.settings.output_rate)
        found.take_over()
        found.attach(outbox, input, output, asked.received, resumed=True, token=asked.token)
        return found

    async def configure(self, session: Session, asked: wire.Manner) -> None:
        """Hold it otherwise from now on. Raises BadRequest, UnknownVoice, UnknownModel."""
        more = asked.model_dump(include=MANNER, exclude_none=True)
        if not more:
            return
        settings = asked.settings(session.settings)
        session.models = await self._models(settings)
        session.conversation.configure(settings)
        session.hold(_with(session.asked, more))
        await self.studio.storage.write(rows.change, session.id, json.dumps(session.asked))

    async def end(self, session: Session, reason: str) -> None:
        """Its history and its bill are kept when this returns, and even if who waits for it is cancelled."""
        await asyncio.shield(self._ending(session, reason))

    def _ending(self, session: Session, reason: str) -> asyncio.Task[None]:
        """From now on nobody goes on with it; who comes back waits for the end, and begins anew."""
        ending = self._endings.get(session.id)
        if ending is None:
            ending = self._endings[session.id] = asyncio.create_task(self._end(session, reason))
            ending.add_done_callback(lambda _: self._endings.pop(session.id, None))
        return ending

    async def _end(self, session: Session, reason: str) -> None:
        if self._sessions.get(session.id) is not session:
            return  # it has ended; what has its id by now is another
        del self._sessions[session.id]
        self.studio.live.drop(session.id)
        self._gauge.set(len(self._sessions))
        try:
            await session.close(reason)
        except VoiceForgeError as error:
            logger.error("conversation %s could not be settled: %s", session.id, error.message)
        except Exception:
            logger.exception("conversation %s broke while it ended", session.id)
        finally:
            await self._let_go(session)
        tally = session.tally
        logger.info(
            "conversation %s ended: %s; heard %.1f s, said %d characters", session.id, session.over, tally.heard,
            tally.characters,
        )  # fmt: skip

    async def _let_go(self, session: Session) -> None:
        """Its client is told of the end when others may go on with it."""
        try:
            await self._holds.release(session.id)
        except VoiceForgeError as error:
            logger.error("conversation %s is still held: %s", session.id, error.message)
        finally:
            session.hang_up()

    async def close(self) -> None:
        """End every one of them."""
        self._watching.cancel()
        self._renewing.cancel()
        await asyncio.gather(self._watching, self._renewing, return_exceptions=True)
        await asyncio.gather(*(self.end(session, "The house closes.") for session in list(self._sessions.values())))
        await asyncio.gather(*self._endings.values())

    # How one begins

    async def _new(self, caller: Principal, asked: wire.Start, outbox: Outbox, line: str) -> Session:
        token, now = new_token(), time.time()
        manner = asked.model_dump(include=MANNER, exclude_none=True)
        kept = ConversationRecord(
            f"conv_{secrets.token_hex(12)}", caller.id, digest(token), json.dumps(manner), "", now, now,
            **vars(self._holds.fresh(line)),
        )  # fmt: skip
        session = await self._opened(caller, asked, outbox, kept, token, manner, (), fresh=True)
        session.conversation.begin()
        return session

    async def _again(self, caller: Principal, asked: wire.Start, outbox: Outbox, line: str) -> Session:
        """A conversation that nobody holds: what was said is there, and no sound of it."""
        kept = await self.studio.storage.read(rows.get, caller.id, asked.session)
        if not kept.token or not hmac.compare_digest(kept.token, digest(asked.token)):
            raise _foreign()
        if kept.id in self._opening or kept.id in self._sessions:
            raise Conflict("Another connection is just beginning this session.", param="session")
        self._opening.add(kept.id)
        try:
            await self._holds.take(kept, line)
            manner = _with(json.loads(kept.settings), asked.model_dump(include=MANNER, exclude_none=True))
            items = await history(self.studio.storage, kept.id)
            session = await self._opened(caller, asked, outbox, kept, asked.token, manner, items)
        finally:
            self._opening.discard(kept.id)
            if kept.id not in self._sessions:
                self._holds.drop(kept.id)
        if not items:
            session.conversation.begin()
        return session

    async def _opened(
        self,
        caller: Principal,
        asked: wire.Start,
        outbox: Outbox,
        kept: ConversationRecord,
        token: str,
        manner: dict[str, Any],
        items: Sequence[Item],
        *,
        fresh: bool = False,
    ) -> Session:
        input, output = asked.heard(), asked.spoken(TalkSettings().output_rate)
        plain = replace(TalkSettings(), output_rate=output.rate)
        settings = wire.Manner.model_validate(manner).settings(plain)
        models = await self._models(settings)
        storage = self.studio.storage
        async with AsyncExitStack() as stack:
            lease = await self.studio.accounts.admit(caller, "conversation", characters=1)
            await stack.enter_async_context(lease)
            dictionary = await self.studio.pronunciations.dictionary(caller.id)
            session = Session(kept.id, caller, token, lease, self.clock, self._ended)
            begin = partial(self.studio.talks.open, settings, session.emit, id=kept.id, history=items)
            try:
                talk = begin(dictionary=dictionary)
            except Overloaded:
                await self._make_room(caller)
                talk = begin(dictionary=dictionary)
            stack.push_async_callback(talk.close, "not begun")
            session.begin(talk, Journal(storage, kept.id, lambda: talk.items, items, self._holds.holder))
            session.hold(manner)
            session.models, session.seen.models = models, dict(models)
            if fresh:
                await storage.write(rows.add, kept)
            else:
                await storage.write(rows.change, kept.id, json.dumps(manner))
            stack.pop_all()
        self._sessions[session.id] = session
        self.studio.live.add(session.seen, partial(self.end, session))
        self._gauge.set(len(self._sessions))
        session.attach(outbox, input, output, None, resumed=False, token=token)
        return session

    async def _models(self, settings: TalkSettings) -> dict[str, str]:
        """Who hears, thinks and speaks. Raises what routing raises."""
        studio = self.studio
        speaks = studio.routing.speech(settings.voice, settings.speaks, settings.language) if settings.speak else None
        return {
            "hears": studio.routing.transcription(settings.hears, settings.language).engine,
            "thinks": (await thinks(studio, settings.model)).engine,
            "speaks": speaks.engine if speaks else "",
        }

    async def _make_room(self, caller: Principal) -> None:
        """Of the caller's own clients that are away, the one that has been so longest is waited for no longer; where he
        has none, of everybody's."""
        waiting = [session for session in self._sessions.values() if session.left_at is not None]
        own = [session for session in waiting if session.caller.id == caller.id]
        if waiting:
            await self.end(min(own or waiting, key=lambda session: session.left_at or 0.0), "The house is full.")

    # While they go on

    def _look(self) -> None:
        now = self.clock()
        for session in list(self._sessions.values()):
            self._look_at(session, now)

    def _look_at(self, session: Session, now: float) -> None:
        if session.over:
            self._ending(session, session.over)
        elif session.left_at is not None and now - session.left_at >= WAIT_SECONDS:
            self._ending(session, "Nobody came back.")
        elif (line := session.line) and not session.watch():
            line.outbox.text(wire.failure(Overloaded("You read more slowly than this is said."), fatal=True))
            line.outbox.abandon()
            session.detach()

    async def _check_keys(self) -> None:
        for session in list(self._sessions.values()):
            if error := await lapsed(self.studio.accounts, session.caller, session.id):
                if session.line:
                    session.line.outbox.text(wire.failure(error, fatal=True))
                    session.line.outbox.close(4401, error.message)
                self._ending(session, error.message)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await self._hold_on()
            except VoiceForgeError as error:
                logger.warning("the conversations could not be held on: %s", error.message)

    async def _hold_on(self) -> None:
        for id in await self._holds.renew(list(self._sessions)):
            if session := self._sessions.get(id):
                self._ending(session, "It was deleted, or goes on elsewhere.")

    def _ended(self, session: Session) -> None:
        self._ending(session, session.over)


def _with(asked: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """How a client wants it held, when he has said more about it. A rule that he does not name stays."""
    rules = asked.get("rules", {}) | more.get("rules", {})
    return asked | more | ({"rules": rules} if rules else {})


def _foreign() -> NotFound:
    return NotFound("You have no conversation by this session and token. Start without them.", param="session")
