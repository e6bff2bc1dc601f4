import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import tone
from voice.talk.backchannels import BACKCHANNELS, HALTS, Lexicon, Meaning, plain
from voice.talk.interruption import (
    MEAN,
    QUIET,
    WINDOW,
    Floor,
    PauseFirst,
    Rules,
    Sight,
    Verdict,
    bands,
    evidence,
    level,
    seen,
    shape,
)
from voice.talk.turns import Ended, Turns

SILENCE = Sight(0.02, -60.0)
HUM = Sight(0.9, -25.0, bands=(30.0, 20.0, 0.0, -5.0, -10.0, -20.0, -20.0, -20.0))
VOWEL = Sight(0.9, -25.0, bands=(20.0, 30.0, 20.0, 10.0, 0.0, -10.0, -20.0, -20.0))
HISS = Sight(0.9, -30.0, bands=(-10.0, -10.0, 0.0, 5.0, 15.0, 25.0, 25.0, 20.0))
CLOSED = Sight(0.6, -45.0, bands=(0.0, -10.0, -20.0, -20.0, -20.0, -20.0, -20.0, -20.0))
PHRASE = [VOWEL, VOWEL, HISS, CLOSED, VOWEL, VOWEL, HUM, CLOSED, HISS, VOWEL, VOWEL, CLOSED, VOWEL, HISS] * 3


def judged(sights: list[Sight], rules: Rules | None = None, language: str = "") -> list[Verdict]:
    """All verdicts up to the last; every overlap that is over begins anew with the next window of speech."""
    overlap = PauseFirst(rules, language).begin()
    verdicts = []
    for sight in sights:
        verdicts.append(overlap.feed(sight))
        if verdicts[-1] in (Verdict.RESUME, Verdict.INTERRUPT):
            break
    return verdicts


def told(sights: list[Sight], rules: Rules | None = None, language: str = "") -> list[str]:
    return [str(verdict) for verdict in judged(sights, rules, language) if verdict is not Verdict.WAIT]


def with_text(sights: list[Sight], text: str, at: int) -> list[Sight]:
    """The text is there from window `at` on, and before that the recogniser is at work."""
    return [
        Sight(sight.probability, sight.level, sight.echo, text if number >= at else "", sight.usual, sight.bands)
        for number, sight in enumerate(sights)
    ]


def test_a_hum_pauses_and_resumes():
    verdicts = judged([HUM] * 12 + [SILENCE] * 20)
    assert verdicts[2] is Verdict.PAUSE
    assert verdicts[-1] is Verdict.RESUME
    assert len(verdicts) == 12 + 13  # 0.4 s of silence


def test_a_phrase_pauses_and_interrupts_within_half_a_second():
    verdicts = judged(PHRASE)
    assert verdicts[2] is Verdict.PAUSE
    assert verdicts[-1] is Verdict.INTERRUPT
    assert len(verdicts) * WINDOW < 0.5


def test_a_click_does_not_even_pause():
    assert told([VOWEL, VOWEL] + [SILENCE] * 20) == ["resume"]


def test_whoever_goes_on_and_on_interrupts_though_it_is_a_hum():
    verdicts = judged([HUM] * 100)
    assert verdicts[-1] is Verdict.INTERRUPT
    assert len(verdicts) * WINDOW == pytest.approx(0.9, abs=WINDOW)


def test_our_own_echo_is_no_voice():
    echo = [Sight(0.9, -25.0, 0.8, bands=sight.bands) for sight in PHRASE]
    assert told(echo) == []
    assert told([*echo, *[SILENCE] * 13]) == ["resume"]
    assert told([*echo, *PHRASE]) == ["pause", "interrupt"]
    assert told([VOWEL] * 3 + echo) == ["pause", "resume"]


def test_a_voice_far_below_the_usual_level_is_somebody_elses():
    far = [Sight(0.9, sight.level, usual=-5.0, bands=sight.bands) for sight in PHRASE]
    near = [Sight(0.9, sight.level, usual=-28.0, bands=sight.bands) for sight in PHRASE]
    assert told(far) == []
    assert told(near) == ["pause", "interrupt"]


