"""The endpoints that programs call through Gradio: which there are, what they tell of themselves, that they work."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from api.public import ROUTES
from tests.tabs.conftest import ADMIN, Server

pytestmark = pytest.mark.integration

ENDPOINTS = [
    "add_pronunciation", "audio_models", "cancel_benchmark", "cancel_download", "catalogue", "change_pronunciation",
    "chat",
    "clear_cache", "clear_pronunciations", "converse", "convert", "create_client_secret",
    "create_conversation", "create_key", "create_realtime_session",
    "delete_conversation", "delete_download", "end_live", "engine_log", "export_pronunciations", "get_conversation",
    "get_download", "get_key", "get_pronunciation", "health", "import_pronunciations", "list_benchmarks",
    "list_conversations", "list_downloads", "list_keys", "list_live", "list_pronunciations", "metrics", "model",
    "models", "ready", "recent_usage", "remove_pronunciation", "revoke_key", "rotate_key", "run_benchmark", "segments",
    "speak", "speak_captions", "speak_stream", "start_download", "status", "transcribe", "translate", "usage",
    "version", "voice", "voices",
]  # fmt: skip


@pytest.fixture(scope="module")
def info(opened: Server) -> dict[str, Any]:
    with opened.http() as client:
        return client.get("/gradio_api/info").json()["named_endpoints"]


@pytest.fixture(scope="module")
def client(opened: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    client = Client(opened.url, verbose=False, download_files=str(tmp_path_factory.mktemp("files")))
    yield client
    client.close()


def test_the_endpoints_are_these(info: dict[str, Any]):
    assert sorted(info) == [f"/{name}" for name in ENDPOINTS]


def test_each_endpoint_tells_what_it_does_and_takes(info: dict[str, Any]):
    for name, endpoint in info.items():
        assert endpoint["description"], name
        for parameter in endpoint["parameters"]:
            assert not re.fullmatch(r"parameter_\d+|param_\d+", parameter["parameter_name"]), name


def test_each_argument_is_described(opened: Server):
    for function in ROUTES.values():
        taken = set(function.__annotations__) - {"studio", "request", "return"}
        assert taken == set(re.findall(r"^        (\w+): ", function.__doc__ or "", re.M)), function.__name__


def test_each_route_of_the_http_api_has_an_endpoint(opened: Server):
    paths = opened.app.openapi()["paths"]
    routes = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    named = {re.sub(r":path}", "}", route) for route in ROUTES}
    assert routes == named


def test_each_event_of_the_page_is_private_and_named_so(opened: Server):
    for event in opened.demo.fns.values():
        if event.fn is not None and event.api_name not in ENDPOINTS:
            assert event.api_visibility == "private", event.api_name
            assert str(event.api_name).startswith("ui_"), event.api_name
    names = [event.api_name for event in opened.demo.fns.values() if event.fn is not None]
    assert len(set(names)) == len(names)


def test_speak_needs_nothing_but_a_text(client: Client):
    path = client.predict("Hello", api_name="/speak")
    assert Path(path).suffix == ".mp3"
    assert soundfile.info(path).duration > 0.3


def test_a_wav_knows_its_length(client: Client):
    path = client.predict("Hello", response_format="wav", api_name="/speak")
    assert 0.3 < soundfile.info(path).duration < 5


def test_speech_streams_in_pieces_that_join_to_a_file(client: Client):
    job = client.submit("Good morning. How are you?", response_format="pcm", api_name="/speak_stream")
    pieces = list(job)
    assert len(pieces) > 1
    seconds = len(b"".join(base64.b64decode(piece["audio"]) for piece in pieces)) / 48_000
    assert 0.5 < seconds < 10


def test_an_upload_is_found_to_hold_speech_and_cut(client: Client):
    path = client.predict("Good morning.", response_format="wav", api_name="/speak")
    found = client.predict(handle_file(path), api_name="/segments")
    assert len(found["segments"]) == 1
    part = client.predict(handle_file(path), response_format="wav", end=0.5, api_name="/convert")
    assert soundfile.info(part).duration == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"text": ""}, "no text"),
        ({"text": 5}, "valid string"),
        ({"text": "a", "speed": "NaN"}, "0.25 to 4"),
        ({"text": "a", "voice": "nobody-by-this-name"}, r"voice_not_found"),
        ({"text": "a", "model": "nothing-by-this-name"}, r"model_not_found"),
        ({"text": "a", "response_format": "exe"}, "format"),
    ],
)
def test_arguments_are_checked_as_over_http(client: Client, asked: dict[str, Any], message: str):
    with pytest.raises(AppError, match=message):
        client.predict(**asked, api_name="/speak")


@pytest.mark.parametrize(
    ("name", "asked"),
    [("voices", {"limit": 10**9}), ("voices", {"language": 5}), ("list_keys", {"offset": -1}),
     ("usage", {"since": "x"}), ("usage", {"group_by": "moon"}), ("rotate_key", {"key_id": "a", "overlap_seconds": -1}),
     ("create_key", {"name": ""}), ("create_key", {"name": "a", "scopes": ["everything"]}),
     ("create_key", {"name": "a", "expires_at": "soon"}), ("get_key", {"key_id": ["a"]}),
     ("catalogue", {"gender": "x"}), ("catalogue", {"limit": 10**9}), ("catalogue", {"language": "?"}),
     ("engine_log", {"engine": "nobody"}), ("start_download", {"engine": "nobody"}), ("run_benchmark", {"name": "x"})],
)  # fmt: skip
def test_records_are_asked_for_with_checked_arguments(client: Client, name: str, asked: dict[str, Any]):
    with pytest.raises(AppError) as caught:
        client.predict(**asked, api_name=f"/{name}")
    assert "internal_error" not in str(caught.value)


def test_a_key_lives_and_dies(keyed: Server):
    admin = Client(keyed.url, verbose=False, headers={"X-API-Key": ADMIN})
    made = admin.predict("for a test", ["speech"], api_name="/create_key")
    key = Client(keyed.url, verbose=False, token=made["secret"])
    assert key.predict(api_name="/get_key", key_id=made["id"])["name"] == "for a test"
    with pytest.raises(AppError, match="insufficient_scope"):
        key.predict(api_name="/list_keys")
    assert admin.predict(made["id"], api_name="/revoke_key")["revoked_at"]
    with pytest.raises(Exception, match="401"):
        key.predict(made["id"], api_name="/get_key")
    for client in (admin, key):
        client.close()


def test_a_client_without_a_key_is_told_so(keyed: Server):
    client = Client(keyed.url, verbose=False)
    with pytest.raises(AppError, match="API key"):
        client.predict("Hello", api_name="/speak")
    client.close()


def test_every_record_can_be_asked_for(client: Client):
    for name in (
        "voices",
        "models",
        "audio_models",
        "list_keys",
        "usage",
        "recent_usage",
        "health",
        "ready",
        "version",
        "catalogue",
        "status",
    ):
        assert client.predict(api_name=f"/{name}"), name
    assert client.predict("alloy", api_name="/voice")["object"] == "audio.voice"
    assert client.predict("auto", api_name="/model")["id"] == "auto"
    assert "voiceforge_" in client.predict(api_name="/metrics")


def test_a_conversation_is_held_by_its_id(client: Client):
    turn, path = client.predict("Hello", prompt="Be brief.", response_format="wav", api_name="/converse")
    assert turn["message"]["text"] == "Hello"
    assert turn["answer"]["text"]
    assert soundfile.info(path).duration > 0.2
    id = turn["conversation"]
    again, answer = client.predict(file=handle_file(path), conversation_id=id, api_name="/converse")
    assert (again["conversation"], again["message"]["spoken"]) == (id, True)
    assert Path(answer).suffix == ".mp3"
    kept = client.predict(id, api_name="/get_conversation")
    assert [item["role"] for item in kept["items"]] == ["user", "assistant", "user", "assistant"]
    assert client.predict(api_name="/list_conversations")["data"][0]["id"] == id
    assert client.predict(id, api_name="/delete_conversation")["deleted"]
    assert client.predict(voice="alloy", api_name="/create_conversation")["token"]


@pytest.mark.parametrize(
    ("name", "asked", "message"),
    [
        ("converse", {}, "no text"),
        ("converse", {"text": 5}, "valid string"),
        ("converse", {"text": "a", "conversation_id": "nothing"}, "not_found"),
        ("converse", {"text": "a", "voice": "nobody-by-this-name"}, "voice_not_found"),
        ("converse", {"text": "a", "response_format": "exe"}, "format"),
        ("create_conversation", {"speed": 99}, "speed"),
        ("create_conversation", {"agent": "nobody"}, "agent"),
        ("list_conversations", {"limit": 10**9}, "limit"),
        ("get_conversation", {"conversation_id": "nothing"}, "not_found"),
        ("delete_conversation", {"conversation_id": ["a"]}, "valid string"),
    ],
)
def test_a_conversation_is_asked_for_with_checked_arguments(
    client: Client, name: str, asked: dict[str, Any], message: str
):
    before = client.predict(api_name="/list_conversations")["total"]
    with pytest.raises(AppError, match=message):
        client.predict(**asked, api_name=f"/{name}")
    assert client.predict(api_name="/list_conversations")["total"] == before


def test_a_model_answers_in_the_shape_of_openai(client: Client):
    asked = [{"role": "user", "content": "What is two plus three?"}]
    answer = client.predict(asked, "rules", options={"max_tokens": 50}, api_name="/chat")
    assert "5" in answer["choices"][0]["message"]["content"]
    spoken = client.predict(asked, "gpt-4o", audio={"voice": "alloy", "format": "mp3"}, api_name="/chat")
    assert spoken["choices"][0]["message"]["audio"]["data"]
    assert spoken["model"] == "rules"


def test_a_browser_s_secret(client: Client):
    made = client.predict({"instructions": "Be brief."}, 60, api_name="/create_client_secret")
    assert made["value"].startswith("ek_")
    assert made["session"]["instructions"] == "Be brief."
    given = client.predict("auto", api_name="/create_realtime_session")
    assert given["mode"] == "here"
    assert given["url"].startswith("ws://127.0.0.1:")


@pytest.mark.parametrize(
    ("name", "asked", "message"),
    [
        ("chat", {"messages": []}, "messages"),
        ("chat", {"messages": "hello"}, "messages"),
        ("chat", {"messages": [{"role": "user", "content": "a"}], "options": 5}, "options"),
        ("chat", {"messages": [{"role": "user", "content": "a"}], "options": {"n": 2}}, "n takes 1"),
        ("chat", {"messages": [{"role": "user", "content": "a"}], "model": "nothing"}, "model_not_found"),
        ("create_client_secret", {"seconds": 5}, "expires_after"),
        ("create_client_secret", {"session": {"type": "dance"}}, "type"),
        ("create_realtime_session", {"mode": "direct"}, "mode|directly"),
    ],
)
def test_models_and_secrets_are_asked_for_with_checked_arguments(
    client: Client, name: str, asked: dict[str, Any], message: str
):
    with pytest.raises(AppError, match=message):
        client.predict(**asked, api_name=f"/{name}")
