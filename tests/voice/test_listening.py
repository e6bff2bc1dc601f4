import asyncio
import logging
import math
from itertools import pairwise

import numpy as np
import pytest

from core.errors import NotInstalled, Overloaded, WorkerDied
from engines.base import EngineConfig, Segment, TranscriptionRequest, Word
from engines.pool import Priority
from tests.fakes import FakePool, engine_class, registry
from voice.listening import Listening
from voice.routing import Routing

RATE = 16000


def sound(seconds: float) -> np.ndarray:
    return np.full(round(seconds * RATE), 0.1, np.float32)


def hears(request: TranscriptionRequest) -> list[Segment]:
    return [Segment(f"{request.audio.seconds:g} seconds", 0.0, request.audio.seconds, "en", logprob=-0.2)]


def hears_words(request: TranscriptionRequest) -> list[Segment]:
    return [Segment("hello there", 0.0, 1.0, "en", (Word("hello", 0.0, 0.5), Word("there", 0.5, 1.0)), logprob=-0.2)]


def listening(pool: FakePool, *, model: str = "auto", **here) -> Listening:
    return Listening(pool, Routing(registry(**here), EngineConfig()), model=model)


WORDS = [f"w{n}{'.' if n % 10 == 9 else ''}" for n in range(400)]


class Dictation:
    """Hears a word every half second of all that was ever fed, as far as the request's audio goes.

    The samples say where they belong: each holds its time in seconds. The word under way is heard wrongly.
    """

    def __call__(self, request: TranscriptionRequest) -> list[Segment]:
        start, end = float(request.audio.samples[0]), float(request.audio.samples[-1])
        first, last = math.ceil(start / 0.5 - 0.01), int(end / 0.5 - 0.01)
        numbers = range(first, last + 1)
        texts = [WORDS[n] if n < last else "uh" for n in numbers]
        words = [Word(text, n * 0.5 - start, n * 0.5 + 0.4 - start) for n, text in zip(numbers, texts, strict=True)]
        return [Segment(" ".join(texts), 0.0, end - start, "en", tuple(words) if request.words else (), logprob=-0.2)]


class Speaker:
    """Somebody who speaks into an utterance, while the event loop goes round."""

    def __init__(self, pool: FakePool, *, language: str = "en", longest: float = 130.0, **here):
        self.told: list[tuple[str, int]] = []
        self.pool, self.samples = pool, 0
        ears = Listening(pool, Routing(registry(**here), EngineConfig()), longest=longest)
        self.utterance = ears.utterance(language, "names", lambda text, sure: self.told.append((text, sure)))

    async def speak(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.1)):
            self.utterance.feed((np.arange(self.samples, self.samples + 1600) / RATE).astype(np.float32))
            self.samples += 1600
            for _ in range(20):
                await asyncio.sleep(0)


class Gate:
    """Answers when it is told to."""

    def __init__(self):
        self.asked = asyncio.Event()
        self.open = asyncio.Event()

    async def __call__(self, request):
        self.asked.set()
        await self.open.wait()
        for segment in hears(request):
            yield segment


async def test_all_that_was_fed_is_heard_at_once_and_first_of_all():
    pool = FakePool(default=hears)
    utterance = listening(pool).utterance("en", "a prompt")
    for _ in range(50):
        utterance.feed(sound(0.02))
    understood = await utterance.final()
    assert understood.text == "1 seconds"
    assert (understood.language, understood.seconds, understood.engine) == ("en", 1.0, "faster-whisper:small")
    assert understood.took >= 0
    assert pool.requests[0].prompt == "a prompt"
    assert pool.priorities == [Priority.REALTIME]
    await utterance.closed()


async def test_it_begins_when_speech_stops_and_not_again():
    pool = FakePool(default=hears)
    utterance = listening(pool).utterance()
    utterance.feed(sound(1))
    utterance.settle()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(pool.requests) == 1
    utterance.settle()
    first = await utterance.final()
    assert await utterance.final() is first
    assert len(pool.requests) == 1


async def test_what_goes_on_is_begun_anew():
    gate = Gate()
    pool = FakePool(default=gate)
    utterance = listening(pool).utterance()
    utterance.feed(sound(1))
    utterance.settle()
    final = asyncio.create_task(utterance.final())
    await gate.asked.wait()
    gate.open.set()
    for _ in range(25):
        utterance.feed(sound(0.02))
        await asyncio.sleep(0)
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(pool.requests) == 1  # nothing is transcribed in vain while speech goes on
    assert not final.done()
    utterance.settle()
    assert (await final).text == "1.5 seconds"
    assert [request.audio.seconds for request in pool.cancelled] == [1.0]


