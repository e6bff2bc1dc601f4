"""`/v1/realtime/calls`: a session of OpenAI's realtime protocol whose sound goes by WebRTC; docs/realtime.md says how.
`/v1/realtime` holds its calls as it holds its sessions.

Optional: needs what requirements-webrtc.txt installs. A part of the media role: nothing here imports Gradio.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from functools import partial
from importlib.util import find_spec
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from api import client_secrets
from api._headers import is_space
from api._realtime.auth import Entry, entry, opening
from api._realtime.calls_offer import offer
from api._realtime.relay import named
from api.auth import secret_in
from core.errors import BadRequest, TooLarge, Unavailable, UnsupportedMedia

ROLE = "media"
"""The role of a process that serves it."""

MOST_BODY = 400_000
"""Bytes: an offer, and a session with the longest prompt there may be."""
MISSING = "WebRTC is not installed here. The owner of this app adds it by `pip install -r requirements-webrtc.txt`."
SPACE = (
    "WebRTC does not work on a Space: its sound goes over UDP, and a Space passes on nothing but HTTP and WebSockets, "
    "on one port. Use the WebSocket /v1/realtime."
)


router = APIRouter()

Id = Annotated[str, Path(max_length=64)]
Model = Annotated[str, Query(max_length=200)]


@router.post("/v1/realtime/calls", status_code=201, include_in_schema=False)
async def create_call(request: Request, model: Model = "") -> Response:
    """Begin a call: an SDP offer, by itself or in a form with a session, is answered."""
    found = await _entry(request)
    async with opening(found):
        return await _called(request, found, model)


@router.post("/v1/realtime/calls/{call_id}/hangup", include_in_schema=False)
async def hang_up(call_id: Id, request: Request) -> Response:
    """End a call. What it came to is settled when this answers."""
    found = await _entry(request)
    await request.app.state.calls.hang_up(call_id, found.caller)
    return Response(status_code=200)


async def _called(request: Request, found: Entry, model: str) -> Response:
    studio = request.app.state.studio
    if is_space(studio.settings.public_url):
        raise Unavailable(SPACE)
    if find_spec("aiortc") is None:
        raise Unavailable(MISSING)
    text, session = await _asked(request)
    wanted = offer(text, request.client.host if request.client else "")
    if named(studio, model, {**session, **found.session}):
        raise BadRequest("This model is another server's, to which calls are not put through.", param="model")
    secret = secret_in(request.headers)
    call, answer = await request.app.state.calls.open(found, secret, wanted, model, session)
    place = {"Location": f"/v1/realtime/calls/{call.id}"}
    return Response(answer, 201, place, media_type="application/sdp")


async def _entry(request: Request) -> Entry:
    state = request.app.state
    redeem = getattr(state, "redeem_client_secret", None) or partial(client_secrets.redeem, state.studio)
    address = request.client.host if request.client else ""
    return await entry(state.studio, secret_in(request.headers), address, redeem)


async def _asked(request: Request) -> tuple[str, dict[str, Any]]:
    """The offer, and the session that is wanted. Raises UnsupportedMedia, TooLarge, BadRequest."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/sdp", "multipart/form-data"):
        raise UnsupportedMedia("This takes an offer as application/sdp, or a form with the fields sdp and session.")
    body = await _body(request)
    if kind == "application/sdp":
        return _text(body, "sdp"), {}
    form = await _form(request.headers, body)
    return form.get("sdp", ""), _session(form.get("session", ""))


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BODY:
            raise TooLarge(f"An offer and its session have at most {MOST_BODY} bytes.")
    return bytes(body)


async def _form(headers: Headers, body: bytes) -> dict[str, str]:
    """Its fields as text, those too that came as files."""

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body
        yield b""

    parser = MultiPartParser(headers, stream(), max_files=2, max_fields=8)
    found: dict[str, str] = {}
    try:
        for name, value in (await parser.parse()).multi_items():
            found[name] = _text(await value.read(), name) if isinstance(value, UploadFile) else value
    except MultiPartException as error:
        raise BadRequest(f"The form cannot be read: {error.message}") from None
    finally:
        for opened in parser._files_to_close_on_error:
            opened.close()
    return found


def _session(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        raise BadRequest("The session is not valid JSON.", param="session") from None
    if not isinstance(value, dict):
        raise BadRequest("The session is an object.", param="session")
    model = value.get("model", "")
    if not isinstance(model, str) or len(model) > 200:
        raise BadRequest("The model is a name.", param="session")
    return value


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise BadRequest(f"{name} is not text.", param=name) from None