def test_the_reason_says_what_decided():
    cases = [
        (PHRASE, "shape"),
        ([HUM] * 100, "long"),
        ([HUM] * 6 + [SILENCE] * 20, "backchannel"),
        ([VOWEL] + [SILENCE] * 20, "noise"),
        (with_text([HUM] * 100, "hold on", 10), "words"),
    ]
    for sights, reason in cases:
        overlap = PauseFirst().begin()
        next(verdict for verdict in map(overlap.feed, sights) if verdict in (Verdict.RESUME, Verdict.INTERRUPT))
        assert overlap.reason == reason


def test_seconds_count_windows():
    overlap = PauseFirst().begin()
    for _ in range(5):
        overlap.feed(HUM)
    assert overlap.seconds == pytest.approx(0.16)


def test_words_that_ask_for_the_floor_interrupt_at_once():
    sights = with_text([HUM] * 6 + [SILENCE] * 20, "Stop!", 16)
    verdicts = judged(sights)
    assert verdicts[-1] is Verdict.INTERRUPT
    assert len(verdicts) == 17


def test_a_transcript_is_waited_for_and_a_backchannel_in_it_is_one():
    sound = [VOWEL] * 8 + [SILENCE] * 40
    assert len(judged(with_text(sound, "", 99))) * WINDOW == pytest.approx(0.256 + 0.48, abs=WINDOW)
    late = judged(with_text(sound, "okay", 21))
    assert late[-1] is Verdict.RESUME
    assert len(late) == 22


def test_a_sound_that_is_over_and_was_not_understood_is_what_it_sounds_like():
    only_then = Rules(evidence=1e9)
    hum, speech = [HUM] * 9 + [SILENCE] * 40, PHRASE[:9] + [SILENCE] * 40
    assert told(with_text(hum, "", 99), only_then) == ["pause", "resume"]
    assert told(with_text(speech, "", 99), only_then) == ["pause", "interrupt"]
    assert told(with_text(speech, "yeah", 20), only_then) == ["pause", "resume"]
    assert told(speech, only_then) == ["pause", "resume"]  # nobody was waited for


def test_a_word_that_is_no_backchannel_needs_less_of_a_sound():
    only_then = Rules(evidence=1e9)
    between = [VOWEL, VOWEL, VOWEL, CLOSED, CLOSED, HISS, VOWEL, VOWEL, VOWEL]
    for sound, verdict in ((between, "interrupt"), ([HUM] * 9, "resume")):
        sights = [*sound, *[SILENCE] * 40]
        assert told(with_text(sights, "", 99), only_then) == ["pause", "resume"]
        assert told(with_text(sights, "blue", 16), only_then) == ["pause", verdict]


def test_the_beginning_of_a_backchannel_is_not_yet_a_word():
    sound = [VOWEL] * 5 + [HISS] * 4
    assert told(with_text(sound, "I", 5), language="en") == ["pause"]
    assert told(with_text(sound, "we", 5), language="en") == ["pause", "interrupt"]


def test_it_is_decided_before_the_silence_ends_the_turn():
    turns = Turns()
    sights = with_text([VOWEL] * 8 + [SILENCE] * 40, "", 99)
    events = [(number, event) for number, sight in enumerate(sights, 1) for event in turns.feed(sight.probability)]
    ended = next(number for number, event in events if isinstance(event, Ended))
    assert len(judged(sights)) < ended


def test_the_shape_of_a_backchannel_that_is_understood_does_not_matter():
    understood = with_text(PHRASE[:20], "yeah right", 5)
    assert Verdict.INTERRUPT in judged(PHRASE[:20])
    assert Verdict.INTERRUPT not in judged(understood)


def test_bands_that_nobody_looked_at_are_the_average():
    bare = [Sight(sight.probability, sight.level) for sight in PHRASE]
    assert shape(bare[:8], [True] * 8)[6:] == MEAN[6:]
    assert told(bare)[-1] == "interrupt"


def test_a_phrase_is_more_evident_than_a_hum():
    voiced = [True] * 14
    assert evidence(shape(PHRASE[:14], voiced)) > 3 > 0 > evidence(shape([HUM] * 14, voiced))


def test_the_level_of_a_window():
    window = tone(0.032, loudness=0.5).samples
    assert level(window) == pytest.approx(-9.0, abs=0.3)
    assert level(np.zeros(512, np.float32)) == QUIET
    assert seen(window, 0.7, echo=0.1, usual=-30.0).level == level(window)


def test_a_tone_lies_in_its_band():
    for hertz, band in ((200, 0), (450, 1), (800, 2), (1300, 3), (2000, 4), (3000, 5), (5000, 6), (7000, 7)):
        assert int(np.argmax(bands(tone(0.032, hertz=hertz).samples))) == band


