"""A real server with `/v1/realtime` over conversations whose ears, mind and voice are scripted; and its clients."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import uvicorn
from fastapi import FastAPI
from openai.types.realtime.realtime_server_event import RealtimeServerEvent
from pydantic import BaseModel
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from accounts.accounts import Accounts
from api import errors, live, realtime, realtime_calls
from api._realtime.rooms import Rooms
from api._wire.protocol import Patient
from core.errors import Overloaded, UnknownModel, VoiceForgeError
from core.metrics import Metrics
from core.settings import Settings
from engines.base import EngineSpec, Segment
from storage.db import Storage
from tests.api._socket import ADMIN, Routes, until
from tests.fakes import FakePool, engine_class
from voice.listening import Understood
from voice.pronunciations import Pronunciations
from voice.routing import Route
from voice.simulator.parts import Delays, LoudIsSpeech, Saying, ScriptedAgent, ScriptedVoice, parts, tone
from voice.talk.conversation import Conversation
from voice.talk.items import Item
from voice.talk.live import Live
from voice.talk.scene import Emit
from voice.talk.settings import TalkSettings
from voice.talk.talks import new_id
from voice.talk.ticker import Ticker

QUICK = Delays(transcript=0.01, thought=0.01, word=0.001, sound=0.01)


class Minds(Routes):
    """As `Routes`, where not every name is a model's."""

    def spec(self, name: str) -> EngineSpec:
        return engine_class(name, "stt").spec

    def transcription(self, model: str = "auto", language: str = "", *_: Any) -> Any:
        return Route("stt", "It is scripted.")

    def route(self, model: str = "auto") -> Any:
        if model not in ("auto", "llm"):
            raise UnknownModel(f"No model here is called {model!r}.", param="model")
        return SimpleNamespace(engine="llm", reason="")

    async def models(self) -> list[Any]:
        return []


@dataclass
class Opened:
    """A conversation, and what its other side says."""

    talk: Conversation
    saying: Saying


class Deaf:
    """An utterance that nobody understands."""

    follows = False

    def __init__(self, error: VoiceForgeError):
        self._error = error

    def feed(self, samples: np.ndarray, *, follow: bool = True) -> None: ...

    def settle(self) -> None: ...

    async def final(self) -> Understood:
        raise self._error

    def close(self) -> None: ...


@dataclass
class ScriptedTalks:
    """Opens conversations that think what `agent` does."""

    agent: ScriptedAgent = field(default_factory=lambda: ScriptedAgent(delays=QUICK))
    voice: ScriptedVoice = field(default_factory=lambda: ScriptedVoice(QUICK))
    deaf: VoiceForgeError | None = None
    """What keeps anybody from being understood."""
    most: int = 50
    opened: list[Opened] = field(default_factory=list)
    ticker: Ticker | None = None

    @property
    def last(self) -> Opened:
        return self.opened[-1]

    def open(
        self, settings: TalkSettings, emit: Emit, *, id: str = "", history: Sequence[Item] = (), dictionary: Any = None
    ) -> Conversation:
        if sum(not opened.talk.over for opened in self.opened) >= self.most:
            raise Overloaded("Too many conversations are open.", retry_after=5.0)
        self.ticker = self.ticker or Ticker(LoudIsSpeech(), inline=True)
        saying = Saying()
        made = parts(self.agent, saying=saying, ticker=self.ticker, voice=self.voice, delays=QUICK)
        made = replace(made, new_id=new_id)
        if error := self.deaf:
            made = replace(made, utterance=lambda *_: Deaf(error))
        talk = Conversation(made, settings, emit, id=id or new_id("talk"), history=history)
        self.ticker.add(talk)
        self.opened.append(Opened(talk, saying))
        return talk

    async def close(self) -> None:
        if self.ticker:
            await self.ticker.close()


@dataclass
class House:
    port: int
    studio: Any
    app: FastAPI

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def talks(self) -> ScriptedTalks:
        return self.studio.talks

    @property
    def rooms(self) -> Rooms:
        return self.app.state.realtime

    @asynccontextmanager
    async def client(
        self, path: str = "?model=gpt-realtime", key: str | None = ADMIN, **more: Any
    ) -> AsyncIterator[Client]:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        url = f"ws://127.0.0.1:{self.port}/v1/realtime{path}"
        async with connect(
            url, additional_headers=headers, max_size=None, compression=None, proxy=None, **more
        ) as socket:
            yield Client(socket)

    @asynccontextmanager
    async def held(self, **session: Any) -> AsyncIterator[Client]:
        """A client whose session has begun, and was updated if anything is asked for."""
        async with self.client() as client:
            await client.next("session.created")
            if session:
                await client.update(**session)
            yield client


