import asyncio

import numpy as np
import pytest

from core.errors import NotInstalled, WorkerDied
from engines.base import EngineConfig, Segment, TranscriptionRequest
from engines.pool import Priority
from tests.fakes import FakePool, engine_class, registry
from voice.listening import Listening
from voice.routing import Routing

RATE = 16000


def sound(seconds: float) -> np.ndarray:
    return np.full(round(seconds * RATE), 0.1, np.float32)


def hears(request: TranscriptionRequest) -> list[Segment]:
    return [Segment(f"{request.audio.seconds:g} seconds", 0.0, request.audio.seconds, "en", logprob=-0.2)]


def listening(pool: FakePool, *, model: str = "auto", **here) -> Listening:
    return Listening(pool, Routing(registry(**here), EngineConfig()), model=model)


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
    utterance.feed(sound(0.5))
    gate.open.set()
    assert (await final).text == "1.5 seconds"
    assert [request.audio.seconds for request in pool.cancelled] == [1.0]


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
    with pytest.raises(NotInstalled):
        Listening(FakePool(), Routing({"a": engine_class("a", "tts")}, EngineConfig())).utterance()


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
