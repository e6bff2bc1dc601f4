"""What every engine that speaks must do, through a real worker."""

import os
import re
from contextlib import aclosing, suppress
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from core.errors import BadRequest
from engines.base import SynthesisRequest
from tests.engines._asked import Asked, asked, names, sound

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

SENTENCE = "Your table is booked for seven, and the kitchen closes at ten."
LONG = " ".join([SENTENCE] * 40)
SCRIPTS = (
    "Привет, как дела?",
    "今天天气很好。",
    "नमस्ते, आप कैसे हैं?",
    "مرحبا",
    "שלום",
    "😀👨‍👩‍👧‍👦",
    "ａｂｃ",
    "1,234.5 €",
    "...",
    "\u0301\u200d",
)


@pytest_asyncio.fixture(params=names("tts"), scope="module", loop_scope="module")
async def speaker(request, tmp_path_factory):
    async with asked(request.param, tmp_path_factory.mktemp("pool")) as engine:
        yield engine


async def test_its_card_is_complete(speaker: Asked):
    spec = speaker.spec
    assert re.fullmatch("[a-z0-9-]+", spec.name)
    assert spec.summary.endswith(".")
    assert spec.licence
    assert spec.rate in (16000, 22050, 24000, 44100, 48000)
    assert spec.languages
    assert spec.capabilities <= {"words", "speed", "ssml", "streaming"}
    assert spec.memory_mb > 0
    assert spec.cancel in ("step", "chunk", "never")
    assert speaker.cls.missing() == ""


async def test_its_voices_are_listed_once_and_belong_to_it(speaker: Asked):
    voices = speaker.cls.voices()
    assert voices
    assert len({voice.id for voice in voices}) == len(voices)
    assert all(voice.id == f"{speaker.spec.name}/{voice.name}" for voice in voices)
    assert all(voice.languages and voice.gender in ("", "female", "male") for voice in voices)
    spoken = {tag.partition("-")[0] for voice in voices for tag in voice.languages}
    assert spoken == set(speaker.spec.languages)


async def test_it_speaks_in_chunks_of_float32_at_its_rate(speaker: Asked):
    chunks = await speaker.say(SENTENCE)
    samples = sound(chunks)
    assert len(chunks) > 1
    assert {chunk.audio.rate for chunk in chunks} == {speaker.spec.rate}
    assert samples.dtype == np.float32
    assert np.abs(samples).max() <= 1.0
    assert np.sqrt(np.mean(samples**2)) > 0.02
    assert 2.0 < len(samples) / speaker.spec.rate < 8.0


async def test_no_chunk_is_long_so_that_the_first_can_play_at_once(speaker: Asked):
    assert max(chunk.audio.seconds for chunk in await speaker.say(LONG)) <= 3.0


async def test_its_words_follow_one_another_within_the_sound_they_come_with(speaker: Asked):
    if "words" not in speaker.spec.capabilities:
        pytest.skip("it tells no word times")
    now = 0.0
    words = []
    for chunk in await speaker.say(SENTENCE):
        assert all(now - 1e-6 <= word.start < now + chunk.audio.seconds for word in chunk.words)
        now += chunk.audio.seconds
        words += chunk.words
    assert [word.text.strip(".,") for word in words] == SENTENCE.replace(",", "").replace(".", "").split()
    assert all(word.start < word.end <= now + 0.05 for word in words)
    assert all(a.end <= b.start + 1e-6 for a, b in pairwise(words))


async def test_it_stops_within_a_chunk_and_serves_the_next_request(speaker: Asked):
    async with aclosing(speaker.pool.stream(speaker.name, SynthesisRequest(LONG, ""))) as chunks:
        await anext(chunks)
    assert await speaker.say("Yes.")


@pytest.mark.parametrize("text", ["", " ", "\n\t ", "\x00\x01"])
async def test_of_nothing_it_says_nothing(speaker: Asked, text):
    assert await speaker.say(text) == []


async def test_twice_the_speed_takes_about_half_the_time(speaker: Asked):
    if "speed" not in speaker.spec.capabilities:
        pytest.skip("it has one pace")
    plain, fast = len(sound(await speaker.say(SENTENCE))), len(sound(await speaker.say(SENTENCE, speed=2.0)))
    assert 0.35 < fast / plain < 0.65
    assert len(sound(await speaker.say(SENTENCE, speed=0.5))) > 1.5 * plain


async def test_the_same_request_takes_the_same_time(speaker: Asked):
    first, second = sound(await speaker.say(SENTENCE)), sound(await speaker.say(SENTENCE))
    assert abs(len(first) - len(second)) < 0.01 * len(first)


async def test_a_request_leaves_nothing_for_the_next(speaker: Asked):
    before = len(sound(await speaker.say(SENTENCE)))
    other = speaker.cls.voices()[-1]
    await speaker.say("One, two.", other.name, speed=3.0)
    assert abs(len(sound(await speaker.say(SENTENCE))) - before) < 0.01 * before


async def test_an_unknown_voice_is_a_bad_request(speaker: Asked):
    with pytest.raises(BadRequest, match="nobody-like-this"):
        await speaker.say(SENTENCE, "nobody-like-this")


async def test_a_language_it_does_not_speak_is_a_bad_request(speaker: Asked):
    with pytest.raises(BadRequest):
        await speaker.say(SENTENCE, language="xx-XX")


@pytest.mark.parametrize("text", SCRIPTS)
async def test_no_script_brings_it_down(speaker: Asked, text):
    assert await speaker.say("Yes.")
    pid = speaker.worker()
    with suppress(BadRequest):
        await speaker.say(text)
    assert await speaker.say("Yes.")
    assert speaker.worker() == pid


async def test_a_text_without_end_can_be_begun_and_left(speaker: Asked):
    for text in ("a" * 100_000, "1" * 100_000, "\ud800\udfff \x00\x01" * 1000 + "yes", "((" * 50_000 + "yes"):
        async with aclosing(speaker.pool.stream(speaker.name, SynthesisRequest(text, ""))) as chunks:
            assert (await anext(chunks)).audio.rate == speaker.spec.rate


async def test_fifty_requests_leave_no_memory_and_no_thread(speaker: Asked):
    async def fifty() -> None:
        for number in range(50):
            if number % 2:
                await speaker.say(SENTENCE)
            else:
                async with aclosing(speaker.pool.stream(speaker.name, SynthesisRequest(LONG, ""))) as chunks:
                    await anext(chunks)

    await fifty()
    memory, threads = _memory(speaker.worker()), _threads(speaker.worker())
    await fifty()
    await speaker.say("Yes.")
    assert _memory(speaker.worker()) - memory < 4.0
    assert _threads(speaker.worker()) <= threads + speaker.spec.concurrency


def _memory(pid: int) -> float:
    """Megabytes that a process holds."""
    if not Path("/proc").is_dir():
        pytest.skip("a process's memory is read from /proc")
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))
