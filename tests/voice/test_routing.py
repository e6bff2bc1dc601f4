import pytest

from core.errors import (
    BadRequest,
    CircuitOpen,
    NotDownloaded,
    NotInstalled,
    Unavailable,
    UnknownModel,
    UnknownVoice,
)
from engines.base import EngineConfig
from tests.fakes import engine_class, registry, voice
from voice.routing import Routing, Terms

STRICT = Terms(strict=True)


def routing(tts: str = "auto", stt: str = "auto", **here) -> Routing:
    return Routing(registry(**here), EngineConfig(), tts_engine=tts, stt_engine=stt)


def test_the_clearest_voice_speaks_english():
    route = routing().speech()
    assert (route.engine, route.voice, route.voice_name, route.language) == ("flite", "flite/slt", "slt", "en")
    assert route.alias_of == "flite/slt"
    assert route.reason == "flite speaks English most clearly of what is installed."


def test_the_script_of_the_text_chooses_the_language():
    route = routing().speech(text="नमस्ते")
    assert (route.voice, route.language) == ("espeak-ng/hi", "hi")
    assert route.reason == "espeak-ng: the only engine here that speaks Hindi."


def test_a_language_that_is_named_counts_more_than_the_script():
    assert routing().speech(language="cmn", text="नमस्ते").voice == "espeak-ng/cmn"


def test_an_alias_speaks_the_language_of_the_text_and_says_who_it_is():
    route = routing().speech("alloy", text="नमस्ते")
    assert route.voice == route.alias_of == "espeak-ng/hi"
    assert route.reason == "alloy stands for espeak-ng/hi here."


def test_an_alias_of_another_engine_goes_to_that_engine():
    route = routing().speech("nova")
    assert route.engine == route.voice.partition("/")[0] == "espeak-ng"


def test_a_named_voice_keeps_its_language():
    route = routing().speech("slt", text="नमस्ते")
    assert (route.engine, route.language, route.alias_of) == ("flite", "en-us", "")


def test_what_is_missing_is_said():
    route = routing(flite="flite is not installed here; `apt install libflite1` brings it.").speech()
    assert route.engine == "espeak-ng"
    assert route.reason.startswith("flite is not installed here; `apt install libflite1` brings it; using espeak-ng.")


@pytest.mark.parametrize("model", ["", "auto", "tts-1", "TTS-1-HD", "gpt-4o-mini-tts"])
def test_open_model_names_leave_the_choice_to_the_house(model):
    assert routing().speech(model=model).engine == "flite"


def test_a_model_names_an_engine():
    assert routing().speech(model="espeak-ng").voice == "espeak-ng/en-us"
    assert routing().speech("nova", model="espeak-ng").engine == "espeak-ng"


def test_the_owner_prefers_an_engine_as_long_as_it_can_serve():
    own = routing(tts="espeak-ng")
    assert own.speech().engine == "espeak-ng"
    assert own.speech().reason == "TTS_ENGINE is espeak-ng."
    fallen = routing(tts="flite").speech(language="hi")
    assert fallen.engine == "espeak-ng"
    assert fallen.reason.startswith("TTS_ENGINE is flite, which cannot serve this. ")


def test_a_setting_that_names_no_engine_is_refused_at_once():
    with pytest.raises(BadRequest, match=r"TTS_ENGINE is 'espeek'; the engines are auto, flite, espeak-ng"):
        routing(tts="espeek")


def test_scripted_engines_are_never_picked_but_can_be_named():
    assert routing().speech(language="tlh", model="scripted-tts").engine == "scripted-tts"
    with pytest.raises(BadRequest):
        routing().speech(language="tlh")


