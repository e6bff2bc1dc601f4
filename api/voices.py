"""The voices there are, and the well-known names that stand for some of them."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query

from api import _sample
from api._shapes import Limit, Offset, listed
from api._wiring import House
from api.auth import KnownCaller
from core.errors import VoiceForgeError
from engines.base import Voice
from studio import Studio

router = APIRouter(prefix="/v1/audio/voices", tags=["voices"])

Text = Annotated[str, Query(max_length=200)]


@router.get("")
async def list_voices(
    studio: House,
    _: KnownCaller,
    language: Text = "",
    engine: Text = "",
    search: Text = "",
    offset: Offset = 0,
    limit: Limit = 100,
) -> dict[str, Any]:
    """Voices by language (`en` has `en-GB` too), engine, or a word of their name, id or description."""
    found = [
        voice
        for voice in studio.voices.all()
        if (not engine or voice.engine == engine) and _speaks(voice, language) and _holds(voice, search)
    ]
    names = _names(studio.voices.aliases())
    page = found[offset : offset + limit]
    more = offset + limit < len(found)
    aliases = {alias: voice.id for alias, voice in studio.voices.aliases().items()}
    # `voices` beside `data`: chat front ends fill their menus from it.
    short = [{"id": voice.id, "name": voice.name} for voice in page]
    return listed(
        (shown(voice, names) for voice in page), has_more=more, total=len(found), aliases=aliases, voices=short
    )


@router.get("/{voice_id:path}")
async def get_voice(voice_id: str, studio: House, _: KnownCaller) -> dict[str, Any]:
    """A voice by its id, its name or a name that stands for it; who speaks now where it is asked for, and why; and what
    its sample is asked for with."""
    voice = studio.voices.find(voice_id)
    more = await asyncio.to_thread(_now, studio, voice)
    return shown(voice, _names(studio.voices.aliases())) | more


def _now(studio: Studio, voice: Voice) -> dict[str, Any]:
    """`speaks` is null where nobody could speak for it."""
    sample = _sample.shown(studio, voice.id, voice.languages, voice.name)
    try:
        route = studio.routing.speech(voice.id)
    except VoiceForgeError as error:
        return {"speaks": None, "reason": error.message, "sample": None}
    now = {"engine": route.engine, "voice": route.voice, "language": route.language}
    return {"speaks": now, "reason": route.reason, "sample": sample}


def shown(voice: Voice, names: Mapping[str, list[str]]) -> dict[str, Any]:
    return {
        "id": voice.id,
        "object": "audio.voice",
        "name": voice.name,
        "engine": voice.engine,
        "languages": list(voice.languages),
        "gender": voice.gender,
        "description": voice.description,
        "aliases": names.get(voice.id, []),
    }


def _names(aliases: Mapping[str, Voice]) -> dict[str, list[str]]:
    """The well-known names of each voice that has any, by its id."""
    names: dict[str, list[str]] = {}
    for alias, voice in aliases.items():
        names.setdefault(voice.id, []).append(alias)
    return names


def _speaks(voice: Voice, language: str) -> bool:
    wanted = language.casefold().replace("_", "-")
    tags = (tag.casefold() for tag in voice.languages)
    return not wanted or any(tag == wanted or tag.startswith(f"{wanted}-") for tag in tags)


def _holds(voice: Voice, search: str) -> bool:
    return search.casefold() in " ".join((voice.id, voice.name, voice.gender, voice.description)).casefold()
