"""Sockets in a process of their own, without pages; behind nginx together with the one that has them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.browser.app import free_port
from tests.peers import need

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROOT = Path(__file__).parent.parent


@contextmanager
def role(name: str, folder: Path) -> Iterator[int]:
    """A process that plays it, by its port."""
    port = free_port()
    own = {"PORT": str(port), "VOICEFORGE_DATA_DIR": str(folder), "ROLES": name, "VOICEFORGE_SCRIPTED": "1"}
    process = subprocess.Popen(
        [sys.executable, "app.py"], cwd=ROOT, env=os.environ | own | {"HOST": "127.0.0.1", "LOG_LEVEL": "ERROR"}
    )
    try:
        answers(f"http://127.0.0.1:{port}", process)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) in (0, -signal.SIGTERM)


def answers(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until:
        assert process.poll() is None, "it does not open"
        try:
            if httpx.get(f"{url}/health").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("it never answered")


def talk(port: int) -> tuple[str, bytes]:
    """The answer to a message, and its sound."""
    with connect(f"ws://127.0.0.1:{port}/ws", proxy=None) as socket:
        asked = {"type": "start", "model": "scripted-llm", "hears": "scripted-stt", "speaks": "scripted-tts"}
        socket.send(json.dumps(asked))
        socket.send(json.dumps({"type": "message", "content": "Good morning"}))
        sound = b""
        while True:
            got = socket.recv(timeout=30)
            if isinstance(got, bytes):
                sound += got
                continue
            message = json.loads(got)
            assert message["type"] != "error", message
            if message["type"] == "response_done":
                return message["item"]["text"], sound


def test_the_media_role_alone_holds_conversations_and_has_no_pages(tmp_path: Path):
    with role("media", tmp_path) as port:
        text, sound = talk(port)
        assert text == "You said: Good morning"
        assert len(sound) > 9600
        assert httpx.get(f"http://127.0.0.1:{port}/v1/models").status_code == 404
        assert httpx.get(f"http://127.0.0.1:{port}/").status_code == 404


def test_two_roles_share_one_port_behind_nginx(tmp_path: Path):
    nginx, port = need("nginx"), free_port()
    with role("web", tmp_path) as web, role("media", tmp_path) as media:
        with pytest.raises(InvalidStatus):
            talk(web)
        own = (ROOT / "docs/nginx.conf").read_text()
        for there, here in (("7860", port), ("7861", web), ("7862", media)):
            own = own.replace(there, str(here))
        (tmp_path / "nginx.conf").write_text(
            f"daemon off; pid {tmp_path}/nginx.pid; error_log stderr;\nevents {{}}\nhttp {{ access_log off;\n"
            + "".join(f"{kind}_temp_path {tmp_path}/{kind};\n" for kind in BODIES)
            + own
            + "}\n"
        )
        process = subprocess.Popen([nginx, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")])
        try:
            answers(f"http://127.0.0.1:{port}", process)
            assert talk(port)[0] == "You said: Good morning"
            kept = httpx.get(f"http://127.0.0.1:{port}/v1/conversations").json()["data"]
            assert [one["title"] for one in kept] == ["Good morning"]
            assert "VoiceForge" in httpx.get(f"http://127.0.0.1:{port}/", timeout=30).text
        finally:
            process.terminate()
            process.wait(10)


BODIES = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
