"""Somebody else speaks where an engine fails."""

import asyncio
from contextlib import aclosing

import pytest

from core.errors import (
    BadRequest,
    CircuitOpen,
    EngineError,
    EngineTimeout,
    NotDownloaded,
    NotInstalled,
    OutOfMemory,
    Overloaded,
    Unavailable,
    WorkerDied,
)
from engines.base import Chunk, EngineConfig
from storage.blobs import Blobs
from tests.fakes import FakePool, engine_class, registry, says, tone, voice
from voice.cache import SpeechCache
from voice.routing import Routing
from voice.speech import Speech, SpeechPlan, SpeechRequest

LINES = [
    "This is the first sentence of all.",
    "And here is a second one" + " which goes on for long enough to be a line of its own" * 2 + ".",
    "The third one ends it" + " and does so after a good many words that say nothing" * 4 + ".",
]
TEXT = " ".join(LINES)


def fails(error: Exception, *, when: str = "", after: int = 0):
    """An engine that fails at a text with that word, after so many chunks."""

    def answers(request):
        for number, chunk in enumerate(says(request)):
            if when in request.text and number == after:
                raise error
            yield chunk

    return answers


def speech(pool: FakePool, engines: dict[str, type] | None = None, **parts) -> Speech:
    return Speech(pool, Routing(engines or registry(), EngineConfig()), max_text_chars=10_000, **parts)


async def heard(here: Speech, text: str = TEXT, **asked) -> tuple[SpeechPlan, float]:
    """Who began, and the seconds that were heard."""
    seconds = 0.0
    async with aclosing(await here.begin(here.plan(SpeechRequest(text, **asked)))) as chunks:
        async for chunk in chunks:
            assert chunk.audio.rate == chunks.plan.rate
            seconds += chunk.audio.seconds
    return chunks.plan, seconds


DOWN = [WorkerDied, EngineTimeout, OutOfMemory, EngineError, CircuitOpen, NotInstalled, NotDownloaded, Overloaded]


@pytest.mark.parametrize("error", DOWN)
async def test_the_next_best_speaks_where_an_engine_is_down(error):
    pool = FakePool({"flite": fails(error("It has ended."))})
    plan, _ = await heard(speech(pool))
    assert (plan.route.voice, plan.rate) == ("espeak-ng/en-us", 16000)
    assert plan.route.reason.startswith("flite is down: It has ended; using espeak-ng.")
    assert pool.engines == ["flite", "espeak-ng", "espeak-ng", "espeak-ng"]
    assert [request.text for request in pool.requests[1:]] == LINES


async def test_a_voice_that_was_named_is_stood_in_for_by_one_of_its_gender():
    plan, _ = await heard(speech(FakePool({"flite": fails(WorkerDied("It died."))})), voice="slt")
    assert (plan.route.voice, plan.route.reason) == (
        "espeak-ng/en-us+f3",
        "flite is down: It died; using espeak-ng/en-us+f3.",
    )


@pytest.mark.parametrize("asked", [{}, {"voice": "slt"}, {"model": "flite"}])
async def test_who_is_strict_gets_the_error(asked):
    pool = FakePool({"flite": fails(WorkerDied("It died."))})
    with pytest.raises(WorkerDied):
        await heard(speech(pool), strict=True, **asked)
    assert pool.engines == ["flite"]


@pytest.mark.parametrize("error", [BadRequest("No."), Unavailable("The app is shutting down.")])
async def test_other_errors_are_not_an_engines(error):
    pool = FakePool({"flite": fails(error)})
    with pytest.raises(type(error)):
        await heard(speech(pool))
    assert pool.engines == ["flite"]


async def test_the_first_error_is_told_where_nobody_is_left():
    pool = FakePool(default=fails(WorkerDied("It died.")))
    pool.answers["espeak-ng"] = fails(OutOfMemory("No room."))
    with pytest.raises(OutOfMemory):
        await heard(speech(pool))
    assert pool.engines == ["flite", "espeak-ng"]
    assert pool.open == 0


async def test_a_text_that_kills_engines_is_not_carried_to_all_of_them():
    more = {name: engine_class(name, "tts", voices=[voice(f"{name}/a")], quality=30) for name in "abcd"}
    pool = FakePool(default=fails(WorkerDied("It died.")))
    with pytest.raises(WorkerDied):
        await heard(speech(pool, registry() | more))
    assert len(pool.engines) == 3


