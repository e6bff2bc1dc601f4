"""What a stranger may try on the pages: files of this machine, tools without a key, other people's keys, memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from audio.encode import encode
from audio.value import Audio
from tabs._mount import SESSIONS
from tests.tabs.conftest import ADMIN, Server, called, joined

pytestmark = pytest.mark.integration

META = {"_type": "gradio.FileData"}


@pytest.fixture
def foreign(tmp_path: Path) -> str:
    """A recording on this machine that nobody uploaded."""
    path = tmp_path / "private.wav"
    path.write_bytes(encode(Audio.silence(0.5, 16000), "wav"))
    return str(path)


def shapes(path: str) -> list[Any]:
    return [{"path": path, "meta": META}, {"path": path}, path]


@pytest.mark.parametrize("shape", [0, 1, 2])
@pytest.mark.parametrize("endpoint", ["transcribe", "translate", "segments", "convert"])
def test_no_endpoint_opens_a_file_that_was_not_uploaded(opened: Server, foreign: str, endpoint: str, shape: int):
    with opened.http() as client:
        event, data = called(client, endpoint, file=shapes(foreign)[shape])
    assert event == "error"
    assert data is None or "not uploaded" in str(data) or "not valid" in str(data), data


@pytest.mark.parametrize("shape", [0, 1, 2])
def test_no_tab_opens_a_file_that_was_not_uploaded(opened: Server, foreign: str, shape: int):
    number = number_of(opened, "ui_transcribe")
    with opened.http() as client:
        answer = joined(client, number, shapes(foreign)[shape], "", "transcribe", False)
    assert not answer["success"]


def test_an_uploaded_file_is_taken(opened: Server):
    with opened.http() as client:
        files = {"files": ("silence.wav", encode(Audio.silence(0.5, 16000), "wav"))}
        path = client.post("/gradio_api/upload", files=files).json()[0]
        event, data = called(client, "segments", file={"path": path, "meta": META})
    assert (event, data) == ("complete", [{"segments": [], "duration": 0.5}])


@pytest.mark.parametrize(
    ("asked", "status"),
    [("{tmp}", 403), ("/etc/passwd", 403), ("{data}/voiceforge.db", 403), ("http://127.0.0.1:{port}/health", 404),
     ("HTTP://127.0.0.1:{port}/health", 404), ("https://example.com/", 404)],
)  # fmt: skip
def test_the_file_route_serves_the_apps_own_files_only(opened: Server, foreign: str, asked: str, status: int):
    data = opened.studio.settings.data_dir
    path = asked.format(tmp=foreign, data=data, port=opened.url.rpartition(":")[2])
    with opened.http() as client:
        assert client.get(f"/gradio_api/file={path}").status_code == status


LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
MCP = {"accept": "application/json, text/event-stream"}


@pytest.mark.parametrize(
    "path", ["/gradio_api/mcp", "/gradio_api/mcp/", "/gradio_api/mcp/sse", "/gradio_api/mcp/schema"]
)
@pytest.mark.parametrize("key", ["", "vf_live_wrong", ADMIN + "x"])
def test_mcp_needs_a_key(keyed: Server, path: str, key: str):
    with keyed.http(**MCP, **({"x-api-key": key} if key else {})) as client:
        assert client.post(path, json=LIST).status_code == 401
        assert client.get(path).status_code == 401


def test_mcp_lists_the_public_tools_to_who_has_a_key(keyed: Server):
    with keyed.http(**MCP, authorization=f"Bearer {ADMIN}") as client:
        answer = client.post("/gradio_api/mcp/", json=LIST)
    assert answer.status_code == 200
    line = next(line for line in answer.text.splitlines() if line.startswith("data: "))
    names = {tool["name"] for tool in json.loads(line.removeprefix("data: "))["result"]["tools"]}
    assert {"speak", "transcribe", "voices"} <= names
    assert not [name for name in names if name.startswith("ui_")]


def test_mcp_runs_a_tool_under_the_callers_key(keyed: Server):
    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "list_keys", "arguments": {}}}
    with keyed.http(**MCP, authorization=f"Bearer {ADMIN}") as client:
        answer = client.post("/gradio_api/mcp/", json=call)
    assert '\\"object\\": \\"list\\"' in answer.text or "'object': 'list'" in answer.text, answer.text


@pytest.mark.parametrize(
    "path", ["call/create_key", "run/create_key", "api/create_key", "call/v2/create_key", "upload"]
)
def test_programs_without_a_key_are_turned_away(keyed: Server, path: str):
    with keyed.http() as client:
        assert client.post(f"/gradio_api/{path}", json={"data": ["mine", ["keys"]]}).status_code == 401


def test_a_wrong_key_is_turned_away_everywhere(keyed: Server):
    with keyed.http(authorization="Bearer vf_live_wrong") as client:
        for path in ("/", "/config", "/gradio_api/info", "/gradio_api/queue/data?session_hash=a"):
            assert client.get(path).status_code == 401, path


def number_of(server: Server, name: str) -> int:
    return next(number for number, event in server.demo.fns.items() if event.api_name == name)


def every(server: Server) -> list[tuple[str, int]]:
    """The events of the page that do anything for anybody, and the endpoints, which can be joined by number too."""
    harmless = {"ui_whoami", "ui_whoami_first", "ui_signed_out", "ui_look", "ui_look_again", "ui_voices_of", "ui_words",
                "ui_words_again", "ui_word_fill", "ui_word_leave", "health", "version", "ready"}  # fmt: skip
    return [
        (str(event.api_name), number)
        for number, event in server.demo.fns.items()
        if event.fn is not None and event.api_name not in harmless and not str(event.api_name).endswith("_cancel")
    ]


def test_nothing_on_the_page_works_for_a_visitor(keyed: Server):
    before = kept(keyed)
    with keyed.http() as client:
        for name, number in every(keyed):
            inputs = keyed.demo.fns[number].inputs
            data = ["x" if name == "ui_sign_in" else _default(block) for block in inputs]
            answer = joined(client, number, *data)
            assert not answer["success"], name
    assert kept(keyed) == before


def kept(server: Server) -> tuple[int, int]:
    """How many keys there are, and how many requests were metered."""
    with server.http(authorization=f"Bearer {ADMIN}") as client:
        return client.get("/v1/keys").json()["total"], len(client.get("/v1/usage/recent").json()["data"])


def _default(block: Any) -> Any:
    value = getattr(block, "value", None)
    return "hello" if value is None else value


def test_a_visitor_sees_an_empty_key_page(keyed: Server):
    with keyed.http() as client:
        shown = joined(client, number_of(keyed, "ui_look"), 30, "")["output"]["data"]
    assert shown[0] == []
    assert shown[3] == []


def test_signing_in_lets_the_page_upload_and_ask(keyed: Server):
    with keyed.http() as client:
        token = joined(client, number_of(keyed, "ui_sign_in"), ADMIN)["output"]["data"][0]
    files = {"files": ("a.txt", b"hello")}
    with keyed.http(**{"x-voiceforge-session": token}) as client:
        assert client.post("/gradio_api/upload", files=files).status_code == 200
        assert "Signed in as Admin" in str(joined(client, number_of(keyed, "ui_whoami"))["output"]["data"][0])
    with keyed.http(**{"x-voiceforge-session": token[:-2] + "xx"}) as client:
        assert client.post("/gradio_api/upload", files=files).status_code == 401
        assert client.get("/config").status_code == 200, "the page itself stays there, to sign in again"


def test_an_upload_may_not_be_larger_than_is_said(opened: Server):
    with opened.http() as client:
        files = {"files": ("large.bin", b"\0" * (4 << 20))}
        assert client.post("/gradio_api/upload", files=files).status_code == 413


def test_sessions_are_forgotten_beyond_the_cap(opened: Server):
    assert opened.demo.state_session_capacity == SESSIONS
    sessions = opened.gradio.state_holder
    for number in range(500):
        sessions[f"visitor-{number}"]
    assert len(sessions.session_data) <= SESSIONS
