"""The owner's server of realtime conversations: a socket to it, and its secrets for browsers. Knows the protocol's
envelope, and neither clients nor who pays."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from core.errors import BadRequest, EngineError, EngineTimeout, Overloaded, Unavailable, UnknownModel, VoiceForgeError
from core.settings import is_loopback
from providers.realtime_rows import Row, row_of

logger = logging.getLogger(__name__)

RELAY = "relay"
MOST_BYTES = 4 << 20
"""Of one event."""
MOST_WAITING = 64
"""Events that may wait to be read; the server is held up beyond."""
CLOSE_SECONDS = 1.0
NOT_UNDERSTOOD = "The realtime server sent something that is not understood."
ATTEMPTS = 2
"""How often it is called, as long as nothing has come of it."""


@dataclass(frozen=True)
class Patience:
    """Seconds."""

    first: float = 10.0
    """From the call to the first event."""
    again: float = 0.3
    """Before the second call, at most."""
    sending: float = 10.0
    """Until the server takes an event."""
    ping: float = 20.0
    """Between two pings, and until the answer to one."""
    secret: float = 10.0


@dataclass(frozen=True)
class Grant:
    """A secret of the server's own, with which a browser goes there itself."""

    value: str
    expires_at: int
    session: dict[str, Any]
    url: str


class Upstream:
    """Made of the owner's settings; holds `most` lines at a time. `base_url` is an address such as
    `https://api.openai.com/v1`, or a row's name."""

    def __init__(
        self, base_url: str, key: str = "", model: str = "", *, most: int = 200, patience: Patience = Patience()
    ):
        self.row: Row = row_of(base_url)
        base = self.row.base if base_url == self.row.name else base_url
        self._base = base.rstrip("/").replace("wss://", "https://", 1).replace("ws://", "http://", 1)
        self._key, self._model, self._most, self._patience = key, model, most, patience
        self.lines = 0
        """That are open, or being opened."""
        # A proxy leads out of this machine, and not back into it.
        self._at_home = is_loopback(httpx.URL(self._base).host)

    @property
    def has_key(self) -> bool:
        return bool(self._key)

    def model(self, name: str) -> str | None:
        """The model that a name means there; None where the name is not meant for it."""
        name = name.strip()
        head, _, tail = name.partition(":")
        if head.casefold() == RELAY:
            return tail.strip() or self._model or next(iter(self.row.models), "")
        own = name and (name == self._model or any(name.startswith(family) for family in self.row.models))
        return name if own else None

    def url(self, model: str) -> str:
        """Of its socket."""
        address = f"{self._base}/{self.row.path}".replace("http", "ws", 1)
        return f"{address}?model={quote(model, safe='')}" if model else address

    @asynccontextmanager
    async def opened(self, model: str, key: str = "") -> AsyncIterator[Line]:
        """A line to the server, which has said its first event. `key` is another than the owner's.

        Raises Unavailable where it cannot be reached, does not take the key or hangs up; UnknownModel, Overloaded,
        EngineTimeout and EngineError as it answers.
        """
        if self.lines >= self._most:
            raise Overloaded(f"{self._most} sessions are relayed; this house holds no more at a time.", retry_after=5)
        self.lines += 1
        try:
            line = await self._line(model, key or self._key)
            try:
                yield line
            finally:
                await line.close()
        finally:
            self.lines -= 1

    async def _line(self, model: str, key: str) -> Line:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                async with asyncio.timeout(self._patience.first):
                    return await self._called(model, key)
            except TimeoutError as error:
                raise EngineTimeout("The realtime server did not answer in time.") from error
            except Garbage as error:
                raise EngineError(NOT_UNDERSTOOD) from error
            except _HungUp as error:
                if attempt == ATTEMPTS:
                    raise Unavailable("The realtime server cannot be reached.") from error
                logger.warning("the realtime server hung up, it is called again: %s", error)
                await asyncio.sleep(random.uniform(0.5, 1.0) * self._patience.again)
        raise AssertionError("unreachable")

    async def _called(self, model: str, key: str) -> Line:
        try:
            socket = await connect(
                self.url(model),
                additional_headers=self.row.header(key),
                user_agent_header="VoiceForge",
                compression=None,
                open_timeout=None,
                ping_interval=self._patience.ping,
                ping_timeout=self._patience.ping,
                close_timeout=CLOSE_SECONDS,
                max_size=MOST_BYTES,
                max_queue=MOST_WAITING,
                proxy=None if self._at_home else True,
            )
        except InvalidStatus as error:
            raise _refusal(error.response.status_code, bytes(error.response.body or b""), model) from error
        except (OSError, InvalidHandshake, EOFError) as error:
            raise _HungUp(str(error)) from error
        line = Line(socket, self._patience.sending)
        try:
            line.first = await line.read()
        except BaseException as error:
            await line.close()
            if isinstance(error, Lost):
                raise _HungUp(str(error)) from error
            raise
        if line.first[1]["type"] == "error":
            await line.close()
            raise _told(line.first[1], model)
        return line

    async def grant(self, session: Mapping[str, Any], seconds: int) -> Grant:
        """A secret for a browser. Raises Unavailable where the server makes none, and what `opened` raises."""
        if not self.row.secrets or not self._key:
            raise Unavailable(f"{self.row.title} gives no secrets to browsers here.")
        body = {"expires_after": {"anchor": "created_at", "seconds": seconds}, "session": dict(session)}
        try:
            async with httpx.AsyncClient(timeout=self._patience.secret, trust_env=not self._at_home) as client:
                headers = self.row.header(self._key)
                answer = await client.post(f"{self._base}/{self.row.secrets}", json=body, headers=headers)
        except httpx.TimeoutException as error:
            raise EngineTimeout("The realtime server did not answer in time.") from error
        except httpx.HTTPError as error:
            raise Unavailable("The realtime server cannot be reached.") from error
        model = str(session.get("model", ""))
        if not answer.is_success:
            raise _refusal(answer.status_code, answer.content, model)
        return _granted(answer.content, self.url(model))


