"""Pipecat as a server for benchmarks._talkers: its FastAPI transport, its turns and its detector, scripted services.

Runs in the environment of its own that benchmarks._peers makes, never in the app's. Only its public API is used.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import AsyncGenerator
from dataclasses import fields

import uvicorn
from fastapi import FastAPI, WebSocket
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    OutputAudioRawFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameDirection
from pipecat.serializers.base_serializer import FrameSerializer
from pipecat.services.llm_service import LLMService
from pipecat.services.settings import LLMSettings, STTSettings, TTSSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.services.tts_service import TTSService
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.turns.user_start import VADUserTurnStartStrategy
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.workers.runner import WorkerRunner

from benchmarks._peer_line import RATE_IN, RATE_OUT, Line, Script

ENDPOINT = 0.5 - 0.2
"""Seconds of silence that end a turn, less those after which its detector says that speech has stopped."""


class Hears(SegmentedSTTService):
    """Writes at once how long it listened."""

    def __init__(self):
        super().__init__(ttfs_p99_latency=0.3, settings=STTSettings(model=None, language=None))

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame, None]:
        yield TranscriptionFrame(f"I heard {len(audio) / 2 / RATE_IN:.1f} seconds.", "", "")


class Thinks(LLMService):
    def __init__(self, script: Script):
        super().__init__(settings=LLMSettings(**{field.name: None for field in fields(LLMSettings)} | {"extra": {}}))
        self._script = script

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        await self.push_frame(LLMFullResponseStartFrame())
        async for word in self._script.words():
            await self._push_llm_text(word)
        await self.push_frame(LLMFullResponseEndFrame())


class Speaks(TTSService):
    def __init__(self, script: Script):
        blank = TTSSettings(model=None, voice=None, language=None)
        super().__init__(push_start_frame=True, push_stop_frames=True, settings=blank)
        self._script = script

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame, None]:
        async for chunk in self._script.chunks(text):
            yield TTSAudioRawFrame(chunk, RATE_OUT, 1, context_id=context_id)


class Bare(FrameSerializer):
    """Binary frames are PCM16 both ways; what else there is goes past it."""

    def __init__(self, line: Line):
        super().__init__()
        self._line = line

    async def serialize(self, frame: Frame) -> bytes | None:
        if not isinstance(frame, OutputAudioRawFrame):
            return None
        self._line.left(len(frame.audio) // 2)
        return frame.audio

    async def deserialize(self, data: str | bytes) -> Frame | None:
        return InputAudioRawFrame(data, RATE_IN, 1) if isinstance(data, bytes) else None


def pipeline(transport: FastAPIWebsocketTransport, script: Script) -> Pipeline:
    turns = UserTurnStrategies(
        start=[VADUserTurnStartStrategy()], stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=ENDPOINT)]
    )
    heard = LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer(), user_turn_strategies=turns)
    user, assistant = LLMContextAggregatorPair(LLMContext(), user_params=heard)
    parts = [transport.input(), Hears(), user, Thinks(script), Speaks(script), transport.output(), assistant]
    return Pipeline(parts)


def app(script: Script) -> FastAPI:
    site = FastAPI()

    @site.get("/health")
    async def health() -> dict:
        return {}

    @site.websocket("/ws")
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.receive_text()
        line = Line(script, websocket.send_text)
        params = FastAPIWebsocketParams(audio_in_enabled=True, audio_out_enabled=True, serializer=Bare(line))
        transport = FastAPIWebsocketTransport(websocket, params)
        worker = PipelineWorker(
            pipeline(transport, script),
            params=PipelineParams(audio_in_sample_rate=RATE_IN, audio_out_sample_rate=RATE_OUT),
            conversation_id=uuid.uuid4().hex,
        )

        @transport.event_handler("on_client_connected")
        async def connected(transport: object, socket: object) -> None:
            await line.ready(0.0)

        @transport.event_handler("on_client_disconnected")
        async def gone(transport: object, socket: object) -> None:
            await worker.cancel()

        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(worker)
        await runner.run()
        line.close()

    return site


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    site = app(Script.read(sys.argv[2]))
    # Without uvloop, as ours is.
    uvicorn.run(site, host="127.0.0.1", port=int(sys.argv[1]), loop="asyncio", log_level="warning")
