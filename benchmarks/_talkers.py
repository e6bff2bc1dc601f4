"""The callers of benchmarks.conversations: a process of their own that speaks on many sockets and notes when it heard.

Reads orders as JSON lines, answers each with one. Frames of WebSocket are made and read here by hand (RFC 6455): a
library would take the core that the callers share among them.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import struct
import sys
import time
from dataclasses import dataclass, field
from typing import Any, ClassVar

FRAME_SECONDS = 0.02
FRAME_BYTES = 640
"""20 ms of 16-bit samples at 16 kHz."""
RATE = 24000
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
WINDOW = 512
BUILT = 1.5
"""Leads after which the lead is there: a voice that is five times as fast as it is heard makes it as it goes. A frame
before that is due when it is played, every other one a lead earlier."""


def masked(opcode: int, payload: bytes) -> bytes:
    """A client's frame. The mask of zeros leaves the payload as it is."""
    size = len(payload)
    head = bytes((0x80 | opcode, 0x80 | size)) if size < 126 else struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
    return head + b"\0\0\0\0" + payload


@dataclass
class Caller(asyncio.Protocol):
    """Speaks its recording, waits until the answer is over, keeps quiet for a while, and so on."""

    path: ClassVar[str] = "/ws"
    key: str
    start: dict[str, Any]
    speech: list[bytes]
    turns: int
    rest: float
    """Seconds of quiet behind an answer."""
    delay: float
    """Seconds before the first turn."""
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    frames_sent: int = 0
    frames_heard: int = 0
    lost: int = 0
    lateness: list[float] = field(default_factory=list)
    turn_times: list[tuple[float, float]] = field(default_factory=list)
    """When the first audio of an answer came, and when the frame left that decided the end of the turn."""
    speech_seconds: float = 0.0
    errors: list[str] = field(default_factory=list)
    lead: float = 0.0
    answers: list[float] = field(default_factory=list)
    """Seconds from the last frame of his speech to the first of each answer."""
    interrupt: float = 0.0
    """Seconds into an answer at which he interrupts it; 0 lets it end."""
    interrupted: int = 0
    pauses: list[float] = field(default_factory=list)
    """Seconds from his first sample of an interruption to the order to stop playing."""
    after: int = 0
    """Frames that came between that order and the end of the answer."""

    def __post_init__(self):
        self._buffer = b""
        self._open = False
        self._at = -1
        """Of the recording; -1 is quiet."""
        self._next = 0.0
        self._quiet_until = 0.0
        self._run_began = 0.0
        self._run_position = self._expected = 0
        self._answering = False
        self._sent_at: list[float] = []
        self._turn = 0
        self._quiet = self.framed(bytes(FRAME_BYTES))
        self._ended_at = 0.0
        self._spoke_at = self._silent_at = 0.0
        self._paused = False

    @staticmethod
    def framed(pcm: bytes) -> bytes:
        """20 ms of sound as it is sent."""
        return masked(BINARY, pcm)

    def hello(self) -> dict[str, Any]:
        return {"type": "start"} | self.start

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        nonce = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {self.path} HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Key: {nonce}", "Sec-WebSocket-Version: 13", f"Authorization: Bearer {self.key}",
                 "", ""]  # fmt: skip
        transport.write("\r\n".join(lines).encode())

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        self._buffer = self._buffer + data if self._buffer else data
        if not self._open:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head.split(b"\r\n")[0]:
                self._fail(head[:200].decode("latin-1"))
                return
            self._open, self._buffer = True, rest
            self._transport.write(masked(TEXT, json.dumps(self.hello()).encode()))
        self._read(now)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self._fail(f"the connection was lost: {error}")

    def _read(self, now: float) -> None:
        buffer, at, size = self._buffer, 0, len(self._buffer)
        while size - at >= 2:
            opcode, length, head = buffer[at] & 15, buffer[at + 1] & 127, 2
            if length == 126:
                if size - at < 4:
                    break
                length, head = (buffer[at + 2] << 8) | buffer[at + 3], 4
            elif length == 127:
                if size - at < 10:
                    break
                length, head = int.from_bytes(buffer[at + 2 : at + 10], "big"), 10
            if size - at < head + length:
                break
            payload = buffer[at + head : at + head + length]
            at += head + length
            if opcode == BINARY:
                self._sound(now, length // 2)
            elif opcode == TEXT:
                self._text(payload, now)
            elif opcode == PING:
                self._transport.write(masked(PONG, payload))
            elif opcode == CLOSE:
                self._fail(f"closed: {payload[2:].decode('utf-8', 'replace')}")
        self._buffer = buffer[at:]

    def _sound(self, now: float, samples: int) -> None:
        if not self._run_began:
            self._run_began = now
            self.turn_times.append((now, self._ended_at))
            self.answers.append(now - self._silent_at)
            self._quiet_until = now + self.interrupt if self.interrupt else 0.0
        played = (self._expected - self._run_position) / RATE
        lead = self.lead if played > BUILT * self.lead else 0.0
        self.lateness.append(now - (self._run_began + played - lead))
        self.frames_heard += 1
        self.after += self._paused
        self._expected += samples

    def _text(self, payload: bytes, now: float) -> None:
        self._told(json.loads(payload), now)

    def _told(self, message: dict[str, Any], now: float) -> None:
        kind = message["type"]
        if kind == "ready":
            self.lead = message["lead_ms"] / 1000
            self._quiet_until = now + self.delay
            self._next = now
        elif kind == "audio":
            self.lost += message["position"] != self._expected
            self._run_began, self._run_position = 0.0, self._expected
        elif kind == "audio_done":
            self.lost += message["position"] != self._expected
        elif kind == "turn_ended":
            frames = -(-round(message["at"] * 16000) // (FRAME_BYTES // 2))
            self._ended_at = self._sent_at[min(frames, len(self._sent_at)) - 1]
        elif kind == "pause":
            self._paused = True
            if not self.done.done():
                self.pauses.append(now - self._spoke_at)
        elif kind == "resume":
            self._paused, self._run_began, self._run_position = False, 0.0, self._expected
        elif kind == "interrupted":
            self.interrupted += not self.done.done()
        elif kind == "response_done":
            self._turn += 1
            self._paused = False
            if message["status"] == "completed":
                self._quiet_until = now + self.rest
                self._at = -1
            if self._turn >= self.turns:
                self.done.set_result(None) if not self.done.done() else None
        elif kind == "error":
            self.errors.append(message["message"])

    def tick(self, now: float) -> None:
        """Send what is due."""
        while self._next and self._next <= now:
            self._next += FRAME_SECONDS
            self._transport.write(self._frame(now))
            self._sent_at.append(now)
            self.frames_sent += 1

    def _frame(self, now: float) -> bytes:
        if self._quiet_until and now >= self._quiet_until:
            self._quiet_until, self._at, self._spoke_at = 0.0, 0, now
        if 0 <= self._at < len(self.speech):
            self._at += 1
            self._silent_at = now
            self.speech_seconds += FRAME_SECONDS
            return self.speech[self._at - 1]
        return self._quiet

    def _fail(self, why: str) -> None:
        self.errors.append(why)
        if not self.done.done():
            self.done.set_result(None)

    def close(self) -> None:
        self._transport.close()


class RealtimeCaller(Caller):
    """The same on `/v1/realtime`. `start` is an update of its session, with the `lead` of the server's sound."""

    path = "/v1/realtime"

    @staticmethod
    def framed(pcm: bytes) -> bytes:
        event = {"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()}
        return masked(TEXT, json.dumps(event).encode())

    def hello(self) -> dict[str, Any]:
        session = {name: value for name, value in self.start.items() if name != "lead"}
        return {"type": "session.update", "session": session}

    def _text(self, payload: bytes, now: float) -> None:
        if payload.startswith(DELTA):
            sound = payload[payload.rindex(b'"', 0, -2) + 1 : -2]
            self._sound(now, (len(sound) * 3 // 4 - sound.count(b"=")) // 2)
        else:
            self._told(json.loads(payload), now)

    def _told(self, message: dict[str, Any], now: float) -> None:
        kind = message["type"]
        if kind == "session.updated":
            self.lead = self.start["lead"]
            self._quiet_until = now + self.delay
            self._next = now
        elif kind == "response.created":
            self._run_began, self._run_position = 0.0, self._expected
        elif kind == "input_audio_buffer.speech_stopped":
            frames = -(-message["audio_end_ms"] * 16 // (FRAME_BYTES // 2))
            self._ended_at = self._sent_at[min(frames, len(self._sent_at)) - 1]
        elif kind == "response.done":
            self._turn += 1
            self.interrupted += message["response"]["status"] == "cancelled"
            if message["response"]["status"] == "completed":
                self._quiet_until = now + self.rest
                self._at = -1
            if self._turn >= self.turns:
                self.done.set_result(None) if not self.done.done() else None
        elif kind == "error":
            self.errors.append(message["error"]["message"])


DELTA = b'{"type":"response.output_audio.delta"'
CALLERS: dict[str, type[Caller]] = {"ws": Caller, "realtime": RealtimeCaller}


async def conversations(port: int, key: str, order: dict[str, Any]) -> dict[str, Any]:
    """`count` callers, each `turns` turns, begun one after the other within `spread` seconds."""
    loop = asyncio.get_running_loop()
    kind = CALLERS[order.get("dialect", "ws")]
    recordings = [base64.b64decode(text) for text in order["recordings"]]
    cut = [
        [kind.framed(pcm[at : at + FRAME_BYTES].ljust(FRAME_BYTES, b"\0")) for at in range(0, len(pcm), FRAME_BYTES)]
        for pcm in recordings
    ]
    callers: list[Caller] = []
    for number in range(order["count"]):
        delay = order["spread"] * number / order["count"]
        caller = kind(key, order["start"], cut[number % len(cut)], order["turns"], order["rest"], delay)
        caller.interrupt = order.get("interrupt", 0.0)
        await loop.create_connection(lambda caller=caller: caller, "127.0.0.1", port)
        callers.append(caller)
    speaking = asyncio.ensure_future(_speak(callers))
    began = time.perf_counter()
    await asyncio.wait({caller.done for caller in callers}, timeout=order["timeout"])
    seconds = time.perf_counter() - began
    speaking.cancel()
    for caller in callers:
        caller.close()
    return {
        "seconds": seconds,
        "lateness": [late for caller in callers for late in caller.lateness],
        "lead": callers[0].lead,
        "answers": [seconds for caller in callers for seconds in caller.answers],
        "turns": [first - decided for caller in callers for first, decided in caller.turn_times],
        "frames_sent": sum(caller.frames_sent for caller in callers),
        "frames_heard": sum(caller.frames_heard for caller in callers),
        "lost": sum(caller.lost for caller in callers),
        "pauses": [(n % len(cut), seconds) for n, caller in enumerate(callers) for seconds in caller.pauses],
        "after": sum(caller.after for caller in callers),
        "interrupted": sum(caller.interrupted for caller in callers),
        "unfinished": sum(not caller.done.done() for caller in callers),
        "speech_seconds": sum(caller.speech_seconds for caller in callers),
        "errors": [error for caller in callers for error in caller.errors][:5],
    }


async def _speak(callers: list[Caller]) -> None:
    """Every caller's frames in a turn of 2 ms each tenth of them, as they would come from a hundred microphones."""
    steps = 10
    due = time.perf_counter()
    while True:
        for step in range(steps):
            now = time.perf_counter()
            for caller in callers[step::steps]:
                caller.tick(now)
            due += FRAME_SECONDS / steps
            await asyncio.sleep(max(0.0, due - time.perf_counter()))


async def serve(port: int, key: str) -> None:
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        answer = await conversations(port, key, json.loads(line))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2]))
