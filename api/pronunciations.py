"""Pronunciations over HTTP: each caller's own words, said as he likes in whatever he has spoken.

They need the scope `speech`, since they change nothing but the speech of who made them.
"""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from accounts.principal import Principal
from api._shapes import Limit, Offset, listed
from api._upload import json_body, json_schema
from api._wiring import House
from api.auth import KnownCaller
from core.errors import UnsupportedMedia
from voice.pronunciation_files import EntryBody, Form, fields, read, write
from voice.pronunciations import PAGE, Pronunciation, Pronunciations

router = APIRouter(prefix="/v1/pronunciations", tags=["pronunciations"])

TYPES: dict[str, Form] = {"application/json": "json", "text/csv": "csv"}
BODY = json_schema(EntryBody)
FILE = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "array", "items": EntryBody.model_json_schema()}},
            "text/csv": {"schema": {"type": "string"}},
        },
    }
}


async def speaker(caller: KnownCaller) -> Principal:
    """Raises Forbidden for who may not speak."""
    caller.need("speech")
    return caller


Speaker = Annotated[Principal, Depends(speaker)]


def shown(kept: Pronunciation) -> dict[str, Any]:
    return {"object": "pronunciation", "id": kept.id} | fields(kept.entry)


@router.get("")
async def list_pronunciations(
    studio: House,
    caller: Speaker,
    offset: Offset = 0,
    limit: Limit = PAGE,
    search: Annotated[str, Query(max_length=200, description="How their written forms begin.")] = "",
) -> dict[str, Any]:
    """Your pronunciations, in alphabetical order."""
    found, total = await studio.pronunciations.page(caller.id, offset=offset, limit=limit, search=search)
    return listed(map(shown, found), has_more=offset + len(found) < total, total=total)


@router.post("", status_code=201, openapi_extra=BODY)
async def add_pronunciation(request: Request, studio: House, caller: Speaker) -> dict[str, Any]:
    """Say how a word or a phrase is spoken; all that you have spoken from now on follows it."""
    body = await json_body(request, EntryBody)
    return shown(await studio.pronunciations.add(caller.id, body.entry()))


@router.delete("")
async def clear_pronunciations(studio: House, caller: Speaker) -> dict[str, Any]:
    """Remove all your pronunciations."""
    return {"object": "pronunciations", "removed": await studio.pronunciations.clear(caller.id)}


@router.post("/import", openapi_extra=FILE)
async def import_pronunciations(
    request: Request,
    studio: House,
    caller: Speaker,
    replace: Annotated[bool, Query(description="Whether they are all there is afterwards.")] = False,
) -> dict[str, Any]:
    """Take many pronunciations, all or none: JSON, or CSV with the columns written, spoken, ipa, language and
    case_sensitive. Of two alike the last one is taken."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in TYPES:
        raise UnsupportedMedia(f"This takes {' or '.join(TYPES)}, not {given or 'a body without a content type'}.")
    return await imported(studio.pronunciations, caller, await request.body(), TYPES[given], replace)


async def imported(kept: Pronunciations, caller: Principal, data: bytes, form: Form, replace: bool) -> dict[str, Any]:
    """The entries of a file, taken. Raises BadRequest, TooLarge."""
    entries = await asyncio.to_thread(read, data, form)
    total = await kept.load(caller.id, entries, replace=replace)
    return {"object": "pronunciations", "imported": len(entries), "total": total}


@router.get("/export", response_class=Response)
async def export_pronunciations(
    studio: House, caller: Speaker, format: Annotated[Form, Query(description="What to write.")] = "json"
) -> Response:
    """All your pronunciations as a file that the import takes."""
    entries = await studio.pronunciations.every(caller.id)
    text = await asyncio.to_thread(write, entries, format)
    headers = {"Content-Disposition": f'attachment; filename="pronunciations.{format}"'}
    return Response(text, media_type="text/csv" if format == "csv" else "application/json", headers=headers)


@router.get("/{entry_id}")
async def get_pronunciation(entry_id: str, studio: House, caller: Speaker) -> dict[str, Any]:
    return shown(await studio.pronunciations.get(caller.id, entry_id))


@router.put("/{entry_id}", openapi_extra=BODY)
async def change_pronunciation(entry_id: str, request: Request, studio: House, caller: Speaker) -> dict[str, Any]:
    """Put another entry in the place of this one."""
    body = await json_body(request, EntryBody)
    return shown(await studio.pronunciations.change(caller.id, entry_id, body.entry()))


@router.delete("/{entry_id}")
async def remove_pronunciation(entry_id: str, studio: House, caller: Speaker) -> dict[str, Any]:
    """Remove one. The answer is what it was."""
    return shown(await studio.pronunciations.remove(caller.id, entry_id))
