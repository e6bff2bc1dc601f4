"""Every published voice, whether it can be used here or not: to browse, search and count."""

import asyncio
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from api import _sample, _standing
from api._shapes import Limit, Offset, listed
from api._wiring import House
from api.auth import KnownCaller
from studio import Studio
from voice.catalogue import Entry, Standing
from voice.languages import canonical, name_of

router = APIRouter(tags=["voices"])

Text = Annotated[str, Query(max_length=200)]
Gender = Literal["", "female", "male", "unspecified"]
Kind = Literal["", "named-speaker", "prompt-voice", "language-default", "tag", "variant"]


@router.get("/v1/audio/catalogue", response_class=JSONResponse)
async def catalogue(
    studio: House,
    _: KnownCaller,
    search: Text = "",
    language: Text = "",
    engine: Text = "",
    gender: Gender = "",
    kind: Kind = "",
    installed: bool | None = None,
    offset: Offset = 0,
    limit: Limit = 100,
) -> JSONResponse:
    """Voices by the words of any of their fields, language, engine, gender or kind, those that can be used here first.

    One that cannot be used says why not, and which commands would bring it; one that can says how its `sample` is got,
    and whether it was made before, so that it comes at once. `counts` are those of all published
    voices, `usable` is how many can be used here now.
    """
    asked = (search, language, engine, gender, kind, installed)
    # As a response, since FastAPI would go through four hundred rows once more on the loop.
    return JSONResponse(await page(studio, *asked, offset=offset, limit=limit))


async def page(studio: Studio, *asked: Any, offset: int, limit: int) -> dict[str, Any]:
    """What `catalogue` answers; `asked` as `Catalogue.search` takes it. Raises what that raises."""
    # In a thread: it looks on the disk for weights.
    return await asyncio.to_thread(_page, studio, asked, offset, limit)


def _page(studio: Studio, asked: tuple[Any, ...], offset: int, limit: int) -> dict[str, Any]:
    book = studio.voices.catalogue
    entries = book.search(*asked)
    return listed(
        (_row(studio, entry, book.standing_of(entry)) for entry in entries[offset : offset + limit]),
        has_more=offset + limit < len(entries),
        total=len(entries),
        counts=asdict(book.counts()),
        usable=len(studio.voices.all()),
    )


def _row(studio: Studio, entry: Entry, standing: Standing) -> dict[str, Any]:
    card = studio.voices.catalogue.cards.get(entry.engine)
    return {
        "id": entry.id,
        "object": "audio.catalogue.voice",
        "name": entry.name,
        "engine": entry.engine,
        "engine_title": card.title if card else entry.engine,
        "languages": list(entry.languages),
        "speaks": list(dict.fromkeys(canonical(tag) for tag in entry.languages)),
        "language_name": name_of(entry.languages[0]),
        "gender": entry.gender,
        "description": entry.description,
        "kind": entry.kind,
        "grade": entry.grade,
        "licence": entry.licence,
        "source": entry.source,
        "verified": entry.verified,
        "sample": _sample.shown(studio, entry.id, entry.languages, entry.name) if standing.downloaded else None,
        **_standing.shown(standing),
    }
