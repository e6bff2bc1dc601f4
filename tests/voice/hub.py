"""A model hub on this machine: repositories, redirects to where large files lie, ranges, and every way to fail."""

from __future__ import annotations

import hashlib
import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from voice._hub import PUBLIC
from voice.catalogue.cards import Download


@dataclass(frozen=True)
class Fault:
    """What happens once instead of the right answer."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    """Bytes of the body, then the connection ends."""
    flip: bool = False
    """One bit of the body is wrong."""
    drip: bool = False
    """A byte now and then, for ever."""
    silent: bool = False
    """No answer at all."""
    hold: int | None = None
    """Bytes of the body, then nothing until the hub is told to `go`."""
    whole: bool = False
    """The range is not looked at."""


@dataclass
class Asked:
    path: str
    headers: dict[str, str]


class FakeHub:
    """`files` by path. Those of more than `large` bytes lie at another port and are redirected to, as the hub's are."""

    def __init__(self, large: int = 1000):
        self.files: dict[str, bytes] = {}
        self.large = large
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        """By the beginning of a path, in the order in which they come to pass."""
        self.asked: list[Asked] = []
        self.served: list[Asked] = []
        """What was asked of the other port."""
        self.go, self.ended = threading.Event(), threading.Event()
        self.holding = threading.Event()
        self._servers = [self._server(self._hub), self._server(self._store)]
        self.url, self.store = (f"http://127.0.0.1:{server.server_address[1]}" for server in self._servers)

    def put(self, path: str, content: bytes, **about: Any) -> Download:
        """A file at the hub, and the catalogue's row of it."""
        url = f"{PUBLIC}/owner/repo/resolve/main/{path}"
        self.files[f"/owner/repo/resolve/main/{path}"] = content
        row = {
            "path": path, "url": url, "mirrors": (), "models": ("small",), "bytes": len(content), "exact": True,
            "sha256": hashlib.sha256(content).hexdigest(),
        }  # fmt: skip
        return Download(**(row | about))

    def close(self) -> None:
        self.ended.set()
        self.go.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def _server(self, answer: Any) -> ThreadingHTTPServer:
        class Requests(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer(self)

            def do_HEAD(self) -> None:
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads, block_on_close = True, False

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that leaves is what many tests are about."""

        server = Server(("127.0.0.1", 0), Requests)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return server

    def _hub(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append(Asked(request.path, {name.lower(): value for name, value in request.headers.items()}))
        content = self.files.get(request.path)
        if content is None:
            self._bare(request, 404)
        elif len(content) <= self.large:
            git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            self._content(request, content, {"etag": f'"{git}"', "x-repo-commit": "c0ffee"})
        else:
            sha256 = hashlib.sha256(content).hexdigest()
            linked = {"x-linked-etag": f'"{sha256}"', "x-linked-size": str(len(content)), "x-repo-commit": "c0ffee"}
            self._bare(request, 302, linked | {"location": f"{self.store}{request.path}?signed=1"})

    def _store(self, request: BaseHTTPRequestHandler) -> None:
        self.served.append(Asked(request.path, {name.lower(): value for name, value in request.headers.items()}))
        content = self.files[request.path.partition("?")[0]]
        self._content(request, content, {"etag": f'"{hashlib.md5(content).hexdigest()}"'})

    def _bare(self, request: BaseHTTPRequestHandler, status: int, headers: dict[str, str] | None = None) -> None:
        request.send_response(status)
        for name, value in ({"content-length": "0"} | (headers or {})).items():
            request.send_header(name, value)
        request.end_headers()

    def _content(self, request: BaseHTTPRequestHandler, content: bytes, headers: dict[str, str]) -> None:
        faults = next((faults for path, faults in self.faults.items() if faults and path in request.path), [])
        fault = faults.pop(0) if faults else Fault()
        if fault.silent:
            self.ended.wait()
        if fault.status:
            return self._bare(request, fault.status, fault.headers)
        first = 0
        if (found := re.match(r"bytes=(\d+)-", request.headers.get("range", ""))) and not fault.whole:
            first = int(found[1])
            if first >= len(content):
                return self._bare(request, 416, {"content-range": f"bytes */{len(content)}"})
            headers = headers | {"content-range": f"bytes {first}-{len(content) - 1}/{len(content)}"}
        body = bytearray(content[first:])
        request.send_response(206 if "content-range" in headers else 200)
        for name, value in (headers | {"content-length": str(len(body))} | fault.headers).items():
            request.send_header(name, value)
        request.end_headers()
        self._body(request, body, fault)

    def _body(self, request: BaseHTTPRequestHandler, body: bytearray, fault: Fault) -> None:
        if fault.flip:
            body[len(body) // 2] ^= 1
        if fault.drip:
            while not self.ended.wait(0.01):
                request.wfile.write(b"x")
        elif fault.hold is not None:
            request.wfile.write(body[: fault.hold])
            request.wfile.flush()
            self.holding.set()
            self.go.wait()
            request.wfile.write(body[fault.hold :])
        else:
            request.wfile.write(body if fault.cut is None else body[: fault.cut])


@contextmanager
def fake_hub() -> Iterator[FakeHub]:
    hub = FakeHub()
    try:
        yield hub
    finally:
        hub.close()
