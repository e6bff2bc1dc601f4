"""Keeps what people sent out of errors. Gradio prints the traceback of an event that failed past the log, and in its
message the values it was called with; and it answers a malformed call with the call itself."""

from __future__ import annotations

import logging
import sys
import traceback
from types import SimpleNamespace
from typing import Any

import gradio as gr
import gradio.queueing
import gradio.route_utils
import gradio.routes
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

logger = logging.getLogger(__name__)

PRINTERS = (gradio.queueing, gradio.route_utils, gradio.routes)
"""The modules whose `traceback.print_exc()` runs in a server."""
FRAMES = 6


def quieten() -> None:
    """From now on such an error is a line of the log: its kind and where it was raised, without its message."""
    for module in PRINTERS:
        vars(module)["traceback"] = SimpleNamespace(**{**vars(traceback), "print_exc": _log})


def hide_inputs(app: FastAPI) -> None:
    """Malformed calls to the Gradio app mounted on this one are told what is wrong and not what they held."""
    for route in app.routes:
        mounted = getattr(route, "app", None)
        if isinstance(mounted, gradio.routes.App):
            mounted.add_exception_handler(RequestValidationError, _malformed)


def count_plainly(demo: gr.Blocks) -> None:
    """A call with too few values is told how many are wanted; Gradio's own message repeats them all."""

    def validate(block_fn: Any, inputs: list[Any]) -> None:
        if len(inputs) < len(block_fn.inputs):
            name = block_fn.api_name or "this event"
            raise gr.Error(f"{name} takes {len(block_fn.inputs)} values, and {len(inputs)} came.")

    vars(demo)["validate_inputs"] = validate


async def _malformed(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    told = [{name: fault[name] for name in ("type", "loc", "msg")} for fault in error.errors()]
    return JSONResponse({"detail": told}, 422)


def _log(*_: object, **__: object) -> None:
    kind, _error, trace = sys.exc_info()
    frames = traceback.extract_tb(trace)[-FRAMES:]
    places = " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames))
    logger.warning("an event of the page failed: %s at %s", kind.__name__ if kind else "unknown", places)
