"""What every engine that hears must do, through a real worker."""

import asyncio
import contextlib
import re
import time

import numpy as np
import pytest
import pytest_asyncio

from audio.value import Audio
from core.errors import BadRequest
from engines.base import TranscriptionRequest
from tests.engines._asked import Asked, asked, names, noise, voiced

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

CLIPS = ((0.5, 1.5), (2.0, 3.25), (4.0, 5.0))


@pytest_asyncio.fixture(params=names("stt"), scope="module", loop_scope="module")
async def listener(request, tmp_path_factory):
    async with asked(request.param, tmp_path_factory.mktemp("pool")) as engine:
        yield engine


async def test_its_card_is_complete(listener: Asked):
    spec = listener.spec
    assert re.fullmatch("[a-z0-9-]+", spec.name)
    assert spec.summary.endswith(".")
    assert spec.licence
    assert spec.rate == 16000
    assert spec.languages
    assert spec.capabilities <= {"words", "translate", "hotwords", "grammar", "detect", "batch", "partials"}
    assert spec.memory_mb > 0
    assert listener.cls.missing() == ""
    assert listener.cls.voices() == []


@pytest.mark.parametrize("clips", [(), CLIPS], ids=["whole", "clips"])
async def test_its_segments_and_words_follow_one_another_within_the_audio(listener: Asked, clips):
    audio = voiced(6.0)
    segments = await listener.hear(audio, words=True, clips=clips)
    times = [time for segment in segments for time in (segment.start, segment.end)]
    assert times == sorted(times)
    assert all(0 <= time <= audio.seconds for time in times)
    for segment in segments:
        starts = [word.start for word in segment.words]
        assert starts == sorted(starts)
        assert all(0 <= word.start <= word.end <= audio.seconds for word in segment.words)
        assert all(word.text == word.text.strip() and 0 <= word.probability <= 1 for word in segment.words)
        assert segment.text == segment.text.strip() != ""
        assert segment.language in listener.spec.languages
        if clips:
            assert any(start <= segment.start <= segment.end <= end for start, end in clips)


async def test_words_come_only_when_they_are_wanted(listener: Asked):
    assert all(segment.words == () for segment in await listener.hear(voiced(3.0)))


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.3, 3.0, 40.0])
async def test_in_silence_it_hears_nothing(listener: Asked, seconds):
    assert await listener.hear(Audio.silence(seconds, 16000), words=True) == []
    assert await listener.hear(noise(seconds, level=1e-4), words=True) == []


async def test_clips_outside_the_audio_do_no_harm(listener: Asked):
    await listener.hear(voiced(2.0), clips=((-1.0, 0.5), (0.4, 0.6), (1.5, 9.0), (20.0, 30.0)))


@pytest.mark.parametrize("level", [1e-6, 0.5, 30.0])
async def test_no_sound_brings_it_down(listener: Asked, level):
    await listener.hear(noise(1.0, level=level))
    square = np.sign(voiced(1.0).samples)
    await listener.hear(Audio(square, 16000))
    assert await listener.hear(Audio.silence(1.0, 16000)) == []


async def test_the_same_sound_gives_the_same_text(listener: Asked):
    first = await listener.hear(voiced(3.0), words=True)
    await listener.hear(noise(2.0, level=0.3))
    assert await listener.hear(voiced(3.0), words=True) == first


async def test_a_language_it_does_not_know_is_a_bad_request(listener: Asked):
    with pytest.raises(BadRequest, match=r"\.$"):
        await listener.hear(voiced(1.0), language="xx")


async def test_a_language_may_come_with_its_region(listener: Asked):
    await listener.hear(voiced(1.0), language="en-US")


async def test_a_task_it_does_not_have_is_a_bad_request(listener: Asked):
    with pytest.raises(BadRequest, match=r"\.$"):
        await listener.hear(voiced(1.0), task="sing")


async def test_it_stops_between_passages_and_serves_the_next_request(listener: Asked):
    assert await listener.hear(Audio.silence(1.0, 16000)) == []
    clips = tuple((second, second + 0.5) for second in range(200))
    long = listener.pool.stream(listener.name, TranscriptionRequest(voiced(200.0), clips=clips))
    begun = time.monotonic()
    with contextlib.suppress(TimeoutError, StopAsyncIteration):
        async with contextlib.aclosing(long), asyncio.timeout(0.05):
            await anext(long)
    assert await listener.hear(Audio.silence(1.0, 16000)) == []
    assert time.monotonic() - begun < 5.0
