import asyncio
import math
from contextlib import aclosing
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from audio.value import Audio
from core.errors import BadRequest, EngineError, TooLarge, UnknownVoice, WorkerDied
from engines.base import Chunk, EngineConfig, Word
from engines.pool import Priority
from storage.blobs import Blobs
from tests.fakes import FakePool, registry, says, tone
from voice.cache import SpeechCache
from voice.levels import Levels
from voice.routing import Routing
from voice.speech import Speech, SpeechRequest
from voice.text.dictionary import Dictionary, Entry

BOOK = "This is the first of many sentences, all alike. " * 200


def speech(pool: FakePool, most: int = 100_000, espeak_words: bool = True, **parts) -> Speech:
    engines = registry()
    if not espeak_words:
        card = engines["espeak-ng"].spec
        engines["espeak-ng"].spec = replace(card, capabilities=card.capabilities - {"words"})
    return Speech(pool, Routing(engines, EngineConfig()), max_text_chars=most, **parts)


async def spoken(pool: FakePool, text: str, **asked) -> list[Chunk]:
    here = speech(pool)
    async with aclosing(here.stream(here.plan(SpeechRequest(text, **asked)))) as chunks:
        return [chunk async for chunk in chunks]


async def test_all_of_a_text_is_spoken_in_order():
    pool = FakePool()
    await spoken(pool, BOOK)
    assert " ".join(request.text for request in pool.requests) == BOOK.strip()
    assert len(pool.requests[0].text) <= 80
    assert max(len(request.text) for request in pool.requests) <= 280
    assert pool.continued == [False] + [True] * (len(pool.requests) - 1)


async def test_the_engine_gets_voice_language_speed_and_instructions():
    pool = FakePool()
    await spoken(pool, "नमस्ते", voice="espeak-ng/hi+f3", speed=1.5, instructions="Warmly.")
    request = pool.requests[0]
    assert (pool.engines, request.voice, request.language) == (["espeak-ng"], "hi+f3", "hi")
    assert (request.speed, request.instructions) == (1.5, "Warmly.")


async def test_priority_is_handed_on():
    pool = FakePool()
    here = speech(pool)
    async for _ in here.stream(here.plan(SpeechRequest("Hello.")), priority=Priority.REALTIME):
        pass
    assert pool.priorities == [Priority.REALTIME]


async def test_all_audio_has_the_rate_of_the_plan():
    def changing(request):
        return [Chunk(tone(0.5, 8000 if "two" in request.text else 16000))]

    pool = FakePool(default=changing)
    here = speech(pool)
    plan = here.plan(SpeechRequest("This is sentence number one here. And this is number two." + " Again." * 40))
    chunks = [chunk async for chunk in here.stream(plan)]
    assert {chunk.audio.rate for chunk in chunks} == {plan.rate} == {16000}
    asked = len(pool.requests)
    assert sum(chunk.audio.seconds for chunk in chunks) == pytest.approx(0.5 * asked + 0.3 * (asked - 1), abs=0.1)


async def test_words_are_on_the_clock_of_the_whole():
    def two_words(request):
        return [Chunk(tone(1.0), (Word("a", 0.0, 0.4), Word("b", 0.5, 0.9)))]

    chunks = await spoken(FakePool(default=two_words), "This is one sentence here. This is another of them.")
    assert [word.start for chunk in chunks for word in chunk.words] == pytest.approx([0, 0.5, 1.3, 1.8], abs=0.03)


async def test_markup_is_not_spoken_and_pieces_without_words_are_left_out():
    pool = FakePool()
    await spoken(pool, "**Hello** 👋\n\n***\n\n" + "👍 " * 300 + "\n\n`bye`")
    assert " ".join(request.text for request in pool.requests).split() == ["Hello", "bye"]


# look-ahead


def gated(gates: dict[int, asyncio.Event], pool_requests: list):
    """An engine whose n-th request waits, after its first chunk, for its gate."""

    async def answers(request):
        number = len(pool_requests) - 1
        yield Chunk(tone(0.2))
        if number in gates:
            await gates[number].wait()
        yield Chunk(tone(0.2))

    return answers


async def settled():
    for _ in range(20):
        await asyncio.sleep(0)


async def test_the_next_piece_is_asked_for_while_one_is_played_and_no_more():
    pool = FakePool()
    here = speech(pool)
    stream = here.stream(here.plan(SpeechRequest(BOOK)))
    await anext(stream)
    await settled()
    assert len(pool.requests) == 2
    await anext(stream)
    await settled()
    assert len(pool.requests) == 2
    await stream.aclose()


async def test_nothing_is_asked_for_ahead_before_the_first_sound():
    gate = asyncio.Event()

    async def late(request):
        await gate.wait()
        yield Chunk(tone(0.2))

    pool = FakePool(default=late)
    here = speech(pool)
    stream = here.stream(here.plan(SpeechRequest(BOOK)))
    first = asyncio.ensure_future(anext(stream))
    await settled()
    assert len(pool.requests) == 1
    gate.set()
    await first
    await settled()
    assert len(pool.requests) == 2
    await stream.aclose()


