"""The far side of the wire, as a stranger at its socket meets it."""

import ast
import asyncio
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import aclosing, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from audio.value import Audio
from engines import _worker
from engines._packing import pack
from engines.base import SynthesisRequest, TranscriptionRequest
from tests.engines import _faulty
from tests.engines._running import running

ROOT = Path(__file__).parent.parent.parent


class Peer:
    """A worker, and the frames that one exchanges with it."""

    def __init__(self, path: Path, engine: str = "speaker", python: str = sys.executable):
        self.path = str(path / "w.sock")
        told = {"root": str(ROOT), "file": _faulty.__file__, "engine": engine, "config": {"threads": 1}}
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.path)
            listener.listen()
            told["listener"] = listener.fileno()
            self.process = subprocess.Popen(
                [python, "-I", "-u", str(ROOT / "engines/_worker.py"), json.dumps(told)], pass_fds=[listener.fileno()],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_):
        assert self.process.stdin
        self.process.stdin.close()
        assert self.process.wait(10) == -9, "the worker did not follow its parent"

    def send(self, data: bytes) -> list[dict]:
        """The headers of all that is answered to these bytes."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(10)
            sock.connect(self.path)
            sock.sendall(data)
            if not data:
                sock.shutdown(socket.SHUT_WR)
            with sock.makefile("rb") as file:
                return list(headers(file))


def headers(file: BinaryIO) -> Iterator[dict]:
    """Until the connection ends, by a reset where the worker has left some of the nonsense unread."""
    with suppress(ConnectionResetError):
        while prefix := file.read(8):
            header, body = _worker.PREFIX.unpack(prefix)
            yield json.loads(file.read(header))
            assert len(file.read(body)) == body


def frame(header: object, body: bytes = b"") -> bytes:
    encoded = json.dumps(header).encode() if not isinstance(header, bytes) else header
    return _worker.PREFIX.pack(len(encoded), len(body)) + encoded + body


def request(text: str = "", **more) -> bytes:
    header, _ = pack(SynthesisRequest(text, ""))
    return frame({"version": _worker.VERSION, "op": "run", "request": header, **more})


@pytest.mark.integration
def test_a_worker_survives_every_kind_of_nonsense(tmp_path):
    nonsense = {
        "not json": frame(b"nonsense"),
        "not an object": frame([1]),
        "not utf-8": frame(b"\xff\xfe"),
        "no version": frame({"op": "run"}),
        "old version": request(version=_worker.VERSION + 1),
        "no request": frame({"version": _worker.VERSION, "op": "run"}),
        "no such type": request(request={"type": "Nothing"}),
        "no such field": request(request={"type": "SynthesisRequest", "name": "x"}),
        "not a dictionary": request(request=[1]),
        "odd body": frame({"version": _worker.VERSION, "op": "run", "request": {"type": "Chunk", "rate": 1}}, b"xyz"),
        "huge header": _worker.PREFIX.pack(0xFFFFFFFF, 0) + b"{}",
        "huge body": _worker.PREFIX.pack(2, 0xFFFFFFFF) + b"{}",
        "http": b"GET / HTTP/1.1\r\n\r\n",
    }
    with Peer(tmp_path) as peer:
        for name, data in nonsense.items():
            (answer,) = peer.send(data)
            assert (answer["type"], answer["kind"]) == ("error", "frame"), name
            assert answer["message"].endswith("."), name
        assert peer.send(b"") == []
        assert [header["type"] for header in peer.send(request("chunks=2"))] == ["Chunk", "Chunk", "end"]


@pytest.mark.integration
def test_a_worker_answers_pings_while_it_is_busy(tmp_path):
    hello = frame({"version": _worker.VERSION, "op": "hello"})
    with Peer(tmp_path) as peer, socket.socket(socket.AF_UNIX) as busy:
        busy.connect(peer.path)
        busy.sendall(request("chunks=2 wait=1000 at=1"))
        idle = [peer.send(hello) for _ in range(30)]
        assert {answer["type"] for (answer,) in idle} == {"hello"}
        assert idle[0][0]["memory_mb"] > 5
        busy.shutdown(socket.SHUT_WR)
        with busy.makefile("rb") as rest:
            assert [header["type"] for header in headers(rest)] == ["end"]


@pytest.mark.integration
def test_more_requests_than_places_wait_in_the_worker(tmp_path):
    with Peer(tmp_path) as peer:
        answers: list[list[dict]] = []
        threads = [
            threading.Thread(target=lambda: answers.append(peer.send(request("chunks=3 wait=0.001")))) for _ in range(9)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [len(answer) for answer in answers] == [4] * 9


def test_stop_is_the_closing_of_the_connection():
    near, far = socket.socketpair()
    with far:
        stop = _worker.Stop(far)
        assert not stop.is_set()
        begun = time.monotonic()
        assert not stop.wait(0.01)
        assert time.monotonic() - begun >= 0.009
        threading.Timer(0.01, near.close).start()
        assert stop.wait(10)
        assert stop.is_set()
    assert _worker.Stop(far).is_set()


def test_stop_is_also_the_closing_of_the_writing_half():
    near, far = socket.socketpair()
    with near, far:
        stop = _worker.Stop(far)
        near.shutdown(socket.SHUT_WR)
        assert stop.wait()


@pytest.mark.parametrize(
    ("error", "loading", "kind"),
    [
        (ValueError("no"), False, "request"),
        (ValueError("no"), True, "engine"),
        (MemoryError(), False, "memory"),
        (RuntimeError("HIP Out Of Memory"), True, "memory"),
        (FileNotFoundError(2, "no", "/x"), True, "not_downloaded"),
        (FileNotFoundError(2, "no", "/x"), False, "engine"),
        (ModuleNotFoundError("No module named 'torch'"), True, "not_installed"),
        (OSError("libx.so: cannot open shared object file"), True, "not_installed"),
        (KeyError("x"), True, "engine"),
    ],
)
def test_exceptions_have_kinds(error, loading, kind):
    assert _worker.kind_of(error, loading)[0] == kind


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (ImportError("Install it with: pip install -r engines/envs/speech.txt"), True),
        (OSError("/opt/lib/libx.so: cannot open shared object file"), False),
        (OSError(2, "No such file or directory"), False),
        (OSError("cannot open '/root/x'"), False),
        (ImportError("one\ntwo"), False),
        (ImportError(), False),
    ],
)
def test_only_sentences_without_paths_are_shown(error, shown):
    assert (_worker.sentence(error, "otherwise") != "otherwise") == shown


@pytest.mark.parametrize(
    "name", ["engines/_worker.py", "engines/base.py", "engines/schema.py", "engines/_packing.py", "audio/value.py"]
)
def test_what_workers_load_is_python_3_10(name):
    ast.parse((ROOT / name).read_text(), feature_version=(3, 10))


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.parametrize(("version", "numpy"), [("3.10", "1.24.4"), ("3.12", "1.26.4")])
async def test_a_worker_of_another_python_and_numpy_understands_the_same(tmp_path, version, numpy):
    other = await asyncio.to_thread(environment, tmp_path / "v", version, numpy)
    samples = np.linspace(-1, 1, 16000, dtype=np.float32)
    async with running(tmp_path, python={"app": str(other)}) as pool:
        told = TranscriptionRequest(Audio(samples, 16000), prompt="ünïcode")
        async with aclosing(pool.stream("echo", told)) as answers:
            first, second, *_ = [answer async for answer in answers]
    assert first.text == "ünïcode"
    assert first.words[0].end == pytest.approx(float(samples.sum()), abs=0.01)
    assert second.text == f"python{version} numpy{numpy}"


def environment(folder: Path, version: str, numpy: str) -> Path:
    """The python of a new environment of that version with that numpy. Skips where it cannot be made."""
    pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    candidates = [*map(str, pyenv), shutil.which(f"python{version}")]
    if not any(python and _succeeds(python, "-m", "venv", folder) for python in candidates):
        pytest.skip(f"python{version} is not here: pyenv install {version}")
    if not _succeeds(folder / "bin/python", "-m", "pip", "install", "-q", f"numpy=={numpy}"):
        pytest.skip(f"numpy {numpy} cannot be installed for python{version}: no package index answers")
    return folder / "bin/python"


def _succeeds(*command: str | Path) -> bool:
    return subprocess.run(command, capture_output=True).returncode == 0
