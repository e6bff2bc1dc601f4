"""The same house in one process and in several behind nginx: whoever comes by the one port sees no difference."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client as GradioClient
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from app import SOCKETS
from audio.decode import decode
from core.discover import modules
from core.settings import BadSettings, Settings
from deploy import start
from deploy.start import Program, Programs
from storage import usage as usage_rows
from storage.db import Storage
from tests.peers import find, need

ROOT = Path(__file__).parent.parent
ADMIN = "an-admin-key-of-several-processes"
KEY = {"X-API-Key": ADMIN}
MEDIA = 2
OWN = {
    "HOST": "127.0.0.1", "VOICEFORGE_ACCESS": "key", "VOICEFORGE_ADMIN_KEY": ADMIN, "VOICEFORGE_SCRIPTED": "1",
    "STT_ENGINE": "scripted-stt", "TTS_ENGINE": "scripted-tts", "LLM_ENGINE": "scripted-llm",
}  # fmt: skip


@dataclass(frozen=True)
class House:
    port: int
    inner: tuple[int, ...]
    """Of the process for pages, then of those for conversations; they are the same in one process."""
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, port: int = 0, headers: dict[str, str] | None = None) -> httpx.Client:
        return httpx.Client(base_url=f"http://127.0.0.1:{port or self.port}", headers=headers or KEY, timeout=30)

    def holds(self, port: int) -> int:
        """Conversations held by a process."""
        with self.client(port) as client:
            lines = client.get("/metrics").raise_for_status().text.splitlines()
        return int(sum(float(line.split()[1]) for line in lines if line.startswith("voiceforge_conversations ")))

    @asynccontextmanager
    async def call(self, query: str = "", key: str = ADMIN, **asked: Any) -> AsyncIterator[Call]:
        headers = {"X-API-Key": key} if key else {}
        url = f"ws://127.0.0.1:{self.port}/ws{query}"
        async with connect(url, additional_headers=headers, compression=None, proxy=None, max_size=None) as socket:
            call = Call(socket)
            await call.send("start", **asked)
            call.ready = await call.next("ready")
            yield call


class Call:
    def __init__(self, socket: ClientConnection):
        self.socket = socket
        self.ready: dict[str, Any] = {}
        self.bytes = 0

    async def send(self, type: str, **values: Any) -> None:
        await self.socket.send(json.dumps({"type": type} | values))

    async def next(self, type: str) -> dict[str, Any]:
        while True:
            got = await asyncio.wait_for(self.socket.recv(), 30)
            if isinstance(got, bytes):
                self.bytes += len(got)
                continue
            message = json.loads(got)
            assert message["type"] != "error", message
            if message["type"] == type:
                return message

    async def until_sound(self) -> None:
        while not isinstance(await asyncio.wait_for(self.socket.recv(), 30), bytes):
            pass


def free_ports(count: int) -> int:
    """The first of so many in a row that nobody listens on."""
    for first in range(20_000 + os.getpid() % 10_000, 60_000, count):
        sockets = [socket.socket() for _ in range(count)]
        try:
            for number, one in enumerate(sockets):
                one.bind(("127.0.0.1", first + number))
            return first
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()
    raise AssertionError("no ports are free")


@contextmanager
def running(folder: Path, port: int, inner: tuple[int, ...], command: list[str], **more: str) -> Iterator[House]:
    """Answering in every process. What they print is in `log`."""
    log = folder / "log.txt"
    environment = os.environ | OWN | {"PORT": str(port), "VOICEFORGE_DATA_DIR": str(folder / "data")} | more
    with log.open("ab") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
        try:
            for one in {port, *inner}:
                answers(one, process, log)
            yield House(port, inner, process, log)
        finally:
            process.terminate()
            status = process.wait(40)
    assert status in (0, -signal.SIGTERM), log.read_text()


def answers(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(log.read_text())


@contextmanager
def together(folder: Path, **more: str) -> Iterator[House]:
    port = free_ports(1)
    with running(folder, port, (port, port), [sys.executable, "app.py"], **more) as house:
        yield house


@contextmanager
def apart(folder: Path, **more: str) -> Iterator[House]:
    need("nginx")
    port = free_ports(2 + MEDIA)
    command = [sys.executable, "-m", "deploy.start", "--media", str(MEDIA)]
    with running(folder, port, tuple(range(port + 1, port + 2 + MEDIA)), command, **more) as house:
        yield house


# everything, from the one port


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.parametrize("arrangement", [together, apart])
async def test_everything_is_behind_one_port(arrangement, tmp_path: Path):
    with arrangement(tmp_path) as house:
        await asyncio.to_thread(pages_and_http, house)
        with house.client() as client:
            body = {"name": "caller", "scopes": ["conversation"]}
            made = client.post("/v1/keys", json=body).raise_for_status().json()
            spoken = client.post("/v1/audio/speech", json={
                "model": "espeak-ng", "input": "Hello world. Hello world.", "response_format": "wav",
            }).raise_for_status().content  # fmt: skip
        await written(house, made["secret"])
        await voiced(house, spoken)
        await dropped(house, "?line=mine")
        with house.client() as client:
            client.delete(f"/v1/keys/{made['id']}").raise_for_status()
            kept = client.get("/v1/conversations").raise_for_status().json()
        assert kept["total"] == 2, "what the admin said is listed where pages are served"
        await refused(house, made["secret"])


def pages_and_http(house: House) -> None:
    with house.client() as client:
        assert "gradio" in client.get("/").text
        assert client.get("/v1/models").json()["object"] == "list"
        refused = client.post("/v1/audio/speech", json={"input": "x" * 200_000})
        assert (refused.status_code, refused.json()["error"]["param"]) == (413, "input"), "the app's own words"
    caller = GradioClient(house.url, headers=KEY, verbose=False)
    try:
        assert caller.endpoints
    finally:
        caller.close()


async def written(house: House, key: str) -> None:
    """In writing, with a key that another process has made."""
    async with house.call(key=key) as call:
        await call.send("message", content="Good morning.")
        assert (await call.next("item"))["item"]["text"] == "Good morning."
        done = await call.next("response_done")
        assert done["item"]["text"] == "You said: Good morning."
        assert call.bytes > 24_000, "half a second of sound"
        await call.send("end")
        await call.next("ended")


async def voiced(house: House, spoken: bytes) -> None:
    """By voice, at the pace of speech; the silence behind it ends the turn."""
    pcm = decode(spoken, 16000, max_seconds=60).pcm16()
    async with house.call() as call:
        answer = asyncio.create_task(call.next("response_done"))
        due = time.monotonic()
        for at in range(0, len(pcm) + 64_000, 640):
            await call.socket.send(pcm[at : at + 640] or bytes(640))
            due += 0.02
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        done = await answer
        assert done["status"] == "completed"
        assert done["turn"]["reason"] in ("silence", "semantic")
        assert call.bytes > 24_000
        await call.send("end")
        await call.next("ended")


async def dropped(house: House, query: str) -> None:
    """In the middle of an answer; the same line reaches the process that waits with the rest of it."""
    async with house.call(query, prompt=f"Say: {'This takes a while to say. ' * 4}") as call:
        await call.send("message", content="Go on.")
        await call.next("response_started")
        await call.until_sound()
        call.socket.transport.abort()
    back = {name: call.ready[name] for name in ("session", "token")} | {"received": 480}
    async with house.call(query, **back) as again:
        assert (again.ready["resumed"], again.ready["position"]) == (True, 480)
        assert (await again.next("response_done"))["status"] == "completed"
        await again.send("end")
        await again.next("ended")


async def refused(house: House, key: str) -> None:
    """A key that was deleted elsewhere is unknown here within ten seconds."""
    async with asyncio.timeout(15):
        while True:
            try:
                async with house.call(key=key):
                    await asyncio.sleep(0.5)
            except (ConnectionClosed, AssertionError):
                return


# apart


@pytest.mark.integration
@pytest.mark.slow
async def test_apart_lines_are_shared_out_and_come_back_and_no_log_shows_a_key(tmp_path: Path):
    with apart(tmp_path, LOG_LEVEL="DEBUG") as house:
        web, *media = house.inner
        held: dict[str, list[int]] = {}
        for name in (f"line-{number}" for number in range(8)):
            for _ in range(2):
                async with house.call(f"?line={name}&key={ADMIN}", key="") as call:
                    held.setdefault(name, []).append(next(port for port in media if house.holds(port)))
                    await call.send("end")
                    await call.next("ended")
        assert all(first == second for first, second in held.values()), "the same line reaches the same process"
        assert {ports[0] for ports in held.values()} == set(media), "lines are shared out"
        assert house.holds(web) == 0
        with house.client(web) as client:
            assert client.get("/ws").status_code == 404, "the process for pages holds no conversations"
        with house.client(media[0]) as client:
            assert client.get("/v1/models").status_code == 404, "a process for conversations serves nothing else"
        await known_to_all(house)
        await fallen(house, next(line for line, ports in held.items() if ports[0] == media[0]), media[0])
    log = house.log.read_text()
    assert ADMIN not in log
    assert "GET /ws 101" in log
    assert [line for line in log.splitlines() if " GET /ws " in line and "?" in line] == []


async def known_to_all(house: House) -> None:
    """The process for pages knows what those for conversations hold, and they know it of each other."""
    async with house.call("?line=held") as call:
        path, back = f"/v1/conversations/{call.ready['session']}", {"session", "token"}
        with house.client() as client:
            assert client.get(path).json()["live"]
            assert client.delete(path).status_code == 409
            assert client.post(f"{path}/messages", json={"content": "Hello"}).status_code == 409
        other = next(port for port in house.inner[1:] if not house.holds(port))
        url = f"ws://127.0.0.1:{other}/ws"
        async with connect(url, additional_headers=KEY, compression=None, proxy=None) as socket:
            await socket.send(json.dumps({"type": "start"} | {name: call.ready[name] for name in back}))
            error = json.loads(await asyncio.wait_for(socket.recv(), 30))
            assert (error["code"], "/ws?line=held" in error["message"]) == ("conflict", True)
        await call.send("end")
        await call.next("ended")
        with pytest.raises(ConnectionClosed):
            await call.next("ready")
        with house.client() as client:
            assert client.delete(path).status_code == 200


async def fallen(house: House, line: str, port: int) -> None:
    """A process is killed: its callers are taken by the others with what was said, and it comes back."""
    async with house.call(f"?line={line}") as call:
        await call.send("message", content="Remember me.")
        await call.next("response_done")
        await asyncio.sleep(1.0)  # the journal writes within 0.2 s
        os.kill(listener(port), signal.SIGKILL)
        with pytest.raises(ConnectionClosed):
            await call.next("ended")
    back = {name: call.ready[name] for name in ("session", "token")}
    async with house.call(f"?line={line}&key={ADMIN}", key="", **back) as again:
        assert again.ready["resumed"] is False
        assert [item["text"] for item in again.ready["history"]] == ["Remember me.", "You said: Remember me."]
    answers(port, house.process, house.log)


def listener(port: int) -> int:
    """The process that listens on a port."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inode = next(line[9] for line in lines if line[3] == "0A" and int(line[1].split(":")[1], 16) == port)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(os.readlink(file) == f"socket:[{inode}]" for file in (process / "fd").iterdir()):
                return int(process.name)
        except OSError:
            continue
    raise AssertionError(f"nobody listens on {port}")


