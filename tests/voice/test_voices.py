import pytest

from core.errors import UnknownVoice
from tests.fakes import engine_class, registry, voice
from voice.voices import ALIASES, Voices


def test_those_of_the_best_engine_come_first():
    assert [voice.id for voice in Voices(registry()).all()][:3] == ["flite/slt", "flite/rms", "espeak-ng/en-029"]


def test_an_engine_that_is_not_here_has_no_voices_to_show():
    assert all(voice.engine != "flite" for voice in Voices(registry(flite="flite is not here.")).all())


@pytest.mark.parametrize("name", ["flite/slt", "slt", "SLT", " Flite/SLT ", "default", "", "alloy", "Alloy"])
def test_one_voice_by_many_names(name):
    assert Voices(registry()).find(name).id == "flite/slt"


def test_every_alias_stands_for_another_voice_of_a_fitting_gender():
    aliases = Voices(registry()).aliases()
    assert list(aliases) == list(ALIASES)
    assert len({voice.id for voice in aliases.values()}) == len(ALIASES)
    assert all(not gender or aliases[name].gender == gender for name, gender in ALIASES.items())


def test_aliases_are_the_same_every_time():
    assert Voices(registry()).aliases() == Voices(registry()).aliases()


@pytest.mark.parametrize("language", ["en", "hi", "zh-TW"])
def test_aliases_speak_every_language_that_is_spoken(language):
    assert all(voice.id.startswith(("flite/", "espeak-ng/")) for voice in Voices(registry()).aliases(language).values())
    assert len({voice.id for voice in Voices(registry()).aliases(language).values()}) == len(ALIASES)


def test_aliases_share_voices_where_there_are_too_few():
    only = {"one": engine_class("one", "tts", voices=[voice("one/a", "en"), voice("one/b", "en")], quality=5)}
    assert {voice.id for voice in Voices(only).aliases().values()} == {"one/a", "one/b"}


def test_region_decides_among_voices_of_one_engine():
    voices = Voices(registry(flite="flite is not here."))
    assert voices.find("", "en").id == "espeak-ng/en-us"
    assert voices.find("", "en-GB").id == "espeak-ng/en-gb"
    assert voices.find("", "zh").id == "espeak-ng/cmn"


def test_a_variant_goes_with_any_voice_of_its_engine():
    found = Voices(registry()).find("espeak-ng/hi+f3")
    assert (found.id, found.name, found.languages, found.gender) == ("espeak-ng/hi+f3", "hi+f3", ("hi",), "female")
    assert Voices(registry()).find("en-us+whisper").name == "en-us+whisper"


@pytest.mark.parametrize("name", ["slt+f3", "hi+", "hi+../f3", "hi+f3+f3", "en-us+f3+f3", "+f3"])
def test_other_variants_do_not_exist(name):
    with pytest.raises(UnknownVoice):
        Voices(registry()).find(name)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("aloy", "alloy"), ("flite/slz", "flite/slt"), ("Shimer", "shimmer"), ("espeak/hi", "espeak-ng/hi")],
)
def test_an_unknown_voice_names_the_nearest(name, nearest):
    with pytest.raises(UnknownVoice, match=rf"^No voice is called '{name}'\. Did you mean {nearest}\?$") as caught:
        Voices(registry()).find(name)
    assert caught.value.param == "voice"


def test_a_huge_name_is_not_repeated_whole():
    with pytest.raises(UnknownVoice) as caught:
        Voices(registry()).find("q" * 1_000_000)
    assert len(caught.value.message) < 200


def test_a_bare_name_that_two_engines_have_must_be_told_apart():
    twice = {name: engine_class(name, "tts", voices=[voice(f"{name}/amy")]) for name in ("one", "two")}
    with pytest.raises(UnknownVoice, match="one/amy and two/amy"):
        Voices(twice).find("amy")


def test_a_new_engine_is_seen_after_a_look():
    engines = registry(flite="flite is not here.")
    voices = Voices(engines)
    assert voices.find("alloy").engine == "espeak-ng"
    engines["flite"].missing = classmethod(lambda cls: "")  # type: ignore[attr-defined]
    voices.refresh()
    assert voices.find("alloy").engine == "flite"


def test_weights_that_arrive_are_seen_within_a_second_and_change_who_the_aliases_are():
    here, looks, now = [False], [], [0.0]

    def arrived(model: str) -> bool:
        looks.append(model)
        return here[0]

    engines = registry()
    engines["natural"] = engine_class("natural", "tts", voices=[voice("natural/ann", "en")], here=arrived, quality=90)
    voices = Voices(engines, clock=lambda: now[0])
    assert voices.find("alloy").engine == "flite"
    seen = len(looks)
    here[0] = True
    assert voices.find("alloy").engine == "flite"
    assert len(looks) == seen
    now[0] += 1.1
    assert voices.find("alloy").id == "natural/ann"