async def test_a_line_that_does_not_begin_is_spoken_by_another():
    pool = FakePool({"flite": fails(WorkerDied("It died."), when="second")})
    whole = (await heard(speech(FakePool())))[1]
    plan, seconds = await heard(speech(pool))
    assert plan.route.engine == "flite"
    assert pool.engines == ["flite", "flite", "espeak-ng", "espeak-ng"]
    assert pool.requests[1].text == pool.requests[2].text
    assert seconds == pytest.approx(whole, abs=0.01)


async def test_a_line_that_breaks_off_is_left_and_the_next_one_spoken():
    pool = FakePool({"flite": fails(WorkerDied("It died."), when="second", after=1)})
    whole = (await heard(speech(FakePool())))[1]
    _, seconds = await heard(speech(pool))
    assert [request.text for request in pool.requests] == LINES
    assert seconds == pytest.approx(whole - len(LINES[1]) * 0.005, abs=0.05)


async def test_a_text_whose_end_broke_off_is_not_taken_for_whole():
    pool = FakePool({"flite": fails(WorkerDied("It died."), when="third", after=1)})
    with pytest.raises(WorkerDied):
        await heard(speech(pool))
    assert pool.open == 0


async def test_a_line_is_read_anew_for_who_stands_in():
    """A tag that the first engine performs is not read aloud by the second."""
    actor = engine_class("dia", "tts", voices=[voice("dia/a")], quality=90)
    pool = FakePool({"dia": fails(WorkerDied("It died."), when="(laughs)")})
    await heard(
        speech(pool, registry() | {"dia": actor}), "This is the first sentence of all. And then [laugh] we went."
    )
    assert pool.requests[-2].text == "And then (laughs) we went."
    assert pool.requests[-1].text.split() == ["And", "then", "we", "went."]


async def test_other_voices_have_other_rates_and_the_audio_keeps_its_own():
    pool = FakePool({"flite": fails(WorkerDied("It died."), when="second")})
    pool.answers["espeak-ng"] = lambda request: [Chunk(tone(1.0, 22050))]
    plan, seconds = await heard(speech(pool))
    assert plan.rate == 16000
    assert seconds == pytest.approx(len(LINES[0]) * 0.01 + 2.0 + 2 * 0.3, abs=0.1)


async def test_what_somebody_else_spoke_is_kept_as_his(tmp_path):
    cache = SpeechCache(Blobs(tmp_path, max_bytes=10**8))
    pool = FakePool({"flite": fails(WorkerDied("It died."))})
    here = speech(pool, cache=cache)
    assert (await heard(here))[0].route.engine == "espeak-ng"
    assert (await heard(here))[0].route.engine == "espeak-ng"
    assert pool.engines.count("espeak-ng") == 3
    pool.answers.clear()
    assert (await heard(here))[0].route.engine == "flite"
    assert pool.engines[-3:] == ["flite"] * 3
    await cache.close()


async def test_what_two_engines_spoke_is_not_kept(tmp_path):
    cache = SpeechCache(Blobs(tmp_path, max_bytes=10**8))
    pool = FakePool({"flite": fails(WorkerDied("It died."), when="second")})
    here = speech(pool, cache=cache)
    await heard(here)
    pool.answers.clear()
    await heard(here)
    assert pool.engines[-3:] == ["flite"] * 3
    await cache.close()


async def test_all_who_asked_for_the_same_are_stood_in_for(tmp_path):
    cache = SpeechCache(Blobs(tmp_path, max_bytes=10**8))
    pool = FakePool({"flite": fails(WorkerDied("It died."))})
    here = speech(pool, cache=cache)
    plans = [plan for plan, _ in await asyncio.gather(heard(here), heard(here), heard(here))]
    assert {plan.route.engine for plan in plans} == {"espeak-ng"}
    await cache.close()


async def test_a_performance_that_nobody_listens_to_can_be_closed():
    pool = FakePool()
    here = speech(pool)
    performance = await here.begin(here.plan(SpeechRequest(TEXT * 10)))
    await performance.aclose()
    assert pool.open == 0


async def test_the_speakers_of_a_dialogue_stay_apart_where_their_engine_is_down():
    pool = FakePool({"flite": fails(WorkerDied("It died."))})
    await heard(speech(pool), "[S1] Good morning. [S2] And to you.")
    assert pool.engines[-2:] == ["espeak-ng", "espeak-ng"]
    assert pool.requests[-1].voice != pool.requests[-2].voice
