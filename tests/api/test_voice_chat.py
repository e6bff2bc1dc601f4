"""One turn by voice in one request."""

from __future__ import annotations

import base64

import pytest

from audio.decode import decode
from tests.api.sounds import silence

pytestmark = pytest.mark.integration

ROUTE = "/v1/voice/chat"
BODY = {"model": "scripted-llm", "voice": "alloy", "response_format": "wav"}


def test_words_in_words_and_sound_out(client):
    answer = client.post(ROUTE, json=BODY | {"text": "Good morning"}).raise_for_status().json()
    assert answer["message"]["text"] == "Good morning"
    assert answer["answer"]["text"] == "You said: Good morning"
    assert answer["audio"]["content_type"] == "audio/wav"
    assert decode(base64.b64decode(answer["audio"]["data"]), 16_000, max_seconds=60).seconds > 0.3
    again = client.post(ROUTE, json={"text": "And on", "conversation_id": answer["conversation"], "speak": False})
    assert again.json()["answer"]["text"] == "You said: And on"
    assert again.json()["audio"] is None
    kept = client.get(f"/v1/conversations/{answer['conversation']}").json()
    assert [item["role"] for item in kept["items"]] == ["user", "assistant"] * 2


def test_a_recording_in_both_coats(client, spoken):
    as_json = client.post(ROUTE, json=BODY | {"audio": base64.b64encode(spoken).decode()}).raise_for_status().json()
    as_form = client.post(ROUTE, files={"file": spoken}, data=BODY).raise_for_status().json()
    for answer in (as_json, as_form):
        assert answer["message"]["spoken"]
        assert answer["answer"]["text"].startswith("You said: ")
        assert answer["audio"]["data"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"text": " "}, 400),
        ({"audio": "%%%"}, 400),
        ({"audio": "QUJD"}, 400),
        ({"audio": base64.b64encode(silence(1.0)).decode()}, 400),
        ({"text": "a", "conversation_id": "nothing"}, 404),
        ({"text": "a", "voice": "nobody-by-this-name"}, 404),
        ({"text": "a", "model": "nothing-by-this-name"}, 404),
        ({"text": "a", "agent": "nobody"}, 400),
        ({"text": "a", "response_format": "exe"}, 400),
    ],
)
def test_bad_input_leaves_no_conversation(client, server, body, status):
    # A key of its own: another's conversation may be written a moment after its answer.
    key = client.post("/v1/keys", json={"name": "x", "scopes": ["conversation"]}).json()["secret"]
    with server.client(key) as owner:
        answer = owner.post(ROUTE, json=BODY | body)
        assert answer.status_code == status, answer.text
        assert owner.get("/v1/conversations").json()["total"] == 0
    assert server.busy() == []


def test_who_may(server, client):
    secret = client.post("/v1/keys", json={"name": "x", "scopes": ["speech"]}).json()["secret"]
    for key, status in ((secret, 403), (None, 401)):
        with server.client(key) as other:
            assert other.post(ROUTE, json={"text": "a"}).status_code == status
