"""What surrounds every request: ids, last resorts, foreign pages, the size of bodies."""

import logging
import re
from types import SimpleNamespace

import pytest
from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import PlainTextResponse
from fastapi.testclient import TestClient
from pydantic import BaseModel
from starlette.websockets import WebSocketDisconnect

from accounts.principal import ADMIN, LOCAL, Principal
from api import errors
from core.errors import RateLimited, Unauthorized
from core.metrics import Metrics
from core.settings import Settings

HOME = "http://127.0.0.1:7860"


class OneKey:
    """Accounts of a house in open access that has one key, and takes another house's for none."""

    async def identify(self, secret: str | None) -> Principal:
        if secret == "bad":
            raise Unauthorized("This API key is not valid.")
        return ADMIN if secret == "good" else LOCAL


class Item(BaseModel):
    count: int


def make(**settings) -> FastAPI:
    app = FastAPI()
    app.state.studio = SimpleNamespace(accounts=OneKey(), metrics=Metrics())

    @app.get("/v1/ok")
    async def ok() -> str:
        return "fine"

    @app.post("/v1/size")
    async def size(request: Request) -> int:
        return len(await request.body())

    @app.post("/v1/item")
    async def item(item: Item) -> int:
        return item.count

    @app.get("/v1/limit")
    async def limit() -> None:
        raise RateLimited("Too many.", retry_after=1.2)

    @app.get("/v1/bug")
    async def bug() -> None:
        raise ZeroDivisionError("secret detail")

    @app.websocket("/ws")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close(1000)

    errors.install(app, Settings(**settings))

    async def page(request: Request) -> PlainTextResponse:
        return PlainTextResponse("the page")

    app.mount("/", page_app := FastAPI())
    page_app.add_route("/", page)
    return app


@pytest.fixture
def client() -> TestClient:
    return TestClient(make(), HOME)


def test_every_answer_is_named_differently(client):
    ids = {client.get("/v1/ok").headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3
    assert all(re.fullmatch(r"req_[0-9a-f]{24}", name) for name in ids)


def test_errors_have_openais_shape(client):
    response = client.get("/v1/limit")
    assert response.status_code == 429
    assert response.headers["retry-after"] == "2"
    assert response.headers["x-ratelimit-remaining-requests"] == "0"
    assert response.json() == {
        "error": {"message": "Too many.", "type": "rate_limit_error", "param": None, "code": "rate_limit_exceeded"}
    }


def test_a_bug_says_nothing_of_itself_and_is_logged_once(client, caplog):
    with caplog.at_level(logging.ERROR):
        response = client.get("/v1/bug")
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "internal_error"
    assert "secret" not in response.text
    logged = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(logged) == 1
    assert response.headers["x-request-id"] in logged[0].getMessage()


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "not_found"),
        ("POST", "/v1/nothing/at/all", 404, "not_found"),
        ("DELETE", "/v1/ok", 405, "method_not_allowed"),
        ("PUT", "/v1/size", 405, "method_not_allowed"),
    ],
)
def test_paths_nobody_has_and_wrong_methods(client, method, path, status, code):
    response = client.request(method, path)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_the_page_behind_the_api_still_answers(client):
    assert client.get("/").text == "the page"


def test_fastapis_own_validation_is_translated_too(client):
    response = client.post("/v1/item", json={"count": "many"})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "count"
    malformed = client.post("/v1/item", content=b"{", headers={"content-type": "application/json"})
    assert (malformed.status_code, malformed.json()["error"]["message"]) == (400, "The body is not valid JSON.")


def test_a_body_that_admits_its_size_is_refused_unread(client):
    response = client.post("/v1/size", content=b"x" * 2_000_001)
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "too_large"
    assert response.headers["connection"] == "close"


def test_a_body_without_a_length_is_counted(client):
    sent = 0

    def parts():
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield b"x" * 100_000

    response = client.post("/v1/size", content=parts())
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "too_large"


def test_forms_may_be_larger(client):
    client = TestClient(make(max_upload_mb=3), HOME)
    form = {"content-type": "multipart/form-data; boundary=x"}
    assert client.post("/v1/size", content=b"x" * 3_500_000, headers=form).json() == 3_500_000
    assert client.post("/v1/size", content=b"x" * 4_000_001, headers=form).status_code == 413


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("127.0.0.1:7860", None, 200),
        ("localhost", "http://localhost:7860", 200),
        ("[::1]:7860", "http://[::1]:7860", 200),
        ("127.0.0.1:7860", "https://friend.example", 200),
        ("voice.example.com", "https://voice.example.com", 200),
        ("evil.example", None, 403),
        ("evil.example:7860", "http://evil.example:7860", 403),
        ("127.0.0.1:7860", "https://evil.example", 403),
        ("127.0.0.1:7860", "null", 403),
        ("127.0.0.1.evil.example", None, 403),
        ("[::1", None, 403),
        ("", None, 403),
    ],
)
def test_open_access_is_for_this_machine_only(host, origin, status):
    app = make(access="open", cors_origins=("https://friend.example",), public_url="https://voice.example.com/")
    headers = {"host": host} | ({"origin": origin} if origin else {})
    response = TestClient(app, HOME).get("/v1/ok", headers=headers)
    assert response.status_code == status
    if status == 403:
        assert response.json()["error"]["type"] == "permission_error"


@pytest.mark.parametrize(("key", "status"), [("good", 200), ("bad", 403), ("another-house", 403)])
def test_a_valid_key_opens_it_to_foreign_pages(client, key, status):
    headers = {"origin": "https://evil.example", "authorization": f"Bearer {key}"}
    assert client.get("/v1/ok", headers=headers).status_code == status


@pytest.mark.parametrize(("origin", "code"), [("http://localhost:7860", 1000), ("https://evil.example", 1008)])
def test_sockets_are_guarded_too(client, origin, code):
    with (
        pytest.raises(WebSocketDisconnect) as closed,
        client.websocket_connect("/ws", headers={"host": "localhost", "origin": origin}) as far,
    ):
        far.receive_text()
    assert closed.value.code == code


def test_a_server_that_asks_for_keys_takes_any_host():
    client = TestClient(make(access="key"), "http://voice.example.com")
    assert client.get("/v1/ok", headers={"origin": "https://any.example"}).status_code == 200


def test_only_listed_origins_may_read_answers():
    client = TestClient(make(access="key", cors_origins=("https://friend.example",)), HOME)
    friend = client.get("/v1/ok", headers={"origin": "https://friend.example"})
    assert friend.headers["access-control-allow-origin"] == "https://friend.example"
    assert "X-VoiceForge-Engine" in friend.headers["access-control-expose-headers"]
    assert "access-control-allow-origin" not in client.get("/v1/ok", headers={"origin": "https://x.example"}).headers


def test_requests_are_counted_by_route(client):
    client.get("/v1/ok")
    client.get("/v1/nothing/secret-path")
    text = client.app.state.studio.metrics.text().decode()
    assert 'voiceforge_http_requests_total{method="GET",route="/v1/ok",status="200"} 1.0' in text
    assert "secret-path" not in text
