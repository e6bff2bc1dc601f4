"""Gradio's endpoints about the house itself: the catalogue of voices, how everything stands, downloads, benchmarks."""

from typing import Any, Literal

import gradio as gr
from pydantic import BaseModel, Field

from api import benchmarks as measuring
from api import catalogue as browsing
from api import downloads as fetching
from api import status as standing
from api._binding import caller_of, checked
from api._record_calls import Named, Page
from studio import Studio


class CatalogueAsked(Page):
    search: str = Field("", max_length=200)
    language: str = Field("", max_length=200)
    engine: str = Field("", max_length=200)
    gender: browsing.Gender = ""
    kind: browsing.Kind = ""
    installed: bool | None = None


async def catalogue(
    studio: Studio,
    request: gr.Request,
    search: str = "",
    language: str = "",
    engine: str = "",
    gender: Literal["", "female", "male", "unspecified"] = "",
    kind: Literal["", "named-speaker", "prompt-voice", "language-default", "tag", "variant"] = "",
    installed: bool | None = None,
    offset: int = 0,
    limit: int = 100,
) -> dict[str, Any]:
    """Search every published voice, those that can be used here first, the others with the command that brings them.

    Args:
        search: Words that must occur in any of a voice's fields.
        language: A tag or an English name.
        engine: An engine's name.
        gender: As it is published.
        kind: What sort of voice it is.
        installed: Only those whose engine is installed, or only those whose is not.
        offset: How many to leave out from the beginning.
        limit: How many at most, up to 1000.

    Returns:
        `data` with the voices, `total`, `counts` of all published voices, `usable` here.
    """
    caller_of(request)
    asked = checked(
        CatalogueAsked, search=search, language=language, engine=engine, gender=gender, kind=kind, installed=installed,
        offset=offset, limit=limit,
    )  # fmt: skip
    wanted = (asked.search, asked.language, asked.engine, asked.gender, asked.kind, asked.installed)
    return await browsing.page(studio, *wanted, offset=asked.offset, limit=asked.limit)


async def status(studio: Studio, request: gr.Request) -> dict[str, Any]:
    """Tell how everything stands: engines and why one is not there, workers, queues, memory, storage, caches.

    Returns:
        The app's figures and `engines`; more of both for who has the scope keys.
    """
    return await standing.standing(studio, caller_of(request))


async def engine_log(studio: Studio, request: gr.Request, engine: str) -> dict[str, Any]:
    """Give the last 200 lines that an engine's worker printed, to who has the scope keys.

    Args:
        engine: Its name, with its model where it has several.

    Returns:
        `data` with the lines, oldest first.
    """
    return await standing.engine_log(checked(Named, id=engine).id, studio, caller_of(request))


async def clear_cache(studio: Studio, request: gr.Request) -> dict[str, Any]:
    """Remove all speech that is kept for the next time, for who has the scope keys.

    Returns:
        `freed_bytes`.
    """
    return await standing.clear_cache(studio, caller_of(request))


async def list_benchmarks(studio: Studio, request: gr.Request) -> dict[str, Any]:
    """List the latest run of each benchmark on this machine, for who has the scope keys.

    Returns:
        `data` with the runs and their figures, `names` of the benchmarks there are.
    """
    return await measuring.list_benchmarks(studio, caller_of(request))


async def run_benchmark(studio: Studio, request: gr.Request, name: str) -> dict[str, Any]:
    """Begin a benchmark, which takes the whole machine for a minute; for who has the scope keys.

    Args:
        name: One of those that list_benchmarks names.

    Returns:
        The run that has begun.
    """
    return await measuring.run_benchmark(checked(Named, id=name).id, studio, caller_of(request))


async def cancel_benchmark(studio: Studio, request: gr.Request) -> dict[str, Any]:
    """Stop the benchmark that runs, for who has the scope keys.

    Returns:
        What list_benchmarks gives.
    """
    return await measuring.cancel_benchmark(studio, caller_of(request))


class DownloadAsked(BaseModel):
    engine: str = Field(max_length=100)
    model: str = Field("", max_length=100)


async def list_downloads(studio: Studio, request: gr.Request) -> dict[str, Any]:
    """List the weights that can be downloaded and how far each is, for who has the scope keys.

    Returns:
        `data` with the downloads, `disk` with each engine's bytes.
    """
    return await fetching.list_downloads(studio, caller_of(request))


async def get_download(studio: Studio, request: gr.Request, engine: str, model: str = "") -> dict[str, Any]:
    """Tell how far one download is and what it would still take, to who has the scope keys.

    Args:
        engine: An engine's name.
        model: Its model, where it has several.

    Returns:
        The download, with its `need`.
    """
    asked = checked(DownloadAsked, engine=engine, model=model)
    return await fetching.get_download(asked.engine, studio, caller_of(request), asked.model)


async def start_download(studio: Studio, request: gr.Request, engine: str, model: str = "") -> dict[str, Any]:
    """Begin or resume a download of weights, for who has the scope keys.

    Args:
        engine: An engine's name.
        model: Its model, where it has several.

    Returns:
        The download.
    """
    asked = checked(DownloadAsked, engine=engine, model=model)
    return await fetching.start_download(asked.engine, studio, caller_of(request), asked.model)


async def cancel_download(studio: Studio, request: gr.Request, engine: str, model: str = "") -> dict[str, Any]:
    """Stop a download; what has arrived stays. For who has the scope keys.

    Args:
        engine: An engine's name.
        model: Its model, where it has several.

    Returns:
        The download.
    """
    asked = checked(DownloadAsked, engine=engine, model=model)
    return await fetching.cancel_download(asked.engine, studio, caller_of(request), asked.model)


async def delete_download(studio: Studio, request: gr.Request, engine: str, model: str = "") -> dict[str, Any]:
    """Remove a model's weights from the disk, for who has the scope keys.

    Args:
        engine: An engine's name.
        model: Its model, where it has several.

    Returns:
        `freed_bytes`.
    """
    asked = checked(DownloadAsked, engine=engine, model=model)
    return await fetching.delete_download(asked.engine, studio, caller_of(request), asked.model)
