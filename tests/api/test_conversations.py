"""Conversations turn by turn over HTTP: begun, held, kept, looked at, removed."""

from __future__ import annotations

import base64
import io
import threading

import httpx
import pytest
import soundfile

from storage import usage as usage_rows
from tests.api.conftest import Server

pytestmark = pytest.mark.integration

PATH = "/v1/conversations"
SCRIPTED = {"model": "scripted-llm", "hears": "scripted-stt", "speaks": "scripted-tts"}


def begin(client: httpx.Client, **asked: object) -> dict:
    answer = client.post(PATH, json=SCRIPTED | asked)
    assert answer.status_code == 201, answer.text
    return answer.json()


def say(client: httpx.Client, id: str, **body: object) -> dict:
    answer = client.post(f"{PATH}/{id}/messages", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_conversation_is_begun_held_and_kept(client: httpx.Client):
    made = begin(client, prompt="Be kind.")
    assert (made["object"], made["title"], made["settings"]["prompt"]) == ("conversation", "", "Be kind.")
    assert len(made["token"]) > 30
    first = say(client, made["id"], content="Good   morning")
    assert (first["message"]["text"], first["message"]["role"]) == ("Good   morning", "user")
    assert first["answer"]["text"]
    assert first["models"]["thinks"].startswith("scripted-llm")
    assert first["models"]["speaks"] == "scripted-tts"
    sound = base64.b64decode(first["audio"]["data"])
    assert (first["audio"]["format"], soundfile.info(io.BytesIO(sound)).duration > 0.2) == ("mp3", True)
    say(client, made["id"], content="And now?", speak=False)
    kept = client.get(f"{PATH}/{made['id']}").json()
    assert (kept["title"], kept["live"]) == ("Good morning", False)
    assert [item["role"] for item in kept["items"]] == ["user", "assistant", "user", "assistant"]
    assert [item["text"] for item in kept["items"]][::2] == ["Good   morning", "And now?"]
    assert "token" not in kept


def test_an_answer_without_sound_and_in_another_format(client: httpx.Client):
    id = begin(client)["id"]
    assert say(client, id, content="Hello", speak=False)["audio"] is None
    wav = say(client, id, content="Hello", response_format="wav")["audio"]
    assert wav["content_type"] == "audio/wav"
    assert base64.b64decode(wav["data"])[:4] == b"RIFF"


def test_a_recording_is_heard_and_answered(client: httpx.Client, spoken: bytes):
    id = begin(client)["id"]
    files = {"file": ("a.wav", spoken)}
    answer = client.post(f"{PATH}/{id}/messages", files=files, data={"response_format": "wav"})
    assert answer.status_code == 200, answer.text
    turn = answer.json()
    assert turn["message"]["spoken"]
    assert turn["message"]["text"]
    assert turn["models"]["hears"] == "scripted-stt"
    assert turn["audio"]["format"] == "wav"


def test_conversations_are_listed_the_last_used_first_and_removed(server: Server, client: httpx.Client):
    ids = [begin(client)["id"] for _ in range(3)]
    say(client, ids[0], content="Hello", speak=False)
    listed = client.get(PATH, params={"limit": 3}).json()
    assert [item["id"] for item in listed["data"]] == [ids[0], ids[2], ids[1]]
    assert listed["total"] >= 3
    assert client.delete(f"{PATH}/{ids[0]}").json() == {"object": "conversation", "id": ids[0], "deleted": True}
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/messages")):
        answer = client.request(method, f"{PATH}/{ids[0]}{path}", json={"content": "Hello"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_what_a_turn_came_to_is_settled_once(server: Server, client: httpx.Client):
    id = begin(client)["id"]
    turn = say(client, id, content="Hello")
    row = server.studio.storage.read_sync(usage_rows.recent, 1)[0]
    assert (row.op, row.engine, row.status) == ("conversation", "scripted-tts", "ok")
    assert row.characters == pytest.approx(len(turn["answer"]["text"]), abs=3)
    assert row.audio_seconds > 0
    assert server.busy() == []


def test_each_has_his_own(server: Server, client: httpx.Client):
    id = begin(client)["id"]
    secret = client.post("/v1/keys", json={"name": "other", "scopes": ["conversation"]}).json()["secret"]
    with server.client(secret) as other:
        assert other.get(PATH).json()["data"] == []
        assert other.get(f"{PATH}/{id}").status_code == 404
        assert other.delete(f"{PATH}/{id}").status_code == 404
        assert other.post(f"{PATH}/{id}/messages", json={"content": "Hello"}).status_code == 404
        mine = begin(other)["id"]
        assert other.get(f"{PATH}/{mine}").status_code == 200


def test_it_needs_its_scope_and_a_key(server: Server, client: httpx.Client):
    secret = client.post("/v1/keys", json={"name": "ears", "scopes": ["transcription"]}).json()["secret"]
    with server.client(secret) as other:
        assert other.post(PATH, json={}).status_code == 403
        assert other.get(PATH).status_code == 403
    with server.client(None) as nobody:
        assert nobody.post(PATH, json={}).status_code == 401


def test_a_rotated_key_keeps_its_conversations_and_a_revoked_one_loses_them(server: Server, client: httpx.Client):
    old = client.post("/v1/keys", json={"name": "turning", "scopes": ["conversation"]}).json()
    with server.client(old["secret"]) as mine:
        id = begin(mine)["id"]
    new = client.post(f"/v1/keys/{old['id']}/rotate").json()
    with server.client(new["secret"]) as mine:
        assert mine.get(f"{PATH}/{id}").status_code == 200
    client.delete(f"/v1/keys/{new['id']}")
    with server.client(None):
        from storage import conversations as rows

        assert server.studio.storage.read_sync(rows.count, f"key:{new['id']}") == 0


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"voice": "nobody-by-this-name"}, 404, "voice"),
        ({"model": "nothing-by-this-name"}, 404, "model"),
        ({"agent": "nobody"}, 400, "agent"),
        ({"speed": 99}, 400, "speed"),
        ({"nonsense": 1}, 400, "nonsense"),
        ({"rules": {"nonsense": 1}}, 400, "rules"),
        ({"prompt": "x" * 60_000}, 400, "prompt"),
    ],
)
def test_what_cannot_be_begun(client: httpx.Client, body: dict, status: int, param: str):
    answer = client.post(PATH, json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param), answer.text


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "content"),
        ({"content": "  "}, "content"),
        ({"content": 5}, "content"),
        ({"content": "Hello", "response_format": "exe"}, "response_format"),
        ({"tool_results": [{"call_id": "none", "output": "4"}]}, "tool_results"),
    ],
)
def test_what_is_no_message(client: httpx.Client, body: dict, param: str):
    id = begin(client)["id"]
    answer = client.post(f"{PATH}/{id}/messages", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), answer.text
    assert client.get(f"{PATH}/{id}").json()["items"] == []


def test_a_recording_in_which_nobody_speaks(client: httpx.Client):
    id = begin(client, hears="auto")["id"]
    file = io.BytesIO()
    soundfile.write(file, [0.0] * 16000, 16000, format="WAV")
    answer = client.post(f"{PATH}/{id}/messages", files={"file": ("a.wav", file.getvalue())})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_audio")
    assert client.get(f"{PATH}/{id}").json()["items"] == []


def test_of_two_turns_at_once_one_comes_first(server: Server, client: httpx.Client):
    id = begin(client, prompt="Say: One two three four five six seven eight.")["id"]

    def one(text: str) -> int:
        with server.client() as own:
            return own.post(f"{PATH}/{id}/messages", json={"content": text, "speak": False}).status_code

    barrier, found = threading.Barrier(4), []

    def at_once(text: str) -> None:
        barrier.wait()
        found.append(one(text))

    threads = [threading.Thread(target=at_once, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    roles = [item["role"] for item in client.get(f"{PATH}/{id}").json()["items"]]
    assert roles == ["user", "assistant"] * found.count(200)
    assert set(found) <= {200, 409}
