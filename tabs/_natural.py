"""The natural voice that can be fetched, offered beside a robotic one. Knows no component."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from accounts.principal import Principal
from studio import Studio
from tabs._words import clock, note, progress
from voice.downloads import State
from voice.languages import speaks
from voice.routing import Route

ENGINE, MODEL = "kokoro", "int8"
"""The smallest natural voice that needs no GPU."""
ADMINISTRATOR = "keys"
"""A download takes disk and somebody's line, so it is for who may hand out keys, as on the Status tab."""
LOOK_SECONDS = 0.5

HERE = "The natural voice is here. Press Speak to hear it."
STAYS = "The voices that are here go on speaking."


@dataclass(frozen=True)
class Offer:
    """What stands on the button, and whether there is one."""

    label: str = ""


async def offer(studio: Studio, principal: Principal, route: Route) -> Offer:
    """Whether who hears this voice may fetch a better one for its language."""
    if not principal.may(ADMINISTRATOR) or not _would_be_better(studio, route):
        return Offer()
    state = await studio.downloads.state(ENGINE, MODEL)
    if state.status == "here":
        return Offer()
    if state.busy:
        return Offer("Watch the natural voice arrive")
    need = await studio.downloads.need(ENGINE, MODEL)
    again = "Go on downloading the natural voice" if state.bytes else "Download natural voice"
    return Offer(f"{again} ({_megabytes(need.bytes)})")


def _would_be_better(studio: Studio, route: Route) -> bool:
    engines = studio.voices.engines
    if ENGINE not in engines.names() or not engines.is_installed(ENGINE) or engines.ready_models(ENGINE):
        return False
    spec, now = engines.spec(ENGINE), engines.spec(route.engine_name)
    return 0 <= now.quality < spec.quality and speaks(spec.languages, route.language)


async def fetch(studio: Studio, principal: Principal) -> AsyncGenerator[State, None]:
    """Begins, or follows, the download: how far it is, until it is here or has failed. Closed early it stops nothing.
    Raises Unauthorized or Forbidden."""
    principal.need(ADMINISTRATOR)
    state = await studio.downloads.start(ENGINE, MODEL)
    while state.busy:
        yield state
        await asyncio.sleep(LOOK_SECONDS)
        state = await studio.downloads.state(ENGINE, MODEL)
    if state.status == "here":
        studio.voices.refresh()
    yield state


def coming(state: State) -> str:
    """For the page."""
    if state.status == "here":
        return note(HERE, "good")
    if not state.busy:
        return note(f"{state.why or 'The download was stopped.'} {STAYS}", "warn")
    if state.status == "waiting":
        return progress("Looking for the model hub …")
    if state.status == "checking":
        return progress("All is here; it is being checked …")
    done = f"{_megabytes(state.bytes)} of {_megabytes(state.total)}"
    left = f", {clock(state.seconds_left)} left" if state.seconds_left is not None else ""
    return progress(f"Downloading the natural voice: {done}{left}", state.bytes / max(1, state.total))


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.0f} MB"
