"""The catalogue holds what the makers published, nothing inferred, and answers at once."""

import re
import time

import pytest

from core.errors import BadRequest, UnknownModel, UnknownVoice
from engines.base import EngineConfig, EngineSpec, Voice
from engines.llm.ctranslate2 import MODELS, CTranslate2
from engines.stt.faster_whisper import FasterWhisper
from engines.tts.kokoro import Kokoro
from voice._engines import Engines
from voice.catalogue import KINDS, Card, Catalogue, Entry
from voice.languages import _NAMES, canonical

TAG = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?")
UNLISTED = {"brx", "doi", "hne", "mai", "mni", "sat"}
"""Codes of ISO 639-3 that voice.languages may not have a name for yet."""

FEMALE = {"Aditi", "Sunita", "Amrita", "Anjali", "en_woman", "Vivian", "Serena", "Ono_Anna", "Sohee", "ljspeech"}
MALE = {"Tapan", "Karan", "en_man", "zh_man_sichuan", "Uncle_Fu", "Dylan", "Eric", "Ryan", "Aiden"}
UNGENDERED = {"parler-en", "parler-multi", "chatterbox", "csm", "dia", "pocket-tts", "orpheus"}
INDIAN = {"as", "bn", "brx", "doi", "gu", "hi", "hne", "kn", "ml", "mni", "mr", "ne", "or", "pa", "sa", "ta", "te"}
NAMELESS = ["kok", "mai", "sat", "sd", "ur"]
"""Languages of Indic Parler-TTS without a speaker of their own."""
SIZES = {
    "parler-en": 34, "parler-multi": 16, "chatterbox": 25, "higgs-v2": 9, "csm": 6, "dia": 2, "pocket-tts": 26,
    "kokoro": 54, "qwen3-tts": 9, "orpheus": 25, "styletts2": 1,
}  # fmt: skip
FAMOUS = ("amy", "sheldon", "shrek", "fiona", "donkey", "anna_fifty", "mabaoguo")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue()


def best_of(times: int, call) -> float:
    """Milliseconds of the fastest run: what else the machine does only ever adds."""
    spent = []
    for _ in range(times):
        begun = time.perf_counter()
        call()
        spent.append(time.perf_counter() - begun)
    return min(spent) * 1000


def test_there_are_voices_for_everybody(catalogue):
    counts = catalogue.counts()
    print(f"\n{counts.voices} voices in {counts.languages} languages of {counts.engines} engines, without espeak-ng")
    assert counts.voices >= 135
    assert counts.languages >= 30
    assert "espeak-ng" not in catalogue.cards


def test_seeds_own_engines_alone_are_enough(catalogue):
    own = [entry for entry in catalogue.entries if entry.engine not in ("kokoro", "qwen3-tts", "orpheus", "pocket-tts")]
    counts = catalogue.counts(own)
    assert (counts.voices >= 135, counts.languages >= 30) == (True, True)


def test_ids_are_unique(catalogue):
    ids = [entry.id for entry in catalogue.entries]
    assert len(set(ids)) == len(ids)
    assert all(entry.id.startswith(f"{entry.engine}/") for entry in catalogue.entries)


def test_languages_are_tags(catalogue):
    tags = {tag for entry in catalogue.entries for tag in entry.languages}
    tags |= {tag for card in catalogue.cards.values() for tag in card.languages} - {"*"}
    assert [tag for tag in tags if not TAG.fullmatch(tag)] == []
    assert {canonical(tag) for tag in tags} - set(_NAMES) <= UNLISTED
    assert all(entry.languages for entry in catalogue.entries)


@pytest.mark.parametrize("field", ["licence", "source", "description", "kind"])
def test_every_row_is_complete(catalogue, field):
    assert [entry.id for entry in catalogue.entries if not getattr(entry, field)] == []


def test_kinds_and_sources_are_what_they_claim(catalogue):
    assert {entry.kind for entry in catalogue.entries} <= set(KINDS)
    assert all(entry.source.startswith("https://") for entry in catalogue.entries)


def test_voices_speak_what_their_engine_speaks(catalogue):
    for entry in catalogue.entries:
        spoken = {canonical(tag) for tag in catalogue.cards[entry.engine].languages}
        assert {canonical(tag) for tag in entry.languages} <= spoken, entry.id


def test_cards_say_how_to_get_the_engine(catalogue):
    for card in catalogue.cards.values():
        assert "`pip install " in card.install, card.name
        assert card.install.endswith(".")
        assert card.environment in ("app", "speech", "parler", "vllm", "styletts2")
        assert bool(card.doubt) is not card.verified, card.name


