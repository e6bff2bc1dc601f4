"""What surrounds every request, as plain ASGI: its id and last resort, the guard of open access, the size of bodies.

Knows no route and no error's shape; the translation of errors is handed in.
"""

import logging
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import urlsplit

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from accounts.principal import LOCAL
from api.auth import secret_in
from core.errors import Forbidden, TooLarge, Unauthorized, VoiceForgeError
from core.settings import is_loopback

logger = logging.getLogger(__name__)

MEGABYTE = 1_000_000
JSON_LIMIT = 2 * MEGABYTE
ENVELOPE = MEGABYTE
"""Room for the other fields of a form beside its file."""


class Edge:
    """The outermost ring: names the request, answers what nobody else answered, counts and logs it once."""

    def __init__(self, app: ASGIApp, answer: Callable[[Exception], Response]):
        self.app = app
        self.answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        name = f"req_{secrets.token_hex(12)}"
        scope.setdefault("state", {})["request_id"] = name
        status, first_byte = 0, 0.0

        async def sent(message: Message) -> None:
            nonlocal status, first_byte
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", name.encode())]
            elif not first_byte:
                first_byte = time.perf_counter() - began
            await send(message)

        try:
            await self.app(scope, receive, sent)
        except ClientDisconnect:
            status = status or 499
        except Exception as error:
            if not isinstance(error, (VoiceForgeError, HTTPException)):
                logger.exception("%s failed: %s %s", name, scope["method"], scope["path"])
            if not status:
                await self.answer(error)(scope, receive, sent)
        finally:
            _count(scope, name, status, first_byte, time.perf_counter() - began)


def _count(scope: Scope, name: str, status: int, first_byte: float, whole: float) -> None:
    """One line and two figures for each request to the HTTP API; pages and their files are not counted."""
    route = getattr(scope.get("route"), "path", "")
    studio = getattr(scope["app"].state, "studio", None) if "app" in scope else None
    if not scope["path"].startswith("/v1/") or studio is None:
        return
    labels = (route, scope["method"], str(status))
    studio.metrics.counter("http_requests", "Requests to the HTTP API.", ("route", "method", "status")).labels(
        *labels
    ).inc()
    studio.metrics.histogram("http_first_byte_seconds", "Until the first byte of the answer.", ("route",)).labels(
        route
    ).observe(first_byte or whole)
    logger.info(
        "%s %s %s %d first byte %.1f ms, whole %.1f ms",
        name, scope["method"], route, status, first_byte * 1000, whole * 1000,
    )  # fmt: skip


class OriginGuard:
    """Keeps foreign web pages from using an app that asks its own machine for no key.

    A page elsewhere can make a browser call a loopback address, directly (its Origin gives it away) or under a name
    of its own that it points there (the Host does). Neither passes without a valid key.
    """

    def __init__(self, app: ASGIApp, allowed: Iterable[str] = ()):
        self.app = app
        self.origins = frozenset(allowed)
        self.hosts = frozenset(urlsplit(origin).hostname for origin in self.origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or await self._welcome(scope):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "A foreign site may not use this app."})
        else:
            raise Forbidden("A foreign site may not use this app without a key.", param="origin")

    async def _welcome(self, scope: Scope) -> bool:
        return self._native(Headers(scope=scope)) or await self._has_key(scope)

    def _native(self, headers: Headers) -> bool:
        host = _host_name(f"//{headers.get('host', '')}")
        origin = headers.get("origin")
        at_home = is_loopback(host) or host in self.hosts
        return at_home and (origin is None or origin in self.origins or is_loopback(_host_name(origin)))

    @staticmethod
    async def _has_key(scope: Scope) -> bool:
        secret = secret_in(Headers(scope=scope))
        if secret is None:
            return False
        try:
            return (await scope["app"].state.studio.accounts.identify(secret)).id != LOCAL.id
        except Unauthorized:
            return False


def _host_name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


class BodyLimit:
    """Ends a request whose body is larger than its kind may be, whatever its Content-Length says. `larger` names paths
    whose JSON may have more bytes than JSON_LIMIT, because it carries sound."""

    def __init__(self, app: ASGIApp, upload_mb: int, larger: Mapping[str, int] | None = None):
        self.app = app
        self.upload = upload_mb * MEGABYTE
        self.larger = dict(larger or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        is_form = headers.get("content-type", "").startswith("multipart/")
        json_limit = self.larger.get(scope["path"], JSON_LIMIT)
        allowed = self.upload + ENVELOPE if is_form else json_limit
        shown = f"{(self.upload if is_form else json_limit) // MEGABYTE} MB"
        announced = headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > allowed:
            raise TooLarge(f"The body is larger than {shown}, which is the most this takes.")
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > allowed:
                # An HTTPException, since frameworks pass on no other error out of reading a body.
                detail = f"The body is larger than {shown}, which is the most this takes."
                raise HTTPException(413, detail, headers={"Connection": "close"})
            return message

        await self.app(scope, counted, send)