sights = st.builds(
    Sight,
    st.floats(0, 1),
    st.floats(-100, 0),
    st.floats(0, 1),
    st.one_of(st.none(), st.sampled_from(["", "yeah", "stop", "a table for two"])),
    st.one_of(st.none(), st.floats(-60, 0)),
    st.one_of(st.just(()), st.tuples(*[st.floats(-70, 60)] * 8)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(sights, max_size=60))
def test_there_is_one_pause_and_then_one_end(seen):
    verdicts = judged(seen)
    assert verdicts.count(Verdict.PAUSE) <= 1
    assert all(verdict in (Verdict.WAIT, Verdict.PAUSE) for verdict in verdicts[:-1])


@settings(max_examples=20, deadline=None)
@given(st.lists(sights, max_size=30))
def test_silence_ends_every_overlap(seen):
    assert judged([*seen, *[SILENCE] * 13])[-1] in (Verdict.RESUME, Verdict.INTERRUPT)


def test_bits_of_voice_without_end_interrupt():
    verdicts = judged(([HUM] * 2 + [SILENCE] * 9) * 60, Rules(evidence=1e9))
    assert verdicts[-1] is Verdict.INTERRUPT
    assert len(verdicts) * WINDOW == pytest.approx(2.5, abs=WINDOW)


def test_what_an_overlap_keeps_is_bounded():
    overlap = PauseFirst(Rules(long=60.0, longest=60.0, evidence=1e9)).begin()
    for sight in ([HUM] + [SILENCE] * 9) * 40:
        assert overlap.feed(sight) is not Verdict.INTERRUPT
    assert len(overlap._sights) < 100  # pyright: ignore[reportAttributeAccessIssue]


def test_the_policy_can_be_another():
    class Never:
        reason = "never"
        seconds = 0.0

        def feed(self, sight: Sight) -> Verdict:
            return Verdict.RESUME

    class Deaf:
        def begin(self) -> Never:
            return Never()

    floor: Floor = Deaf()
    assert floor.begin().feed(HUM) is Verdict.RESUME


@pytest.mark.parametrize(
    ("language", "text", "meaning"),
    [
        ("en", "Yeah, right.", Meaning.BACKCHANNEL),
        ("en-US", "mm-hmm", Meaning.BACKCHANNEL),
        ("en", "I see", Meaning.BACKCHANNEL),
        ("en", "I know", Meaning.BACKCHANNEL),
        ("en", "yeah, but no", Meaning.HALT),
        ("en", "hold on", Meaning.HALT),
        ("en", "Tuesday", Meaning.WORD),
        ("en", "I", Meaning.NONE),
        ("en", "yeah I", Meaning.NONE),
        ("en", "I Tuesday", Meaning.WORDS),
        ("en", "Tuesday I", Meaning.WORD),
        ("fr", "très", Meaning.NONE),
        ("en", "okay my brother", Meaning.WORDS),
        ("en", "  ?! ", Meaning.NONE),
        ("de", "Ja, genau", Meaning.BACKCHANNEL),
        ("de", "nein", Meaning.HALT),
        ("fr", "d’accord", Meaning.BACKCHANNEL),
        ("fr", "ah bon", Meaning.BACKCHANNEL),
        ("hi", "हाँ", Meaning.BACKCHANNEL),
        ("hi", "रुको", Meaning.HALT),
        ("pl", "no", Meaning.BACKCHANNEL),
        ("", "no", Meaning.HALT),
        ("", "oui", Meaning.BACKCHANNEL),
        ("xx", "genau", Meaning.BACKCHANNEL),
    ],
)
def test_what_words_mean(language, text, meaning):
    assert Lexicon(language).meaning(text) is meaning


def test_every_listed_word_means_what_its_list_says():
    for tag in BACKCHANNELS:
        lexicon = Lexicon(tag or "en")
        for word in BACKCHANNELS[tag].split():
            assert lexicon.meaning(word) is Meaning.BACKCHANNEL, (tag, word)
        for word in HALTS[tag].split():
            assert lexicon.meaning(word) is Meaning.HALT, (tag, word)


def test_words_are_plain():
    assert plain("Ça  VA-bien, d’accord?") == ["ça", "va", "bien", "d'accord"]
