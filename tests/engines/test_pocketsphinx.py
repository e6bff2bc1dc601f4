"""pocketsphinx in this process: speech made by flite, grammars, and nothing carried from one request to the next."""

import threading
from itertools import pairwise

import numpy as np
import pytest

from audio.value import Audio
from engines.base import EngineConfig, SynthesisRequest, TranscriptionRequest
from engines.stt.pocketsphinx import PocketSphinx, _passages
from engines.tts.flite import Flite
from tests.engines._asked import noise, sound, voiced
from tests.peers import need

pytestmark = pytest.mark.integration

COMMANDS = "#JSGF V1.0; grammar c; public <c> = (turn on | turn off) the (light | radio) | yes | no;"


@pytest.fixture(scope="module")
def sphinx():
    return PocketSphinx(EngineConfig())


@pytest.fixture(scope="module")
def spoken():
    need("libflite")
    flite = Flite(EngineConfig())

    def say(text: str, voice: str = "rms") -> Audio:
        return Audio(sound(list(flite.synthesize(SynthesisRequest(text, voice), threading.Event()))), 16000)

    return say


def hear(sphinx: PocketSphinx, audio: Audio, **request):
    return list(sphinx.transcribe(TranscriptionRequest(audio, **request), threading.Event()))


def test_it_writes_what_was_said_and_when(sphinx, spoken):
    audio = Audio.join([Audio.silence(1.0, 16000), spoken("the weather is very nice today")])
    (segment,) = hear(sphinx, audio, words=True)
    assert segment.text == "the weather is very nice today"
    assert 0.9 < segment.words[0].start < 1.4
    assert segment.words[-1].end == segment.end <= audio.seconds
    assert segment.logprob <= 0
    assert all("(" not in word.text and "<" not in word.text for word in segment.words)


def test_each_clip_is_a_segment_at_its_place(sphinx, spoken):
    one, two = spoken("good morning"), spoken("please call me later")
    gap = Audio.silence(2.0, 16000)
    clips = ((0.0, one.seconds), (one.seconds + 2.0, one.seconds + 2.0 + two.seconds))
    first, second = hear(sphinx, Audio.join([one, gap, two]), clips=clips)
    assert (first.text, second.text) == ("good morning", "please call me later")
    assert first.end <= clips[0][1]
    assert clips[1][0] <= second.start


def test_nothing_is_carried_to_the_next_request(sphinx, spoken):
    audio = spoken("the weather is very nice today", "slt")
    first = hear(sphinx, audio, words=True)
    hear(sphinx, noise(1.0))
    hear(sphinx, spoken("yes"), grammar=COMMANDS)
    assert hear(sphinx, audio, words=True) == first


@pytest.mark.parametrize("text", ["turn on the radio", "turn off the light", "yes", "no"])
def test_a_grammar_hears_its_commands(sphinx, spoken, text):
    assert [segment.text for segment in hear(sphinx, spoken(text), grammar=COMMANDS)] == [text]


@pytest.mark.parametrize(
    "grammar",
    [
        "nonsense",
        "#JSGF V1.0; grammar c;",
        "#JSGF V1.0; grammar c; public <c> = xyzzyqq;",
        "#JSGF V1.0; grammar c; import <com.secrets.x>; public <c> = yes;",
        "#JSGF V1.0; grammar c; public <c> = " + "(" * 500 + "yes" + ")" * 500 + ";",
        "#JSGF V1.0; grammar c; public <c> = " + "[yes] " * 300 + ";",
        "#JSGF V1.0; grammar c; public <a> = yes;" + "".join(f"<r{n}> = <r{n + 1}> <r{n + 1}>;" for n in range(20)),
        "#JSGF V1.0; grammar c; public <c> = yes" + " | yes" * 3000 + ";",
        "x" * 100_000,
        "\x00",
    ],
)
def test_a_grammar_that_cannot_be_used_is_refused_and_forgotten(sphinx, grammar):
    with pytest.raises(ValueError, match=r"(?i)grammar .*\."):
        hear(sphinx, voiced(0.5), grammar=grammar)
    assert hear(sphinx, Audio.silence(0.5, 16000)) == []


@pytest.mark.parametrize(("request_", "reason"), [({"language": "de"}, "English only"), ({"task": "translate"}, "not")])
def test_what_it_cannot_do_is_refused(sphinx, request_, reason):
    with pytest.raises(ValueError, match=reason):
        hear(sphinx, voiced(0.5), **request_)


def test_stop_ends_it_before_the_next_clip(sphinx, spoken):
    audio, stop = spoken("good morning"), threading.Event()
    segments = sphinx.transcribe(TranscriptionRequest(audio, clips=((0.0, audio.seconds),) * 3), stop)
    next(segments)
    stop.set()
    assert list(segments) == []


@pytest.mark.unit
def test_long_audio_is_cut_where_it_is_quiet():
    loud = np.full(16000 * 70, 0.5, np.float32)
    loud[16000 * 25 : 16000 * 26] = 0
    parts = list(_passages(Audio(loud, 16000)))
    assert parts[0][0] == 0
    assert 25 < parts[0][1] < 26
    assert all(a[1] == b[0] for a, b in pairwise(parts))
    assert parts[-1][1] == 70
    assert max(end - start for start, end in parts) <= 30
