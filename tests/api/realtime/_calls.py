"""Clients of `/v1/realtime/calls`: aiortc's own end of a call, with a microphone that a test speaks into."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from fractions import Fraction
from typing import Any

import httpx
import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcsctptransport import WEBRTC_STRING as STRING
from aiortc.rtcsctptransport import DataChunk
from av import AudioFrame

from tests.api._realtime import Client, House
from tests.api._socket import ADMIN
from voice.simulator.parts import tone

RATE, FRAME = 48000, 960
LOUD = 0.02
"""Amplitude from which a frame of ours is no silence."""


class Microphone(MediaStreamTrack):
    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.loud = 0
        """Frames for which somebody speaks."""
        self._number = -1
        self._began = 0.0

    def speak(self, seconds: float) -> None:
        self.loud = round(seconds / 0.02)

    async def recv(self) -> AudioFrame:
        now = asyncio.get_running_loop().time()
        self._began = self._began or now
        self._number += 1
        await asyncio.sleep(max(0.0, self._began + self._number * 0.02 - now))
        self.loud -= 1
        samples = tone(0.02, RATE, 350.0, 0.3 if self.loud >= 0 else 0.0)
        frame = AudioFrame.from_ndarray((samples * 32767).astype("<i2")[None], "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._number * FRAME, Fraction(1, RATE)
        return frame


class Channel:
    """A data channel, used as a socket is."""

    close_code, close_reason = 0, ""

    def __init__(self, channel: RTCDataChannel):
        self.channel = channel
        self.closed, self.open = asyncio.Event(), asyncio.Event()
        self._came: asyncio.Queue[str] = asyncio.Queue()
        channel.on("message", self._came.put_nowait)
        channel.on("open", self.open.set)
        channel.on("close", self.closed.set)

    async def send(self, text: str | bytes) -> None:
        self.channel.send(text)

    async def recv(self) -> str:
        return await self._came.get()


class Caller(Client):
    """One end of a call; `events` holds what came by its channel."""

    def __init__(self, opened: House, *, channel: bool = True):
        self.opened = opened
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.microphone = Microphone()
        self.peer.addTrack(self.microphone)
        self.peer.on("track", self._hear)
        self.frames: list[tuple[float, float]] = []
        """Of the sound that came: when, and its largest sample."""
        self.location = ""
        self._tasks: list[asyncio.Task[None]] = []
        self.channel = Channel(self.peer.createDataChannel("oai-events")) if channel else None
        super().__init__(self.channel)  # type: ignore[arg-type]

    async def offer(self) -> str:
        await self.peer.setLocalDescription(await self.peer.createOffer())
        return self.peer.localDescription.sdp

    async def call(self, session: dict[str, Any] | None = None, key: str = ADMIN, model: str = "") -> httpx.Response:
        """Ask, and take the answer if there is one."""
        sdp = await self.offer()
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(base_url=self.opened.http, headers=headers) as http:
            if session is None:
                told = {"Content-Type": "application/sdp"}
                answer = await http.post("/realtime/calls", params={"model": model}, content=sdp, headers=told)
            else:
                parts: Any = {"sdp": (None, sdp, "application/sdp"),
                              "session": (None, json.dumps(session), "application/json")}  # fmt: skip
                answer = await http.post("/realtime/calls", files=parts)
        if answer.status_code == 201:
            self.location = answer.headers["location"]
            await self.answered(answer.text)
        return answer

    async def answered(self, sdp: str) -> None:
        await self.peer.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

    async def begun(self) -> None:
        """Returns once messages can be sent."""
        assert self.channel
        await asyncio.wait_for(self.channel.open.wait(), 10)
        await self.next("session.created")

    def _hear(self, track: MediaStreamTrack) -> None:
        self._tasks.append(asyncio.create_task(self._listen(track)))

    async def _listen(self, track: MediaStreamTrack) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            try:
                frame: Any = await track.recv()
            except MediaStreamError:
                return
            self.frames.append((clock(), float(np.abs(frame.to_ndarray()).max()) / 32768))

    def loud(self) -> list[float]:
        """When it was, 20 ms each."""
        return [at for at, level in self.frames if level > LOUD]

    async def hang_up(self) -> None:
        await self.peer.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def begin_message(caller: Caller, size: int) -> None:
    """So many bytes of a message whose end never comes."""
    assert caller.channel
    channel, sctp = caller.channel.channel, caller.channel.channel.transport
    for _ in range(size // 1100):
        chunk = DataChunk()
        chunk.tsn, chunk.stream_id, chunk.stream_seq, chunk.protocol = sctp._local_tsn, channel.id, 5000, STRING
        chunk.user_data = bytes(1100)
        sctp._local_tsn += 1
        with suppress(ConnectionError):
            await sctp._send_chunk(chunk)
    await asyncio.sleep(0.01)


async def send_raw(caller: Caller, data: bytes) -> None:
    """A message that says of itself that it is a string."""
    assert caller.channel
    channel = caller.channel.channel
    channel._addBufferedAmount(len(data))
    channel.transport._data_channel_queue.append((channel, STRING, data))
    await channel.transport._data_channel_flush()


@asynccontextmanager
async def calling(opened: House, *, channel: bool = True) -> AsyncIterator[Caller]:
    caller = Caller(opened, channel=channel)
    try:
        yield caller
    finally:
        await caller.hang_up()


@asynccontextmanager
async def held(opened: House, session: dict[str, Any] | None = None, **more: Any) -> AsyncIterator[Caller]:
    """A call that has begun."""
    async with calling(opened) as caller:
        (await caller.call(session, **more)).raise_for_status()
        await caller.begun()
        yield caller