@pytest.mark.parametrize(
    ("asked", "error", "param"),
    [
        ({"voice": "aloy"}, UnknownVoice, "voice"),
        ({"model": "tts-2"}, UnknownModel, "model"),
        ({"model": "whisper-1"}, BadRequest, "model"),
        ({"model": "pocketsphinx"}, BadRequest, "model"),
        ({"voice": "slt", "model": "espeak-ng"}, BadRequest, "voice"),
        ({"voice": "slt", "language": "hi"}, BadRequest, "language"),
        ({"model": "flite", "language": "hi"}, BadRequest, "language"),
        ({"language": "ta"}, BadRequest, "language"),
        ({"language": "!"}, BadRequest, "language"),
    ],
)
def test_what_cannot_be_spoken(asked, error, param):
    with pytest.raises(error) as caught:
        routing().speech(**asked)
    assert caught.value.param == param


def test_an_engine_that_is_listed_but_not_here():
    here = routing(flite="flite is not here.")
    with pytest.raises(NotInstalled, match=r"^flite is not here"):
        here.speech(model="flite", terms=STRICT)
    with pytest.raises(NotInstalled):
        here.speech("flite/slt", terms=STRICT)
    assert here.speech(model="flite").reason == "flite is not here; using espeak-ng/en-us."
    stands_in = here.speech("flite/slt")
    assert (stands_in.engine, stands_in.voice) == ("espeak-ng", "espeak-ng/en-us+f3")
    assert stands_in.reason == "flite is not here; using espeak-ng/en-us+f3."


def test_a_voice_of_the_catalogue_only_is_stood_in_for_and_said():
    route = routing().speech("orpheus/tara")
    assert (route.engine, route.voice) == ("flite", "flite/slt")
    assert route.reason.startswith("orpheus/tara: ")
    assert route.reason.endswith("; using flite/slt.")
    with pytest.raises(NotInstalled):
        routing().speech("orpheus/tara", terms=STRICT)


# health, needs, device, licence


def resting(*engines: str, **more) -> Routing:
    return Routing(
        registry(), EngineConfig(), down=lambda engine: f"{engine} rests." if engine in engines else "", **more
    )


def test_an_engine_that_is_down_is_passed_over_and_said():
    route = resting("flite").speech()
    assert (route.engine, route.voice) == ("espeak-ng", "espeak-ng/en-us")
    assert route.reason.startswith("flite is down: flite rests; using espeak-ng.")
    assert resting("flite").speech(terms=STRICT).engine == "flite"


@pytest.mark.parametrize("asked", [{"voice": "flite/slt"}, {"voice": "flite/rms"}, {"model": "flite"}])
def test_somebody_of_the_same_gender_stands_in_for_a_voice_that_was_named(asked):
    route = resting("flite").speech(**asked)
    assert route.engine == "espeak-ng"
    assert route.voice == ("espeak-ng/en-us+f3" if "slt" in str(asked) else "espeak-ng/en-us")
    assert route.reason == f"flite is down: flite rests; using {route.voice}."
    assert resting("flite").speech(**asked, terms=STRICT).engine == "flite"


def test_an_alias_keeps_its_gender_where_its_voice_is_down():
    route = resting("flite").speech("coral")
    assert (route.engine, route.voice) == ("espeak-ng", "espeak-ng/en-us+f3")
    assert route.alias_of == route.voice


def test_where_all_are_down_the_best_is_tried():
    assert resting("flite", "espeak-ng").speech().engine == "flite"
    with pytest.raises(CircuitOpen):
        resting("flite", "espeak-ng").speech("flite/slt")


def test_an_engine_that_failed_this_request_is_not_asked_again():
    failed = Terms(without={"flite": "It broke."})
    assert routing().speech(terms=failed).reason.startswith("flite is down: It broke; using espeak-ng.")
    both = Terms(without={"flite": "It broke.", "espeak-ng": "It broke too."})
    with pytest.raises(CircuitOpen):
        routing().speech("flite/slt", terms=both)


def test_another_model_of_the_same_engine_comes_first():
    engines = {**registry(), "many": engine_class("many", "tts", models=("big", "small"), voices=[voice("many/a")])}
    here = Routing(engines, EngineConfig(), down=lambda engine: "It rests." if engine == "many:big" else "")
    assert here.speech(model="many").engine == "many:small"


