"""One client on `/v1/realtime`: who he is, whether there is room for him, and what he sends."""

from __future__ import annotations

import asyncio

from starlette.websockets import WebSocket

from api import errors
from api._realtime.auth import PROTOCOL, Entry, Redeem, entry, opening, secret_of
from api._realtime.calls import Call, Calls
from api._realtime.reading import Reading
from api._realtime.relay import named, relay
from api._realtime.rooms import Rooms
from api._realtime.talk import Talk
from api._wire.duplex import duplex
from api._wire.outbox import Outbox
from core.errors import Unauthorized, VoiceForgeError

STRANGERS = 64
"""Connections that may be told at a time why their key is not good."""
BAD_KEY = 3000
"""Close code."""


class Connection:
    """`run` returns when the socket is closed."""

    def __init__(self, rooms: Rooms, calls: Calls, websocket: WebSocket, redeem: Redeem | None = None):
        self._rooms, self._calls, self._websocket, self._redeem = rooms, calls, websocket, redeem
        self._outbox = Outbox(websocket.send, rooms.clock)

    async def run(self) -> None:
        websocket = self._websocket
        query = websocket.query_params
        model, intent, call_id = query.get("model", "")[:200], query.get("intent", ""), query.get("call_id", "")
        # The server's log shows the address, and some clients put a key behind the question mark.
        websocket.scope["query_string"] = b""
        try:
            found = await self._enter()
            async with opening(found):
                if call_id:
                    await self._follow(self._calls.find(call_id, found.caller, self._secret))
                    return
                if there := named(self._rooms.studio, model, found.session):
                    protocol = PROTOCOL if PROTOCOL in self._offered else None
                    await relay(websocket, self._rooms.studio, found.caller, *there, found.session, protocol)
                    return
                talk = await self._rooms.open(found, self._outbox, model, transcription=intent == "transcription")
        except Unauthorized as error:
            await self._turn_away(error)
            return
        except VoiceForgeError as error:
            await self._websocket.send_denial_response(errors.answer(error))
            return
        try:
            await self._accept()
            await self._hold(talk)
        finally:
            await self._rooms.end(talk, "The client is gone.")

    async def _enter(self) -> Entry:
        websocket = self._websocket
        address = websocket.client.host if websocket.client else ""
        return await entry(self._rooms.studio, self._secret, address, self._redeem)

    async def _follow(self, call: Call) -> None:
        """Beside a call, until either is over."""
        talk = call.join(self._outbox)
        try:
            await self._accept()
            await self._hold(talk)
        finally:
            call.leave(self._outbox)

    @property
    def _secret(self) -> str | None:
        return secret_of(self._websocket.headers, self._offered)

    @property
    def _offered(self) -> list[str]:
        return list(self._websocket.scope.get("subprotocols", ()))

    async def _accept(self) -> None:
        await self._websocket.accept(PROTOCOL if PROTOCOL in self._offered else None)

    async def _turn_away(self, error: Unauthorized) -> None:
        """Clients of OpenAI's expect to be let in and told; where too many want to be told, they are not let in."""
        if self._rooms.strangers >= STRANGERS:
            await self._websocket.send_denial_response(errors.answer(error))
            return
        self._rooms.strangers += 1
        try:
            await self._accept()
            told = {"type": "invalid_request_error", "code": error.code, "message": error.message, "param": None}
            await self._websocket.send_json({"type": "error", "event_id": "event_refused", "error": told})
            await self._websocket.close(BAD_KEY, f"{told['type']}.{error.code}")
        finally:
            self._rooms.strangers -= 1

    async def _hold(self, talk: Talk) -> None:
        await duplex(self._listen(talk), self._outbox, "a realtime client")

    async def _listen(self, talk: Talk) -> None:
        reading = Reading(talk, self._rooms.clock)
        while not self._outbox.closing:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            if wait := await reading.one(text if text is not None else message.get("bytes") or b""):
                await asyncio.sleep(wait)
