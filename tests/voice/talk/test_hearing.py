"""What is asked of a recogniser while somebody listens, and what is counted."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest

from core.metrics import Metrics
from engines.base import EngineConfig, Segment
from engines.pool import Priority
from tests.fakes import FakePool, registry
from tests.voice.talk.hall import Hall, held
from voice.listening import Listening, OnPartial
from voice.routing import Routing
from voice.talk import events as tell
from voice.talk.settings import TalkSettings
from voice.talk.turns import TurnRules

PUSH_TO_TALK = TalkSettings(draft=False, rules=TurnRules(mode="manual"))


def followed(
    work: Callable[[Hall, FakePool], Awaitable[None]], settings: TalkSettings = PUSH_TO_TALK, word: str = "hello"
) -> tuple[Hall, FakePool]:
    """Heard by a recogniser that follows speech, and hears this word in all of it."""
    pool = FakePool(default=lambda request: [Segment(word, 0.0, 0.3, "en", logprob=-0.1)])
    ears = Listening(pool, Routing(registry(), EngineConfig()))

    def utterance(settings: TalkSettings, on_partial: OnPartial):
        return ears.utterance("en", "", on_partial)

    return held(lambda hall: work(hall, pool), settings=settings, utterance=utterance), pool


def partials(pool: FakePool) -> int:
    return pool.priorities.count(Priority.INTERACTIVE)


def test_push_to_talk_asks_for_no_partial_text_while_nobody_speaks():
    async def work(hall: Hall, pool: FakePool):
        await hall.quiet(8.0)

    _, pool = followed(work)
    assert pool.requests == []


def test_push_to_talk_asks_for_partial_texts_while_somebody_speaks():
    async def work(hall: Hall, pool: FakePool):
        await hall.quiet(2.0)
        await hall.sound(3.0, 0.3)
        spoken = partials(pool)
        assert spoken >= 2
        await hall.quiet(5.0)
        assert partials(pool) <= spoken + 1
        hall.talk.commit()
        await hall.until(tell.ResponseDone)

    hall, pool = followed(work)
    assert hall.talk.items[0].text == "hello"
    assert pool.requests[-1].audio.seconds == pytest.approx(10.0, abs=0.1), "all of it is heard in the end"


@pytest.mark.parametrize(("word", "becomes"), [("stop", tell.Interrupted), ("yeah", tell.Backchannel)])
def test_a_sound_over_us_too_short_for_partial_texts_is_decided_by_its_word(word: str, becomes: type[tell.Event]):
    async def work(hall: Hall, pool: FakePool):
        hall.talk.write("One two three four five six seven eight nine ten eleven twelve thirteen fourteen.")
        await hall.until(tell.AudioOut)
        await hall.quiet(1.0)
        await hall.sound(0.25, 0.3)
        await hall.quiet(1.0)

    hall, pool = followed(work, TalkSettings(draft=False, language="en"), word)
    assert partials(pool) == 0
    decided = [type(event) for event in hall.events if isinstance(event, (tell.Interrupted, tell.Backchannel))]
    assert decided[0] is becomes


def test_the_windows_that_were_judged_are_counted():
    metrics = Metrics()

    async def work(hall: Hall):
        await hall.quiet(3.2)

    held(work, metrics=metrics)
    assert judged(metrics) == pytest.approx(100, abs=2)


def test_silence_that_stands_in_for_audio_is_not_judged():
    metrics = Metrics()

    async def work(hall: Hall):
        await asyncio.sleep(3.2)

    held(work, metrics=metrics)
    assert judged(metrics) == 0


def judged(metrics: Metrics) -> float:
    found = re.search(r"^voiceforge_detector_windows_total (\S+)$", metrics.text().decode(), re.M)
    assert found
    return float(found[1])
