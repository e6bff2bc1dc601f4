"""Client secrets over HTTP, by the official client; and what a browser is given to begin a session."""

from __future__ import annotations

import time
from typing import Any

import httpx
import openai
import pytest
from websockets.exceptions import InvalidStatus

from api import client_secrets, realtime_calls
from core.errors import BadRequest
from core.settings import Settings
from providers.realtime import Grant, Upstream
from tests.api._realtime import House, house
from tests.api._socket import ADMIN
from tests.api.conftest import Server

pytestmark = pytest.mark.integration

SESSION: dict[str, Any] = {"type": "realtime", "instructions": "Be brief.", "audio": {"output": {"voice": "alloy"}}}


@pytest.fixture(scope="module")
def ai(server: Server):
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="an-admin-key-for-these-tests", max_retries=0) as client:
        yield client


def test_the_official_client(ai):
    made = ai.realtime.client_secrets.create(
        expires_after={"anchor": "created_at", "seconds": 60}, session=SESSION | {"model": "gpt-realtime"}
    )
    assert made.value.startswith("ek_")
    assert 55 < made.expires_at - time.time() <= 60
    assert made.session.instructions == "Be brief."
    assert made.session.audio.output.voice == "alloy"


def test_a_secret_of_nothing_lasts_ten_minutes(client):
    made = client.post("/v1/realtime/client_secrets").raise_for_status().json()
    assert 590 < made["expires_at"] - time.time() <= 600
    assert made["session"]["type"] == "realtime"


def test_it_opens_nothing_else(server, client):
    value = client.post("/v1/realtime/client_secrets", json={}).json()["value"]
    with server.client(value) as browser:
        for method, path in (("GET", "/v1/models"), ("POST", "/v1/chat/completions"), ("GET", "/v1/conversations"),
                             ("POST", "/v1/realtime/client_secrets"), ("GET", "/v1/keys")):  # fmt: skip
            assert browser.request(method, path).status_code == 401, path


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"expires_after": {"seconds": 5}}, "expires_after"),
        ({"expires_after": {"seconds": 601}}, "expires_after"),
        ({"expires_after": {"anchor": "never"}}, "expires_after"),
        ({"session": []}, "session"),
        ({"session": {"type": "dance"}}, "session"),
        ({"session": {"model": 5}}, "session"),
        ({"session": {"instructions": 5}}, None),
        ({"session": {"audio": {"output": {"voice": 5}}}}, None),
        ({"session": {"type": "realtime", "instructions": "a" * 1_000_000}}, None),
    ],
)
def test_bad_input(client, body, param):
    answer = client.post("/v1/realtime/client_secrets", json=body)
    assert answer.status_code in (400, 413), answer.text
    assert param is None or answer.json()["error"]["param"] == param


def test_who_may(server, client):
    secret = client.post("/v1/keys", json={"name": "x", "scopes": ["speech"]}).json()["secret"]
    for key, status in ((secret, 403), (None, 401)):
        with server.client(key) as other:
            for path in ("/v1/realtime/client_secrets", "/v1/voice/realtime/session"):
                assert other.post(path, json={}).status_code == status


def test_what_a_browser_needs(server, client):
    given = client.post("/v1/voice/realtime/session", json={"model": "gpt-realtime", "session": SESSION}).json()
    assert given["mode"] == "here"
    assert given["url"] == server.url.replace("http", "ws") + "/v1/realtime?model=gpt-realtime"
    value = given["client_secret"]["value"]
    assert given["protocols"] == ["realtime", f"openai-insecure-api-key.{value}"]
    assert value.startswith("ek_")
    assert client.post("/v1/voice/realtime/session", json={"mode": "direct"}).status_code == 400
    assert client.post("/v1/voice/realtime/session", json={"mode": "sideways"}).status_code == 400


# Sessions that a secret opens


@pytest.fixture
async def opened(tmp_path):
    async with house(tmp_path) as found:
        yield found


async def made(opened: House, **asked: Any) -> str:
    caller = await opened.studio.accounts.identify(ADMIN)
    body = client_secrets.SecretBody.model_validate(asked)
    return (await client_secrets.made(opened.studio, caller, body))["value"]


