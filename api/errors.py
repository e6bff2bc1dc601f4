"""The one translation of errors into HTTP: OpenAI's shape, `{"error": {"message", "type", "param", "code"}}`.

`install` hangs it on an app, with everything else that surrounds all requests.
"""

import logging
import math
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Match

from api._edge import MEGABYTE, BodyLimit, Edge, OriginGuard
from api._headers import SecurityHeaders
from core.errors import BadRequest, VoiceForgeError
from core.settings import Settings
from providers.realtime import Upstream

logger = logging.getLogger(__name__)

WITH_SOUND = {"/v1/chat/completions": 16 * MEGABYTE, "/v1/voice/chat": 16 * MEGABYTE}
"""Paths whose JSON holds recordings: four minutes of plain 16-bit sound, three quarters of an hour of mp3."""

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]

CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_media_type"}


def kind(status: int) -> str:
    """OpenAI's `type` of an error by its status."""
    names = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
    return names.get(status, "invalid_request_error" if status < 500 else "server_error")


def shape(message: str, status: int, code: str, param: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind(status), "param": param, "code": code}}


def described(error: Exception) -> dict[str, Any]:
    """An error's body. What was not raised on purpose says nothing of itself."""
    if isinstance(error, VoiceForgeError):
        return shape(error.message, error.status, error.code, error.param)
    return shape("Something broke in here; the request id names it in the log.", 500, "internal_error")


def answer(error: Exception) -> Response:
    """The response to any error, foreign ones included."""
    if isinstance(error, HTTPException):
        body = shape(str(error.detail), error.status_code, CODES.get(error.status_code, "invalid_request"))
        return JSONResponse(body, error.status_code, error.headers)
    status = error.status if isinstance(error, VoiceForgeError) else 500
    return JSONResponse(described(error), status, headers=_headers(error))


def _headers(error: Exception) -> dict[str, str]:
    headers: dict[str, str] = {}
    if not isinstance(error, VoiceForgeError):
        return headers
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="VoiceForge"'
    if error.status == 413:
        headers["Connection"] = "close"
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    return headers | limit_headers(error)


def limit_headers(error: VoiceForgeError) -> dict[str, str]:
    """The x-ratelimit headers of a limit that was reached."""
    if error.status != 429:
        return {}
    headers = {"x-ratelimit-remaining-requests": "0"}
    if error.retry_after is not None:
        headers["x-ratelimit-reset-requests"] = f"{error.retry_after:.3f}s"
    return headers


def invalid(errors: Iterable[Mapping[str, Any]]) -> BadRequest:
    """The first of pydantic's complaints as one of ours, naming the field."""
    first = next(iter(errors))
    if first["type"] == "json_invalid":
        return BadRequest("The body is not valid JSON.")
    place = [str(part) for part in first["loc"] if part not in ("body", "query", "path")]
    param = place[0] if place else None
    message = first["msg"].removeprefix("Value error, ")
    return BadRequest(f"{param}: {message}." if param else f"{message}.", param=param)


async def _translated(_: Request, error: Exception) -> Response:
    if isinstance(error, (RequestValidationError, ValidationError)):
        error = invalid(error.errors())
    if isinstance(error, VoiceForgeError) and error.status >= 500:
        logger.warning("%s: %s", error.code, error.message)
    return answer(error)


async def _unknown(request: Request) -> Response:
    """Stands behind all routes: a path that nobody has, or one asked with a wrong method."""
    for route in request.app.routes:
        if route.matches(request.scope)[0] is Match.PARTIAL:
            message = f"{request.url.path} does not take {request.method}."
            return JSONResponse(shape(message, 405, CODES[405]), 405)
    return JSONResponse(shape(f"There is nothing at {request.url.path}.", 404, CODES[404]), 404)


def install(app: FastAPI, settings: Settings) -> None:
    """Called once, after all routers are included and before a page is mounted at `/`, which takes what is left.

    From the outside in: security headers, request ids and the last word on errors, CORS, the guard of open access, the
    size of bodies.
    """
    for path in ("/v1/{path:path}", "/health", "/ready", "/version", "/metrics"):
        app.add_api_route(path, _unknown, methods=METHODS, include_in_schema=False)
    for error in (VoiceForgeError, HTTPException, RequestValidationError, ValidationError):
        app.add_exception_handler(error, _translated)
    origins = [origin.rstrip("/") for origin in (*settings.cors_origins, settings.public_url) if origin]
    app.add_middleware(BodyLimit, upload_mb=settings.max_upload_mb, larger=WITH_SOUND)
    if settings.access == "open":
        app.add_middleware(OriginGuard, allowed=origins)
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=["*"],
            expose_headers=EXPOSED,
        )
    app.add_middleware(Edge, answer=answer)
    app.add_middleware(SecurityHeaders, public_url=settings.public_url, reached=_reached(settings))


def _reached(settings: Settings) -> str:
    """The owner's realtime server, where browsers are let go to it themselves."""
    if not (settings.realtime_direct and settings.realtime_base_url):
        return ""
    there = urlsplit(Upstream(settings.realtime_base_url).url(""))
    return f"{there.scheme}://{there.netloc}"


EXPOSED = [
    "Location", "Retry-After", "X-Request-Id", "X-VoiceForge-Engine", "X-VoiceForge-Voice", "X-VoiceForge-Reason",
    "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests",
]  # fmt: skip
