"""espeak-ng: its files read on this side, its sound made in a worker."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from core.errors import BadRequest
from engines.tts.espeak import LANGUAGES, RATE, Espeak, _chunks, _Mark
from tests.engines._asked import asked, sound


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def espeak(tmp_path_factory):
    async with asked("espeak-ng", tmp_path_factory.mktemp("pool")) as engine:
        yield engine


def test_the_card_names_every_language_of_the_files():
    spoken = {tag.partition("-")[0] for voice in Espeak.voices() for tag in voice.languages}
    assert spoken == set(LANGUAGES)
    assert len(LANGUAGES) == len(set(LANGUAGES)) >= 119


def test_the_default_comes_first_and_voices_tell_what_they_are():
    first = Espeak.voices()[0]
    assert (first.id, first.languages, first.gender) == ("espeak-ng/en-us", ("en-US", "en"), "male")
    voices = {voice.name: voice for voice in Espeak.voices()}
    assert voices["de+f3"].gender == "female"
    assert voices["es-419"].languages[0] == "es-419"
    assert voices["vi-vn-x-south"].languages[0] == "vi-VN-x-south"
    assert "zh" in voices["cmn"].languages
    assert "fo" not in voices, "its dictionary is not in the wheel"


@pytest.mark.integration
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process has loaded")
def test_listing_voices_does_not_load_the_library():
    listed = "from engines.tts.espeak import Espeak; assert Espeak.voices(); print(open('/proc/self/maps').read())"
    root = Path(__file__).parents[2]
    maps = subprocess.run([sys.executable, "-c", listed], cwd=root, check=True, capture_output=True, text=True).stdout
    assert "libespeak-ng" not in maps


@pytest.mark.integration
@pytest.mark.asyncio(loop_scope="module")
class TestInItsWorker:
    async def test_every_voice_is_heard(self, espeak):
        for voice in Espeak.voices():
            samples = sound(await espeak.say("hello 1 2 3", voice.name))
            assert np.abs(samples).max() > 0.05, voice.id

    @pytest.mark.parametrize("name", ["en-us+f3", "EN-US", "en-gb", "pt+whisper", "zh"])
    async def test_voices_are_found_by_variant_and_by_language(self, espeak, name):
        assert await espeak.say("one", name)

    @pytest.mark.parametrize("name", ["../../../etc/passwd", "en-us+../../x", "en-us+nobody", "+f3x", "klingon!"])
    async def test_other_names_are_refused(self, espeak, name):
        with pytest.raises(BadRequest, match="espeak-ng has no voice"):
            await espeak.say("one", name)

    async def test_without_a_voice_the_language_chooses(self, espeak):
        german, plain = await espeak.say("Guten Tag", language="de-AT"), await espeak.say("Guten Tag", "de")
        assert abs(len(sound(german)) - len(sound(plain))) < 200
        english = await espeak.say("Guten Tag")
        assert abs(len(sound(german)) - len(sound(english))) > 200

    async def test_control_characters_are_not_commands(self, espeak):
        plain = sound(await espeak.say("hello  there"))
        assert abs(len(sound(await espeak.say("hello \x01there"))) - len(plain)) < 200
        fast = "\x01300s hello there my friend"
        assert len(sound(await espeak.say(fast))) > len(plain), "the number is read, not obeyed"

    async def test_markup_is_read_out_and_opens_no_file(self, espeak):
        said = [word.text for chunk in await espeak.say('<audio src="/etc/passwd"> hi') for word in chunk.words]
        assert {"audio", "hi"} <= set(said)

    async def test_a_number_and_an_emoji_are_one_word_each(self, espeak):
        said = [word.text for chunk in await espeak.say("I have 42 apples 😀 now") for word in chunk.words]
        assert said == ["I", "have", "42", "apples", "😀", "now"]

    async def test_words_end_where_their_sound_ends(self, espeak):
        words = [word for chunk in await espeak.say("Hello. Goodbye.") for word in chunk.words]
        assert words[1].start - words[0].end > 0.2

    @pytest.mark.parametrize("speed", [0.0, -1.0, 1000.0, float("nan")])
    async def test_an_impossible_speed_is_refused(self, espeak, speed):
        with pytest.raises(BadRequest, match="speeds"):
            await espeak.say("one", speed=speed)


def _pieces(*marks: _Mark, count: int = 30) -> list[tuple[np.ndarray, list[_Mark]]]:
    """A loud second in thirtieths, and each event in the piece that it falls in."""
    size = RATE // 30
    return [
        (np.full(size, 1000, np.int16), [mark for mark in marks if mark.sample // size == number])
        for number in range(count)
    ]


def test_sound_is_held_until_its_word_has_ended():
    pieces = _pieces(_Mark(0, 0, 3), _Mark(7000, 4, 7), _Mark(7500, 5, 7), _Mark(14000, 0, 0))
    first, second, *rest = _chunks(iter(pieces), "one two")
    assert (len(first.audio.samples), first.words[0].text) == (7000, "one")
    assert (len(second.audio.samples), second.words[0].text) == (7000, "two"), "the event inside the word counts not"
    assert second.words[0].start == pytest.approx(7000 / RATE)
    assert sum(len(chunk.audio.samples) for chunk in rest) == RATE - 14000
    assert not [word for chunk in rest for word in chunk.words]


def test_a_word_that_does_not_end_is_given_out_all_the_same():
    chunks = list(_chunks(iter(_pieces(_Mark(0, 0, 3), count=150)), "one"))
    assert max(chunk.audio.seconds for chunk in chunks) < 2.1
    assert [word.text for chunk in chunks for word in chunk.words] == ["one"]
    assert sum(len(chunk.audio.samples) for chunk in chunks) == RATE * 5
