"""The other end of a call: one WebRTC connection by aiortc, which only this file knows. Knows no conversation."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from typing import Any

import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.exceptions import InvalidStateError, OperationError
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, Packet

from api._wire.codecs import HEARD, OPUS, OPUS_FRAME
from audio.resample import Resampler
from core.errors import BadRequest

logger = logging.getLogger(__name__)

FRAME = round(OPUS * OPUS_FRAME)
"""Samples of a packet, as RTP counts them."""
SILENCE = b"\xf8\xff\xfe"
"""A packet of Opus that holds 20 ms of it (RFC 6716, 3.1: CELT, full band, one frame)."""
MOST_WAITING = 1.0
"""Seconds of our sound that may wait: it comes 0.3 s ahead of being played."""
LATE = 0.1
"""Seconds behind which we are no more caught up with."""
MOST_CHANNELS = 16
HIGH, LOW = 1_000_000, 250_000
"""Bytes on their way behind which sending waits, and at which it goes on."""
CLOSE_SECONDS = 5.0


class Voice(MediaStreamTrack):
    """Our side's sound: packets of 20 ms, one every 20 ms, and silence where there is none."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._packets: deque[bytes] = deque(maxlen=round(MOST_WAITING / OPUS_FRAME))
        self._clock = asyncio.get_running_loop().time
        self._began: float | None = None
        self._number = -1

    def add(self, packet: bytes) -> None:
        self._packets.append(packet)

    def clear(self) -> None:
        """What waits is not sent."""
        self._packets.clear()

    async def recv(self) -> Packet:
        """The next packet, when it is due. Raises MediaStreamError once it was stopped."""
        if self._began is None:
            self._began = self._clock()
        self._number += 1
        wait = self._began + self._number * OPUS_FRAME - self._clock()
        if wait < -LATE:
            self._number -= int(wait / OPUS_FRAME)
        elif wait > 0:
            await asyncio.sleep(wait)
        if self.readyState != "live":
            raise MediaStreamError
        packet = Packet(self._packets.popleft() if self._packets else SILENCE)
        packet.pts, packet.time_base = self._number * FRAME, Fraction(1, OPUS)
        return packet


class Peer:
    """`heard` is given float32 (n,) at 16 kHz, `said` the messages of the first data channel."""

    def __init__(self, heard: Callable[[np.ndarray], None], said: Callable[[str | bytes], None]):
        self.voice = Voice()
        self.connected, self.opened, self.gone = asyncio.Event(), asyncio.Event(), asyncio.Event()
        """Sound can pass; messages can; neither can any more."""
        self._heard, self._said = heard, said
        self._channel: RTCDataChannel | None = None
        self._channels = 0
        self._room = asyncio.Event()
        self._listening: set[asyncio.Task[None]] = set()
        # No server of somebody else's is asked for our address.
        self._connection = connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        connection.addTrack(self.voice)
        connection.on("connectionstatechange", self._changed)
        connection.on("datachannel", self._offered)
        connection.on("track", self._listen)

    async def answer(self, sdp: str) -> str:
        """To a cleaned offer. Raises BadRequest."""
        connection = self._connection
        try:
            await connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
            await connection.setLocalDescription(await connection.createAnswer())
        except (InvalidStateError, OperationError, ValueError) as error:
            raise BadRequest(f"This offer cannot be answered: {str(error)[:100]}.", param="sdp") from error
        return connection.localDescription.sdp

    async def send(self, text: str) -> None:
        """A message; returns once there is room for more. Where nobody is there, it is dropped."""
        channel = self._channel
        if channel is None or channel.readyState != "open":
            return
        channel.send(text)
        while channel.bufferedAmount > HIGH and not self.gone.is_set():
            self._room.clear()
            await self._room.wait()

    async def finish(self) -> None:
        """No more messages. Returns once the other side has all of them, or is gone."""
        if self._channel:
            self._channel.close()
            await self.gone.wait()

    @property
    def flooded(self) -> bool:
        """Whether the other side sends pieces of messages beyond the window it was told."""
        sctp = self._connection.sctp
        return sctp is not None and getattr(sctp, "_advertised_rwnd", 0) < 0

    async def close(self) -> None:
        """Sockets, tasks and threads of it have ended when this returns. A second call waits for the first."""
        closing = asyncio.ensure_future(self._connection.close())
        await asyncio.wait((closing,), timeout=CLOSE_SECONDS)
        if not closing.done():
            logger.error("a call's connection does not close")
            closing.cancel()
        for task in self._listening:
            task.cancel()
        for error in await asyncio.gather(closing, *self._listening, return_exceptions=True):
            if isinstance(error, Exception):
                logger.error("a call's connection broke while it was closed", exc_info=error)
        self._leave()

    def _changed(self) -> None:
        state = self._connection.connectionState
        if state == "connected":
            self.connected.set()
        elif state in ("failed", "closed"):
            self._leave()

    def _leave(self) -> None:
        self.gone.set()
        self._room.set()

    def _offered(self, channel: RTCDataChannel) -> None:
        """The first channel is that of the events; there is no use for another."""
        self._channels += 1
        if self._channels > MOST_CHANNELS:
            self._leave()
        elif self._channel is not None:
            channel.close()
        else:
            self._channel = channel
            channel.bufferedAmountLowThreshold = LOW
            channel.on("bufferedamountlow", self._room.set)
            channel.on("message", self._said)
            channel.on("close", self._leave)
            self.opened.set()

    def _listen(self, track: MediaStreamTrack) -> None:
        task = asyncio.create_task(self._hear(track), name="hear a call")
        self._listening.add(task)
        task.add_done_callback(self._listening.discard)

    async def _hear(self, track: MediaStreamTrack) -> None:
        resampler = Resampler(OPUS, HEARD)
        with suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                assert isinstance(frame, AudioFrame)
                self._heard(resampler.feed(mono(frame)))


def mono(frame: Any) -> np.ndarray:
    """A frame of aiortc's decoder, 16 bit and interleaved, as float32 (n,)."""
    samples = frame.to_ndarray().reshape(-1, frame.layout.nb_channels).astype(np.float32)
    return samples.mean(axis=1) * np.float32(1 / 32768)