class _HungUp(Exception):
    """Nothing has come of a call yet."""


class Lost(Exception):
    """The line is broken: the server closed it, or is gone. The words are for the log."""


class Garbage(Exception):
    """The server sent what is no event."""


class Line:
    """An open socket. `first` is what the server said first."""

    def __init__(self, socket: ClientConnection, patience: float):
        self._socket, self._patience = socket, patience
        self.first: tuple[str, dict[str, Any]] = "", {}

    async def read(self) -> tuple[str, dict[str, Any]]:
        """The next event, as it came and as it is read. Raises Lost or Garbage."""
        try:
            text = await self._socket.recv()
        except ConnectionClosed as error:
            raise Lost(str(error)) from error
        if isinstance(text, bytes):
            raise Garbage("a binary frame")
        try:
            event = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Garbage("no JSON") from error
        if not isinstance(event, dict) or not isinstance(event.get("type"), str):
            raise Garbage("no event")
        return text, event

    async def send(self, text: str) -> None:
        """Raises Lost, also where the server takes nothing any more."""
        try:
            async with asyncio.timeout(self._patience):
                await self._socket.send(text)
        except (ConnectionClosed, TimeoutError) as error:
            raise Lost(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """At once where the server does not take what is on its way."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._socket.close()
        except TimeoutError:
            self._socket.transport.abort()


def _granted(data: bytes, url: str) -> Grant:
    try:
        told = json.loads(data)
        session = told.get("session")
        return Grant(str(told["value"]), int(told["expires_at"]), session if isinstance(session, dict) else {}, url)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise EngineError(NOT_UNDERSTOOD) from error


def _told(event: dict[str, Any], model: str) -> VoiceForgeError:
    """What a server means that lets everybody in and then tells some why they may not stay."""
    error = event.get("error")
    code = str(error.get("code")) if isinstance(error, dict) else ""
    status = {"invalid_api_key": 401, "model_not_found": 404, "rate_limit_exceeded": 429, "insufficient_quota": 429}
    return _refusal(status.get(code, 502), json.dumps(event).encode(), model)


def _refusal(status: int, words: bytes, model: str) -> VoiceForgeError:
    """What a status means. The server's own words are for the owner: they may tell what the caller is not to know."""
    logger.warning("the realtime server answered %d: %s", status, words[:500].decode("utf-8", "replace"))
    if status in (401, 403):
        return Unavailable("The realtime server does not take the key that this app has for it.")
    if status == 404:
        return UnknownModel(f"The realtime server has no model {model[:60]!r}.", param="model")
    if status == 429:
        return Overloaded("The realtime server is busy.", retry_after=1.0)
    if 400 <= status < 500:
        return BadRequest("The realtime server refuses the request.")
    return Unavailable("The realtime server cannot answer now.")
