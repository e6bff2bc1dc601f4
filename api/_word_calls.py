"""Gradio's endpoints for the caller's own pronunciations."""

from typing import Any

import gradio as gr
from pydantic import BaseModel, Field

from accounts.principal import Principal
from api import pronunciations as saying
from api._binding import caller_of, checked
from studio import Studio
from voice.pronunciation_files import EntryBody, Form
from voice.pronunciations import PAGE


class Asked(BaseModel):
    search: str = Field("", max_length=200)
    offset: int = Field(0, ge=0, le=1_000_000_000)
    limit: int = Field(PAGE, ge=1, le=1000)


class Named(BaseModel):
    id: str = Field(max_length=40)


class File(BaseModel):
    entries: str
    format: Form = "json"
    replace: bool = False


def _speaker(request: gr.Request) -> Principal:
    caller = caller_of(request)
    caller.need("speech")
    return caller


async def list_pronunciations(
    studio: Studio, request: gr.Request, search: str = "", offset: int = 0, limit: int = PAGE
) -> dict[str, Any]:
    """List your pronunciations in alphabetical order.

    Args:
        search: How their written forms begin.
        offset: How many to leave out from the beginning.
        limit: How many at most, up to 1000.

    Returns:
        `data` with the entries, `has_more`, `total`.
    """
    asked = checked(Asked, search=search, offset=offset, limit=limit)
    return await saying.list_pronunciations(studio, _speaker(request), **asked.model_dump())


async def get_pronunciation(studio: Studio, request: gr.Request, entry_id: str) -> dict[str, Any]:
    """Tell about one of your pronunciations.

    Args:
        entry_id: Its id.

    Returns:
        The entry.
    """
    return await saying.get_pronunciation(checked(Named, id=entry_id).id, studio, _speaker(request))


async def add_pronunciation(
    studio: Studio,
    request: gr.Request,
    written: str,
    spoken: str = "",
    ipa: str = "",
    language: str = "",
    case_sensitive: bool = False,
) -> dict[str, Any]:
    """Say how a word or a phrase is spoken; all that you have spoken from now on follows it.

    Args:
        written: The word or phrase as it stands in texts.
        spoken: How it sounds, in letters.
        ipa: How it sounds, in the phonetic alphabet, for engines that can read it.
        language: A tag such as en; empty is every language.
        case_sensitive: Whether capitals matter.

    Returns:
        The entry with its `id`.
    """
    caller = _speaker(request)
    entry = _body(written, spoken, ipa, language, case_sensitive).entry()
    return saying.shown(await studio.pronunciations.add(caller.id, entry))


async def change_pronunciation(
    studio: Studio,
    request: gr.Request,
    entry_id: str,
    written: str,
    spoken: str = "",
    ipa: str = "",
    language: str = "",
    case_sensitive: bool = False,
) -> dict[str, Any]:
    """Put another entry in the place of one of your pronunciations.

    Args:
        entry_id: The id of the one to be changed.
        written: The word or phrase as it stands in texts.
        spoken: How it sounds, in letters.
        ipa: How it sounds, in the phonetic alphabet, for engines that can read it.
        language: A tag such as en; empty is every language.
        case_sensitive: Whether capitals matter.

    Returns:
        The entry as it is now.
    """
    caller, asked = _speaker(request), checked(Named, id=entry_id)
    entry = _body(written, spoken, ipa, language, case_sensitive).entry()
    return saying.shown(await studio.pronunciations.change(caller.id, asked.id, entry))


async def remove_pronunciation(studio: Studio, request: gr.Request, entry_id: str) -> dict[str, Any]:
    """Remove one of your pronunciations.

    Args:
        entry_id: Its id.

    Returns:
        What it was.
    """
    return await saying.remove_pronunciation(checked(Named, id=entry_id).id, studio, _speaker(request))


async def clear_pronunciations(studio: Studio, request: gr.Request) -> dict[str, Any]:
    """Remove all your pronunciations.

    Returns:
        How many were `removed`.
    """
    return await saying.clear_pronunciations(studio, _speaker(request))


async def import_pronunciations(
    studio: Studio, request: gr.Request, entries: str, format: Form = "json", replace: bool = False
) -> dict[str, Any]:
    """Take many pronunciations, all or none.

    Args:
        entries: A JSON list of objects, or CSV, with written, spoken, ipa, language and case_sensitive; 2 MB at most.
        format: Which of the two it is.
        replace: Whether they are all there is afterwards.

    Returns:
        How many were `imported`, and how many there are in `total`.
    """
    caller = _speaker(request)
    file = checked(File, entries=entries, format=format, replace=replace)
    data = file.entries.encode("utf-8", "replace")
    return await saying.imported(studio.pronunciations, caller, data, file.format, file.replace)


async def export_pronunciations(studio: Studio, request: gr.Request, format: Form = "json") -> str:
    """Give all your pronunciations as text that the import takes.

    Args:
        format: json or csv.

    Returns:
        The text.
    """
    asked = checked(File, entries="", format=format)
    answer = await saying.export_pronunciations(studio, _speaker(request), asked.format)
    return bytes(answer.body).decode()


def _body(written: str, spoken: str, ipa: str, language: str, case_sensitive: bool) -> EntryBody:
    return checked(EntryBody, written=written, spoken=spoken, ipa=ipa, language=language, case_sensitive=case_sensitive)
