"""LiveKit's AgentSession as a server for benchmarks._talkers: its turns and its detector, scripted services.

Its own way in is a room on a media server, which is not part of this: a plain socket feeds the session's audio input
and takes its audio output, which is paced here. One process holds all sessions, where its worker starts one for each.
Runs in the environment of its own that benchmarks._peers makes, never in the app's. Only its public API is used.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from livekit import rtc
from livekit.agents import Agent, AgentSession, inference, llm, stt, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS
from livekit.agents.voice import io

from benchmarks._peer_line import RATE_IN, RATE_OUT, Line, Script

LEAD = 0.1
FRAME = RATE_OUT // 50
TURNS: Any = {
    "turn_detection": "vad",
    "endpointing": {"min_delay": 0.5, "max_delay": 0.5},
    "interruption": {"mode": "vad", "resume_false_interruption": False},
}
STOP = 0.2
"""Seconds of silence after which the scripted recogniser is done; the detector says so after 0.25."""


class Hears(stt.STT):
    """A streaming recogniser that knows the end of speech by silence that is nothing but zeros."""

    def __init__(self):
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=False))

    async def _recognize_impl(self, buffer: Any, **more: Any) -> stt.SpeechEvent:
        raise NotImplementedError

    def stream(self, *, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS, **more: Any) -> stt.RecognizeStream:
        return Listens(stt=self, conn_options=conn_options)


class Listens(stt.RecognizeStream):
    async def _run(self) -> None:
        spoken = quiet = 0.0
        async for frame in self._input_ch:
            if not isinstance(frame, rtc.AudioFrame):
                continue
            silent = not any(bytes(frame.data))
            spoken, quiet = (spoken, quiet + frame.duration) if silent else (spoken + frame.duration, 0.0)
            if spoken and quiet >= STOP:
                said = stt.SpeechData(language="en", text=f"I heard {spoken:.1f} seconds.", confidence=1.0)
                self._event_ch.send_nowait(stt.SpeechEvent(stt.SpeechEventType.FINAL_TRANSCRIPT, alternatives=[said]))
                spoken = 0.0


class Thinks(llm.LLM):
    def __init__(self, script: Script):
        super().__init__()
        self.script = script

    def chat(self, *, chat_ctx: Any, tools: Any = None, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS, **more: Any):
        return Thought(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class Thought(llm.LLMStream):
    _llm: Thinks

    async def _run(self) -> None:
        async for word in self._llm.script.words():
            self._event_ch.send_nowait(llm.ChatChunk(id="1", delta=llm.ChoiceDelta(role="assistant", content=word)))


class Speaks(tts.TTS):
    def __init__(self, script: Script):
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=RATE_OUT, num_channels=1)
        self.script = script

    def synthesize(self, text: str, *, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS) -> tts.ChunkedStream:
        return Speech(tts=self, input_text=text, conn_options=conn_options)


class Speech(tts.ChunkedStream):
    _tts: Speaks

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id="1", sample_rate=RATE_OUT, num_channels=1, mime_type="audio/pcm", frame_size_ms=100
        )
        async for chunk in self._tts.script.chunks(self.input_text):
            output_emitter.push(chunk)
        output_emitter.flush()


class Ears(io.AudioInput):
    """What came from the socket."""

    def __init__(self):
        super().__init__(label="socket")
        self.frames: asyncio.Queue[rtc.AudioFrame] = asyncio.Queue()

    async def __anext__(self) -> rtc.AudioFrame:
        return await self.frames.get()


class Mouth(io.AudioOutput):
    """20 ms at a time, in real time with the lead that ours has."""

    def __init__(self, line: Line, send: Callable[[bytes], Awaitable[None]]):
        super().__init__(label="socket", capabilities=io.AudioOutputCapabilities(pause=False), sample_rate=RATE_OUT)
        self._line, self._send = line, send
        self._waiting, self._whole, self._cleared = bytearray(), False, False
        self._pacing: asyncio.Task[None] | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        self._waiting += bytes(frame.data)
        if self._pacing is None:
            self._whole = self._cleared = False
            self._pacing = asyncio.create_task(self._pace())

    def flush(self) -> None:
        super().flush()
        self._whole = True

    def clear_buffer(self) -> None:
        self._waiting.clear()
        self._whole = self._cleared = True

    async def _pace(self) -> None:
        self.on_playback_started(created_at=time.time())
        began, sent = time.perf_counter(), 0
        while self._waiting or not self._whole:
            if len(self._waiting) >= 2 * FRAME or (self._whole and self._waiting):
                piece = bytes(self._waiting[: 2 * FRAME])
                del self._waiting[: 2 * FRAME]
                self._line.left(len(piece) // 2)
                await self._send(piece)
                sent += len(piece) // 2
            await asyncio.sleep(max(0.0, began + sent / RATE_OUT - LEAD - time.perf_counter()))
        if not self._cleared:
            await asyncio.sleep(max(0.0, began + sent / RATE_OUT - time.perf_counter()))
        self._pacing = None
        self.on_playback_finished(playback_position=sent / RATE_OUT, interrupted=self._cleared)


def app(script: Script) -> FastAPI:
    site = FastAPI()
    hears, thinks, speaks = Hears(), Thinks(script), Speaks(script)
    vad = inference.VAD()

    @site.get("/health")
    async def health() -> dict:
        return {}

    @site.websocket("/ws")
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.receive_text()
        line, ears = Line(script, websocket.send_text), Ears()
        session: AgentSession[None] = AgentSession(stt=hears, vad=vad, llm=thinks, tts=speaks, turn_handling=TURNS)
        session.input.audio = ears
        session.output.audio = Mouth(line, websocket.send_bytes)
        await session.start(agent=Agent(instructions="Answer."))
        await line.ready(LEAD)
        try:
            while True:
                pcm = await websocket.receive_bytes()
                ears.frames.put_nowait(rtc.AudioFrame(pcm, RATE_IN, 1, len(pcm) // 2))
        except WebSocketDisconnect:
            pass
        finally:
            line.close()
            await session.aclose()

    return site


if __name__ == "__main__":
    site = app(Script.read(sys.argv[2]))
    # Without uvloop, as ours is.
    uvicorn.run(site, host="127.0.0.1", port=int(sys.argv[1]), loop="asyncio", log_level="warning")
