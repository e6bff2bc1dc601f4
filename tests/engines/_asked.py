"""Real engines in real workers, one after the other, for the suites that hold for all of them."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audio.value import Audio
from engines.base import (
    REGISTRY,
    ChatRequest,
    Chunk,
    Delta,
    EngineConfig,
    EngineSpec,
    Message,
    Segment,
    SynthesisRequest,
    TranscriptionRequest,
)
from engines.pool import Pool, PoolConfig
from engines.registry import find
from tests.engines import _tiny_kokoro, _tiny_llm, _tiny_whisper
from tests.peers import need

PEERS = {"flite": "libflite"}
MODELS = {"faster-whisper": _tiny_whisper.make, "kokoro": _tiny_kokoro.make, "ctranslate2-llm": _tiny_llm.make}
"""What writes a tiny model for an engine into a folder and answers the folder."""
SEED = 7


@dataclass(frozen=True)
class Asked:
    """One engine of a running pool."""

    pool: Pool
    name: str
    """As the pool takes it."""
    cls: Any

    @property
    def spec(self) -> EngineSpec:
        return self.cls.spec

    async def say(self, text: str, voice: str = "", language: str = "", speed: float = 1.0) -> list[Chunk]:
        request = SynthesisRequest(text, voice, language, speed)
        async with aclosing(self.pool.stream(self.name, request)) as chunks:
            return [chunk async for chunk in chunks]

    async def hear(self, audio: Audio, **request: Any) -> list[Segment]:
        async with aclosing(self.pool.stream(self.name, TranscriptionRequest(audio, **request))) as segments:
            return [segment async for segment in segments]

    async def think(self, text: str, **request: Any) -> list[Delta]:
        asked = ChatRequest(**{"messages": (Message("user", text),), **request})
        async with aclosing(self.pool.stream(self.name, asked)) as deltas:
            return [delta async for delta in deltas]

    def worker(self) -> int:
        """The process id of its one worker."""
        (pid,) = next(state.pids for state in self.pool.state() if state.name == self.name)
        return pid


def names(kind: str) -> list[str]:
    """Every engine of a kind that does what its card says, installed here or not."""
    return [name for name, cls in find().items() if cls.spec.kind == kind]  # type: ignore[attr-defined]


@asynccontextmanager
async def asked(name: str, folder: Path) -> AsyncIterator[Asked]:
    """The engine in a pool of its own; skips where it or its weights are not here."""
    cls: Any = REGISTRY[name]
    if name in PEERS:
        need(PEERS[name])
    if lacking := cls.missing():
        pytest.skip(lacking)
    model = str(MODELS[name](folder / "model")) if name in MODELS else ""
    if not cls.downloaded(EngineConfig(model, models_dir=str(folder))):
        pytest.skip(f"the weights of {name} are not here")
    name = f"{name}:{model}" if model else name
    pool = Pool(PoolConfig(models_dir=folder, run_dir=folder / "run", threads=1))
    await pool.start()
    try:
        yield Asked(pool, name, cls)
    finally:
        await pool.close()


def sound(chunks: list[Chunk]) -> np.ndarray:
    return np.concatenate([chunk.audio.samples for chunk in chunks]) if chunks else np.zeros(0, np.float32)


def noise(seconds: float, level: float = 0.1) -> Audio:
    return Audio((level * np.random.default_rng(SEED).standard_normal(round(seconds * 16000))).astype("f4"), 16000)


def voiced(seconds: float) -> Audio:
    """Something that is neither silence nor speech: a buzz that comes and goes."""
    times = np.arange(round(seconds * 16000)) / 16000
    buzz = sum(np.sin(2 * np.pi * 120 * harmonic * times) / harmonic for harmonic in range(1, 20))
    return Audio((0.1 * buzz * (1 + np.sin(2 * np.pi * 3 * times)) / 2).astype("f4"), 16000)