@pytest.mark.integration
@pytest.mark.slow
async def test_a_port_that_is_taken_ends_all_of_it(tmp_path: Path):
    need("nginx")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        environment = os.environ | OWN | {"PORT": str(taken.getsockname()[1]), "VOICEFORGE_DATA_DIR": str(tmp_path)}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "deploy.start", cwd=ROOT, env=environment, stderr=asyncio.subprocess.PIPE
        )
        _, told = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 1
    assert b"Address already in use" in told


@pytest.mark.integration
def test_processes_that_start_together_share_one_database(tmp_path: Path):
    """All three bring an empty folder up to date at once, then write at once: nothing is lost and nobody is refused."""
    write = """
import sys
from pathlib import Path
from storage import usage
from storage.db import Storage

storage = Storage.open("", Path(sys.argv[1]))
for number in range(100):
    storage.write_sync(usage.add, usage.UsageRecord(float(number), sys.argv[2], "speech", characters=1))
storage.close()
"""
    names = ["first", "second", "third"]
    writers = [
        subprocess.Popen([sys.executable, "-c", write, tmp_path, name], cwd=ROOT, stderr=subprocess.PIPE)
        for name in names
    ]
    assert [writer.communicate(timeout=60)[1].decode() for writer in writers] == ["", "", ""]
    storage = Storage.open("", tmp_path)
    sums = storage.read_sync(usage_rows.sums, 0.0, 1000.0, "key", None)
    storage.close()
    assert sorted((one.group, one.requests, one.characters) for one in sums) == [(name, 100, 100) for name in names]


