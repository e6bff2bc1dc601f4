import numpy as np
import pytest

from benchmarks import _overlaps as material
from benchmarks import overlaps
from benchmarks._overlap_words import HELD_OUT, TUNING
from benchmarks._overlaps import RATE, Clip, Plan
from voice.talk.interruption import WINDOW, Rules, Sight

SILENCE = Sight(0.0, -70.0, usual=-25.0)
VOICE = Sight(0.9, -25.0, usual=-25.0)
BEFORE = 10


def clip(kind: str, *words: tuple[str, float]) -> Clip:
    plan = Plan(kind, "en-us", "text", "flite", "slt", 1.0, 1.0, -25, -25, "quiet", 25, False, 1)
    return Clip(plan, np.zeros(0, np.float32), BEFORE * WINDOW, 0.5, words)


def judged(kind: str, *windows: tuple[Sight, int]) -> overlaps.Outcome:
    sights = [SILENCE] * BEFORE + [sight for sight, count in windows for _ in range(count)]
    return overlaps.outcome(clip(kind), sights, Rules(evidence=1e9, long=0.4))


def test_the_sets_share_nothing():
    assert TUNING.seed != HELD_OUT.seed
    assert not set(TUNING.flite) & set(HELD_OUT.flite)
    assert not set(TUNING.variants) & set(HELD_OUT.variants)
    for kind in ("backchannels", "commands", "phrases"):
        ours, theirs = (
            {text.casefold() for words in each.words.values() for text in getattr(words, kind)}
            for each in (TUNING, HELD_OUT)
        )
        assert not ours & theirs


@pytest.mark.parametrize("of", [TUNING, HELD_OUT])
def test_the_plans_are_as_told(of):
    plans = material.plans(of, 360)
    assert plans == material.plans(of, 360)
    assert [plan.interrupts for plan in plans].count(True) == 360
    assert [plan.kind for plan in plans].count("command") == 90
    hums = [plan for plan in plans if not plan.text]
    assert all(plan.kind == "backchannel" for plan in hums)
    assert 80 < len(hums) < 160
    for language in of.words:
        assert {plan.kind for plan in plans if plan.language == language} == {"backchannel", "command", "phrase"}
    assert len({plan.seed for plan in plans}) == 720
    assert all(plan.snr >= 15 for plan in plans if plan.noise == "babble")


def test_no_command_is_a_backchannel_or_begins_with_one():
    for each in (TUNING, HELD_OUT):
        for words in each.words.values():
            openings = {text.casefold().split(",")[0] for text in words.backchannels}
            for text in (*words.commands, *words.phrases):
                assert text.casefold() not in openings
                assert text.casefold().split(",")[0] not in openings


def test_a_hum_is_low_and_heard_at_once():
    sound = material.hum(np.random.default_rng(0), 1.0)
    first, last = material.audible(sound)
    assert 700 < first < 2000
    assert 0.15 < (last - first) / RATE < 0.7
    power = np.abs(np.fft.rfft(sound)) ** 2
    hertz = np.fft.rfftfreq(len(sound), 1 / RATE)
    assert power[hertz < 700].sum() > 0.9 * power.sum()


@pytest.mark.parametrize("kind", ["white", "pink", "babble"])
def test_noise_is_of_one_loudness(kind):
    crowd = np.random.default_rng(1).standard_normal(RATE * 5)
    noise = material.noise(np.random.default_rng(2), kind, RATE, crowd)
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(1.0, rel=1e-6)


def test_an_interruption_is_honoured_when_we_are_silent_in_time_and_for_good():
    long = judged("phrase", (VOICE, 40))
    assert (long.in_time, long.honoured) == (True, True)
    assert long.interrupted == pytest.approx(13 * WINDOW)
    assert long.paused == pytest.approx(3 * WINDOW)


def test_a_late_verdict_is_honoured_only_where_we_were_silent_before():
    halting = judged("phrase", (VOICE, 10), (SILENCE, 8), (VOICE, 10))
    assert (halting.in_time, halting.honoured) == (False, True)
    slow = judged("phrase", (SILENCE, 20), (VOICE, 30))
    assert (slow.in_time, slow.honoured) == (False, False)


def test_an_interruption_over_which_we_speak_again_is_not_honoured():
    twice = judged("phrase", (VOICE, 5), (SILENCE, 20), (VOICE, 30))
    assert twice.resumed
    assert twice.interrupted is not None
    assert not twice.honoured
    assert judged("phrase", (VOICE, 5), (SILENCE, 40)).interrupted is None


def test_an_interruption_before_anything_is_said_counts_for_nothing():
    early = overlaps.outcome(clip("phrase"), [VOICE] * BEFORE + [SILENCE] * 40, Rules(evidence=1e9, long=0.2))
    assert early.interrupted is not None
    assert early.interrupted < 0
    assert (early.in_time, early.honoured) == (False, False)


def test_words_arrive_late():
    said = clip("phrase", ("hello", 0.5), ("you", 0.9))
    texts = [sight.text for sight in overlaps.transcribed(said, [VOICE] * 60)]
    known = texts.index(next(text for text in texts if text))
    assert known * WINDOW == pytest.approx(0.8 - WINDOW, abs=WINDOW)
    assert texts[0] == ""
    assert texts[-1] is not None
    assert texts[-1].split()[-1] in ("you", "blue", "tern", "hello")


def test_the_interval_of_a_share():
    assert overlaps.wilson(90, 100) == pytest.approx((0.8256, 0.9448), abs=1e-3)
    assert overlaps.wilson(0, 10)[0] == 0.0
    assert overlaps.wilson(10, 10)[1] == pytest.approx(1.0)
