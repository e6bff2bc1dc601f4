"""How the house stands, over HTTP: to whom what is told, caches, downloads and benchmarks."""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from core.lag import LoopLag
from core.trials import Trials
from storage.blobs import Blobs
from tests.api.conftest import Server
from voice.cache import SpeechCache
from voice.catalogue import Download
from voice.downloads import Downloads

pytestmark = pytest.mark.integration

SLOW = "import time; time.sleep(600)"
QUICK = f"print({json.dumps(json.dumps({'figures': {'a': 1.0}, 'missed': []}))})"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("status")


@dataclass
class Program:
    """What a benchmark is in these tests."""

    code: str = QUICK
    asked: list[str] = field(default_factory=list)

    def command(self, name: str) -> list[str]:
        self.asked.append(name)
        return [sys.executable, "-c", self.code]


@pytest.fixture(scope="module")
def program(server: Server, folder: Path) -> Iterator[Program]:
    """The parts that a status tells of, on folders of their own and programs that end when they should."""
    program = Program()
    files = {"kokoro": [Download("kokoro/a.onnx", "https://hub.invalid/a", (), ("fp32",), 1000, True, "0" * 64)]}
    parts = {
        "lag": LoopLag(),
        "trials": Trials(folder / "trials", {}, offered=("pool", "stt"), command=program.command),
        "cache": SpeechCache(Blobs(folder / "speech", max_bytes=1_000_000)),
        "downloads": Downloads(files, folder / "models"),
    }
    before = {name: getattr(server.studio, name, None) for name in parts}
    for name, part in parts.items():
        object.__setattr__(server.studio, name, part)
    yield program
    for name, part in before.items():
        object.__setattr__(server.studio, name, part)
    asyncio.run(parts["downloads"].close())


@pytest.fixture
def plain(server: Server, client) -> Iterator:
    """Calls with a key that may speak and no more."""
    secret = client.post("/v1/keys", json={"name": "plain", "scopes": ["speech"]}).json()["secret"]
    with server.client(secret) as other:
        yield other


def speak(client, text: str = "Hello.") -> None:
    body = {"model": "espeak-ng", "input": text, "response_format": "pcm"}
    client.post("/v1/audio/speech", json=body).raise_for_status()


def engine(client, name: str) -> dict:
    return next(engine for engine in client.get("/v1/status").json()["engines"] if engine["name"] == name)


def test_an_engine_that_spoke_is_loaded_with_its_process(program, client):
    speak(client)
    found = engine(client, "espeak-ng")
    assert (found["loaded"], found["usable"], found["circuit"], found["crashes"]) == (1, True, "closed", 0)
    assert found["memory_mb"] > 5
    assert len(found["pids"]) == 1


def test_every_engine_that_is_published_is_told_of_once(program, client, server: Server):
    names = [engine["name"] for engine in client.get("/v1/status").json()["engines"]]
    assert len(set(names)) == len(names)
    assert set(server.studio.voices.catalogue.cards) <= set(names)
    absent = engine(client, "chatterbox")
    assert (absent["installed"], absent["loaded"]) == (False, 0)
    assert absent["commands"][0].startswith("pip install ")


def test_an_administrator_sees_the_machine(program, client, server: Server):
    status = client.get("/v1/status").json()
    assert status["administrator"] is True
    assert status["machine"]["cores"] >= 1
    assert status["machine"]["memory_mb"] > 100
    assert status["process"]["memory_mb"] > 10
    assert status["storage"]["database_mb"] > 0
    assert status["uptime_seconds"] == pytest.approx(time.time() - server.studio.started_at, abs=5)
    assert set(status["loop"]) == {"p50", "p99", "most", "samples"}
    assert str(server.studio.settings.data_dir) not in json.dumps(status)


