"""The real faster-whisper on a tiny checkpoint, in this process; its text is known, what it hears is not."""

import threading
from pathlib import Path

import pytest

from audio.value import Audio
from engines.base import EngineConfig, TranscriptionRequest
from engines.stt.faster_whisper import LANGUAGES, REPOSITORIES, FasterWhisper
from tests.engines import _tiny_whisper
from tests.engines._asked import voiced

pytestmark = pytest.mark.integration

CLIPS = ((0.0, 1.5), (2.001, 3.0), (3.5, 4.75))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return _tiny_whisper.make(tmp_path_factory.mktemp("whisper") / "talk")


@pytest.fixture(scope="module")
def whisper(folder):
    return FasterWhisper(EngineConfig(str(folder), options={"batch_size": 2}))


@pytest.fixture(scope="module")
def circling(tmp_path_factory):
    """One that repeats itself without end."""
    return FasterWhisper(
        EngineConfig(str(_tiny_whisper.make(tmp_path_factory.mktemp("whisper") / "circles", _tiny_whisper.CIRCLES)))
    )


def hear(whisper: FasterWhisper, audio: Audio, **request):
    return list(whisper.transcribe(TranscriptionRequest(audio, **request), threading.Event()))


def test_a_segment_has_what_the_api_shows(whisper):
    (segment,) = hear(whisper, voiced(5.0))
    assert (segment.text, segment.start, segment.end) == ("hello world", 0.0, 1.0)
    assert segment.language == "fi"
    assert len(segment.tokens) == 4
    assert -0.1 < segment.logprob <= 0
    assert 0 <= segment.no_speech < 0.1
    assert 0 < segment.compression_ratio < 1
    assert all(type(value) is float for value in (segment.start, segment.logprob, segment.no_speech))


def test_words_are_plain_numbers(whisper):
    (segment,) = hear(whisper, voiced(5.0), words=True)
    assert [word.text for word in segment.words] == ["hello", "world"]
    assert all(type(value) is float for word in segment.words for value in (word.start, word.end, word.probability))


def test_it_translates_and_takes_a_language(whisper):
    assert [segment.text for segment in hear(whisper, voiced(2.0), task="translate")] == ["goodbye"]
    assert [segment.language for segment in hear(whisper, voiced(2.0), language="pt-BR")] == ["pt"]
    assert [segment.language for segment in hear(whisper, voiced(2.0), language="nb")] == ["no"]


@pytest.mark.parametrize("words", [False, True])
def test_clips_are_decoded_together_at_their_places(whisper, words):
    segments = hear(whisper, voiced(5.0), clips=CLIPS, words=words)
    assert [segment.text for segment in segments] == ["hello world"] * 3
    for segment, (start, end) in zip(segments, CLIPS, strict=True):
        assert start <= segment.start <= segment.end <= end
        assert segment.language == "fi"
    assert all(type(word.start) is float for segment in segments for word in segment.words)


def test_a_clip_by_itself_is_where_the_clip_is(whisper):
    (segment,) = hear(whisper, voiced(5.0), clips=((2.0, 4.0),))
    assert (segment.start, segment.end) == (2.0, 3.0)


def test_what_is_longer_than_the_network_hears_is_heard_in_parts(whisper):
    assert [segment.start for segment in hear(whisper, voiced(65.0))] == [0.0, 30.0, 60.0]
    assert [segment.start for segment in hear(whisper, voiced(65.0), clips=((0.0, 65.0),))] == [0.0, 30.0, 60.0]


def test_silent_clips_are_left_out(whisper):
    audio = Audio.join([voiced(1.0), Audio.silence(1.0, 16000), voiced(1.0)])
    segments = hear(whisper, audio, clips=((0.0, 1.0), (1.0, 2.0), (2.0, 3.0)))
    assert [segment.start for segment in segments] == [0.0, 2.0]


@pytest.mark.parametrize("clips", [(), CLIPS], ids=["whole", "clips"])
def test_what_goes_round_in_circles_is_left_out(circling, clips):
    assert hear(circling, voiced(5.0), clips=clips) == []


def test_prompts_and_hotwords_of_any_length_fit(whisper):
    request = {"prompt": "word " * 2000, "hotwords": ("name",) * 500}
    assert hear(whisper, voiced(2.0), **request)
    assert hear(whisper, voiced(5.0), clips=CLIPS, **request)


def test_a_temperature_is_used_as_it_is(whisper):
    assert [segment.temperature for segment in hear(whisper, voiced(2.0), temperature=0.3)] == [0.3]


def test_stop_ends_it_between_segments_and_between_batches(whisper):
    for audio, clips in ((voiced(65.0), ()), (voiced(5.0), CLIPS)):
        stop = threading.Event()
        segments = whisper.transcribe(TranscriptionRequest(audio, clips=clips), stop)
        next(segments)
        stop.set()
        assert list(segments) == []


@pytest.mark.unit
class TestWhereWeightsLie:
    @staticmethod
    def put(folder: Path, *files: str) -> None:
        folder.mkdir(parents=True)
        for name in files:
            (folder / name).touch()

    @staticmethod
    def downloaded(folder: Path, model: str) -> bool:
        return FasterWhisper.downloaded(EngineConfig(model, models_dir=str(folder)))

    def test_a_snapshot_of_the_hub_counts_when_it_is_complete(self, tmp_path):
        snapshot = tmp_path / "models--Systran--faster-whisper-small" / "snapshots" / "abc"
        self.put(snapshot, "model.bin")
        assert not self.downloaded(tmp_path, "small")
        (snapshot / "tokenizer.json").touch()
        assert self.downloaded(tmp_path, "small")
        assert self.downloaded(tmp_path, "Systran/faster-whisper-small")
        assert not self.downloaded(tmp_path, "tiny")

    def test_a_folder_by_the_name_of_the_size_counts(self, tmp_path):
        self.put(tmp_path / "tiny.en", "model.bin", "tokenizer.json")
        assert self.downloaded(tmp_path, "tiny.en")

    def test_a_folder_named_in_full_counts(self, tmp_path, folder):
        assert FasterWhisper.downloaded(EngineConfig(str(folder)))
        assert not FasterWhisper.downloaded(EngineConfig(str(tmp_path)))

    @pytest.mark.parametrize("model", ["..", "../up", "small/../../x", "a/..", "huge", "x/y/z"])
    def test_other_names_lead_nowhere(self, tmp_path, model):
        self.put(tmp_path / "up", "model.bin", "tokenizer.json")
        self.put(tmp_path / "models")
        assert not self.downloaded(tmp_path / "models", model)

    def test_what_is_not_here_is_not_fetched_unasked(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"small are not downloaded\.$"):
            FasterWhisper(EngineConfig("small", models_dir=str(tmp_path)))


@pytest.mark.unit
def test_the_tables_are_those_of_the_library():
    from faster_whisper.tokenizer import _LANGUAGE_CODES
    from faster_whisper.utils import _MODELS

    assert set(LANGUAGES) == set(_LANGUAGE_CODES)
    assert {name: _MODELS[name] for name in REPOSITORIES} == REPOSITORIES