def test_no_gender_is_guessed_from_a_name(catalogue):
    for entry in catalogue.entries:
        if entry.engine == "kokoro":
            assert entry.gender == {"f": "female", "m": "male"}[entry.name[1]]
        else:
            expected = "female" if entry.name in FEMALE else "male" if entry.name in MALE else ""
            published = "" if entry.engine in UNGENDERED else expected
            assert entry.gender == published, entry.id


def test_nobody_famous_is_offered(catalogue):
    assert [entry.id for entry in catalogue.entries for name in FAMOUS if name in entry.id.casefold()] == []


def test_india_is_complete(catalogue):
    indian = [entry for entry in catalogue.entries if entry.engine == "indic-parler"]
    assert len([entry for entry in indian if not entry.described]) == 69
    assert {canonical(entry.languages[0]) for entry in indian if not entry.described} == INDIAN | {"en"}
    assert [entry.languages[0] for entry in indian if entry.described] == [f"{tag}-IN" for tag in NAMELESS]
    assert all(catalogue.search(language=tag) for tag in (*INDIAN, *NAMELESS))


@pytest.mark.parametrize(("engine", "count"), SIZES.items())
def test_each_engine_is_complete(catalogue, engine, count):
    assert len(catalogue.search(engine=engine)) == count


def test_what_is_from_memory_is_marked(catalogue):
    unverified = {entry.id for entry in catalogue.entries if not entry.verified}
    english = {entry.id for entry in catalogue.search(engine="orpheus", language="en")}
    assert unverified == english | {entry.id for entry in catalogue.search(engine="parler-multi")}
    assert {card.name for card in catalogue.cards.values() if not card.verified} >= {"qwen3-tts", "dia", "orpheus"}


def test_kokoro_knows_the_same_voices_as_the_catalogue(catalogue):
    published = catalogue.search(engine="kokoro")
    offered = [entry for entry in published if canonical(entry.languages[0]) not in ("ja", "zh")]
    listed = {entry.id: (entry.name, entry.languages, entry.gender) for entry in offered}
    assert {voice.id: (voice.name, voice.languages, voice.gender) for voice in Kokoro.voices()} == listed


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ({"text": "divya"}, "indic-parler/Divya"),
        ({"text": "kokoro/af_heart"}, "kokoro/af_heart"),
        ({"text": "Sichuan lively"}, "qwen3-tts/Eric"),
        ({"text": "유나"}, "orpheus/유나"),
        ({"language": "Tamil"}, "indic-parler/Kavitha"),
        ({"language": "en-GB", "engine": "kokoro"}, "kokoro/bf_alice"),
        ({"language": "de", "gender": "unspecified", "kind": "language-default"}, "chatterbox/default-de"),
        ({"text": "swahili"}, "chatterbox/default-sw"),
        ({"gender": "male", "language": "ko"}, None),
    ],
)
def test_search_finds(catalogue, asked, first):
    found = catalogue.search(**asked)
    assert (found[0].id if found else None) == first
    assert found == catalogue.search(**asked)


def test_search_of_nothing_is_everything_in_a_fixed_order(catalogue):
    assert catalogue.search() == list(catalogue.entries)
    assert catalogue.search("no voice is called like this") == []


def test_every_word_must_occur(catalogue):
    found = catalogue.search("hindi recommended")
    assert {entry.name for entry in found} == {"Rohit", "Divya"}


def test_a_language_that_is_none_is_refused(catalogue):
    with pytest.raises(BadRequest, match="language tag"):
        catalogue.search(language="../etc")


def test_unknown_names_are_refused(catalogue):
    with pytest.raises(UnknownVoice):
        catalogue.entry("kokoro/nobody")
    with pytest.raises(UnknownModel):
        catalogue.standing("nothing")
    assert catalogue.entry("kokoro/af_heart").grade == "A"


class Local:
    """An engine that the catalogue has no file of."""

    spec = EngineSpec("local", "tts", "", "MIT", 16000)
    voice = Voice("local/ann+f3", "local", "ann+f3", ("cy",), "female", "Welsh woman")

    @classmethod
    def missing(cls) -> str:
        return ""

    @classmethod
    def voices(cls) -> list[Voice]:
        return [cls.voice]

    @classmethod
    def downloaded(cls, config: EngineConfig) -> bool:
        return True


class Fetched(Local):
    """Kokoro, installed, with its weights here only when they are."""

    spec = EngineSpec("kokoro", "tts", "", "MIT", 24000)
    here = False

    @classmethod
    def voices(cls) -> list[Voice]:
        return Kokoro.voices()

    @classmethod
    def downloaded(cls, config: EngineConfig) -> bool:
        return cls.here