# the pieces


def test_who_may_come_in_is_decided_by_the_address_that_people_reach():
    asked = {"HOST": "0.0.0.0", "PORT": "80", "VOICEFORGE_MEMORY_MB": "3000"}
    apps = start.apps(Settings.from_environment(asked), 2)
    assert [(one.environment["ROLES"], one.environment["PORT"]) for one in apps] == [
        ("web", "81"), ("media", "82"), ("media", "83"),
    ]  # fmt: skip
    assert {one.environment["HOST"] for one in apps} == {"127.0.0.1"}
    assert {one.environment["VOICEFORGE_ACCESS"] for one in apps} == {"key"}
    assert {one.environment["VOICEFORGE_MEMORY_MB"] for one in apps} == {"1000"}, "what engines may take is shared out"


def test_scripted_engines_stay_off_a_public_address():
    with pytest.raises(BadSettings):
        Settings.from_environment({"HOST": "0.0.0.0", "VOICEFORGE_SCRIPTED": "1"})


@pytest.mark.parametrize(
    ("host", "trusted", "expected"),
    [
        ("0.0.0.0", (), ["listen 0.0.0.0:7860;", "server 127.0.0.1:7861;", "server 127.0.0.1:7863 max_fails"]),
        ("::", start.PRIVATE, ["listen [::]:7860;", "set_real_ip_from 10.0.0.0/8;"]),
    ],
)
def test_nginx_is_told(host: str, trusted: tuple[str, ...], expected: list[str]):
    text = start.nginx_conf(Settings.from_environment({"HOST": host}), 2, trusted)
    assert [part for part in expected if part not in text] == []
    assert "{{" not in text
    assert ("set_real_ip_from" in text) == bool(trusted)


