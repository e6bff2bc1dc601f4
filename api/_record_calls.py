"""Gradio's endpoints that take and give records: voices, models, keys, usage, and how the app is."""

import json
from typing import Any, Literal

import gradio as gr
from pydantic import BaseModel, Field

from accounts.accounts import PAGE
from accounts.principal import Limits
from api import health as watching
from api import keys as keyring
from api import models as modelling
from api import usage as metering
from api import voices as voicing
from api._binding import anybody, caller_of, checked
from studio import Studio


class Page(BaseModel):
    offset: int = Field(0, ge=0, le=1_000_000_000)
    limit: int = Field(100, ge=1, le=1000)


class VoicesAsked(Page):
    language: str = Field("", max_length=200)
    engine: str = Field("", max_length=200)
    search: str = Field("", max_length=200)


class KeysAsked(Page):
    limit: int = Field(PAGE, ge=1, le=PAGE)
    name: str = Field("", max_length=100)


class UsageAsked(BaseModel):
    since: str = Field("", max_length=40)
    until: str = Field("", max_length=40)
    group_by: Literal["day", "key", "op", "engine"] = "day"


class Named(BaseModel):
    id: str = Field(max_length=200)


async def voices(
    studio: Studio,
    request: gr.Request,
    language: str = "",
    engine: str = "",
    search: str = "",
    offset: int = 0,
    limit: int = 100,
) -> dict[str, Any]:
    """List the voices that can speak here.

    Args:
        language: A tag; en has en-GB too.
        engine: An engine's name.
        search: A word of a voice's name, id or description.
        offset: How many to leave out from the beginning.
        limit: How many at most, up to 1000.

    Returns:
        `data` with the voices, `aliases` with the well-known names, `total`.
    """
    asked = checked(VoicesAsked, language=language, engine=engine, search=search, offset=offset, limit=limit)
    return await voicing.list_voices(studio, caller_of(request), **asked.model_dump())


async def voice(studio: Studio, request: gr.Request, voice: str) -> dict[str, Any]:
    """Tell about one voice.

    Args:
        voice: Its id, its name, or a well-known name that stands for it.

    Returns:
        The voice.
    """
    return await voicing.get_voice(checked(Named, id=voice).id, studio, caller_of(request))


async def models(studio: Studio, request: gr.Request) -> dict[str, Any]:
    """List the names that a request may give as its model, and whether each can be used now.

    Returns:
        `data` with the models.
    """
    return await modelling.list_models(studio, caller_of(request))


async def audio_models(studio: Studio, request: gr.Request) -> dict[str, Any]:
    """List the models that speak.

    Returns:
        `data` with the models.
    """
    return await modelling.list_audio_models(studio, caller_of(request))


async def model(studio: Studio, request: gr.Request, model: str) -> dict[str, Any]:
    """Tell about one model.

    Args:
        model: Its name.

    Returns:
        The model, whether it is ready, and why not.
    """
    return await modelling.get_model(checked(Named, id=model).id, studio, caller_of(request))


async def create_key(
    studio: Studio,
    request: gr.Request,
    name: str,
    scopes: list[str] | None = None,
    expires_at: str | None = None,
    requests_per_minute: int = 0,
    concurrent: int = 0,
    characters_per_month: int = 0,
) -> dict[str, Any]:
    """Make an API key. The answer is the only place where its secret is ever shown.

    Args:
        name: What the key is for.
        scopes: Some of speech, transcription, audio, usage, keys; empty is the first three.
        expires_at: A time in ISO 8601 at which it ends; empty is never.
        requests_per_minute: 0 is no limit.
        concurrent: Requests side by side; 0 is no limit.
        characters_per_month: 0 is no limit.

    Returns:
        The key with its `secret`.
    """
    caller = caller_of(request)
    limits = {
        "requests_per_minute": requests_per_minute,
        "concurrent": concurrent,
        "characters_per_month": characters_per_month,
    }
    given = {"name": name, "expires_at": expires_at or None, "limits": limits} | ({"scopes": scopes} if scopes else {})
    body = checked(keyring.KeyBody, **given)
    made = await studio.accounts.create_key(
        caller,
        body.name,
        body.scopes,
        expires_at=keyring._seconds(body.expires_at),
        limits=Limits(**body.limits.model_dump()),
    )
    return keyring._new(made)


