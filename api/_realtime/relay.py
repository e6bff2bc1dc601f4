"""A session of `/v1/realtime` that the owner's own realtime server holds: events pass through, and what it takes is
counted in the name of the key. Knows no engine of this house."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from accounts.lease import Lease, Usage
from accounts.limits import Gcra
from accounts.principal import Principal
from api import errors
from api._live_relay import Passing
from api._pins import changed, parsed
from api._realtime.places import entering
from core.errors import BadRequest, StorageError, Unauthorized, VoiceForgeError
from providers.realtime import Garbage, Line, Lost, Upstream
from providers.realtime_rows import bill, lasted
from studio import Studio

logger = logging.getLogger(__name__)

CHECK_SECONDS = 30.0
"""How often a session's key is looked at again."""
UNREAD_SECONDS = 30.0
"""How long a client may leave an event unread."""
BURST, PER_SECOND = 16_000_000, 512_000.0
"""Characters that a client may send at once, and in the long run: eight times what sound takes."""
PROVIDER_KEY = "x-provider-key"
"""The header in which a caller brings his own key to the server. It is kept nowhere."""
BILLED = ("response.done", "conversation.item.input_audio_transcription.completed")


def named(studio: Studio, model: str, session: Mapping[str, Any]) -> tuple[Upstream, str] | None:
    """The owner's server and the model there, where a session names one; None where this house holds it itself."""
    if studio.upstream is None:
        return None
    found = studio.upstream.model(str(session.get("model") or model))
    return None if found is None else (studio.upstream, found)


async def relay(
    websocket: WebSocket,
    studio: Studio,
    caller: Principal,
    upstream: Upstream,
    model: str,
    session: Mapping[str, Any],
    protocol: str | None = None,
) -> None:
    """Hold one session until either side ends it. `session` is what a client secret fixes. A client that cannot be
    served is not let in: raises what admitting and the server's answer raise, of a session that has not begun."""
    try:
        key = websocket.headers.get(PROVIDER_KEY, "")[:500]
        with ExitStack() as place:
            place.enter_context(entering(studio, caller))
            lease = await studio.accounts.admit(caller, "conversation")
            async with lease, upstream.opened(model, key) as line:
                await websocket.accept(protocol)
                await Relay(websocket, studio, caller, lease, line, upstream, model, session).run(place.close)
    except VoiceForgeError as error:
        if websocket.application_state is WebSocketState.CONNECTING:
            raise
        logger.error("a relayed session could not be settled: %s", error.message)


