"""Gradio's endpoints under values nobody should send: calls, the queue, uploads, files, streams and MCP."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.fuzz.attacker import Attacker
from tests.fuzz.conftest import House
from tests.fuzz.hostile import Hostile
from tests.fuzz.test_routes import blameless

pytestmark = pytest.mark.slow

CALLS, FILES, TOOLS = 5_000, 4_000, 1_000
SLOW = ("run_benchmark", "start_download")
"""Endpoints that would start minutes or gigabytes, were a name right by chance."""
PLACES = (
    "/gradio_api/file={p}", "/gradio_api/file/{p}", "/file={p}", "/gradio_api/proxy={p}", "/static/{p}",
    "/assets/{p}",
    "/svelte/{p}", "/gradio_api/custom_component/{p}/client/component/{p}",
    "/gradio_api/stream/{p}/1/1/playlist.m3u8",
    "/gradio_api/stream/{p}/{p}/{p}/{p}.ts", "/gradio_api/stream/a/1/{p}/playlist-file",
    "/gradio_api/deep_link?session_hash={p}",
    "/gradio_api/upload_progress?upload_id={p}", "/gradio_api/queue/data?session_hash={p}",
    "/gradio_api/heartbeat/{p}",
    "/gradio_api/call/{p}/{p}", "/gradio_api/call/v2/{p}/{p}", "/gradio_api/info?page={p}",
    "/config?deep_link={p}", "/?{p}={p}",
    "/?deep_link={p}", "/{p}", "/gradio_api/{p}", "/pwa_icon/{p}", "/gradio_api/app_id?{p}", "/gradio_api/runs",
    "/manifest.json",
    "/gradio_api/openapi.json?{p}", "/gradio_api/mcp/{p}", "/gradio_api/token", "/logout", "/theme.css?{p}",
    "/monitoring/{p}",
    "/gradio_api/dev/reload", "/gradio_api/startup-events", "/gradio_api/queue/status", "/login_check",
    "/gradio_api/user",
    "/gradio_api/run-history/records?{p}={p}", "/docs?{p}", "/v1/{p}", "/favicon.ico?{p}", "/robots.txt",
)  # fmt: skip


async def test_calls(house: House):
    hostile = house.hostile(3)
    events = [(item["id"], item["api_name"] or "", len(item["inputs"])) for item in dependencies(house)]

    async def once(attacker: Attacker, client: httpx.AsyncClient) -> None:
        random = hostile.random
        number, name, count = random.choice([event for event in events if event[1] not in SLOW])
        data = [hostile.value() for _ in range(max(0, count + random.choice([0, 0, 0, 0, 1, -1])))]
        way, key = random.random(), random.random() < 0.85
        if way < 0.5:
            await called(attacker, client, hostile, name, data, key)
        elif way < 0.9:
            await joined(attacker, client, hostile, number, data, key)
        else:
            await meddled(attacker, client, hostile, key)

    verdict = await house.attacker().attack(CALLS, once)
    blameless(verdict, CALLS)
    assert {200, 401, 404, 422} <= set(verdict.statuses)


async def called(
    attacker: Attacker, client: httpx.AsyncClient, hostile: Hostile, name: str, data: list[Any], key: bool
) -> None:
    """As a program does it."""
    way = hostile.random.choice(["call", "call", "call/v2", "run", "api"])
    body: Any = {"data": data}
    if way == "call/v2":
        body = {hostile.random.choice(["text", "file", "voice", "key_id", "name"]): hostile.value() for _ in range(4)}
    if hostile.random.random() < 0.15:
        body = hostile.mutated({"data": data, "session_hash": "a", "fn_index": 1, "event_data": None, "trigger_id": 1})
    path = f"/gradio_api/{way}/{quote(name or 'none')}"
    status, answer = await attacker.ask(client, "POST", path, key=key, content=raw(body), headers=KIND)
    event = event_of(answer)
    if status == 200 and event and way.startswith("call"):
        _, stream = await attacker.ask(client, "GET", f"{path}/{event}", key=key, seconds=20)
        not_read(attacker, path, body, stream)


async def joined(
    attacker: Attacker, client: httpx.AsyncClient, hostile: Hostile, number: int, data: list[Any], key: bool
) -> None:
    """As the page does it."""
    session = hostile.random.choice(["fuzz"] + [str(hostile.random.getrandbits(60))] * 9)
    body: Any = {"data": data, "fn_index": number, "session_hash": session}
    if hostile.random.random() < 0.3:
        body = hostile.mutated(
            body | {"event_data": None, "trigger_id": None, "batched": False, "simple_format": False}
        )
    status, _ = await attacker.ask(client, "POST", "/gradio_api/queue/join", key=key, content=raw(body), headers=KIND)
    if status == 200:
        path = f"/gradio_api/queue/data?session_hash={quote(str(session))}"
        _, stream = await attacker.ask(client, "GET", path, key=key, seconds=1.5)
        not_read(attacker, "queue/join", body, stream)


async def meddled(attacker: Attacker, client: httpx.AsyncClient, hostile: Hostile, key: bool) -> None:
    """What only the page's own script sends otherwise."""
    path, body = hostile.random.choice(
        [
            ("component_server", {"component_id": 1, "fn_name": "ls", "data": [], "session_hash": "a"}),
            ("cancel", {"session_hash": "fuzz", "fn_index": 1, "event_id": "a"}),
            ("reset", {"event_id": "a"}),
            ("stream/abc", {"data": [1], "session_hash": "a"}),
            ("stream/abc/close", {}),
            ("queue/join", {"data": [], "fn_index": 0, "session_hash": "a"}),
            ("run-history/connect", {"token": "a"}),
        ]
    )
    await attacker.ask(
        client, "POST", f"/gradio_api/{path}", key=key, content=hostile.body(body), headers=KIND, seconds=3
    )