def test_an_engine_that_is_down_does_not_hear_unless_it_was_named():
    here = resting("faster-whisper:small", "faster-whisper:base")
    assert here.transcription().engine == "pocketsphinx"
    assert here.transcription().reason.startswith("faster-whisper:small is down: ")
    assert here.transcription("faster-whisper").engine == "faster-whisper:small"


def directed(**more) -> Routing:
    """With an engine that follows instructions and is not as clear as flite."""
    actor = engine_class(
        "actor", "tts", voices=[voice("actor/a")], capabilities=frozenset({"description"}), quality=15, **more
    )
    return Routing({**registry(), "actor": actor}, EngineConfig())


def test_instructions_are_given_to_who_follows_them():
    wanted = Terms(needs=("instructions",))
    route = directed().speech(terms=wanted)
    assert (route.engine, route.reason) == ("actor", "flite cannot follow instructions; using actor. actor for tests.")
    assert directed().speech().engine == "flite"
    assert routing().speech(terms=wanted).reason.endswith("flite cannot follow instructions.")


def test_needs_are_wishes_for_a_voice_that_was_named():
    route = directed().speech("flite/slt", terms=Terms(needs=("instructions", "speed")))
    assert route.voice == "flite/slt"
    assert route.reason == "The voice flite/slt was asked for. flite cannot follow instructions."


def test_an_engine_that_needs_a_gpu_waits_for_one():
    actor = engine_class("actor", "tts", voices=[voice("actor/a")], quality=90, gpu=True)
    engines = {**registry(), "actor": actor}
    route = Routing(engines, EngineConfig()).speech()
    assert route.engine == "flite"
    assert route.reason.startswith("actor needs a GPU, and engines run on the CPU here; using flite.")
    assert Routing(engines, EngineConfig(device="cuda")).speech().engine == "actor"


def test_a_licence_that_forbids_commerce_is_passed_over_where_the_owner_says_so():
    actor = engine_class("actor", "tts", voices=[voice("actor/a")], quality=90, licence="CC-BY-NC-4.0")
    engines = {**registry(), "actor": actor}
    assert Routing(engines, EngineConfig()).speech().engine == "actor"
    free = Routing(engines, EngineConfig(), commercial_only=True)
    assert free.speech().engine == "flite"
    assert "CC-BY-NC-4.0" in free.speech().reason
    assert "VOICEFORGE_COMMERCIAL_ONLY" in free.speech("actor/a").reason
    with pytest.raises(Unavailable):
        free.speech("actor/a", terms=STRICT)


# transcription


def test_the_best_downloaded_model_hears():
    assert routing().transcription().engine == "faster-whisper:small"
    assert routing(whisper=["base"]).transcription().engine == "faster-whisper:base"


def test_without_weights_the_basic_engine_hears_and_says_so():
    route = routing(whisper=()).transcription("whisper-1")
    assert (route.engine, route.language) == ("pocketsphinx", "en")
    assert route.reason == "No model of faster-whisper is downloaded; using pocketsphinx. A basic English recogniser."


@pytest.mark.parametrize(
    "model",
    [
        "faster-whisper:base",
        "Systran/faster-whisper-base",
        "openai/whisper-base",
        "someone/faster-whisper-base-ct2",
        "FASTER-WHISPER:BASE",
    ],
)
def test_many_names_for_one_model(model):
    assert routing().transcription(model).engine == "faster-whisper:base"


def test_a_distilled_model_by_its_name_at_the_hub():
    here = routing(whisper=["distil-large-v3"])
    assert here.transcription("Systran/faster-distil-whisper-large-v3").engine == "faster-whisper:distil-large-v3"


@pytest.mark.parametrize(
    "model", ["whisper-2", "faster-whisper:/etc", "faster-whisper:", "../small", "Systran/faster-whisper-x"]
)
def test_other_names_are_unknown(model):
    with pytest.raises(UnknownModel) as caught:
        routing().transcription(model)
    assert caught.value.param == "model"