class Relay:
    """`run` returns when the session is over, its bill is kept and its client's socket is closed."""

    def __init__(
        self,
        websocket: WebSocket,
        studio: Studio,
        caller: Principal,
        lease: Lease,
        line: Line,
        upstream: Upstream,
        model: str,
        session: Mapping[str, Any],
    ):
        self._websocket, self._line, self._accounts = websocket, line, studio.accounts
        self._caller, self._lease = caller, lease
        self._engine = f"{upstream.row.name}:{model}"[:100]
        self._price = upstream.row.price(model)
        self._session = {name: value for name, value in session.items() if name != "model"}
        self._fixed = session
        self._clock = asyncio.get_running_loop().time
        self._minutes = studio.settings.realtime_minutes
        self._flow = Gcra(PER_SECOND, BURST)
        self._billed: deque[str] = deque(maxlen=1000)
        self._notes: set[asyncio.Task[None]] = set()
        self._live = studio.live
        per_second = lasted(1e6, self._price) / 1e12
        self._passing = Passing(f"sess_{secrets.token_hex(12)}", caller.id, caller.name, self._engine, per_second)
        self._over = ""
        """Why somebody has ended it."""
        self._wanted, self._ended = asyncio.Event(), asyncio.Event()

    async def run(self, seen: Callable[[], None] = lambda: None) -> None:
        """`seen` is called once it is among the sessions that are seen."""
        began = self._clock()
        works = {"up": self._up(), "down": self._down(), "watch": self._watch(), "end": self._wanted.wait()}
        tasks = [asyncio.create_task(work, name=f"relay {name}") for name, work in works.items()]
        self._live.add(self._passing.seen, self._be_ended)
        seen()
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            await self._end(next(task for task in tasks if task in done).exception())
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*self._notes, return_exceptions=True)
            self._live.drop(self._passing.seen.id)
            self._ended.set()
            seconds = self._clock() - began
            sound, cost = self._passing.seen.sound(), lasted(seconds, self._price)
            passed = round(sound.heard + sound.said, 3)
            await self._lease.settle(Usage(self._engine, audio_seconds=passed, micro_usd=cost))
            logger.info("a session relayed to %s ended after %.1f s", self._engine, seconds)

    async def _be_ended(self, reason: str) -> None:
        self._over = reason
        self._wanted.set()
        await self._ended.wait()

    async def _end(self, error: BaseException | None) -> None:
        """Tell the client why, where he is still there."""
        if error is None or isinstance(error, (WebSocketDisconnect, OSError)):
            told, code = self._over, 1000
        elif isinstance(error, Lost):
            logger.warning("the realtime server is gone: %s", error)
            told, code = "The realtime server ended the connection. Begin another session.", 1013
            await self._tell(told, "upstream_closed")
        elif isinstance(error, Garbage):
            logger.warning("the realtime server sent %s", error)
            told, code = "The realtime server sent something that is not understood.", 1011
            await self._tell(told, "upstream_error")
        elif isinstance(error, VoiceForgeError):
            told, code = error.message, 3000 if isinstance(error, Unauthorized) else 1008
            await self._tell(told, error.code, error)
        else:
            logger.error("a relay broke", exc_info=error)
            told, code = "Something broke in here.", 1011
        await self._close(code, told)

    async def _tell(self, message: str, code: str, error: VoiceForgeError | None = None, cause: str = "") -> None:
        kind = errors.kind(error.status) if error else "server_error"
        body = {"type": kind, "code": code, "message": message, "param": error and error.param}
        event = {"type": "error", "event_id": f"event_{secrets.token_hex(8)}", "error": body}
        if cause:
            body["event_id"] = cause
        await self._send(json.dumps(event, ensure_ascii=False))

    async def _send(self, text: str) -> None:
        """Raises WebSocketDisconnect where the client is gone or does not read."""
        try:
            async with asyncio.timeout(UNREAD_SECONDS):
                await self._websocket.send_text(text)
        except (TimeoutError, RuntimeError) as error:
            raise WebSocketDisconnect(1006) from error

    async def _close(self, code: int, reason: str) -> None:
        try:
            async with asyncio.timeout(1.0):
                await self._websocket.close(code, reason[:120])
        except (OSError, RuntimeError, TimeoutError, WebSocketDisconnect) as error:
            logger.debug("a relay's client was gone: %r", error)

    # What passes

    async def _up(self) -> None:
        if self._session:
            update = {"type": "session.update", "session": {"type": "realtime"} | self._session}
            await self._line.send(json.dumps(update))
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            if text is None:
                await self._refuse(BadRequest("Events are text, not binary frames."))
                continue
            if wait := self._flow.take(self._clock(), min(len(text), BURST)):
                await asyncio.sleep(wait)
            if not self._fixed or await self._allowed(text):
                self._passing.up(text)
                await self._line.send(text)

    async def _allowed(self, text: str) -> bool:
        cause = ""
        try:
            event = parsed(text)
            cause = str(event.get("event_id", ""))[:512]
            if field := changed(self._fixed, event):
                raise BadRequest(f"'{field}' is set by the secret that opened this session, and stays.", param=field)
            return True
        except BadRequest as error:
            await self._refuse(error, cause)
            return False

    async def _refuse(self, error: BadRequest, cause: str = "") -> None:
        await self._tell(error.message, "pinned_by_client_secret" if error.param else error.code, error, cause)

    async def _down(self) -> None:
        text, event = self._line.first
        while True:
            self._passing.down(event)
            if event["type"] in BILLED:
                self._bill(event)
            await self._send(text)
            text, event = await self._line.read()

    def _bill(self, event: dict[str, Any]) -> None:
        """Each answer once, whatever the server repeats. Kept beside the events, which do not wait for it."""
        response = event.get("response")
        answer = response if isinstance(response, dict) else event
        id = str(answer.get("id") or answer.get("item_id") or "")
        if id and id in self._billed:
            return
        self._billed.append(id)
        # A transcript is another model's work, at a price that is not this one's.
        took = bill(answer.get("usage"), self._price if event["type"] == BILLED[0] else {})
        self._passing.seen.spent(took.input_tokens, took.output_tokens, took.micro_usd / 1e6 if self._price else None)
        usage = Usage(
            self._engine,
            input_tokens=took.input_tokens,
            output_tokens=took.output_tokens,
            micro_usd=took.micro_usd,
        )
        task = asyncio.create_task(self._note(usage))
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def _note(self, usage: Usage) -> None:
        try:
            await self._accounts.note(self._lease, usage)
        except VoiceForgeError as error:
            logger.error("what %s took could not be kept: %s", self._engine, error.message)

    async def _watch(self) -> None:
        until = self._clock() + 60.0 * self._minutes
        while (left := until - self._clock()) > 0:
            await asyncio.sleep(min(CHECK_SECONDS, left))
            try:
                await self._accounts.current(self._caller)
            except StorageError as error:
                logger.warning("the key of %s could not be looked at: %s", self._passing.seen.id, error.message)
        raise BadRequest(f"Your session hit the maximum duration of {self._minutes:g} minutes.")
