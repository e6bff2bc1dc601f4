"""What a browser is told about the app's answers."""

import pytest
from fastapi import FastAPI, WebSocket
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.testclient import TestClient

from api import errors
from api._headers import SecurityHeaders, is_space
from core.settings import Settings

SPACE = "https://someone-voiceforge.hf.space"


def make(public_url: str = "", base_url: str = "http://testserver") -> TestClient:
    app = FastAPI(docs_url=None)

    @app.websocket("/ws")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("hello")
        await websocket.close()

    @app.get("/own")
    async def own() -> JSONResponse:
        return JSONResponse({}, headers={"Content-Security-Policy": "default-src 'none'", "Referrer-Policy": "origin"})

    @app.get("/{path:path}")
    async def anything(path: str) -> StreamingResponse:
        return StreamingResponse(iter([b"a", b"b"]), media_type="text/plain")

    app.add_middleware(SecurityHeaders, public_url=public_url)
    return TestClient(app, base_url=base_url)


def directives(response) -> dict[str, str]:
    parts = response.headers["content-security-policy"].split("; ")
    return {part.split()[0]: part.partition(" ")[2] for part in parts}


@pytest.mark.parametrize("path", ["/", "/v1/models", "/docs", "/gradio_api/file=/tmp/a.wav", "/nowhere", "/health"])
def test_every_answer_has_them(path):
    response = make().get(path)
    assert response.text == "ab"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "same-origin"
    assert "microphone=(self)" in response.headers["permissions-policy"]
    assert "camera=()" in response.headers["permissions-policy"]
    assert response.headers["x-frame-options"] == "SAMEORIGIN"
    assert directives(response)["frame-ancestors"] in ("'self'", "'none'")


def test_a_space_may_be_framed_by_the_hub_and_nobody_else():
    response = make(SPACE).get("/")
    assert directives(response)["frame-ancestors"] == "'self' https://huggingface.co https://*.hf.space"
    assert "x-frame-options" not in response.headers


@pytest.mark.parametrize(
    ("url", "space"),
    [
        (SPACE, True),
        ("https://voice.example.com", False),
        ("https://voice.example.com/.hf.space", False),
        ("https://evil-hf.space", False),
        ("", False),
    ],
)
def test_what_a_space_is(url, space):
    assert is_space(url) is space


def test_pages_ask_nothing_of_other_hosts():
    policy = directives(make().get("/"))
    assert policy["default-src"] == "'self'"
    assert policy["object-src"] == "'none'"
    assert not [value for value in policy.values() if "http" in value or "*" in value]


@pytest.mark.parametrize(
    ("base_url", "direct", "reached"),
    [("openai", True, " wss://api.openai.com"), ("http://127.0.0.1:8080/v1", True, " ws://127.0.0.1:8080"),
     ("openai", False, ""), ("", True, "")],
)  # fmt: skip
def test_pages_reach_the_realtime_server_where_the_owner_lets_them(base_url: str, direct: bool, reached: str):
    app = FastAPI(docs_url=None)
    errors.install(app, Settings(realtime_base_url=base_url, realtime_direct=direct))
    with TestClient(app) as client:
        assert directives(client.get("/"))["connect-src"] == f"'self' data: blob:{reached}"


def test_data_runs_nothing_and_is_framed_by_nobody():
    policy = directives(make(SPACE).get("/v1/models"))
    assert policy == {"default-src": "'none'", "frame-ancestors": "'none'"}


def test_peoples_files_are_kept_apart():
    policy = directives(make().get("/gradio_api/file=/tmp/evil.svg"))
    assert "sandbox" in policy
    assert "script-src" not in policy
    assert policy["default-src"] == "'none'"


def test_plain_http_is_never_told_to_insist_on_tls():
    assert "strict-transport-security" not in make().get("/").headers
    assert "max-age" in make(base_url="https://testserver").get("/").headers["strict-transport-security"]


def test_what_an_answer_says_itself_stands():
    headers = make().get("/own").headers
    assert headers["content-security-policy"] == "default-src 'none'"
    assert headers.get_list("referrer-policy") == ["origin"]


def test_sockets_pass():
    with make().websocket_connect("/ws") as socket:
        assert socket.receive_text() == "hello"