async def test_closing_cancels_both_pieces_at_once():
    pool = FakePool()
    pool.default = gated({0: asyncio.Event(), 1: asyncio.Event()}, pool.requests)
    here = speech(pool)
    stream = here.stream(here.plan(SpeechRequest(BOOK)))
    await anext(stream)
    await settled()
    assert pool.open == 2
    await stream.aclose()
    assert pool.open == 0
    assert pool.cancelled == pool.requests[:2]


async def test_a_cancelled_reader_cancels_both_pieces():
    pool = FakePool()
    pool.default = gated({0: asyncio.Event(), 1: asyncio.Event()}, pool.requests)
    reading = asyncio.ensure_future(spoken(pool, BOOK))
    await settled()
    assert pool.open == 2
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert pool.open == 0


async def test_a_slow_reader_does_not_hold_the_engine():
    pool = FakePool()
    here = speech(pool)
    stream = here.stream(here.plan(SpeechRequest("Just one short sentence.")))
    await anext(stream)
    await settled()
    assert pool.open == 0
    await stream.aclose()


async def test_the_first_sound_of_a_book_takes_one_piece():
    pool = FakePool()
    here = speech(pool)
    stream = here.stream(here.plan(SpeechRequest(BOOK * 10)))
    await anext(stream)
    assert [len(request.text) for request in pool.requests] == [len("This is the first of many sentences, all alike.")]
    await stream.aclose()


# errors


async def test_an_engine_that_fails_in_the_middle_ends_the_stream_after_what_it_gave():
    def failing(request):
        yield from says(request)
        if len(pool.requests) == 2:
            raise WorkerDied("The engine's process ended.")

    pool = FakePool(default=failing)
    here, heard = speech(pool), []

    async def listen():
        async for chunk in here.stream(here.plan(SpeechRequest(BOOK, strict=True))):
            heard.append(chunk.audio.seconds)

    with pytest.raises(WorkerDied):
        await listen()
    assert sum(heard) > 0.4
    assert pool.open == 0


@pytest.mark.parametrize("answer", [[], [Chunk(Audio.silence(1, 16000))]])
async def test_an_engine_that_makes_no_sound_has_failed(answer):
    with pytest.raises(EngineError, match="flite could make no speech"):
        await spoken(FakePool(default=lambda request: answer), "Hello.")


@pytest.mark.parametrize("text", ["", " \n\t", "…!?", "👍👍", "***", "RIFF\0\0\0", "\x01\x02" * 10, "\ud83d"])
def test_what_cannot_be_spoken(text):
    with pytest.raises(BadRequest) as caught:
        speech(FakePool()).plan(SpeechRequest(text))
    assert caught.value.param == "input"


@pytest.mark.parametrize("speed", [0, -1, 0.2, 4.1, math.nan, math.inf])
def test_speeds_that_do_not_exist(speed):
    with pytest.raises(BadRequest) as caught:
        speech(FakePool()).plan(SpeechRequest("Hello.", speed=speed))
    assert caught.value.param == "speed"


def test_an_engine_without_speeds_refuses_any():
    here = speech(FakePool())
    assert here.plan(SpeechRequest("Hi.", model="scripted-tts"))
    with pytest.raises(BadRequest):
        here.plan(SpeechRequest("Hi.", model="scripted-tts", speed=2))


def test_text_and_instructions_have_a_longest():
    with pytest.raises(TooLarge, match="1,000,000 characters; at most 100,000"):
        speech(FakePool()).plan(SpeechRequest("a" * 1_000_000))
    with pytest.raises(TooLarge):
        speech(FakePool()).plan(SpeechRequest("Hi.", instructions="a" * 5000))


def test_an_unknown_voice_is_found_out_before_any_sound():
    with pytest.raises(UnknownVoice):
        speech(FakePool()).plan(SpeechRequest("Hi.", voice="aloy"))


async def test_audio_stays_in_range():
    chunks = await spoken(FakePool(), BOOK[:500])
    assert max(np.abs(chunk.audio.samples).max(initial=0) for chunk in chunks) <= 0.5


async def test_numbers_are_read_in_words_and_the_words_come_back_as_they_were_written():
    def timed(request):
        words = request.text.split()
        return [
            Chunk(tone(0.1 * len(words), 16000), tuple(Word(w, 0.1 * i, 0.1 * i + 0.1) for i, w in enumerate(words)))
        ]

    pool = FakePool(default=timed)
    chunks = await spoken(pool, "It costs $5.50 today.")
    assert pool.requests[0].text == "It costs five dollars and fifty cents today."
    assert [word.text for chunk in chunks for word in chunk.words] == ["It", "costs", "$5.50", "today."]


async def test_a_pause_is_silence_where_it_stands():
    quick, slow = [await spoken(FakePool(), text) for text in ("One. [pause:500ms] Two.", "One. [pause:2500ms] Two.")]
    assert seconds(slow) - seconds(quick) == pytest.approx(2.0, abs=0.01)


async def test_a_pause_at_the_end_and_at_the_beginning_is_kept():
    bare, framed = [await spoken(FakePool(), text) for text in ("One.", "[pause:1s]One.[pause:2s]")]
    assert seconds(framed) - seconds(bare) == pytest.approx(3.0, abs=0.1)
    assert not framed[-1].audio.samples.any()