async def list_keys(
    studio: Studio, request: gr.Request, name: str = "", offset: int = 0, limit: int = PAGE
) -> dict[str, Any]:
    """List API keys, newest first, without their secrets.

    Args:
        name: How their names begin.
        offset: How many to leave out from the beginning.
        limit: How many at most, up to 100.

    Returns:
        `data` with the keys, `has_more`, `total`.
    """
    asked = checked(KeysAsked, name=name, offset=offset, limit=limit)
    return await keyring.list_keys(studio, caller_of(request), **asked.model_dump())


async def get_key(studio: Studio, request: gr.Request, key_id: str) -> dict[str, Any]:
    """Tell about one API key.

    Args:
        key_id: The key's id.

    Returns:
        The key without its secret.
    """
    return await keyring.get_key(checked(Named, id=key_id).id, studio, caller_of(request))


async def revoke_key(studio: Studio, request: gr.Request, key_id: str) -> dict[str, Any]:
    """Revoke an API key, at once and for good.

    Args:
        key_id: The key's id.

    Returns:
        The key as it is now.
    """
    return await keyring.revoke_key(checked(Named, id=key_id).id, studio, caller_of(request))


async def rotate_key(studio: Studio, request: gr.Request, key_id: str, overlap_seconds: float = 0.0) -> dict[str, Any]:
    """Make a new key in place of an old one, with the same name, scopes and limits.

    Args:
        key_id: The old key's id.
        overlap_seconds: How long the old secret stays valid beside the new one.

    Returns:
        The new key with its `secret`.
    """
    body = checked(keyring.RotationBody, overlap_seconds=overlap_seconds)
    asked = checked(Named, id=key_id)
    made = await studio.accounts.rotate_key(caller_of(request), asked.id, overlap_seconds=body.overlap_seconds)
    return keyring._new(made)


async def usage(
    studio: Studio,
    request: gr.Request,
    since: str = "",
    until: str = "",
    group_by: Literal["day", "key", "op", "engine"] = "day",
) -> dict[str, Any]:
    """Sum up what was used, over the last 30 days unless said otherwise.

    Args:
        since: A day, a time in ISO 8601, or seconds since 1970.
        until: The same.
        group_by: What the sums are made for.

    Returns:
        `data` with the sums.
    """
    asked = checked(UsageAsked, since=since, until=until, group_by=group_by)
    return await metering.usage(studio, caller_of(request), **asked.model_dump())


async def recent_usage(studio: Studio, request: gr.Request, limit: int = 100) -> dict[str, Any]:
    """List the latest requests, newest first.

    Args:
        limit: How many at most, up to 1000.

    Returns:
        `data` with the requests.
    """
    return await metering.recent(studio, caller_of(request), limit=checked(Page, limit=limit).limit)


async def health(studio: Studio) -> dict[str, Any]:
    """Tell that the app is alive.

    Returns:
        `status` and `uptime_seconds`.
    """
    return await watching.health(studio)


async def ready(studio: Studio, request: gr.Request) -> dict[str, Any]:
    """Tell what the app can do at the moment, and why not. Who has a key also sees the engines.

    Returns:
        `status`, `uses`, and for who has a key `models` and what is `running`.
    """
    answer = await watching.ready(studio, anybody(request))
    return json.loads(bytes(answer.body))


async def version(studio: Studio) -> dict[str, str]:
    """Tell the app's version.

    Returns:
        `name`, `version`, and the version of `python`.
    """
    return await watching.version()


async def metrics(studio: Studio, request: gr.Request) -> str:
    """Give the app's figures in Prometheus' text format, to who may see the usage.

    Returns:
        The figures.
    """
    answer = await watching.metrics(studio, caller_of(request))
    return bytes(answer.body).decode()
