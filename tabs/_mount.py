"""Puts the page on the app's server: its limits, the gate that finds out who calls, the guard of /gradio_api/mcp."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable

import gradio as gr
from fastapi import FastAPI, HTTPException, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from accounts.principal import Principal
from core.errors import VoiceForgeError
from studio import Studio
from tabs._look import FAVICON, RoyalPurple, css, head
from tabs._quiet import count_plainly, hide_inputs, quieten

SESSION = "x-voiceforge-session"
SESSIONS = 300
"""Pages whose state is kept; the one used longest ago is forgotten first."""
KEYED = ("/gradio_api/upload", "/gradio_api/call", "/gradio_api/mcp", "/gradio_api/run", "/gradio_api/api")
"""Paths closed to visitors. The rest must be open for the page to appear, and what it does asks for rights itself."""
OPEN = ("/gradio_api/upload_progress",)

FOREIGN = "/gradio_api/file=http"
"""Gradio fetches a URL given in the place of a file and passes it on; this app is nobody's proxy."""

Identify = Callable[[Request], Awaitable[Principal]]
"""Who sends a request, by the key in its headers; raises Unauthorized on a bad key."""


def mount(app: FastAPI, studio: Studio, demo: gr.Blocks, identify: Identify) -> FastAPI:
    """Mount `demo` at / behind everything `app` already routes."""
    settings = studio.settings
    demo.queue(api_open=False, default_concurrency_limit=16, max_size=256)
    demo.state_session_capacity = SESSIONS
    # Otherwise Gradio sums up its last 10,000 events with pandas after each event, for a page that is off here.
    demo._queue.ANAYLTICS_CACHE_FREQUENCY = sys.maxsize
    # Until this is true Gradio hands any file of this machine to an endpoint that takes one; only launch() sets it.
    demo.has_launched = True
    quieten()
    count_plainly(demo)
    gate = _gate(studio, identify)
    app.add_middleware(McpGuard, gate=gate)
    mounted = gr.mount_gradio_app(
        app,
        demo,
        path="/",
        auth_dependency=gate,
        theme=RoyalPurple(),
        css=css(),
        head=head(),
        favicon_path=str(FAVICON),
        max_file_size=settings.max_upload_mb * 1024 * 1024,
        allowed_paths=[],
        blocked_paths=[str(settings.data_dir.resolve())],
        ssr_mode=False,
        run_history=False,
        mcp_server=True,
        enable_monitoring=False,
        show_error=True,
        footer_links=["api", "settings"],
    )
    hide_inputs(mounted)
    return mounted


def _gate(studio: Studio, identify: Identify) -> Callable[[Request], Awaitable[str | None]]:
    """What Gradio asks about each request: an id, which handlers read as `request.username`, or None for a 401."""

    async def gate(request: Request) -> str | None:
        if FOREIGN in request.url.path.lower():
            raise HTTPException(404, "Only files of this app are served here.")
        token = request.headers.get(SESSION)
        try:
            principal = await (studio.accounts.identify(None, token=token) if token else identify(request))
        except VoiceForgeError as error:
            if error.status == 401 and token and not _keyed(request.url.path):
                # A session that ran out must not lock the page itself.
                principal = await studio.accounts.identify(None)
            else:
                raise HTTPException(error.status, error.message) from error
        if principal.id == "visitor" and _keyed(request.url.path):
            return None
        request.state.principal = principal
        return principal.id

    return gate


def _keyed(path: str) -> bool:
    return path.startswith(KEYED) and not path.startswith(OPEN)


class McpGuard:
    """Gradio lists and runs its MCP tools before it asks who calls; here the question comes first."""

    def __init__(self, app: ASGIApp, gate: Callable[[Request], Awaitable[str | None]]):
        self.app, self.gate = app, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/gradio_api/mcp"):
            try:
                status = 401 if await self.gate(Request(scope)) is None else 200
            except HTTPException as refused:
                status = refused.status_code
            if status != 200:
                await _refuse(send, status)
                return
        await self.app(scope, receive, send)


async def _refuse(send: Send, status: int) -> None:
    body = b'{"error":{"message":"This needs an API key.","type":"invalid_request_error","code":"invalid_api_key"}}'
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
