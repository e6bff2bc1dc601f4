"""Who calls a handler, what he uploaded, and how an error reaches him. Private events answer to HTTP like public ones,
so every handler asks here first."""

from __future__ import annotations

import functools
import html
import inspect
import logging
from collections.abc import Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from accounts.principal import Principal
from core.errors import Unauthorized, VoiceForgeError
from core.uploads import uploaded

logger = logging.getLogger(__name__)

BROKEN = "Something broke in here. It has been logged; please try again."


def principal_of(request: gr.Request) -> Principal:
    """The caller, as the mount's gate has found him. Raises Unauthorized for a request that never passed the gate."""
    principal = getattr(request.request.state, "principal", None) if request.request else None
    if principal is None:
        raise Unauthorized("This needs an API key.")
    return principal


def safe_upload(value: Any) -> Path:
    """The uploaded file behind what a client sent. Raises BadRequest for every other path."""
    return uploaded(value, Path(get_upload_folder()))


def plainly(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Turn what goes wrong in a handler, a coroutine or an async generator, into one plain message on the page."""
    if inspect.isasyncgenfunction(handler):
        return _stepping(handler)

    @functools.wraps(handler)
    async def once(*args: Any, **kwargs: Any) -> Any:
        try:
            return await handler(*args, **kwargs)
        except Exception as error:
            raise told(error) from error

    return once


def plainly_or(*shown: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """As `plainly`, of an async generator that fails: the page shows this first. Gradio's own `failure` will not do:
    a cancelled run is one to it."""
    return functools.partial(_stepping, shown=shown)


def _stepping(handler: Callable[..., Any], shown: Sequence[Any] = ()) -> Callable[..., Any]:
    @functools.wraps(handler)
    async def stepping(*args: Any, **kwargs: Any) -> Any:
        try:
            async with aclosing(handler(*args, **kwargs)) as steps:
                async for step in steps:
                    yield step
        except Exception as error:
            if shown:
                yield shown
            raise told(error) from error

    return stepping


def told(error: Exception) -> gr.Error:
    """The page shows a message as HTML, and a message may quote what the caller typed."""
    if isinstance(error, gr.Error):
        return error
    if isinstance(error, VoiceForgeError):
        return gr.Error(html.escape(error.message, quote=False), print_exception=False)
    logger.error("a handler of the pages failed", exc_info=error)
    return gr.Error(BROKEN, print_exception=False)
