"""Keeps what people sent out of errors. Gradio prints the traceback of an event that failed past the log, and in its
message the values it was called with; it answers a malformed call with the call itself, or with a 500."""

from __future__ import annotations

import errno
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
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

PRINTERS = (gradio.queueing, gradio.route_utils, gradio.routes)
"""The modules whose `traceback.print_exc()` runs in a server."""
FRAMES = 6
FAULTS = (TypeError, KeyError, ValueError, AttributeError, IndexError, RecursionError)
"""What Gradio's routes raise on a call that names what is not there or has another shape than they take."""
DIRECT = ("/gradio_api/run/", "/gradio_api/api/")


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
            for fault in FAULTS:
                mounted.add_exception_handler(fault, _refused)
            mounted.add_exception_handler(OSError, _misnamed)
            mounted.add_middleware(PlainRefusal)


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


async def _refused(_: Request, error: Exception) -> JSONResponse:
    """Logged, since a fault of the page's own would look like this too."""
    _log()
    return JSONResponse({"detail": "This call cannot be understood: it names something that is not here."}, 400)


async def _misnamed(request: Request, error: Exception) -> JSONResponse:
    """A name that is no file's; what else a disk may have is not the caller's fault."""
    if isinstance(error, OSError) and error.errno in (errno.ENAMETOOLONG, errno.EINVAL, errno.ENOENT, errno.ENOTDIR):
        return await _refused(request, error)
    raise error


class PlainRefusal:
    """An event that is run directly and refuses what it was given is answered by Gradio with a 500; here with a 400.
    What broke in here stays a 500. A stream that breaks off, as when two read the same one, is a line of the log."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        held: list[Message] = []
        is_direct, begun = scope["type"] == "http" and scope["path"].startswith(DIRECT), False

        async def sent(message: Message) -> None:
            nonlocal begun
            if is_direct and message["type"] == "http.response.start" and message["status"] == 500:
                held.append(message)
                return
            begun = True
            while held:
                broke = b"internal_error" in message.get("body", b"")
                await send({**held.pop(), "status": 500 if broke else 400})
            await send(message)

        try:
            await self.app(scope, receive, sent)
        except ClientDisconnect:
            raise
        except Exception as error:  # the outermost edge of the page
            if begun:  # nobody can be told any more
                _log()
            elif isinstance(error.__cause__ or error, FAULTS):  # in what surrounds the routes, as over an odd Origin
                await (await _refused(Request(scope), error))(scope, receive, send)
            else:
                raise


def _log(*_: object, **__: object) -> None:
    kind, error, trace = sys.exc_info()
    if error and error.__cause__:
        kind, trace = type(error.__cause__), error.__cause__.__traceback__
    frames = traceback.extract_tb(trace)[-FRAMES:]
    places = " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames))
    logger.warning("an event of the page failed: %s at %s", kind.__name__ if kind else "unknown", places)
