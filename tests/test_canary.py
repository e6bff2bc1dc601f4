"""Secrets planted in a real app, which is then used and abused: none may turn up where it does not belong."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.browser.app import running

pytestmark = pytest.mark.integration

ADMIN = "chosen-by-its-owner-Zebra-4711"
HUB = "hf_CanaryCanaryCanaryCanary0815"
SEAL = "seal-Canary-seal-Canary-seal-Canary-0001"
WRONG = {
    "a foreign key": "sk-proj-CanaryCanaryCanary123456",
    "a key of nobody": "vf_live_CanaryCanaryCanaryCanaryCanaryCa12345",
    "a session of nobody": "vf_token_CanaryCanaryCanary.CanaryCanary",
    "a wrong password": "correct-horse-Canary-staple",
    "an endless key": "Canary" * 900,
}
REQUESTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("GET", "/v1/models", {}),
    ("GET", "/v1/keys", {}),
    ("GET", "/v1/usage/recent", {}),
    ("POST", "/v1/audio/speech", {"json": {"input": "Hello.", "model": "espeak-ng"}}),
    ("POST", "/v1/audio/speech", {"json": {"input": ""}}),
    ("POST", "/v1/audio/transcriptions", {"files": {"file": ("a.wav", b"RIFF nothing")}}),
    ("POST", "/gradio_api/call/speak", {"json": {"data": ["Hello."]}}),
    ("POST", "/gradio_api/mcp/", {"json": {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}}),
)


@dataclass
class Seen:
    """Everything an app let out: the answers' heads and bodies by request, and how many requests there were."""

    answers: dict[str, bytes] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)

    def ask(self, client: httpx.Client, method: str, path: str, *, headers: Any = None, **options: Any) -> Any:
        # From an address of its own every few requests, or all but the first few would be turned away as guesses.
        address = {"X-Forwarded-For": f"192.0.2.{len(self.statuses) // 8 % 250}"}
        response = client.request(method, path, headers={**address, **(headers or {})}, **options)
        self.statuses.append(response.status_code)
        head = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
        name = f"{len(self.statuses)} {method} {response.url.path} {response.status_code}"
        self.answers[name] = head.encode() + b"\n\n" + response.content
        return response


def headers_with(secret: str) -> Iterator[dict[str, str]]:
    """Every way to carry a secret that somebody may try."""
    basic = base64.b64encode(f"user:{secret}".encode()).decode()
    yield {"Authorization": f"Bearer {secret}"}
    yield {"x-api-key": secret}
    yield {"xi-api-key": secret, "x-hf-authorization": f"Bearer {secret}"}
    yield {"Authorization": f"Basic {basic}", "x-voiceforge-session": secret}
    yield {"Cookie": f"token={secret}; session={secret}", "Referer": f"https://example.com/?api_key={secret}"}


def made_key(seen: Seen, client: httpx.Client) -> str:
    """The one answer that may show a secret is taken out of what was seen."""
    made = client.post("/v1/keys", json={"name": "canary", "scopes": ["speech", "usage"]}).raise_for_status()
    key = made.json()["secret"]
    again = seen.ask(client, "GET", f"/v1/keys/{made.json()['id']}")
    assert again.json()["name"] == "canary"
    return key


def in_headers(seen: Seen, client: httpx.Client, secrets: list[str]) -> None:
    for secret, (method, path, options) in product(secrets, REQUESTS):
        for headers in headers_with(secret):
            seen.ask(client, method, path, headers=headers, **options)


def elsewhere(seen: Seen, client: httpx.Client, secret: str, admin: dict[str, str]) -> None:
    """In query strings, in bodies good and bad, in forms, in the name of a file, with a right key beside it."""
    for name in ("api_key", "token", "key", "password"):
        for path in ("/v1/models", "/v1/voices/nobody", "/health", "/nowhere", "/gradio_api/info", "/docs"):
            seen.ask(client, "GET", f"{path}?{name}={secret}", headers=admin)
    bodies = [
        {"input": "Hello.", "api_key": secret},
        {"input": 5, "token": secret},
        {"input": "Hello.", "speed": {"password": secret}},
        {"input": f"My password: {secret}", "model": "espeak-ng"},
    ]
    for body in bodies:
        seen.ask(client, "POST", "/v1/audio/speech", json=body, headers=admin)
    seen.ask(client, "POST", "/v1/audio/speech", content=f'{{"api_key": "{secret}", ', headers=admin)
    seen.ask(client, "POST", "/v1/keys", json={"name": "", "secret": secret}, headers=admin)
    form = {"api_key": secret, "response_format": "nothing"}
    seen.ask(client, "POST", "/v1/audio/transcriptions", data=form, files={"file": ("a.wav", b"x")}, headers=admin)
    for data in ([secret], [secret, "", "", "", "x", {"token": secret}, secret], {"text": secret, "voice": 5}):
        queued = seen.ask(client, "POST", "/gradio_api/call/speak", json={"data": data}, headers=admin)
        if queued.status_code == 200:
            seen.ask(client, "GET", f"/gradio_api/call/speak/{queued.json()['event_id']}", headers=admin)
    seen.ask(client, "POST", "/gradio_api/upload", files={"files": ("a.txt", b"x")}, headers={"x-api-key": secret})