def test_nginx_sends_all_sockets_to_where_they_are_served():
    media = [module for module in modules("api") if getattr(module, "ROLE", "web") == "media"]
    assert set(media) < set(SOCKETS)
    paths = {route.path for module in media for route in module.router.routes}
    conf = (ROOT / "deploy/nginx.conf").read_text()
    sent = re.findall(r"location (= )?(\S+) {\n +proxy_pass http://media;", conf)
    assert {path for path in paths if not any(_leads(*one, path) for one in sent)} == set()
    assert [where for exact, where in sent if not any(_leads(exact, where, path) for path in paths)] == []


def _leads(exact: str, where: str, path: str) -> bool:
    return path == where if exact else path.startswith(where)


def test_nginx_takes_its_configuration(tmp_path: Path):
    nginx = need("nginx")
    conf = tmp_path / "nginx.conf"
    conf.write_text(start.nginx_conf(Settings(), 3, start.PRIVATE))
    done = subprocess.run([nginx, "-t", "-p", tmp_path, "-e", "stderr", "-c", conf], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


async def test_what_falls_is_started_again_and_ends_with_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(start, "AGAIN_SECONDS", 0.0)
    script = (
        "import os, sys, time; open(sys.argv[1], 'a').write('x'); time.sleep(os.path.getsize(sys.argv[1]) // 3 * 99)"
    )
    programs = Programs()
    programs.keep(Program("falls", (sys.executable, "-c", script, str(tmp_path / "runs"))))
    async with asyncio.timeout(10):
        while not (tmp_path / "runs").exists() or (tmp_path / "runs").stat().st_size < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    programs.end()
    assert await programs.over == 0
    async with asyncio.timeout(5):
        await programs.close()
    assert (tmp_path / "runs").read_text() == "xxx"


async def test_settings_that_cannot_be_end_all_of_it():
    programs = Programs()
    programs.keep(Program("bad", (sys.executable, "-c", "raise SystemExit(2)")))
    programs.keep(Program("good", (sys.executable, "-c", "import time; time.sleep(100)")))
    async with asyncio.timeout(10):
        assert await programs.over == 2
        await programs.close()


def test_a_peer_that_is_not_here_is_not_found():
    assert find("a-program-that-nobody-has") == ""
