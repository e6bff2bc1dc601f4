"""Secrets that a browser may hold, each for sessions of one kind on `/v1/realtime`: OpenAI's `client_secrets`, and how
to begin a session of whoever is to hold it."""

from __future__ import annotations

import secrets
import time
from functools import partial
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from accounts.ephemeral import LONGEST, SHORTEST, USUAL
from accounts.lease import Usage
from accounts.principal import Principal
from api._pins import pinned
from api._realtime import session as sessions
from api._realtime.auth import KEY, PROTOCOL, Entry
from api._realtime.relay import named
from api._realtime.talk import thinker
from api._upload import json_body, json_schema
from api._wiring import House
from api.conversations import Talker
from core.errors import BadRequest
from providers.realtime import RELAY
from studio import Studio

router = APIRouter(tags=["conversations"])


class ExpiresAfter(BaseModel):
    anchor: Literal["created_at"] = "created_at"
    seconds: Annotated[int, Field(ge=SHORTEST, le=LONGEST)] = USUAL


class SecretBody(BaseModel):
    """OpenAI's body, and `once` for a secret that is good for one session."""

    expires_after: ExpiresAfter | None = None
    session: dict[str, Any] | None = None
    once: bool = False

    @property
    def seconds(self) -> int:
        return (self.expires_after or ExpiresAfter()).seconds


class SessionBody(SecretBody):
    """`mode` is who the browser speaks to: `here` this house, `direct` the owner's realtime server itself, `auto` the
    server where the owner allows it."""

    model: Annotated[str, Field(max_length=200)] = ""
    mode: Literal["auto", "here", "direct"] = "auto"


BODY = json_schema(SecretBody, required=False)
SESSION = json_schema(SessionBody, required=False)


@router.post("/v1/realtime/client_secrets", openapi_extra=BODY)
async def create_client_secret(request: Request, studio: House, caller: Talker) -> dict[str, Any]:
    """Make a secret with which a browser opens `/v1/realtime`, for ten minutes at most. What the session names is
    fixed: the browser cannot change it. It ends with the key that made it."""
    return await made(studio, caller, await json_body(request, SecretBody, optional=True))


@router.post("/v1/voice/realtime/session", openapi_extra=SESSION)
async def create_realtime_session(request: Request, studio: House, caller: Talker) -> dict[str, Any]:
    """Everything that a browser needs to begin a realtime session: the address, the secret, and the subprotocols that
    carry it. Where the owner has a realtime server and allows it, they are that server's own."""
    body = await json_body(request, SessionBody, optional=True)
    return await begun(studio, caller, body, str(request.base_url))


async def redeem(studio: Studio, value: str) -> Entry:
    """What a secret opens. Raises Unauthorized where it is foreign, expired or used up."""
    found = studio.accounts.client_secrets
    opened = await found.open(value)
    return Entry(opened.principal, opened.session, pinned(opened.session), partial(found.give_back, opened))


async def made(studio: Studio, caller: Principal, asked: SecretBody) -> dict[str, Any]:
    """A secret in OpenAI's shape. Raises BadRequest for a session that could not be begun, and what minting raises."""
    session = asked.session or {}
    told = await _checked(studio, session)
    value, ends = await studio.accounts.client_secrets.mint(caller, session, asked.seconds, once=asked.once)
    return {"value": value, "expires_at": int(ends), "session": told}


async def begun(studio: Studio, caller: Principal, asked: SessionBody, base_url: str) -> dict[str, Any]:
    session = dict(asked.session or {})
    if asked.model:
        session.setdefault("model", asked.model)
    upstream = studio.upstream
    can = upstream is not None and studio.settings.realtime_direct
    if asked.mode == "direct" and not can:
        raise BadRequest("The owner of this app lets nobody go to a realtime server directly.", param="mode")
    if upstream and can and asked.mode != "here":
        # A name that is none of the server's is meant for this house.
        model = upstream.model(str(session.get("model") or RELAY))
        if model is not None:
            return await _direct(studio, caller, session | ({"model": model} if model else {}), asked)
        if asked.mode == "direct":
            raise BadRequest("The realtime server has no model of this name.", param="model")
    secret = await made(studio, caller, asked.model_copy(update={"session": session}))
    url = _socket(studio.settings.public_url or base_url, str(session.get("model", "")))
    mode = "relay" if named(studio, "", session) else "here"
    return _grant(mode, url, secret["value"], secret["expires_at"], secret["session"])


async def _direct(studio: Studio, caller: Principal, session: dict[str, Any], asked: SecretBody) -> dict[str, Any]:
    """The use of it is the server's to count; here it is one row that says that it was begun."""
    assert studio.upstream is not None
    async with await studio.accounts.admit(caller, "conversation") as lease:
        grant = await studio.upstream.grant({"type": "realtime"} | session, asked.seconds)
        await lease.settle(Usage(f"{studio.upstream.row.name}:{session.get('model', '')}:direct"[:100]))
    return _grant("direct", grant.url, grant.value, grant.expires_at, grant.session)


def _grant(mode: str, url: str, value: str, expires_at: int, session: dict[str, Any]) -> dict[str, Any]:
    return {
        "object": "realtime.session_grant",
        "mode": mode,
        "url": url,
        "protocols": [PROTOCOL, f"{KEY}{value}"],
        "client_secret": {"value": value, "expires_at": expires_at},
        "session": session,
    }


def _socket(base_url: str, model: str) -> str:
    parts = urlsplit(base_url)
    url = f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}{parts.path.rstrip('/')}/v1/realtime"
    return f"{url}?model={quote(model, safe='')}" if model else url


async def _checked(studio: Studio, session: dict[str, Any]) -> dict[str, Any]:
    """The session as it will be told; one that another server holds is for that one to check."""
    if (kind := session.get("type", "realtime")) not in ("realtime", "transcription"):
        raise BadRequest(f"A session is of the type realtime or transcription, not {kind!r:.40}.", param="session")
    model = session.get("model", "")
    if not isinstance(model, str) or len(model) > 200:
        raise BadRequest("The model is a name.", param="session")
    if named(studio, "", session):
        return {"object": "realtime.session", "type": "realtime"} | session
    change = {name: value for name, value in session.items() if name != "model"}
    mind = await thinker(studio, model)
    ends = int(time.time()) + 60 * studio.settings.realtime_minutes
    return sessions.begun(f"sess_{secrets.token_hex(12)}", ends, mind.name, change=change).as_json()