async def test_closing_ends_the_waiting_for_what_goes_on():
    utterance = listening(FakePool(default=hears)).utterance()
    utterance.feed(sound(1))
    final = asyncio.create_task(utterance.final())
    await asyncio.sleep(0)
    utterance.feed(sound(1))
    utterance.close()
    with pytest.raises(asyncio.CancelledError):
        await final


async def test_only_an_engine_that_is_good_enough_is_trusted():
    pool = FakePool(default=hears)
    utterance = listening(pool, whisper=()).utterance("en")
    utterance.feed(sound(1))
    assert not (await utterance.final()).trusted
    assert pool.engines == ["pocketsphinx"]


async def test_silence_has_no_text():
    pool = FakePool(default=lambda request: [])
    utterance = listening(pool).utterance("de")
    assert (await utterance.final()).text == ""
    utterance.feed(sound(0.05))
    assert (await utterance.final()).seconds == 0.05
    assert pool.requests == []
    utterance.feed(sound(1))
    understood = await utterance.final()
    assert (understood.text, understood.language, understood.trusted) == ("", "de", False)


async def test_errors_of_the_engine_come_with_the_text():
    def dies(request):
        raise WorkerDied("The engine died.")

    utterance = listening(FakePool(default=dies)).utterance()
    utterance.feed(sound(1))
    utterance.settle()
    with pytest.raises(WorkerDied):
        await utterance.final()


async def test_where_nobody_can_listen_the_text_says_so():
    utterance = Listening(FakePool(), Routing({"a": engine_class("a", "tts")}, EngineConfig())).utterance()
    utterance.feed(sound(1))
    with pytest.raises(NotInstalled):
        await utterance.final()


async def test_closing_leaves_nothing_behind():
    gate = Gate()
    pool = FakePool(default=gate)
    utterance = listening(pool).utterance()
    utterance.feed(sound(1))
    final = asyncio.create_task(utterance.final())
    await gate.asked.wait()
    before = asyncio.all_tasks() - {final}
    assert len(before) == 2
    await utterance.closed()
    utterance.close()
    utterance.feed(sound(1))
    utterance.settle()
    with pytest.raises(asyncio.CancelledError):
        await final
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert pool.open == 0


async def test_an_old_beginning_is_forgotten():
    pool = FakePool(default=hears)
    utterance = Listening(pool, Routing(registry(), EngineConfig()), longest=2.0).utterance()
    for n in range(500):
        utterance.feed(np.full(320, n, np.float32))
    assert (await utterance.final()).seconds == 10.0
    heard = pool.requests[0].audio
    assert 1.0 <= heard.seconds <= 2.0
    assert heard.samples[-1] == 499


async def test_the_text_so_far_is_told_while_speech_goes_on():
    speaker = Speaker(FakePool(default=Dictation()))
    await speaker.speak(3.0)
    assert speaker.told[0] == ("w0 uh", 0)
    text, sure = speaker.told[-1]
    assert text.startswith("w0 w1 w2 w3")
    assert text[:sure] == "w0 w1 w2 w3"
    assert {request.words for request in speaker.pool.requests} == {True}
    assert set(speaker.pool.priorities) == {Priority.INTERACTIVE}
    assert len(speaker.pool.requests) == 4  # at 1.0, 1.6, 2.2 and 2.8 s
    understood = await speaker.utterance.final()
    assert understood.text == "w0 w1 w2 w3 w4 uh"
    assert understood.trusted
    assert speaker.pool.priorities[-1] is Priority.REALTIME


async def test_what_is_sure_stays_and_memory_is_bounded():
    speaker = Speaker(FakePool(default=Dictation()), language="")
    await speaker.speak(60.0)
    sure = [text[:count] for text, count in speaker.told]
    assert all(later.startswith(earlier) for earlier, later in pairwise(sure))
    assert max(request.audio.seconds for request in speaker.pool.requests) < 25.0
    assert {request.language for request in speaker.pool.requests} == {"", "en"}
    assert (await speaker.utterance.final()).text == " ".join([*WORDS[:119], "uh"])
    assert speaker.pool.requests[-1].prompt == "names " + " ".join(WORDS[:100])


