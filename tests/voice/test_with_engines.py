"""The voice room with the real pool, engines and detector."""

import io
import wave
from contextlib import aclosing

import numpy as np
import pytest

from audio.value import Audio
from engines.base import EngineConfig
from engines.pool import Pool, PoolConfig
from engines.registry import find
from tests.peers import need
from voice.routing import Routing
from voice.segments import Rules
from voice.speech import Speech, SpeechRequest
from voice.transcription import Transcription, TranscriptionOptions

pytestmark = pytest.mark.integration

TEXT = (
    "This is a longer text, which is spoken in several pieces. Each of them is made while the one before is heard. "
    "There are 3.5 good reasons for that, e.g. patience.\n\nAnd here is a new paragraph, the last one of this text."
)


@pytest.fixture
async def house(tmp_path):
    registry = find()
    pool = Pool(PoolConfig(models_dir=tmp_path), engines=registry)
    await pool.start()
    routing = Routing(registry, EngineConfig(models_dir=str(tmp_path)))
    detector = registry["silero"](EngineConfig())
    try:
        yield Speech(pool, routing, max_text_chars=10_000), Transcription(pool, routing, detector, max_seconds=600)
    finally:
        await pool.close()


async def say(speech: Speech, text: str, voice: str) -> tuple[Audio, list[str]]:
    async with aclosing(speech.stream(speech.plan(SpeechRequest(text, voice=voice)))) as stream:
        chunks = [chunk async for chunk in stream]
    return Audio.join(chunk.audio for chunk in chunks), [word.text for chunk in chunks for word in chunk.words]


def wav(audio: Audio) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(audio.rate)
        out.writeframes(audio.pcm16())
    return file.getvalue()


async def test_espeak_speaks_a_text_with_pauses_but_no_holes(house):
    speech, transcription = house
    audio, words = await say(speech, TEXT, "espeak-ng/en-us")
    assert words[:4] == ["This", "is", "a", "longer"]
    assert words[-1].startswith("text")
    loud = np.flatnonzero(np.abs(audio.samples) > 0.003)
    pauses = np.diff(loud)[np.diff(loud) > 0.25 * audio.rate] / audio.rate
    assert 2 <= len(pauses) <= 4
    assert pauses.max() < 0.65
    spans = await transcription.segments(wav(audio), Rules(min_silence=0.4))
    assert len(spans) == 2


async def test_a_script_finds_its_voice(house):
    speech, _ = house
    audio, words = await say(speech, "नमस्ते, आप कैसे हैं?", "alloy")
    assert audio.seconds > 1
    assert words


async def test_what_flite_says_is_heard_on_the_clock_of_the_file(house):
    need("libflite")
    speech, transcription = house
    one, _ = await say(speech, "The weather is nice today.", "flite/slt")
    two, _ = await say(speech, "We go to the market in the morning.", "flite/slt")
    recording = Audio.join([Audio.silence(2, 16000), one, Audio.silence(3, 16000), two, Audio.silence(1, 16000)])
    transcript = await transcription.whole(wav(recording), TranscriptionOptions(model="pocketsphinx", words=True))
    assert "weather" in transcript.text
    assert "market" in transcript.text
    assert transcript.duration == pytest.approx(recording.seconds, abs=0.01)
    first, last = transcript.segments[0], transcript.segments[-1]
    assert first.start == pytest.approx(2.0, abs=0.3)
    assert last.end == pytest.approx(recording.seconds - 1, abs=0.4)


async def test_real_silence_and_noise_are_not_text(house):
    _, transcription = house
    noise = Audio(np.random.default_rng(5).normal(0, 0.003, 16000 * 5).astype(np.float32), 16000)
    transcript = await transcription.whole(wav(noise), TranscriptionOptions(model="pocketsphinx"))
    assert (transcript.text, transcript.segments) == ("", ())
