"""API keys over HTTP. A key's secret is in the answer that makes it and nowhere else."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field, StringConstraints

from accounts.accounts import PAGE
from accounts.keys import Key, NewKey
from accounts.principal import Limits
from api._shapes import Offset, listed
from api._upload import json_body, json_schema
from api._wiring import House
from api.auth import KnownCaller

router = APIRouter(prefix="/v1/keys", tags=["keys"])

Count = Annotated[int, Field(ge=0, le=2**53)]


class LimitsBody(BaseModel):
    """What a key may use; 0 is no limit."""

    requests_per_minute: Count = 0
    concurrent: Count = 0
    characters_per_month: Count = 0


class KeyBody(BaseModel):
    """A key to be made. Without an expiry it lasts until it is revoked."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    scopes: list[str] = ["speech", "transcription", "audio", "conversation"]
    expires_at: datetime | None = None
    limits: LimitsBody = LimitsBody()


class RotationBody(BaseModel):
    """How long the old secret stays valid beside the new one, in seconds."""

    overlap_seconds: float = Field(0, ge=0, le=30 * 86_400, allow_inf_nan=False)


@router.post("", status_code=201, openapi_extra=json_schema(KeyBody))
async def create_key(request: Request, studio: House, caller: KnownCaller) -> dict[str, Any]:
    """Make a key. The answer is the only place its secret is ever shown."""
    body = await json_body(request, KeyBody)
    limits = Limits(**body.limits.model_dump())
    made = await studio.accounts.create_key(
        caller, body.name, body.scopes, expires_at=_seconds(body.expires_at), limits=limits
    )
    return _new(made)


@router.get("")
async def list_keys(
    studio: House,
    caller: KnownCaller,
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
    name: Annotated[str, Query(max_length=100, description="How their names begin.")] = "",
) -> dict[str, Any]:
    """Keys, newest first, without their secrets."""
    keys = await studio.accounts.list_keys(caller, offset=offset, limit=limit, name=name)
    total = await studio.accounts.count_keys(caller, name=name)
    return listed(map(_shown, keys), has_more=offset + len(keys) < total, total=total)


@router.get("/{key_id}")
async def get_key(key_id: str, studio: House, caller: KnownCaller) -> dict[str, Any]:
    return _shown(await studio.accounts.get_key(caller, key_id))


@router.delete("/{key_id}")
async def revoke_key(key_id: str, studio: House, caller: KnownCaller) -> dict[str, Any]:
    """Revoke a key at once and for good."""
    return _shown(await studio.accounts.revoke_key(caller, key_id))


@router.post("/{key_id}/rotate", openapi_extra=json_schema(RotationBody, required=False))
async def rotate_key(key_id: str, request: Request, studio: House, caller: KnownCaller) -> dict[str, Any]:
    """A new key in place of an old one, with the same name, scopes and limits."""
    body = await json_body(request, RotationBody, optional=True)
    return _new(await studio.accounts.rotate_key(caller, key_id, overlap_seconds=body.overlap_seconds))


def _seconds(time: datetime | None) -> float | None:
    """A time without a zone is UTC."""
    if time is None:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _shown(key: Key) -> dict[str, Any]:
    return {"object": "key"} | asdict(key) | {"scopes": sorted(key.scopes)}


def _new(made: NewKey) -> dict[str, Any]:
    return _shown(made.key) | {"secret": made.secret}
