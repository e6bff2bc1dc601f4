"""Speech with captions, and the sound that is cleaned on request."""

import base64
import io

import httpx
import pytest
import soundfile

from tests.api.conftest import Server
from tests.api.sounds import tone

pytestmark = pytest.mark.integration

PATH = "/v1/audio/speech/captions"
TEXT = "Good morning. The meeting begins at half past nine, and the coffee is already on the table."


def body(**more) -> dict:
    return {"model": "espeak-ng", "input": TEXT, "response_format": "wav"} | more


def test_the_answer_has_the_audio_its_words_and_both_kinds_of_captions(client: httpx.Client):
    answer = client.post(PATH, json=body())
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-voiceforge-engine"] == "espeak-ng"
    made = answer.json()
    sound = soundfile.info(io.BytesIO(base64.b64decode(made["audio"])))
    assert sound.duration == pytest.approx(made["duration"], abs=0.01)
    assert " ".join(word["word"] for word in made["words"]) == TEXT
    times = [time for word in made["words"] for time in (word["start"], word["end"])]
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] <= made["duration"] + 0.05
    assert made["srt"].startswith("1\n00:00:0")
    assert made["vtt"].startswith("WEBVTT\n\n00:00:0")
    assert made["estimated"] is False
    assert made["format"] == "wav"


@pytest.mark.parametrize(("form", "kind"), [("srt", "application/x-subrip"), ("vtt", "text/vtt")])
def test_the_captions_alone(client: httpx.Client, form: str, kind: str):
    whole = client.post(PATH, json=body()).json()
    answer = client.post(PATH, json=body(captions=form))
    assert answer.headers["content-type"].partition(";")[0] == kind
    assert answer.text == whole[form]


def test_guessed_times_are_marked(client: httpx.Client):
    answer = client.post(PATH, json=body(model="scripted-tts", voice="tone", input="One two three."))
    assert answer.json()["estimated"] is (answer.headers["x-voiceforge-estimated"] == "true")


def test_it_is_metered_as_speech(client: httpx.Client):
    answer = client.post(PATH, json=body(captions="vtt"))
    row = client.get("/v1/usage/recent").json()["data"][0]
    assert row["request_id"] == answer.headers["x-request-id"]
    assert (row["op"], row["status"], row["characters"]) == ("speech", "ok", len(TEXT))
    assert row["audio_seconds"] > 3


@pytest.mark.parametrize(
    ("more", "status", "param"),
    [
        ({"input": "word " * 4001}, 413, "input"),
        ({"input": " "}, 400, "input"),
        ({"captions": "ass"}, 400, "captions"),
        ({"response_format": "exe"}, 400, "response_format"),
        ({"enhancement": ["loud"]}, 400, "enhancement"),
        ({"enhancement": "denoise"}, 400, "enhancement"),
    ],
)
def test_what_cannot_be_is_refused(client: httpx.Client, more: dict, status: int, param: str):
    answer = client.post(PATH, json=body(**more))
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param)


def test_a_key_without_the_scope_may_not(server: Server, client: httpx.Client):
    secret = client.post("/v1/keys", json={"name": "ears", "scopes": ["transcription"]}).json()["secret"]
    with server.client(secret) as ears:
        assert ears.post(PATH, json=body()).status_code == 403


def test_speech_is_cleaned_on_request(client: httpx.Client):
    plain, clean = (
        client.post("/v1/audio/speech", json=body(response_format="pcm", enhancement=wanted)).raise_for_status().content
        for wanted in ([], ["denoise", "clarity"])
    )
    assert clean != plain
    assert len(clean) == pytest.approx(len(plain), abs=1000)  # the voice is learnt to be louder or softer meanwhile


@pytest.mark.parametrize("sent", [{"enhancement": "clarity"}, {"enhancement[]": ["denoise", "clarity"]}])
def test_a_recording_is_cleaned_on_request(client: httpx.Client, sent: dict):
    def made(**form) -> bytes:
        data = {"response_format": "pcm"} | form
        answer = client.post("/v1/audio/convert", files={"file": tone(2.0)}, data=data)
        return answer.raise_for_status().content

    plain, clean = made(), made(**sent)
    assert clean != plain
    assert len(clean) == len(plain)


def test_a_recording_is_not_cleaned_in_unknown_ways(client: httpx.Client):
    answer = client.post("/v1/audio/convert", files={"file": tone(1.0)}, data={"enhancement": "autotune"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "enhancement")
