"""The real app in a process of its own, on a free port and a data folder that is thrown away."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
START_SECONDS = 60.0


@contextmanager
def running(**environment: str) -> Iterator[str]:
    """The address of an app that answers. Ended when the block is left."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        own = {"HOST": "127.0.0.1", "PORT": str(port), "VOICEFORGE_DATA_DIR": folder, "LOG_LEVEL": "WARNING"}
        process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env={**os.environ, **own, **environment})
        try:
            _wait(f"http://127.0.0.1:{port}", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the app ended with {process.returncode} before it answered")
        try:
            if httpx.get(address, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError(f"the app did not answer within {START_SECONDS:.0f} s")