async def test_files(house: House):
    """Uploads under wrong names, then files that are none of the caller's at every place that serves any."""
    hostile = house.hostile(4)

    async def once(attacker: Attacker, client: httpx.AsyncClient) -> None:
        random = hostile.random
        key = random.random() < 0.85
        if random.random() < 0.25:
            await uploaded(attacker, client, hostile, key)
            return
        place = random.choice(PLACES)
        parts = [
            quote(random.choice([hostile.path(), hostile.text()[:200]]).encode("utf-8", "replace"), safe=safe)
            for safe in random.choices(["/.%", "", "/.", "/.:"], k=place.count("{p}"))
        ]
        for part in parts:
            place = place.replace("{p}", part, 1)
        options = {"headers": {"range": random.choice(RANGES)}} if random.random() < 0.2 else {}
        method = random.choice(["GET"] * 8 + ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "FOO"])
        await attacker.ask(client, method, place, key=key, seconds=0.5, **options)

    verdict = await house.attacker().attack(FILES, once)
    blameless(verdict, FILES)
    assert {200, 403, 404} <= set(verdict.statuses)


RANGES = (
    "bytes=0-",
    "bytes=-1",
    "bytes=5-1",
    "bytes=a-b",
    "bytes=0-99999999999999999999",
    "lines=1",
    "bytes=0-0,1-1," * 300,
)


async def uploaded(attacker: Attacker, client: httpx.AsyncClient, hostile: Hostile, key: bool) -> None:
    name = hostile.random.choice([hostile.path(), hostile.text()[:300], "a.wav"])
    field = hostile.random.choice(["files", "files", "files", "file", hostile.text()[:50]])
    path = f"/gradio_api/upload?upload_id={quote(hostile.text()[:50].encode('utf-8', 'replace'))}"
    status, answer = await attacker.ask(client, "POST", path, key=key, files={field: (name, hostile.sound(), "a/b")})
    for place in json.loads(answer) if status == 200 else []:
        await attacker.ask(client, "GET", f"/gradio_api/file={quote(place)}", key=key)
        _, answer = await attacker.ask(
            client,
            "POST",
            "/gradio_api/call/segments",
            content=raw({"data": [{"path": place, "meta": META}]}),
            headers=KIND,
        )
        if event := event_of(answer):
            await attacker.ask(client, "GET", f"/gradio_api/call/segments/{event}", seconds=20)


async def test_tools(house: House):
    """MCP: messages that are none, and tools with wrong arguments."""
    hostile = house.hostile(5)
    names = [item["api_name"] for item in dependencies(house)]
    tools = [name for name in names if name and not name.startswith("ui_") and name not in SLOW]
    accepts = KIND | {"accept": "application/json, text/event-stream"}

    async def once(attacker: Attacker, client: httpx.AsyncClient) -> None:
        random = hostile.random
        arguments = {
            random.choice(["text", "file", "name", "voice"]): hostile.value() for _ in range(random.randrange(4))
        }
        method = random.choice(["tools/call"] * 5 + ["tools/list", "initialize", "resources/read", "prompts/get", "x"])
        name = random.choice([*tools, "ui_look", hostile.text()[:40]])
        params: Any = {"name": name, "arguments": arguments, "uri": hostile.path()}
        message: Any = {"jsonrpc": "2.0", "id": random.choice([1, "a", None, 1.5]), "method": method, "params": params}
        if random.random() < 0.3:
            message = hostile.mutated(message)
        path = random.choice(
            ["/gradio_api/mcp/", "/gradio_api/mcp", "/gradio_api/mcp/messages/", "/gradio_api/mcp/http/"]
        )
        content = raw(message) if random.random() < 0.9 else hostile.body(message)
        verb = random.choice(["POST"] * 9 + ["GET", "DELETE"])
        headers = accepts | ({"mcp-session-id": clean_header(hostile.text())} if random.random() < 0.1 else {})
        _, answer = await attacker.ask(
            client, verb, path, key=random.random() < 0.85, content=content, headers=headers, seconds=5
        )
        not_read(attacker, path, message, answer)

    blameless(await house.attacker().attack(TOOLS, once), TOOLS)


META = {"_type": "gradio.FileData"}
KIND = {"content-type": "application/json"}


def dependencies(house: House) -> list[dict[str, Any]]:
    """Every event of the page and every endpoint."""
    return httpx.get(f"{house.url}/config").json()["dependencies"]


def raw(body: Any) -> bytes:
    return json.dumps(body).encode()


def clean_header(text: str) -> str:
    return "".join(char for char in text if "!" <= char < "\x7f")[:200]


def event_of(answer: bytes) -> str:
    try:
        found = json.loads(answer)
    except ValueError:
        return ""
    return str(found.get("event_id", "")) if isinstance(found, dict) else ""


def not_read(attacker: Attacker, path: str, body: Any, stream: bytes) -> None:
    """No file that was named, and none was ever uploaded here, may have become a result of a call that takes one."""
    takes = not {"transcribe", "translate", "segments", "convert", "ui_transcribe"}.isdisjoint(path.split("/"))
    other = isinstance(body, dict) and "fn_index" in body  # which Gradio runs instead of the one in the path
    if takes and not other and b"event: complete" in stream:
        attacker.verdict.told.append(f"a foreign file was taken: {path} {body!r:.300}")