def test_another_key_sees_engines_only(program, plain, client):
    status = plain.get("/v1/status").json()
    assert status["administrator"] is False
    assert {"machine", "process", "storage", "cache", "downloads", "benchmarks"} & set(status) == set()
    assert all("pids" not in engine and "last_error" not in engine for engine in status["engines"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/status/log/espeak-ng"), ("DELETE", "/v1/status/cache"), ("GET", "/v1/downloads"),
        ("GET", "/v1/downloads/kokoro"), ("POST", "/v1/downloads/kokoro"), ("POST", "/v1/downloads/kokoro/cancel"),
        ("DELETE", "/v1/downloads/kokoro"), ("GET", "/v1/benchmarks"), ("POST", "/v1/benchmarks/pool"),
        ("DELETE", "/v1/benchmarks"),
    ],
)  # fmt: skip
def test_the_rest_is_for_administrators(program, plain, server: Server, method, path):
    asked = len(program.asked)
    assert plain.request(method, path).status_code == 403
    with server.client(None) as visitor:
        assert visitor.request(method, path).status_code == 401
        assert visitor.get("/v1/status").status_code == 401
    assert len(program.asked) == asked


def test_the_log_of_an_engine_hides_secrets(program, client, server: Server):
    speak(client)
    worker = next(lane for name, lane in server.studio.pool._fleet.lanes.items() if name == "espeak-ng").workers[0]
    worker.tail.append("<b>bold</b> and Authorization: Bearer sk-abcdefghijklmnop")
    lines = client.get("/v1/status/log/espeak-ng").json()
    assert lines["engine"] == "espeak-ng"
    assert lines["data"][-1].startswith("<b>bold</b>")
    assert "abcdefghijklmnop" not in str(lines)
    assert client.get("/v1/status/log/nobody").status_code == 404


def test_ready_shows_the_log_to_administrators_only(program, plain, client, server: Server):
    speak(client)
    worker = next(lane for name, lane in server.studio.pool._fleet.lanes.items() if name == "espeak-ng").workers[0]
    worker.tail.append("a line of a worker")
    assert "a line of a worker" in client.get("/ready").text
    assert "a line of a worker" not in plain.get("/ready").text


def test_the_cache_is_cleared(program, client, server: Server):
    server.studio.cache._blobs.put("0" * 64, b"x" * 5000)
    assert client.get("/v1/status").json()["cache"]["disk"]["count"] == 1
    assert client.delete("/v1/status/cache").json()["freed_bytes"] > 5000
    assert client.get("/v1/status").json()["cache"]["disk"]["bytes"] == 0


def test_a_download_tells_what_it_would_take(program, client):
    (state,) = client.get("/v1/downloads").json()["data"]
    assert (state["engine"], state["model"], state["status"], state["total"]) == ("kokoro", "fp32", "absent", 1000)
    one = client.get("/v1/downloads/kokoro", params={"model": "fp32"}).json()
    assert one["need"]["bytes"] == 1000
    assert one["need"]["fits"] is True
    assert client.get("/v1/downloads/nobody").status_code == 404
    assert client.get("/v1/downloads/kokoro", params={"model": "../x"}).status_code == 404


def test_a_download_is_cancelled_and_deleted(program, client, folder: Path):
    asked = {"model": "fp32"}
    assert client.post("/v1/downloads/kokoro", params=asked).status_code == 202
    assert client.post("/v1/downloads/kokoro/cancel", params=asked).json()["busy"] is False
    assert client.delete("/v1/downloads/kokoro", params=asked).json()["freed_bytes"] == 0
    assert client.get("/v1/status").json()["downloads"][0]["status"] == "absent"


def test_a_benchmark_runs_alone_is_cancelled_and_leaves_figures(program, client):
    program.code = SLOW
    assert client.get("/v1/benchmarks").json()["names"] == ["pool", "stt"]
    assert client.post("/v1/benchmarks/pool").status_code == 202
    assert client.post("/v1/benchmarks/stt").status_code == 409
    assert client.delete("/v1/benchmarks").json()["data"][0]["state"] == "cancelled"
    program.code = QUICK
    client.post("/v1/benchmarks/pool").raise_for_status()
    until = time.monotonic() + 30
    while (latest := client.get("/v1/benchmarks").json()["data"][0])["state"] == "running":
        assert time.monotonic() < until
    assert (latest["state"], latest["result"]["figures"]) == ("done", {"a": 1.0})
    assert client.get("/v1/status").json()["benchmarks"]["data"] == [latest]


@pytest.mark.parametrize("name", ["nobody", "..%2Fapp", "http", "%00", "x" * 41])
def test_nothing_else_is_run(program, client, name):
    asked = len(program.asked)
    assert client.post(f"/v1/benchmarks/{name}").status_code in (400, 404, 405)
    assert len(program.asked) == asked
