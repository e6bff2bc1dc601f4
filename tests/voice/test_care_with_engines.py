"""Output care on what real engines make."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from audio.loudness import loudness
from audio.value import Audio
from engines.pool import Pool, PoolConfig
from engines.registry import find
from tests.peers import need
from voice.levels import TARGET, Levels
from voice.routing import Routing
from voice.speech import Speech, SpeechPlan, SpeechRequest
from voice.timings import estimate, marked

pytestmark = pytest.mark.integration

TEXTS = {
    "espeak-ng/en-us": "Hello, I would like to book a table for two; tomorrow evening, if that is possible. Thank you!",
    "espeak-ng/de": "Guten Tag, ich möchte einen Tisch für zwei Personen bestellen, wenn das möglich ist. Vielen Dank!",
    "espeak-ng/ru": "Здравствуйте, я хотел бы забронировать столик на двоих. Спасибо большое!",
    "espeak-ng/hi": "नमस्ते, मैं दो लोगों के लिए एक मेज़ बुक करना चाहता हूँ। धन्यवाद।",
}


@pytest.fixture
async def speech() -> AsyncIterator[Speech]:
    registry = find()
    pool = Pool(PoolConfig(), engines=registry)
    await pool.start()
    try:
        yield Speech(pool, Routing(registry), max_text_chars=10_000, levels=Levels())
    finally:
        await pool.close()


async def said(speech: Speech, plan: SpeechPlan) -> Audio:
    async with aclosing(speech.stream(plan)) as stream:
        return Audio.join([chunk.audio async for chunk in stream])


@pytest.mark.parametrize("voice", TEXTS)
async def test_guessed_words_are_near_what_the_engine_says(speech: Speech, voice: str):
    async with aclosing(speech.stream(speech.plan(SpeechRequest(TEXTS[voice], voice=voice)))) as stream:
        chunks = [chunk async for chunk in stream]
    audio = Audio.join([chunk.audio for chunk in chunks])
    told = marked(TEXTS[voice], [word for chunk in chunks for word in chunk.words])
    guessed = {word.text: word.start for word in estimate(TEXTS[voice], audio)}
    off = [abs(word.start - guessed[word.text]) for word in told if word.text in guessed]
    assert len(off) >= 8
    assert sum(off) / len(off) < 0.15


async def test_voices_that_are_twelve_units_apart_become_equally_loud(speech: Speech):
    need("libflite")
    loud = []
    for voice in ("flite/slt", "flite/kal16", "espeak-ng/en-us"):
        plan = speech.plan(SpeechRequest("The heating does not work, and we have no hot water.", voice=voice))
        await said(speech, plan)
        loud.append(loudness(await said(speech, plan)))
    assert max(loud) - min(loud) < 1.0
    assert sum(loud) / len(loud) == pytest.approx(TARGET, abs=1.0)