async def test_a_session_is_as_its_secret_says(opened: House):
    value = await made(opened, session={"instructions": "Sell shoes.", "audio": {"output": {"voice": "v"}}})
    protocols = ["realtime", f"openai-insecure-api-key.{value}"]
    async with opened.client(key=None, subprotocols=protocols) as client:
        assert client.socket.subprotocol == "realtime"
        session = (await client.next("session.created"))["session"]
        assert (session["instructions"], session["audio"]["output"]["voice"]) == ("Sell shoes.", "v")
        error = await client.refused("session.update", session={"instructions": "Sell boots."})
        assert error["code"] == "pinned_by_client_secret"


async def test_once_is_one_session(opened: House):
    value = await made(opened, once=True)
    async with opened.client(key=value) as client:
        await client.next("session.created")
    async with opened.client(key=value) as client:
        assert (await client.next("error"))["error"]["code"] == "invalid_api_key"
        assert (await client.closed())[0] == 3000


async def test_a_house_that_is_full_uses_up_no_secret(opened: House):
    value = await made(opened, once=True)
    opened.talks.most = 0
    with pytest.raises(InvalidStatus) as refused:
        async with opened.client(key=value):
            pass
    assert refused.value.response.status_code == 503
    opened.talks.most = 1
    async with opened.client(key=value) as client:
        await client.next("session.created")
    async with opened.client(key=value) as client:
        assert (await client.closed())[0] == 3000


async def test_a_call_that_is_refused_uses_up_no_secret(opened: House, monkeypatch: pytest.MonkeyPatch):
    value = await made(opened, once=True)
    monkeypatch.setattr(realtime_calls, "find_spec", lambda name: None)
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {value}"}) as http:
        assert (await http.post(f"{opened.http}/realtime/calls", content="v=0")).status_code == 503
    async with opened.client(key=value) as client:
        await client.next("session.created")


async def test_a_changed_secret_opens_nothing(opened: House):
    value = await made(opened)
    async with opened.client(key=value[:-2] + "AA") as client:
        assert (await client.next("error"))["error"]["code"] == "invalid_api_key"


# With a realtime server of the owner's


class Granting(Upstream):
    """Its secrets are these."""

    async def grant(self, session: Any, seconds: int) -> Grant:
        return Grant("ek_theirs", 123, dict(session), self.url(str(session.get("model", ""))))


async def begun(opened: House, direct: bool, **asked: Any) -> dict[str, Any]:
    studio = opened.studio
    studio.upstream = Granting("openai", "sk-owner", "gpt-realtime-2.1")
    studio.settings = Settings(realtime_direct=direct, data_dir=studio.settings.data_dir)
    caller = await studio.accounts.identify(ADMIN)
    body = client_secrets.SessionBody.model_validate(asked)
    return await client_secrets.begun(studio, caller, body, "https://voice.example.com/")


async def test_the_server_s_own_secret_where_the_owner_allows_it(opened: House):
    given = await begun(opened, True)
    assert given["mode"] == "direct"
    assert given["client_secret"] == {"value": "ek_theirs", "expires_at": 123}
    assert given["url"] == "wss://api.openai.com/v1/realtime?model=gpt-realtime-2.1"
    assert given["session"]["model"] == "gpt-realtime-2.1"
    named = await begun(opened, True, mode="direct", session={"model": "gpt-realtime-2.1-mini"})
    assert named["url"].endswith("gpt-realtime-2.1-mini")
    with pytest.raises(BadRequest):
        await begun(opened, True, mode="direct", model="llm")


async def test_else_our_own_and_the_relay(opened: House):
    given = await begun(opened, False, model="gpt-realtime-2.1")
    assert given["mode"] == "relay"
    assert given["url"] == "wss://voice.example.com/v1/realtime?model=gpt-realtime-2.1"
    assert given["client_secret"]["value"] != "ek_theirs"
    for asked in ({"model": "llm"}, {"model": "auto"}):
        assert (await begun(opened, True, **asked))["mode"] == "here"
    assert (await begun(opened, True, mode="here", model="gpt-realtime-2.1"))["mode"] == "relay"
    with pytest.raises(BadRequest):
        await begun(opened, False, mode="direct")
