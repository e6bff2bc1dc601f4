"""flite in this process: what is English, where words lie, and requests side by side."""

import threading

import numpy as np
import pytest

from audio.value import Audio
from engines.base import EngineConfig, SynthesisRequest
from engines.tts.flite import PIECE, Flite, _ascii, _pieces
from tests.engines._asked import sound
from tests.peers import need

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def flite():
    need("libflite")
    return Flite(EngineConfig())


def say(flite: Flite, text: str, voice: str = "", speed: float = 1.0, language: str = ""):
    return list(flite.synthesize(SynthesisRequest(text, voice, language, speed), threading.Event()))


def test_chunks_are_of_a_tenth_of_a_second(flite):
    lengths = [chunk.audio.seconds for chunk in say(flite, "Good morning, how can I help you today?")]
    assert len(lengths) > 10
    assert max(lengths) < 0.13


def test_words_lie_where_they_sound(flite):
    chunks = say(flite, "Yes. Tomorrow.")
    first, second = (word for chunk in chunks for word in chunk.words)
    audio = Audio(sound(chunks), 16000)

    def level(start: float, end: float) -> float:
        return float(np.sqrt(np.mean(audio.cut(start, end).samples ** 2)))

    assert level(first.start, first.end) > 10 * level(0, first.start * 0.8)
    assert level(second.start, second.end) > 10 * level(second.end + 0.05, audio.seconds)


def test_numbers_and_titles_are_one_word_each(flite):
    words = [word.text for chunk in say(flite, "Dr. Smith's 42 naïve “friends” — $5.50") for word in chunk.words]
    assert words[:3] == ["Dr", "Smith's", "42"]
    assert "naive" in words


def test_each_voice_is_another(flite):
    lengths = {voice.name: len(sound(say(flite, "Good morning.", voice.name))) for voice in Flite.voices()}
    assert len(set(lengths.values())) == len(lengths) >= 3


@pytest.mark.parametrize("text", ["Привет", "今天天气很好", "नमस्ते"])
def test_what_has_no_english_in_it_is_refused(flite, text):
    with pytest.raises(ValueError, match="English only"):
        say(flite, text)


def test_other_languages_are_refused(flite):
    with pytest.raises(ValueError, match="English only"):
        say(flite, "Guten Tag", language="de")
    assert say(flite, "Hello", language="en_GB")


@pytest.mark.parametrize("speed", [0.0, -1.0, 1000.0, float("nan")])
def test_an_impossible_speed_is_refused(flite, speed):
    with pytest.raises(ValueError, match="speeds"):
        say(flite, "Yes.", speed=speed)


def test_stop_ends_it_at_once_and_leaves_no_thread(flite):
    stop = threading.Event()
    chunks = flite.synthesize(SynthesisRequest("Good morning. " * 100, ""), stop)
    next(chunks)
    stop.set()
    assert len(list(chunks)) == 0
    assert not [thread for thread in threading.enumerate() if thread.name == "push"]


def _contour(flite: Flite, voice: str) -> np.ndarray:
    """Level in each hundredth of a second; the breath in the voices is random, so samples never repeat."""
    samples = sound(say(flite, "Good morning.", voice))
    return np.sqrt(np.mean(samples[: len(samples) // 160 * 160].reshape(-1, 160) ** 2, axis=1))


def test_requests_side_by_side_do_not_mix(flite):
    voices = [voice.name for voice in Flite.voices()][:4]
    alone = {name: _contour(flite, name) for name in voices}
    same: list[bool] = []

    def run(name: str) -> None:
        for _ in range(5):
            contour = _contour(flite, name)
            same.append(contour.shape == alone[name].shape and np.corrcoef(contour, alone[name])[0, 1] > 0.95)

    threads = [threading.Thread(target=run, args=(name,)) for name in voices]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert same == [True] * 5 * len(voices)


@pytest.mark.unit
def test_text_is_cut_without_loss_at_the_best_place():
    text = "One two three. " * 50 + "x" * 700
    pieces = list(_pieces(text))
    assert "".join(pieces) == text
    assert max(map(len, pieces)) <= PIECE
    assert pieces[0].endswith(". ")


@pytest.mark.unit
def test_typography_becomes_ascii():
    assert _ascii("“Café” – it’s naïve… 日本\x00") == '"Cafe" - it\'s naive...  '