def sign_in(seen: Seen, client: httpx.Client, secret: str) -> None:
    """As the page does it; the token that a right one brings is a secret of its own and not looked for."""
    config = client.get("/config").json()
    number = next(item["id"] for item in config["dependencies"] if item.get("api_name") == "ui_sign_in")
    for data in ([secret], [secret, secret], [[secret]], [{"password": secret}], []):
        body = {"data": data, "fn_index": number, "session_hash": "canary"}
        seen.ask(client, "POST", "/gradio_api/queue/join", json=body)
        seen.ask(client, "GET", "/gradio_api/queue/data?session_hash=canary")


def typed_anywhere(client: httpx.Client, secret: str) -> None:
    """Into every field of every event of the page. The page may show it to who typed it; the log may not."""
    for event in client.get("/config").json()["dependencies"]:
        if not event["inputs"]:
            continue
        body = {"data": [secret] * len(event["inputs"]), "fn_index": event["id"], "session_hash": f"typed{event['id']}"}
        if client.post("/gradio_api/queue/join", json=body).status_code == 200:
            client.get("/gradio_api/queue/data", params={"session_hash": body["session_hash"]})


def afterwards(seen: Seen, client: httpx.Client, admin: dict[str, str]) -> None:
    for path in ("/metrics", "/ready", "/health", "/version", "/openapi.json", "/docs", "/", "/config", "/v1/keys",
                 "/v1/usage", "/v1/usage/recent", "/v1/models", "/gradio_api/info"):  # fmt: skip
        for headers in ({}, admin):
            seen.ask(client, "GET", path, headers=headers)


def kept(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def found(canaries: dict[str, str], places: dict[str, bytes]) -> list[str]:
    """Where which canary was found, as it is or as JSON or base64 would have it."""
    hits = []
    for (name, secret), (place, content) in product(canaries.items(), places.items()):
        core = secret[:60].encode()
        shapes = {core, json.dumps(secret[:60])[1:-1].encode(), base64.b64encode(core)[:-4]}
        if any(shape in content for shape in shapes):
            hits.append(f"{name} in {place}")
    return hits


def test_no_secret_turns_up_anywhere(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    seen, admin = Seen(), {"x-api-key": ADMIN}
    settings = {
        "VOICEFORGE_ACCESS": "key", "VOICEFORGE_ADMIN_KEY": ADMIN, "VOICEFORGE_SECRET_KEY": SEAL, "HF_TOKEN": HUB,
        "LOG_LEVEL": "DEBUG", "VOICEFORGE_DATA_DIR": str(tmp_path),
    }  # fmt: skip
    with running(**settings) as address, httpx.Client(base_url=address, timeout=60) as client:
        client.headers.update(admin)
        key = made_key(seen, client)
        del client.headers["x-api-key"]
        in_headers(seen, client, [key, ADMIN, *WRONG.values()])
        for secret in (key, ADMIN, WRONG["a foreign key"], WRONG["a wrong password"]):
            elsewhere(seen, client, secret, admin)
            sign_in(seen, client, secret)
        typed_anywhere(client, WRONG["a wrong password"])
        afterwards(seen, client, admin)
    out, err = capfd.readouterr()
    canaries = {"the admin key": ADMIN, "the hub's token": HUB, "the seal": SEAL, "a made key": key, **WRONG}
    log = {"the log": err.encode(), "stdout": out.encode()}

    assert len(seen.statuses) > 300
    assert {200, 400, 401, 404} <= set(seen.statuses)
    assert "GET /metrics 200" in {name.partition(" ")[2] for name in seen.answers}
    assert not [status for status in seen.statuses if status >= 500]
    assert "DEBUG" in err, "the log must have been as talkative as it can be"
    assert found(canaries, log) == []
    assert found(canaries, seen.answers) == []
    assert found(canaries, kept(tmp_path)) == []
    assert found({"the key's name": "canary"}, {"the database": b"".join(kept(tmp_path).values())})


def test_a_canary_would_be_found():
    places = {"log": b"key=sk-proj-CanaryCanaryCanary123456", "clean": b"key=[hidden]"}
    assert found({"it": WRONG["a foreign key"]}, places) == ["it in log"]