def test_what_stands_here_is_told():
    catalogue = Catalogue(Engines({"local": Local, "kokoro": Fetched}, EngineConfig()))  # type: ignore[dict-item]
    assert catalogue.standing("local").downloaded
    assert (catalogue.standing("kokoro").installed, catalogue.standing("kokoro").downloaded) == (True, False)
    assert "not downloaded" in catalogue.standing("kokoro").why_not
    assert catalogue.standing_of(catalogue.entry("kokoro/af_heart")) == catalogue.standing("kokoro")
    assert "does not offer" in catalogue.standing_of(catalogue.entry("kokoro/jf_alpha")).why_not
    assert not catalogue.standing("dia").installed
    assert "pip install" in catalogue.standing("dia").why_not
    assert {entry.engine for entry in catalogue.search(installed=True)} == {"local", "kokoro"}
    absent = catalogue.search(engine="kokoro", installed=False)
    assert {canonical(entry.languages[0]) for entry in absent} == {"ja", "zh"}


def test_what_is_here_comes_first(monkeypatch):
    monkeypatch.setattr(Fetched, "here", True)
    catalogue = Catalogue(Engines({"kokoro": Fetched}, EngineConfig()))  # type: ignore[dict-item]
    assert catalogue.search(language="hi")[0].engine == "kokoro"
    assert Catalogue().search(language="hi")[0].engine == "chatterbox"


def test_engines_without_a_file_are_listed_but_not_counted():
    catalogue = Catalogue(Engines({"local": Local}, EngineConfig()))  # type: ignore[dict-item]
    assert catalogue.search("welsh")[0].id == "local/ann+f3"
    assert catalogue.counts() == Catalogue().counts()


def test_downloads_are_described(catalogue):
    files = {file.path: file for card in catalogue.cards.values() for file in card.files}
    assert files["kokoro/voices-v1.0.bin"].models == ("fp32", "fp16", "int8")
    assert all(len(file.sha256) in (0, 64) and file.bytes > 0 for file in files.values())
    assert all(file.url.startswith("https://") and ".." not in path for path, file in files.items())
    assert all(file.sha256 or not file.exact for file in files.values())
    sizes = {model for file in catalogue.cards["faster-whisper"].files for model in file.models}
    assert sizes == {"tiny", "base", "small", "medium", "large-v3", "large-v3-turbo"}


@pytest.mark.parametrize(
    ("cls", "model"),
    [(Kokoro, "int8"), (Kokoro, "fp32"), (FasterWhisper, "small"), *((CTranslate2, model) for model in MODELS)],
)
def test_the_files_are_those_that_the_engine_looks_for(catalogue, cls, model, tmp_path):
    config = EngineConfig(model, models_dir=str(tmp_path))
    for file in catalogue.cards[cls.spec.name].files:
        if model in file.models:
            assert not cls.downloaded(config)
            (tmp_path / file.path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file.path).touch()
    assert cls.downloaded(config)


def test_it_is_read_quickly():
    spent = best_of(5, lambda: Catalogue().entries)
    print(f"\nread in {spent:.1f} ms")
    assert spent <= 30


def test_four_hundred_voices_are_searched_quickly(tmp_path):
    rows = [f'{{ id = "v{n}", languages = ["en-US"], description = "Voice number {n}" }},' for n in range(400)]
    card = ["name", "title", "summary", "licence", "weights_licence", "source", "repo", "environment", "install"]
    head = [f'{field} = "many"' for field in card] + ['kind = "tts"', 'voice_kind = "variant"', 'languages = ["en"]']
    (tmp_path / "many.toml").write_text("\n".join([*head, "voices = [", *rows, "]"]))
    catalogue = Catalogue(folder=tmp_path)
    assert len(catalogue.search("voice number", language="en")) == 400
    spent = best_of(20, lambda: catalogue.search("voice number 399", language="en", gender="unspecified"))
    print(f"\nsearched in {spent:.2f} ms")
    assert spent <= 5


def test_nothing_is_read_before_it_is_asked(tmp_path):
    catalogue = Catalogue(folder=tmp_path / "absent")
    assert catalogue.entries == ()


def test_a_file_that_lacks_a_field_is_refused(tmp_path):
    (tmp_path / "a.toml").write_text('name = "a"')
    with pytest.raises(KeyError, match="title"):
        _ = Catalogue(folder=tmp_path).entries


def test_values_are_frozen(catalogue):
    for cls in (Card, Entry):
        assert cls.__dataclass_params__.frozen  # type: ignore[attr-defined]