class Client:
    """Sends events, and keeps all that came; each is checked against the types of the official client."""

    def __init__(self, socket: ClientConnection):
        self.socket = socket
        self.events: list[dict[str, Any]] = []

    async def send(self, type: str, **values: Any) -> None:
        await self.socket.send(json.dumps({"type": type} | values))

    async def any(self) -> dict[str, Any]:
        event = json.loads(await asyncio.wait_for(self.socket.recv(), 10))
        check(event)
        self.events.append(event)
        return event

    async def next(self, type: str, **values: Any) -> dict[str, Any]:
        """The next event of this type; others are passed over."""
        while True:
            event = await self.any()
            if event["type"] == type and all(event.get(name) == value for name, value in values.items()):
                return event

    async def update(self, **session: Any) -> dict[str, Any]:
        await self.send("session.update", session={"type": "realtime"} | session)
        return (await self.next("session.updated"))["session"]

    async def refused(self, type: str, **values: Any) -> dict[str, Any]:
        """What is said to an event that is wrong."""
        await self.send(type, event_id="mine", **values)
        error = (await self.next("error"))["error"]
        assert error["event_id"] == "mine"
        return error

    async def says(self, seconds: float, loudness: float = 0.3, rate: int = 24000, pace: float = 0.02) -> None:
        """Sound as a microphone sends it, or faster: `pace` seconds for 20 ms."""
        audio = sound(loudness, rate)
        for _ in range(round(seconds / 0.02)):
            await self.send("input_audio_buffer.append", audio=audio)
            await asyncio.sleep(pace)

    def kinds(self) -> list[str]:
        """Of all that came, each run of the same one once."""
        found: list[str] = []
        for event in self.events:
            if not found or found[-1] != event["type"]:
                found.append(event["type"])
        return found

    def all(self, type: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == type]

    def heard(self) -> bytes:
        return b"".join(base64.b64decode(event["delta"]) for event in self.all("response.output_audio.delta"))

    async def closed(self) -> tuple[int, str]:
        with suppress(ConnectionClosed):
            while True:
                await self.any()
        return self.socket.close_code or 0, self.socket.close_reason or ""


@cache
def sound(loudness: float, rate: int = 24000) -> str:
    """20 ms, in base64."""
    samples = tone(0.02, rate, 350.0, loudness)
    return base64.b64encode((samples * 32767).astype("<i2").tobytes()).decode()


def silence(seconds: float, rate: int = 24000) -> str:
    return base64.b64encode(np.zeros(round(seconds * rate), "<i2").tobytes()).decode()


def said(text: str, role: str = "user") -> dict[str, Any]:
    """An item in writing."""
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}


@cache
def _types() -> dict[str, type[BaseModel]]:
    """The official client's types by the `type` they are of."""
    union = get_args(get_args(RealtimeServerEvent)[0])
    return {get_args(model.model_fields["type"].annotation)[0]: model for model in union}


def check(event: dict[str, Any]) -> None:
    """Raises where the official client has no such event, or one of another shape; our two more rates of PCM left out
    of it."""
    _types()[event["type"]].model_validate(_at_24k(event))


def _at_24k(value: Any) -> Any:
    if isinstance(value, list):
        return [_at_24k(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    extra = value.get("type") == "audio/pcm" and value.get("rate") in (8000, 16000)
    return value | {"rate": 24000} if extra else {name: _at_24k(inner) for name, inner in value.items()}


@asynccontextmanager
async def house(
    folder: Path, *, access: str = "key", talks: ScriptedTalks | None = None, longest: float = 3600.0
) -> AsyncIterator[House]:
    settings = Settings(data_dir=folder, access=access, admin_key=ADMIN)
    storage = await asyncio.to_thread(Storage.open, "", folder)
    accounts = Accounts(storage, settings)
    await accounts.start()
    routes, found = Minds(), talks or ScriptedTalks()
    studio = SimpleNamespace(
        upstream=None, pool=FakePool(default=lambda request: [Segment("good morning", 0.0, 1.0)]),
        settings=settings, storage=storage, accounts=accounts, metrics=Metrics(), talks=found, live=Live(),
        routing=routes, thinking=routes, pronunciations=Pronunciations(storage),
    )  # fmt: skip
    app = FastAPI()
    app.state.studio = studio
    app.include_router(realtime.router)
    app.include_router(realtime_calls.router)
    app.include_router(live.router)
    errors.install(app, settings)
    config = uvicorn.Config(
        app, port=0, log_config=None, lifespan="on", ws_max_size=12_000_000, ws_per_message_deflate=False,
        timeout_graceful_shutdown=1, ws=Patient,
    )  # fmt: skip
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    app.state.realtime._longest = longest
    try:
        yield House(server.servers[0].sockets[0].getsockname()[1], studio, app)
    finally:
        server.should_exit = True
        await running
        await found.close()
        await asyncio.to_thread(storage.close)
