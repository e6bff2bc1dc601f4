"""Keys, usage, voices, models and the app's own state over HTTP."""

import time

import pytest

from api import health
from tests.api.conftest import Server

pytestmark = pytest.mark.integration


def make(client, name: str = "a key", **more) -> dict:
    answer = client.post("/v1/keys", json={"name": name} | more)
    assert answer.status_code == 201
    return answer.json()


def test_a_secret_is_shown_once(client):
    made = make(client, "once", limits={"requests_per_minute": 5})
    assert made["secret"].startswith("vf_live_")
    assert (made["object"], made["name"], made["limits"]["requests_per_minute"]) == ("key", "once", 5)
    assert made["scopes"] == ["audio", "conversation", "speech", "transcription"]
    again = client.get(f"/v1/keys/{made['id']}").json()
    assert again == {name: value for name, value in made.items() if name != "secret"}
    assert made["secret"] not in client.get("/v1/keys").text


def test_a_revoked_key_is_refused_at_once(server: Server, client):
    made = make(client)
    with server.client(made["secret"]) as other:
        assert other.get("/v1/models").status_code == 200
        assert client.delete(f"/v1/keys/{made['id']}").json()["revoked_at"] == pytest.approx(time.time(), abs=10)
        assert other.get("/v1/models").status_code == 401


def test_rotation(server: Server, client):
    old = make(client, "turning")
    new = client.post(f"/v1/keys/{old['id']}/rotate").json()
    assert new["name"] == "turning"
    with server.client(old["secret"]) as before, server.client(new["secret"]) as after:
        assert (before.get("/v1/models").status_code, after.get("/v1/models").status_code) == (401, 200)
    newer = client.post(f"/v1/keys/{new['id']}/rotate", json={"overlap_seconds": 60}).json()
    with server.client(new["secret"]) as before, server.client(newer["secret"]) as after:
        assert (before.get("/v1/models").status_code, after.get("/v1/models").status_code) == (200, 200)


def test_keys_come_in_pages(client):
    for number in range(3):
        make(client, f"paged {number}")
    first = client.get("/v1/keys", params={"limit": 2, "name": "paged"}).json()
    rest = client.get("/v1/keys", params={"limit": 2, "offset": 2, "name": "paged"}).json()
    assert [key["name"] for key in first["data"] + rest["data"]] == ["paged 2", "paged 1", "paged 0"]
    assert (first["has_more"], rest["has_more"], rest["total"]) == (True, False, 3)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "x", "scopes": ["everything"]}, "scopes"),
        ({"name": "x", "expires_at": "yesterday"}, "expires_at"),
        ({"name": "x", "expires_at": "2001-01-01"}, "expires_at"),
        ({"name": "x", "limits": {"concurrent": -1}}, "limits"),
    ],
)
def test_bad_keys(client, body, param):
    answer = client.post("/v1/keys", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_a_key_gives_no_more_than_it_has(server: Server, client):
    clerk = make(client, "clerk", scopes=["keys", "speech"])
    with server.client(clerk["secret"]) as other:
        assert other.post("/v1/keys", json={"name": "x", "scopes": ["speech"]}).status_code == 201
        assert other.post("/v1/keys", json={"name": "x", "scopes": ["audio"]}).status_code == 403


@pytest.mark.parametrize("key_id", ["nothing", "0" * 500, "%00", "%2e%2e%2f"])
def test_keys_there_are_not(client, key_id):
    assert client.get(f"/v1/keys/{key_id}").status_code in (404, 405)


def test_usage_by_group(client):
    body = {"model": "scripted-tts", "voice": "tone", "input": "Hi.", "response_format": "pcm"}
    client.post("/v1/audio/speech", json=body)
    sums = client.get("/v1/usage", params={"group_by": "engine"}).json()
    assert sums["group_by"] == "engine"
    scripted = next(item for item in sums["data"] if item["group"] == "scripted-tts")
    assert scripted["requests"] >= 1
    assert scripted["characters"] >= 3
    assert client.get("/v1/usage", params={"since": "2001-01-01", "until": "2001-02-01"}).json()["data"] == []


def test_everybody_sees_his_own_usage(server: Server, client):
    with server.client(make(client, "own", scopes=["speech", "usage"])["secret"]) as own:
        own.post("/v1/audio/speech", json={"model": "scripted-tts", "voice": "tone", "input": "Mine."})
        assert [row["characters"] for row in own.get("/v1/usage/recent").json()["data"]] == [5]
        assert [item["requests"] for item in own.get("/v1/usage").json()["data"]] == [1]


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"since": "last week"}, "since"),
        ({"until": "9" * 41}, "until"),
        ({"since": "2026-02-01", "until": "2026-01-01"}, "since"),
        ({"group_by": "mood"}, "group_by"),
    ],
)
def test_bad_usage(client, params, param):
    answer = client.get("/v1/usage", params=params)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_voices(client):
    answer = client.get("/v1/audio/voices", params={"engine": "scripted-tts"}).json()
    assert [voice["id"] for voice in answer["data"]] == ["scripted-tts/tone", "scripted-tts/tone-high"]
    assert answer["voices"][0] == {"id": "scripted-tts/tone", "name": "tone"}
    assert answer["total"] == 2
    assert set(answer["aliases"]) >= {"alloy", "shimmer"}
    stands_for = client.get(f"/v1/audio/voices/{answer['aliases']['alloy']}").json()
    assert "alloy" in stands_for["aliases"]