def test_an_unknown_model_names_the_nearest():
    with pytest.raises(UnknownModel, match=r"^No model is called 'pocketsfinx'\. Did you mean pocketsphinx\?$"):
        routing().transcription("pocketsfinx")


def test_a_huge_name_is_not_repeated_whole():
    with pytest.raises(UnknownModel) as caught:
        routing().transcription("whisper-" * 100_000)
    assert len(caught.value.message) < 300


def test_a_model_that_is_not_downloaded():
    with pytest.raises(NotDownloaded, match=r"^faster-whisper large-v3 is not downloaded"):
        routing().transcription("faster-whisper:large-v3")


def test_the_language_must_be_heard():
    assert routing().transcription(language="Hindi").language == "hi"
    with pytest.raises(BadRequest, match=r"^pocketsphinx hears English only, not Hindi; faster-whisper does\.$"):
        routing().transcription("pocketsphinx", "hi")
    with pytest.raises(BadRequest, match="No model of faster-whisper is downloaded") as caught:
        routing(whisper=()).transcription(language="hi")
    assert caught.value.param == "language"


def test_a_need_chooses_the_engine_that_has_it():
    assert routing().transcription(needs=["grammar"]).engine == "pocketsphinx"
    assert routing().transcription(needs=["translate"]).engine == "faster-whisper:small"


def test_a_need_that_is_not_met_names_who_would():
    with pytest.raises(BadRequest, match=r"^pocketsphinx cannot translate; faster-whisper does\.$"):
        routing().transcription("pocketsphinx", needs=["translate"])
    with pytest.raises(BadRequest, match="translate can be used here: No model of faster-whisper is downloaded"):
        routing(whisper=()).transcription(needs=["translate"])


def test_the_owner_prefers_a_model():
    assert routing(stt="faster-whisper:base").transcription().engine == "faster-whisper:base"
    assert routing(stt="pocketsphinx").transcription(language="hi").engine == "faster-whisper:small"
    assert routing(stt="faster-whisper:large-v3").transcription().engine == "faster-whisper:small"


def test_only_the_owner_may_name_a_folder_of_weights():
    own = routing(stt="faster-whisper:/srv/mine")
    assert own.transcription().engine == "faster-whisper:/srv/mine"
    assert routing(stt="faster-whisper:/srv/mine", whisper=()).transcription().engine == "faster-whisper:/srv/mine"
    with pytest.raises(UnknownModel):
        own.transcription("faster-whisper:/srv/mine")


def test_nothing_at_all_is_installed():
    bare = Routing({}, EngineConfig())
    with pytest.raises(NotInstalled, match="No engine that speaks is installed here"):
        bare.speech()
    with pytest.raises(NotInstalled, match="No engine that hears is installed here"):
        bare.transcription()
    missing = Routing({"x": engine_class("x", "stt", missing="x is not here.")}, EngineConfig())
    with pytest.raises(NotInstalled, match="x is not here"):
        missing.transcription()


# the list of models


def test_the_list_holds_the_open_names_the_engines_and_their_sizes():
    models = {model.id: model for model in routing(pocketsphinx="pocketsphinx is not here.").models()}
    assert models["tts-1"].summary == "The best that is here, now flite."
    assert models["auto"].summary == "The best that is here, now flite and faster-whisper:small."
    assert models["faster-whisper:small"].downloaded
    large = models["faster-whisper:large-v3"]
    assert (large.installed, large.downloaded, large.why_not) == (
        True,
        False,
        "faster-whisper large-v3 is not downloaded.",
    )
    absent = models["pocketsphinx"]
    assert (absent.installed, absent.downloaded, absent.why_not) == (False, False, "pocketsphinx is not here.")


def test_every_model_that_is_listed_as_ready_can_be_asked_for():
    here = routing()
    for model in here.models():
        if model.downloaded and model.kind == "tts":
            here.speech(model=model.id)
        if model.downloaded and model.kind == "stt":
            here.transcription(model.id)


def test_the_list_works_with_nothing_installed():
    assert {model.installed for model in Routing({}, EngineConfig()).models()} == {False}
