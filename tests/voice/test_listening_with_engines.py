"""Utterances through the real pool: Whisper on a tiny checkpoint, which always hears the same, and real speech by the
offline recogniser."""

import asyncio

import numpy as np
import pytest

from audio.resample import resample
from audio.value import Audio
from engines.base import EngineConfig, SynthesisRequest
from engines.pool import Pool, PoolConfig
from engines.registry import find
from tests.engines import _tiny_whisper
from tests.engines._asked import voiced
from tests.peers import need
from voice.listening import Listening, Utterance
from voice.routing import Routing

pytestmark = pytest.mark.integration


@pytest.fixture
async def pool(tmp_path):
    options = {"scripted-stt": {"delay": 0.05, "text": "A table for two."}}
    pool = Pool(PoolConfig(models_dir=tmp_path, options=options), engines=find(scripted=True))
    await pool.start()
    try:
        yield pool
    finally:
        await pool.close()


def listening(pool: Pool, engine: str) -> Listening:
    return Listening(pool, Routing(find(scripted=True), EngineConfig(), stt_engine=engine))


def speak(utterance: Utterance, audio: Audio) -> None:
    for frame in np.array_split(audio.samples, max(1, len(audio.samples) // 320)):
        utterance.feed(frame)


async def test_whisper_follows(pool, tmp_path):
    told: asyncio.Queue[tuple[str, int]] = asyncio.Queue()
    engine = f"faster-whisper:{_tiny_whisper.make(tmp_path / 'tiny')}"
    utterance = listening(pool, engine).utterance(on_partial=lambda text, sure: told.put_nowait((text, sure)))
    speak(utterance, voiced(2.0))
    async with asyncio.timeout(60):
        assert await told.get() == ("hello world", 0)
    speak(utterance, voiced(5.0))
    async with asyncio.timeout(60):
        assert await told.get() == ("hello world", len("hello"))
    understood = await utterance.final()
    assert (understood.text, understood.language, understood.trusted) == ("hello world", "fi", True)
    assert understood.engine == engine
    await utterance.closed()


async def test_the_offline_recogniser_hears_the_whole_and_is_not_trusted(pool):
    need("libflite")
    asked = pool.stream("flite", SynthesisRequest("The weather is nice today.", "rms"))
    said = [resample(chunk.audio, 16000) async for chunk in asked]
    utterance = listening(pool, "pocketsphinx").utterance("en", on_partial=lambda text, sure: pytest.fail(text))
    speak(utterance, Audio.join(said))
    understood = await utterance.final()
    assert understood.text == "the weather is nice today"
    assert not understood.trusted
    await utterance.closed()


async def test_many_at_once(pool):
    utterances = [listening(pool, "scripted-stt").utterance("en") for _ in range(60)]
    for utterance in utterances:
        speak(utterance, voiced(1.0))
        utterance.settle()
    for utterance in utterances[::2]:
        speak(utterance, voiced(0.5))
    understood = await asyncio.gather(*(utterance.final() for utterance in utterances))
    assert {one.text for one in understood} == {"A table for two."}
    assert [one.seconds for one in understood] == [1.5, 1.0] * 30
    await asyncio.gather(*(utterance.closed() for utterance in utterances))
    assert not [task for task in asyncio.all_tasks() if "Utterance" in str(task.get_coro())]