def test_a_voice_says_who_would_speak_for_it_and_how_its_sample_is_got(client, server: Server, monkeypatch):
    path = "/v1/audio/voices/espeak-ng/en-gb"
    told = client.get(path).json()
    assert told["speaks"] == {"engine": "espeak-ng", "voice": "espeak-ng/en-gb", "language": "en-GB"}
    assert told["reason"] == "The voice espeak-ng/en-gb was asked for."
    assert not told["sample"]["made"]
    answer = client.request(told["sample"]["method"], told["sample"]["endpoint"], json=told["sample"]["body"])
    assert answer.headers["x-voiceforge-voice"] == "espeak-ng/en-gb"
    deadline = time.monotonic() + 5
    while not client.get(path).json()["sample"]["made"]:  # it is written when it has been spoken
        assert time.monotonic() < deadline
    rows = client.get("/v1/audio/catalogue", params={"search": "espeak-ng/en-gb"}).json()["data"]
    assert rows[0]["sample"]["made"]
    monkeypatch.setattr(server.studio.routing._fitness, "_down", lambda engine: "It rests." * (engine == "espeak-ng"))
    down = client.get(path).json()
    assert down["reason"].startswith("espeak-ng is down: It rests")
    assert down["speaks"] is None or down["speaks"]["engine"] == "flite"


def test_what_is_not_here_has_no_sample(client):
    rows = client.get("/v1/audio/catalogue", params={"engine": "orpheus"}).json()["data"]
    assert {row["sample"] for row in rows} == {None}


def test_voices_are_found_by_language_and_word(client):
    english = client.get("/v1/audio/voices", params={"language": "en", "engine": "espeak-ng"}).json()
    assert english["total"] > 3
    assert all(any(tag.startswith("en") for tag in voice["languages"]) for voice in english["data"])
    assert client.get("/v1/audio/voices", params={"search": "Higher"}).json()["data"][0]["name"] == "tone-high"
    page = client.get("/v1/audio/voices", params={"limit": 1, "offset": 1, "engine": "scripted-tts"}).json()
    assert ([voice["name"] for voice in page["data"]], page["has_more"]) == (["tone-high"], False)


def test_a_voice_by_its_id(client):
    assert client.get("/v1/audio/voices/scripted-tts/tone").json()["gender"] == "male"
    unknown = client.get("/v1/audio/voices/scripted-tts/tine")
    assert unknown.status_code == 404
    assert "scripted-tts/tone" in unknown.json()["error"]["message"]


def test_models_that_speak(client):
    answer = client.get("/v1/audio/models").json()
    ids = [model["id"] for model in answer["data"]]
    assert {"auto", "tts-1", "espeak-ng"} <= set(ids)
    assert "whisper-1" not in ids
    assert answer["models"] == [{"id": name, "name": name} for name in ids]


def test_alive_and_ready_without_a_key(server: Server):
    with server.client(None) as client:
        assert client.get("/health").json()["status"] == "ok"
        ready = client.get("/ready")
        assert ready.status_code == 200
        assert ready.json() == {
            "status": "ready",
            "uses": {"speech": {"ready": True}, "transcription": {"ready": True}, "storage": {"ready": True}},
        }
        assert client.get("/version").json()["version"] == health.VERSION
        assert client.get("/metrics").status_code == 401


def test_ready_tells_who_has_a_key_why_not(client):
    models = {model["id"]: model for model in client.get("/ready").json()["models"]}
    assert models["espeak-ng"] == {"id": "espeak-ng", "kind": "tts", "ready": True, "why_not": ""}


def test_not_ready(server: Server, client, monkeypatch):
    def nobody():
        raise health.BadRequest("No engine that hears is installed here.")

    monkeypatch.setattr(server.studio.routing, "transcription", nobody)
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["uses"]["transcription"] == {
        "ready": False,
        "why_not": "No engine that hears is installed here.",
    }


def test_metrics(client):
    client.get("/v1/models")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'voiceforge_http_requests_total{method="GET",route="/v1/models",status="200"}' in answer.text
