"""Which engines there are."""

from pathlib import Path

import numpy as np
import pytest

from audio.value import Audio
from engines.base import EngineConfig, SynthesisRequest, TranscriptionRequest
from engines.registry import find, path_of
from engines.stt.scripted import Scripted as ScriptedTranscriber
from engines.tts.scripted import Scripted
from tests.engines._running import ENGINES

pytestmark = pytest.mark.unit


class Never:
    def is_set(self) -> bool:
        return False

    def wait(self, timeout: float | None = None) -> bool:
        return False


def test_engines_are_found_in_their_rooms_and_scripted_ones_only_when_asked_for():
    scripted = {"scripted-tts", "scripted-stt", "scripted-llm"}
    assert scripted <= set(find(scripted=True))
    assert set(find()) == set(find(scripted=True)) - scripted
    assert not set(find()) & set(ENGINES)


def test_every_engine_lies_in_the_room_of_its_kind():
    for cls in find(scripted=True).values():
        assert path_of(cls).parent.name == cls.spec.kind
        assert path_of(cls).is_file()


def test_an_engine_may_lie_anywhere():
    assert path_of(ENGINES["speaker"]) == (Path(__file__).parent / "_faulty.py").resolve()


def test_the_scripted_voice_lasts_as_long_as_its_text():
    engine = Scripted(EngineConfig(options={"seconds_per_character": 0.05}))
    chunks = list(engine.synthesize(SynthesisRequest("one two three", "tone-high", speed=2.0), Never()))
    audio = Audio.join(chunk.audio for chunk in chunks)
    assert audio.seconds == pytest.approx(13 * 0.05 / 2)
    assert np.abs(audio.samples).max() <= 0.05
    assert np.abs(np.diff(audio.samples)).max() < 0.01, "a click between chunks"
    words = [word for chunk in chunks for word in chunk.words]
    assert [word.text for word in words] == ["one", "two", "three"]
    assert words[2].start == pytest.approx(8 * 0.025)
    with pytest.raises(ValueError, match="no voice"):
        list(engine.synthesize(SynthesisRequest("one", "nobody"), Never()))


def test_the_scripted_ear_hears_what_it_was_told_and_nothing_in_silence():
    ones = Audio(np.ones(32000, np.float32), 16000)
    told = ScriptedTranscriber(EngineConfig(options={"text": "hello there"}))
    (segment,) = told.transcribe(TranscriptionRequest(ones, words=True), Never())
    assert (segment.text, segment.end) == ("hello there", 2.0)
    assert [(word.text, word.start) for word in segment.words] == [("hello", 0.0), ("there", 1.0)]
    (segment,) = ScriptedTranscriber(EngineConfig()).transcribe(TranscriptionRequest(ones), Never())
    assert segment.text == "I heard 2.0 seconds."
    assert list(told.transcribe(TranscriptionRequest(Audio.silence(1, 16000)), Never())) == []