async def test_words_that_end_no_sentence_go_when_there_is_no_more_room(monkeypatch):
    speaker = Speaker(FakePool(default=Dictation()))
    monkeypatch.setattr(f"{__name__}.WORDS", [f"w{n}" for n in range(400)])
    await speaker.speak(60.0)
    assert 25.0 <= max(request.audio.seconds for request in speaker.pool.requests) < 26.0
    assert (await speaker.utterance.final()).text == " ".join([*(f"w{n}" for n in range(119)), "uh"])


async def test_nothing_is_told_by_an_engine_that_cannot_follow():
    speaker = Speaker(FakePool(default=Dictation()), whisper=())
    await speaker.speak(3.0)
    assert speaker.pool.requests == []
    assert (await speaker.utterance.final()).text == "w0 w1 w2 w3 w4 uh"
    assert speaker.told == []


async def test_the_last_one_waits_for_no_partial():
    gate = Gate()
    speaker = Speaker(FakePool(default=gate))
    await speaker.speak(3.0)
    assert len(speaker.pool.requests) == 1  # never two at a time
    speaker.utterance.settle()
    for _ in range(5):
        await asyncio.sleep(0)
    assert speaker.pool.cancelled == speaker.pool.requests[:1]
    assert speaker.pool.priorities == [Priority.INTERACTIVE, Priority.REALTIME]
    gate.open.set()
    assert (await speaker.utterance.final()).text == "3 seconds"
    assert speaker.told == []


async def test_partials_go_on_where_speech_does():
    speaker = Speaker(FakePool(default=Dictation()))
    await speaker.speak(1.5)
    speaker.utterance.settle()
    await speaker.speak(1.5)
    assert speaker.told[-1][0].startswith("w0 w1 w2 w3")


async def test_a_slow_engine_is_asked_less_often(monkeypatch):
    now = 0.0

    def slow(request):
        nonlocal now
        now += 1.0
        return Dictation()(request)

    speaker = Speaker(FakePool(default=slow))
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
    await speaker.speak(5.0)
    assert [round(request.audio.seconds, 1) for request in speaker.pool.requests] == [1.0, 3.0, 5.0]


async def test_an_engine_that_is_overrun_gives_no_partials_but_a_text():
    def full(request):
        if request.words:
            raise Overloaded("Too many.")
        return hears(request)

    speaker = Speaker(FakePool(default=full))
    await speaker.speak(10.0)
    assert [round(request.audio.seconds, 1) for request in speaker.pool.requests] == [1.0, 2.2, 4.6, 9.4]
    assert (await speaker.utterance.final()).text == "10 seconds"
    assert speaker.told == []


async def test_guesses_are_no_partials_and_not_trusted():
    def guesses(request):
        return [Segment("what", 0, 1, "en", (Word("what", 0, 1),), logprob=-0.9)]

    speaker = Speaker(FakePool(default=guesses))
    await speaker.speak(3.0)
    assert speaker.told == []
    understood = await speaker.utterance.final()
    assert (understood.text, understood.trusted) == ("what", False)


async def test_what_the_engine_makes_up_is_neither_told_nor_understood():
    def made_up(request):
        return [Segment("Thanks for watching!", 0, 1, "en", (Word("Thanks", 0, 1),), logprob=-0.5, no_speech=0.5)]

    speaker = Speaker(FakePool(default=made_up))
    await speaker.speak(3.0)
    assert len(speaker.pool.requests) > 2
    assert (await speaker.utterance.final()).text == ""
    assert speaker.told == []


async def test_a_listener_that_fails_is_logged_and_harms_nothing(caplog):
    def fails(text, sure):
        raise RuntimeError("a bug")

    utterance = listening(FakePool(default=hears_words)).utterance("en", on_partial=fails)
    utterance.feed(sound(1.0))
    for _ in range(10):
        await asyncio.sleep(0)
    assert (await utterance.final()).text == "hello there"
    assert [(record.levelno, record.exc_info is None) for record in caplog.records] == [(logging.ERROR, False)]


async def test_closing_ends_a_partial_too():
    gate = Gate()
    speaker = Speaker(FakePool(default=gate))
    await speaker.speak(1.2)
    assert speaker.pool.open == 1
    await speaker.utterance.closed()
    assert speaker.pool.open == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}