async def test_the_text_may_name_its_voices():
    pool = FakePool()
    await spoken(pool, "[voice:slt]Hello there. [voice:espeak-ng/hi]नमस्ते।", voice="rms")
    assert [(engine, request.voice) for engine, request in zip(pool.engines, pool.requests, strict=True)] == [
        ("flite", "slt"),
        ("espeak-ng", "hi"),
    ]


async def test_the_speakers_of_a_dialogue_sound_different():
    pool = FakePool()
    await spoken(pool, "[S1] Good morning. [S2] And to you. [S1] How are you?")
    voices = [request.voice for request in pool.requests]
    assert voices[0] == voices[2] != voices[1]


async def test_a_tag_no_engine_performs_is_never_read_aloud():
    pool = FakePool()
    await spoken(pool, "[laugh] That is good. (sighs) [S1] Well <cough> then.")
    said = " ".join(request.text for request in pool.requests).casefold()
    assert not any(tag in said for tag in ("laugh", "sigh", "cough", "s1", "[", "("))


async def test_ssml_is_read_and_its_speed_followed():
    pool = FakePool()
    await spoken(pool, '<speak>Slow <prosody rate="200%">quick</prosody><break time="1s"/> done</speak>', speed=1.5)
    assert [request.speed for request in pool.requests] == [1.5, 3.0, 1.5]


async def test_a_text_may_be_nothing_but_a_say_as():
    pool = FakePool()
    await spoken(pool, '<speak><say-as interpret-as="characters">abc</say-as></speak>')
    assert len(pool.requests) == 1


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[laugh]", BadRequest),
        ("<speak>broken", BadRequest),
        ('<!DOCTYPE x [<!ENTITY a "b">]><speak>&a;</speak>', BadRequest),
        ("<speak>" + "<s>" * 10_000 + "x" + "</s>" * 10_000 + "</speak>", BadRequest),
        ("[voice:nobody]Hello.", UnknownVoice),
        ("Hello [pause:999s].", BadRequest),
        ("[pause:1s][pause:1s]", BadRequest),
    ],
)
def test_bad_markup_is_found_out_before_any_sound(text, error):
    with pytest.raises(error):
        speech(FakePool()).plan(SpeechRequest(text))


async def test_an_owners_pronunciations_hold():
    pool = FakePool()
    await spoken(pool, "Ask Nguyen.", dictionary=Dictionary([Entry("Nguyen", "win")]))
    assert pool.requests[0].text == "Ask win."


async def test_words_are_guessed_where_the_engine_gives_none():
    here = speech(FakePool(), espeak_words=False)
    plan = here.plan(SpeechRequest("One two three. Four five.", voice="espeak-ng/en-us"))
    async with aclosing(here.stream(plan)) as chunks:
        words = [word async for chunk in chunks for word in chunk.words]
    assert plan.estimated
    assert [word.text for word in words] == ["One", "two", "three.", "Four", "five."]
    assert all(a.start <= a.end <= b.end for a, b in pairwise(words))


async def test_what_was_said_once_comes_from_the_cache(tmp_path):
    pool, cache = FakePool(), SpeechCache(Blobs(tmp_path, max_bytes=10**8))
    here = speech(pool, cache=cache)
    first, second, other = [
        [chunk async for chunk in here.stream(here.plan(SpeechRequest("Hello.", **asked)))]
        for asked in ({}, {}, {"dictionary": Dictionary([Entry("hello", "hullo")])})
    ]
    assert len(pool.requests) == 2
    assert seconds(first) == seconds(second) == seconds(other)
    await cache.close()


async def test_scripted_speech_is_not_kept(tmp_path):
    pool, cache = FakePool(), SpeechCache(Blobs(tmp_path, max_bytes=10**8))
    here = speech(pool, cache=cache)
    for _ in range(2):
        async for _ in here.stream(here.plan(SpeechRequest("Hello.", model="scripted-tts"))):
            pass
    assert len(pool.requests) == 2
    await cache.close()


async def test_voices_become_equally_loud():
    here = speech(FakePool(default=lambda request: [Chunk(tone(2.0, loudness=0.02))]), levels=(levels := Levels()))
    for _ in range(2):
        chunks = [chunk async for chunk in here.stream(here.plan(SpeechRequest("Hello.")))]
    assert levels.learnt == ("flite/slt",)
    assert max(np.abs(chunk.audio.samples).max(initial=0) for chunk in chunks) > 0.03


async def test_an_enhancement_is_applied_or_refused():
    with pytest.raises(BadRequest, match="sparkle"):
        speech(FakePool()).plan(SpeechRequest("Hello.", enhancement=("sparkle",)))
    plain, clear = await spoken(FakePool(), "Hello."), await spoken(FakePool(), "Hello.", enhancement=("denoise",))
    assert seconds(clear) == pytest.approx(seconds(plain), abs=0.02)


def seconds(chunks: list[Chunk]) -> float:
    return sum(chunk.audio.seconds for chunk in chunks)
