"""One client on `/ws`: who he is, what he sends, how fast, and what it means. Ends with its socket; its session need
not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from accounts.limits import Gcra
from accounts.principal import VISITOR, Principal
from api._wire.duplex import duplex
from api._wire.flow import CHARACTERS, MESSAGE, SHORTEST, Flow
from api._wire.outbox import Outbox
from api._ws import messages as wire
from api._ws.session import Session
from api._ws.sessions import Sessions
from api.auth import known, secret_in
from core.errors import BadRequest, Forbidden, LimitReached, Overloaded, Unauthorized, Unavailable, VoiceForgeError

PROTOCOL = "voiceforge"
KEY = "key."
SHOW_KEY_SECONDS = 10.0
"""How long a client without a key has to send it."""
BEGIN_SECONDS = 15.0
"""How long a client has to begin a session, or to go on with one."""
MISTAKES, MISTAKES_PER_SECOND = 20, 1.0
"""Messages that cannot be understood: at once, and in the long run."""


class Connection:
    """`run` returns when the socket is closed."""

    def __init__(self, sessions: Sessions, websocket: WebSocket):
        self._sessions, self._websocket = sessions, websocket
        self._clock = sessions.clock
        self._outbox = Outbox(websocket.send, self._clock)
        self._flow = Flow(self._clock())
        self._mistakes = Gcra(MISTAKES_PER_SECOND, MISTAKES)
        self._caller: Principal = VISITOR
        self._session: Session | None = None
        self._came = self._clock()
        self._counted = VISITOR.id
        """Whose it is among those that have not begun."""
        self._way = ""
        """What led it to this process."""

    async def run(self) -> None:
        secret = _secret(self._websocket)
        self._way = _line(self._websocket.scope["query_string"])
        # The server's log shows the address, and what stands in it behind the question mark may be a key.
        self._websocket.scope["query_string"] = b""
        offered = self._websocket.scope.get("subprotocols", ())
        await self._websocket.accept(PROTOCOL if PROTOCOL in offered else None)
        self._came = self._clock()
        self._sessions.strangers.enter(self._counted)
        try:
            await duplex(self._talk(secret), self._outbox, "a client of /ws")
        finally:
            await self._leave()

    async def _leave(self) -> None:
        session = self._session
        if session is None:
            self._sessions.strangers.leave(self._counted)
        elif session.over:
            await self._sessions.end(session, session.over)
        elif session.line and session.line.outbox is self._outbox:
            session.detach()

    async def _talk(self, secret: str) -> None:
        try:
            await self._identify(secret)
            self._sessions.strangers.need_room(self._counted)
            while not self._outbox.closing:
                await self._read_one()
        except VoiceForgeError as error:
            self._refuse(error)
        except WebSocketDisconnect:
            return

    async def _identify(self, secret: str) -> None:
        if secret or self._caller.id == VISITOR.id:
            client = self._websocket.client
            accounts = self._sessions.studio.accounts
            self._caller = await accounts.identify(secret or None, address=client.host if client else "")
        if self._session is None:
            self._sessions.strangers.leave(self._counted)
            self._counted = self._caller.id
            self._sessions.strangers.enter(self._counted)

    async def _next(self) -> Mapping[str, Any]:
        """The next frame. Raises Unauthorized and BadRequest where it is waited for in vain: nothing has begun."""
        if self._session:
            return await self._websocket.receive()
        unknown = self._caller.id == VISITOR.id
        try:
            async with asyncio.timeout_at(self._came + (SHOW_KEY_SECONDS if unknown else BEGIN_SECONDS)):
                return await self._websocket.receive()
        except TimeoutError:
            if unknown:
                raise Unauthorized("No key came. Send it in the first message, or as a header.") from None
            raise BadRequest(f"Nothing began in {BEGIN_SECONDS:g} s. Send `start` once the line is up.") from None

    async def _read_one(self) -> None:
        """The next frame, and a wait where they come too fast. Raises what ends the connection."""
        message = await self._next()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        data, text = message.get("bytes"), message.get("text") or ""
        seconds = max(MESSAGE, min(len(text), wire.LONGEST_MESSAGE) / CHARACTERS)
        try:
            if data is not None:
                session = self._session or await self._begin(wire.Start())
                if not session.voiced:
                    raise BadRequest("This session is text only; it takes no sound.")
                seconds = max(SHORTEST, session.hear(data))
            else:
                await self._take(wire.read(text))
        except _Refused as refused:
            raise refused.error from None
        except VoiceForgeError as error:
            self._complain(error)
        if wait := self._flow.take(seconds, self._clock()):
            await self._hold_up(wait)

    async def _hold_up(self, wait: float) -> None:
        """Read nothing for a while; what comes meanwhile waits at the sender's."""
        if self._flow.flooded(self._clock()):
            self._outbox.text(wire.failure(Overloaded("This comes faster than anybody speaks."), fatal=True))
            self._outbox.close(4400, "Too much is sent.")
            return
        await asyncio.sleep(wait)

    def _complain(self, error: VoiceForgeError) -> None:
        """Say what was wrong with a message, and go on; not for ever."""
        self._outbox.text(wire.failure(error))
        if self._session:
            self._session.seen.note("error", error.code)
        if self._mistakes.take(self._clock()):
            self._outbox.text(wire.failure(BadRequest("Too many messages cannot be understood."), fatal=True))
            self._outbox.close(4400, "Too many messages cannot be understood.")

    def _refuse(self, error: VoiceForgeError) -> None:
        self._outbox.text(wire.failure(error, fatal=True))
        self._outbox.close(code_of(error), error.message)

    async def _begin(self, asked: wire.Start) -> Session:
        if self._caller.id == VISITOR.id:
            await self._identified(asked.key)
        try:
            session = await self._sessions.start(self._caller, asked, self._outbox, self._way)
        except (Unauthorized, Forbidden, LimitReached, Overloaded) as error:
            raise _Refused(error) from error
        self._session = session
        self._sessions.strangers.leave(self._counted)
        return session

    async def _identified(self, key: str) -> None:
        try:
            await self._identify(key)
            known(self._caller)
            self._sessions.strangers.need_room(self._counted)
        except VoiceForgeError as error:
            raise _Refused(error) from error

    async def _take(self, message: wire.Message) -> None:
        """Do what a message asks for. Raises BadRequest and its like."""
        if isinstance(message, wire.Ping):
            self._outbox.text(wire.written("pong", t=message.t))
            return
        if isinstance(message, wire.Start):
            if self._session:
                raise BadRequest("The session has begun already; `configure` changes how it is held.", param="type")
            await self._begin(message)
            return
        key = message.key if isinstance(message, wire.Said) else ""
        session = self._session or await self._begin(wire.Start(key=key))
        if isinstance(message, wire.Configure):
            await self._sessions.configure(session, message)
        elif isinstance(message, wire.Bare) and message.type == "end":
            session.over = "ended by the client"
            await self._sessions.end(session, session.over)
        else:
            if isinstance(message, wire.Bare) and message.type == "commit":
                await session.caught_up()  # what was sent before it belongs to the turn
            session.take(message)


class _Refused(Exception):
    """What is raised within ends the connection."""

    def __init__(self, error: VoiceForgeError):
        self.error = error


def code_of(error: VoiceForgeError) -> int:
    """The close code of an error that ends a connection."""
    if isinstance(error, Unauthorized):
        return 4401
    return 1013 if isinstance(error, (LimitReached, Unavailable)) else 1008


def _secret(websocket: WebSocket) -> str:
    """The key in a header, else in the address, else among the subprotocols; browsers can do the last two only."""
    offered: Iterable[str] = websocket.scope.get("subprotocols", ())
    within = next((name.removeprefix(KEY) for name in offered if name.startswith(KEY)), "")
    return secret_in(websocket.headers) or websocket.query_params.get("key", "") or within


def _line(query: bytes) -> str:
    """The line that the address names, as nginx reads it: nothing in it is decoded."""
    parts = query.decode("ascii", "replace").split("&")
    return next((part.removeprefix("line=") for part in parts if part.startswith("line=")), "")
