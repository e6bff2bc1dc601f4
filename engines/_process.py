"""One worker process as the pool sees it: started, asked, ended. Knows the wire and the operating system; which worker
is asked, and when, is the pool's business."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import core.errors as errors
from engines import _worker
from engines._packing import pack, unpack
from engines._wire import Connection
from engines.base import EngineConfig

logger = logging.getLogger(__name__)

ROOT = Path(__file__).parent.parent
TAIL_LINES = 200
SHOWN_LINES = 10
END_SECONDS = 5.0

KINDS = {
    "request": errors.BadRequest,
    "memory": errors.OutOfMemory,
    "not_downloaded": errors.NotDownloaded,
    "not_installed": errors.NotInstalled,
    "frame": errors.EngineError,
    "engine": errors.EngineError,
}


@dataclass(frozen=True)
class Launch:
    """All it takes to start a worker."""

    engine: str
    """The name that the pool is asked for, with the model."""
    name: str
    """`spec.name`."""
    file: Path
    python: str
    config: EngineConfig
    environ: Mapping[str, str]
    load_timeout: float
    """Seconds."""


class Worker:
    """A process that has loaded one engine. Its owner counts `running` and calls `end` once it is done with it."""

    def __init__(self, launch: Launch, socket_path: Path):
        self.launch = launch
        self.running = 0
        self.memory_mb = 0.0
        self.misses = 0
        """Pings in a row that were not answered."""
        self.retired = False
        """Takes no more requests and is ended when the last one is over."""
        self.last_used = 0.0
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._path = str(socket_path)
        self._process: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    async def start(self) -> None:
        """Spawn and load. Raises what the engine's loading raises, and leaves no process behind when it fails."""
        try:
            async with asyncio.timeout(self.launch.load_timeout):
                await self._spawn()
                await self.ping()
        except BaseException as error:
            await asyncio.shield(self.end())
            if isinstance(error, TimeoutError):
                raise errors.EngineTimeout(f"The engine {self.launch.engine} took too long to load.") from error
            if isinstance(error, OSError):
                raise errors.WorkerDied(f"The engine {self.launch.engine} stopped while it was loading.") from error
            raise

    async def _spawn(self) -> None:
        """The listening socket is made here and inherited, so that connecting never has to wait for the worker, and a
        worker that dies takes every connection with it."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(self._path)
            listener.listen(512)
            try:
                self._process = await asyncio.create_subprocess_exec(
                    self.launch.python, "-I", "-u", str(ROOT / "engines" / "_worker.py"), self._told(listener.fileno()),
                    stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
                    env=dict(self.launch.environ), start_new_session=True, pass_fds=[listener.fileno()],
                )  # fmt: skip
            except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
                raise errors.NotInstalled(f"The Python that runs {self.launch.engine} is not installed.") from error
        self._listening = asyncio.create_task(self._listen())

    def _told(self, listener: int) -> str:
        launch = self.launch
        return json.dumps(
            {"root": str(ROOT), "file": str(launch.file), "engine": launch.name, "listener": listener,
             "config": asdict(launch.config)}
        )  # fmt: skip

    async def _listen(self) -> None:
        """Keep what the worker and its libraries print."""
        assert self._process
        assert self._process.stderr
        rest = ""
        while data := await self._process.stderr.read(1 << 16):
            *lines, rest = (rest + data.decode(errors="replace")).split("\n")
            rest = rest[-1000:]
            for line in lines:
                self.tail.append(line[:1000])
                logger.debug("%s: %s", self.launch.engine, line[:1000])
        if rest:
            self.tail.append(rest)

    async def ping(self) -> None:
        """Ask whether it is there, and how much memory it takes. Raises OSError where it is not."""
        connection = await Connection.open(self._path, {"op": "hello"})
        try:
            header, _ = await connection.receive()
        finally:
            connection.close()
        if header.get("type") == "error":
            raise error_of(header)
        if header.get("version") != _worker.VERSION:
            raise errors.EngineError(f"The worker of {self.launch.engine} speaks another version of the wire.")
        self.memory_mb = float(header["memory_mb"])

    async def ask(self, request: Any, *, first_timeout: float, chunk_timeout: float) -> Call:
        """Begin a request. Raises WorkerDied where nobody answers the socket."""
        header, body = pack(request)
        try:
            connection = await Connection.open(self._path, {"op": "run", "request": header}, body)
        except OSError as error:
            raise died(self.launch.engine) from error
        return Call(self.launch.engine, connection, first_timeout, chunk_timeout)

    async def end(self) -> str:
        """Kill it with everything it has started, reap it, and answer in words how it ended. May be called twice.

        The signal goes to the process group: Popen's own kill would poll, and take the exit status from asyncio.
        """
        process = self._process
        if process is None:
            return "never started"
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), END_SECONDS)
        if self._listening:
            await asyncio.wait([self._listening], timeout=1.0)
            self._listening.cancel()
        process._transport.close()  # type: ignore[attr-defined]  # closes the pipes; asyncio offers no other way
        return _ending(process.returncode)


class Call:
    """The answers to one request, in order: an async iterator that raises what the engine raised.

    `over` says that the worker is done with it; until then somebody has to read on or to `cancel`.
    """

    def __init__(self, engine: str, connection: Connection, first_timeout: float, chunk_timeout: float):
        self.over = False
        self._engine = engine
        self._connection = connection
        self._patience = first_timeout
        self._chunk_timeout = chunk_timeout

    def __aiter__(self) -> Call:
        return self

    async def __anext__(self) -> Any:
        """Raises EngineTimeout or WorkerDied, after which the worker is of no more use, or the engine's own error."""
        try:
            header, body = await self._connection.receive(self._patience)
        except TimeoutError as error:
            self._finish()
            raise errors.EngineTimeout(f"The engine {self._engine} did not go on in time.") from error
        except OSError as error:
            self._finish()
            raise died(self._engine) from error
        self._patience = self._chunk_timeout
        kind = header.get("type")
        if kind == "end":
            self._finish()
            raise StopAsyncIteration
        if kind == "error":
            self._finish()
            raise error_of(header)
        try:
            return unpack(header, body)
        except (KeyError, TypeError, ValueError) as error:
            raise errors.EngineError(f"The engine {self._engine} sent something that is not understood.") from error

    def _finish(self) -> None:
        self.over = True
        self._connection.close()

    async def cancel(self, patience: float) -> bool:
        """Ask the engine to stop and wait until it has, at most so many seconds; whether it did."""
        try:
            async with asyncio.timeout(patience):
                await self._connection.hang_up()
            return True
        except TimeoutError:
            return False
        finally:
            self._finish()


def died(engine: str) -> errors.WorkerDied:
    return errors.WorkerDied(f"The engine {engine} stopped in the middle of its work.")


def error_of(header: dict[str, Any]) -> errors.VoiceForgeError:
    return KINDS.get(header.get("kind", ""), errors.EngineError)(str(header.get("message", "The engine failed.")))


def _ending(code: int | None) -> str:
    if code is None:
        return "did not end"
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
