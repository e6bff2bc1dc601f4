"""The natural voice is offered to who hears a robotic one and may fetch it, and to nobody else."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from core.errors import Forbidden, Unauthorized
from engines.base import EngineConfig
from tabs._natural import coming, fetch, offer
from tests.fakes import engine_class, registry
from voice.downloads import Need, State
from voice.routing import Routing

ABSENT = State("kokoro", "int8", "absent", 0, 120_000_000)


class Fetching:
    """Downloads that go through the states they are given."""

    def __init__(self, *states: State):
        self.states = list(states)
        self.started = 0

    async def state(self, engine: str, model: str) -> State:
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    async def start(self, engine: str, model: str) -> State:
        self.started += 1
        return await self.state(engine, model)

    async def need(self, engine: str, model: str) -> Need:
        return Need(self.states[0].total - self.states[0].bytes, 10**9, True, None)


def studio(*states: State, here: bool = False, missing: str = "") -> Any:
    kokoro = engine_class(
        "kokoro", "tts", languages=("en", "fr"), models=("int8",), quality=60, missing=missing, here=lambda model: here
    )
    routing = Routing(registry() | {"kokoro": kokoro}, EngineConfig())
    return SimpleNamespace(voices=routing.voices, routing=routing, downloads=Fetching(*(states or (ABSENT,))))


class Caller:
    """Who may administer, may speak only, or is nobody."""

    def __init__(self, *scopes: str):
        self.scopes = scopes

    def may(self, scope: str) -> bool:
        return scope in self.scopes

    def need(self, scope: str) -> None:
        if not self.may(scope):
            raise Forbidden("No.") if self.scopes else Unauthorized("No.")


OWNER: Any = Caller("keys", "speech")
GUEST: Any = Caller("speech")


async def label(house: Any, caller: Any = OWNER, language: str = "en", model: str = "auto") -> str:
    return (await offer(house, caller, house.routing.speech(language=language, model=model))).label


@pytest.mark.parametrize("model", ["auto", "espeak-ng", "flite"])
async def test_it_is_offered_beside_a_robotic_voice_with_its_size(model):
    assert await label(studio(), model=model) == "Download natural voice (120 MB)"


async def test_what_has_arrived_is_not_fetched_again():
    house = studio(replace(ABSENT, bytes=50_000_000))
    assert await label(house) == "Go on downloading the natural voice (70 MB)"
    assert await label(studio(replace(ABSENT, status="downloading"))) == "Watch the natural voice arrive"


@pytest.mark.parametrize(
    ("house", "asked"),
    [
        (studio(), {"caller": GUEST}),
        (studio(), {"language": "hi"}),
        (studio(), {"model": "scripted-tts"}),
        (studio(here=True), {"model": "flite"}),
        (studio(missing="kokoro is not here."), {}),
        (studio(replace(ABSENT, status="here")), {}),
    ],
    ids=["no administrator", "another language", "scripted", "here already", "not installed", "just arrived"],
)
async def test_nobody_is_offered_what_would_not_help_him(house, asked):
    assert await label(house, **asked) == ""


async def test_its_progress_is_shown_until_it_is_here(monkeypatch):
    monkeypatch.setattr("tabs._natural.LOOK_SECONDS", 0)
    half = replace(ABSENT, status="downloading", bytes=60_000_000, seconds_left=12.0)
    house = studio(
        replace(ABSENT, status="waiting"), half, replace(half, status="checking"), replace(half, status="here")
    )
    shown = [coming(state) async for state in fetch(house, OWNER)]
    assert house.downloads.started == 1
    assert "Looking for the model hub" in shown[0]
    assert "60 MB of 120 MB, 12.0 s left" in shown[1]
    assert "width:50%" in shown[1]
    assert "being checked" in shown[2]
    assert "Press Speak" in shown[3]


async def test_a_hub_that_cannot_be_reached_is_explained():
    house = studio(replace(ABSENT, status="failed", why="The model hub cannot be reached from <here>."))
    (state,) = [state async for state in fetch(house, OWNER)]
    assert not state.busy
    assert "cannot be reached from &lt;here&gt;. The voices that are here go on speaking." in coming(state)


@pytest.mark.parametrize(("caller", "error"), [(GUEST, Forbidden), (Caller(), Unauthorized)])
async def test_who_may_not_cannot_begin_it(caller, error):
    house = studio()
    with pytest.raises(error):
        await anext(fetch(house, caller))
    assert house.downloads.started == 0
