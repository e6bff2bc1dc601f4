"""The HTTP API under wrong values: every route of /openapi.json, its parameters, bodies, forms and files."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.fuzz.attacker import Attacker, Verdict
from tests.fuzz.conftest import House
from tests.fuzz.hostile import Hostile

pytestmark = pytest.mark.slow

JSON, FORMS = 6_000, 3_000
KEYED = 0.85
"""The share of requests that carry a key with every right."""
VALID: dict[str, dict[str, Any]] = {
    "/v1/audio/speech": {"input": "Hi.", "model": "espeak-ng", "voice": "alloy", "response_format": "pcm",
    "speed": 1.0,
                         "instructions": "", "stream_format": "audio", "language": "en"},
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "Hi."}], "model": "rules", "max_tokens": 9,
                             "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
                             "n": 1, "tool_choice": "auto", "response_format": {"type": "text"}, "stop": "a",
                             "stream": True, "modalities": ["text", "audio"],
                             "audio": {"voice": "alloy", "format": "pcm16"}},
    "/v1/realtime/client_secrets": {"expires_after": {"anchor": "created_at", "seconds": 60}, "once": True,
                                    "session": {"type": "realtime", "model": "auto", "instructions": "a",
                                                "audio": {"output": {"voice": "alloy"}}, "tools": []}},
    "/v1/voice/realtime/session": {"mode": "here", "model": "auto", "session": {"type": "realtime"}},
    "/v1/voice/chat": {"text": "Hi.", "voice": "alloy", "response_format": "wav", "model": "rules", "speak": True},
    "/v1/keys": {"name": "Fuzz", "scopes": ["speech"], "expires_at": "2031-01-01", "limits": {"concurrent": 1}},
}  # fmt: skip
FORM = {
    "model": "auto", "language": "en", "prompt": "", "response_format": "json", "temperature": "0", "hotwords": "a",
    "timestamp_granularities[]": "word", "stream": "false", "threshold": "0.5", "min_speech": "0.1",
    "start": "0", "end": "1",
    "sample_rate": "16000", "padding": "0.1",
}  # fmt: skip
SPARED = ("/v1/downloads", "/v1/benchmarks")
"""Bodies of these are none; the names in their paths would start gigabytes or minutes, so only wrong ones are sent."""


async def test_json_routes(house: House):
    routes = operations(house.url)
    assert len(routes) > 20
    hostile = house.hostile(1)

    async def once(attacker: Attacker, client: httpx.AsyncClient) -> None:
        random = hostile.random
        method, path, described = random.choice(routes)
        options: dict[str, Any] = {"key": random.random() < KEYED, "params": parameters(hostile, described)}
        if method != "GET":
            base = VALID.get(path.removesuffix("/streaming"), filled(described))
            options |= {"content": hostile.body(base), "headers": {"content-type": content_type(hostile)}}
        await attacker.ask(client, method, path_of(hostile, path), **options)

    verdict = await house.attacker().attack(JSON, once)
    blameless(verdict, JSON)
    assert {200, 400, 401, 404, 415} <= set(verdict.statuses)


async def test_forms(house: House):
    hostile = house.hostile(2)
    paths = [f"/v1/audio/{name}" for name in ("transcriptions", "translations", "segments", "convert")]

    async def once(attacker: Attacker, client: httpx.AsyncClient) -> None:
        random = hostile.random
        fields = {name: random.choice([value, hostile.text()]) for name, value in FORM.items() if random.random() < 0.4}
        name = random.choice(["a.wav", hostile.path(), hostile.text()[:200]])
        content = random.choice(["audio/wav", "application/vnd.apple.mpegurl", "text/plain", "x/y; charset=\0"])
        options: dict[str, Any] = {"data": fields, "key": random.random() < KEYED}
        kind = random.random()
        if kind < 0.9:
            options["files"] = {random.choice(["file"] * 9 + ["files"]): (name, hostile.sound(), content)}
        elif kind < 0.95:
            options["data"] = fields | {"file": hostile.path()}
        else:
            broken = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + hostile.sound()
            options = {"content": broken, "headers": {"content-type": random.choice(BOUNDARIES)}}
        await attacker.ask(client, "POST", random.choice(paths), **options)

    verdict = await house.attacker().attack(FORMS, once)
    blameless(verdict, FORMS)
    assert {200, 400, 401} <= set(verdict.statuses)


BOUNDARIES = (
    "multipart/form-data; boundary=x", "multipart/form-data", "multipart/form-data; boundary=",
    "multipart/mixed; boundary=x",
    "multipart/form-data; boundary=" + "x" * 3000, "multipart/form-data; boundary=x; charset=utf-16",
    "multipart/form-data; boundary=x; charset=nothing", 'multipart/form-data; boundary="',
    "multipart/form-data;boundary=é",
)  # fmt: skip


def operations(url: str) -> list[tuple[str, str, dict[str, Any]]]:
    paths = httpx.get(f"{url}/openapi.json").json()["paths"]
    return [
        (method.upper(), path, described)
        for path, methods in paths.items()
        for method, described in methods.items()
        if not any(name in path for name in ("transcriptions", "translations", "segments", "convert", "gradio"))
    ]


def path_of(hostile: Hostile, path: str) -> str:
    parts = path.split("/")
    wrong = [
        quote(hostile.text()[:300].encode("utf-8", "replace"), safe=hostile.random.choice(["", "/."]))
        if part.startswith("{")
        else part
        for part in parts
    ]
    return "/".join(wrong)


def parameters(hostile: Hostile, described: dict[str, Any]) -> dict[str, str]:
    names = [item["name"] for item in described.get("parameters", []) if item["in"] == "query"] + ["extra"]
    return {name: clean(hostile.value(0)) for name in names if hostile.random.random() < 0.5}


def clean(value: Any) -> str:
    """As far as a URL can hold it."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode("utf-8", "replace").decode()[:2000]


def filled(described: dict[str, Any]) -> dict[str, Any]:
    """A body with every field of the operation's schema."""
    body = described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    samples = {"string": "en", "number": 1.0, "integer": 1, "boolean": True, "array": [], "object": {}}
    return {
        name: field.get("default", samples.get(field.get("type", ""), "en"))
        for name, field in body.get("properties", {}).items()
    }


def content_type(hostile: Hostile) -> str:
    odd = (
        "text/plain",
        "application/xml",
        "application/json; charset=utf-16",
        "multipart/form-data; boundary=x",
        "",
        "\xff",
    )
    return "application/json" if hostile.random.random() < 0.92 else hostile.random.choice(odd)


def blameless(verdict: Verdict, count: int) -> None:
    assert verdict.told == []
    assert verdict.broken == []
    assert verdict.requests >= count
