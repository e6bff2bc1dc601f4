"""VoiceForge's front door: `python app.py` reads the settings, builds the Studio and serves the roles asked for."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import uvicorn
from fastapi import FastAPI

from api import errors, health, live, realtime, realtime_calls, ws
from api._wire.protocol import Patient
from api.auth import principal
from core import log
from core.discover import modules
from core.errors import VoiceForgeError
from core.machine import give_back_large_buffers
from core.settings import Settings
from studio import Studio

logger = logging.getLogger("voiceforge")

SWITCH_SECONDS = 0.0005
"""How long a thread may keep the event loop from running. Python's own 5 ms are what each step through the database or
an encoder would cost an answer while the loop is busy."""

SOCKETS = (health, live, realtime, realtime_calls, ws)
"""What a process that shows no pages serves; none of it imports Gradio."""


def create_app(settings: Settings) -> FastAPI:
    """The server of this process: every role it was asked to play, over one Studio."""
    studio = Studio.build(settings)
    app = FastAPI(
        title="VoiceForge",
        version=health.VERSION,
        lifespan=partial(_life, studio=studio),
        docs_url="/docs" if settings.docs else None,
        openapi_url="/openapi.json" if settings.docs else None,
        redoc_url=None,
    )
    app.state.studio = studio
    web = "web" in settings.roles
    for module in modules("api") if web else SOCKETS:
        wanted = module is health or getattr(module, "ROLE", "web") in settings.roles
        if wanted and (router := getattr(module, "router", None)):
            app.include_router(router)
    errors.install(app, settings)
    return _with_pages(app, studio) if web else app


def _with_pages(app: FastAPI, studio: Studio) -> FastAPI:
    """Gradio takes seconds to import, so only a process that shows pages does."""
    from api import public
    from tabs._mount import mount
    from tabs._page import build_demo

    return mount(app, studio, build_demo(studio, public.register), partial(principal, studio=studio))


@asynccontextmanager
async def _life(app: FastAPI, studio: Studio) -> AsyncIterator[None]:
    await studio.start()
    # What was made until now stays: a collection that looks through all of Gradio stops the loop for 50 ms and more.
    gc.collect()
    gc.freeze()
    # And what comes is looked through less often: a hundred conversations make 700 objects, Python's own measure, in a
    # few milliseconds. The second look comes soon enough all the same, since what asyncio and uvicorn leave of a closed
    # connection is a circle of objects.
    gc.set_threshold(20_000, 4, 20)
    warming = asyncio.create_task(_warm(studio), name="warm the voice that answers first")
    try:
        yield
    finally:
        warming.cancel()
        await asyncio.gather(warming, return_exceptions=True)
        await studio.close()


async def _warm(studio: Studio) -> None:
    """The first sentence should not wait for an engine to load."""
    try:
        route = studio.routing.speech()
        await studio.pool.warm(route.engine)
        await asyncio.to_thread(studio.versions.of, route.engine)
    except VoiceForgeError as error:
        logger.warning("no voice is ready: %s", error.message)


def main() -> int:
    try:
        settings = Settings.from_environment()
        log.configure(settings.log_level, settings.secrets())
        # A crash in native code says where on standard error.
        faulthandler.enable()
        sys.setswitchinterval(SWITCH_SECONDS)
        give_back_large_buffers()
        app = create_app(settings)
    except VoiceForgeError as error:
        print(f"VoiceForge cannot start: {error.message}", file=sys.stderr)
        return 2
    # Behind a proxy that is known by its public address, the caller's address and scheme are in its headers.
    trusted = "*" if settings.public_url else "127.0.0.1"
    logger.info("VoiceForge opens at %s", settings.public_url or f"http://{settings.host}:{settings.port}")
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        # The pool's sockets are asyncio's own; and clients keep an idle connection longer than the default of 5 s.
        loop="asyncio",
        timeout_keep_alive=75,
        # Sound does not become smaller by packing; each packed connection would cost time and 100 kB.
        ws=Patient,
        ws_max_size=ws.MOST_BYTES,
        ws_per_message_deflate=False,
        forwarded_allow_ips=trusted,
        timeout_graceful_shutdown=10,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
