"""The far side of the worker wire: one process that serves one engine. Knows audio/value, engines/base, schema and
_packing and the engine's own file, each loaded by path, so that any Python from 3.10 on can run it:
`python -I -u engines/_worker.py CONFIG`.

CONFIG is a JSON object: root, file, engine, listener (an inherited file descriptor), and config, the fields of an
EngineConfig. The wire is a unix socket with one connection per request. A frame is two little-endian u32, the lengths
of header and body, then a JSON header, then float32 little-endian samples. The near side sends one frame
{"version", "op": "run" | "hello", "request"}; answered are frames written by `_packing.pack`, then {"type": "end"} or
{"type": "error", "kind", "message"}. Closing the connection, or its writing half, cancels. A connection that ends
without an end or an error frame tells of a crash.
"""

import contextlib
import importlib.util
import json
import os
import re
import select
import signal
import socket
import struct
import sys
import threading
import traceback
import types

VERSION = 1
PREFIX = struct.Struct("<II")
ANSWERS = {"tts": "synthesize", "stt": "transcribe", "llm": "complete"}
"""What each kind of engine is asked by."""
MAX_HEADER = 4 << 20
MAX_BODY = 512 << 20
"""Bytes; more than two hours of samples at 16 kHz."""
PATIENCE_SECONDS = 10.0
"""How long a request may take to arrive once its connection is open."""


class BadFrame(Exception):
    """The bytes are not a request."""


class Gone(Exception):
    """The near side has closed the connection."""


class Stop:
    """A flag that is raised by the near side closing the connection, so that nothing has to watch it meanwhile."""

    def __init__(self, connection):
        self._connection = connection
        self._raised = False

    def is_set(self):
        return self._raised or (self._readable(0) and self._ended())

    def wait(self, timeout=None):
        """Sleep for so many seconds, or until it is raised; whether it is."""
        if not self._raised:
            self._readable(None if timeout is None else timeout * 1000)
        return self.is_set()

    def _readable(self, milliseconds):
        """A poll object of its own for each call, because one must not be used by two threads at once."""
        poll = select.poll()
        try:
            poll.register(self._connection, select.POLLIN)
            return bool(poll.poll(milliseconds))
        except (OSError, ValueError):
            return True

    def _ended(self):
        try:
            self._raised = not self._connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            self._raised = True
        return self._raised


class Server:
    """Answers connections with one engine, on threads that wait in `accept`; there is always one more than is busy."""

    def __init__(self, listener, engine, packing):
        self._listener = listener
        self._packing = packing
        self._answer = getattr(engine, ANSWERS[engine.spec.kind])
        self._slots = threading.Semaphore(engine.spec.concurrency)
        self._lock = threading.Lock()
        self._waiting = 0
        self._enough = engine.spec.concurrency + 2

    def start(self):
        for _ in range(min(self._enough, 8)):
            self._hire()

    def _hire(self):
        with self._lock:
            self._waiting += 1
        threading.Thread(target=self._attend, daemon=True).start()

    def _attend(self):
        while True:
            connection, _ = self._listener.accept()
            with self._lock:
                self._waiting -= 1
                last = self._waiting == 0
            if last:
                self._hire()
            with connection:
                self._serve(connection)
            with self._lock:
                if self._waiting >= self._enough:
                    return
                self._waiting += 1

    def _serve(self, connection):
        """The outer edge of a request: whatever happens inside, the next one is served."""
        try:
            connection.settimeout(PATIENCE_SECONDS)
            header, body = receive(connection)
            connection.settimeout(None)
            if header.get("op") == "hello":
                send(connection, hello())
            else:
                self._run(connection, header, body)
        except Gone:
            return
        except BadFrame as error:
            fail(connection, "frame", str(error))
        except BaseException as error:
            traceback.print_exc()
            fail(connection, *kind_of(error))

    def _run(self, connection, header, body):
        try:
            request = self._packing.unpack(header["request"], body)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadFrame("The frame holds no request.") from error
        stop = Stop(connection)
        with self._slots:
            answers = iter(self._answer(request, stop))
            with contextlib.closing(answers) if hasattr(answers, "close") else contextlib.nullcontext():
                for answer in answers:
                    if stop.is_set():
                        return
                    send(connection, *self._packing.pack(answer))
        send(connection, {"type": "end"})


def hello():
    return {"type": "hello", "version": VERSION, "memory_mb": memory_mb()}


def receive(connection):
    """One frame from a blocking connection. Raises BadFrame, or Gone where it ends before the frame does."""
    header_size, body_size = PREFIX.unpack(_exactly(connection, PREFIX.size))
    if header_size > MAX_HEADER or body_size > MAX_BODY:
        raise BadFrame("The frame is larger than the wire takes.")
    try:
        header = json.loads(bytes(_exactly(connection, header_size)))
    except ValueError as error:
        raise BadFrame("The frame's header is not JSON.") from error
    if not isinstance(header, dict) or header.get("version") != VERSION:
        raise BadFrame("The frame is of another version of the wire than %d." % VERSION)
    return header, _exactly(connection, body_size)


def _exactly(connection, size):
    data = bytearray(size)
    view, filled = memoryview(data), 0
    while filled < size:
        try:
            count = connection.recv_into(view[filled:])
        except OSError as error:
            raise Gone from error
        if not count:
            raise Gone
        filled += count
    return data


def send(connection, header, body=b""):
    """One frame. Raises Gone where the near side has left."""
    encoded = json.dumps(header).encode()
    prefix = PREFIX.pack(len(encoded), len(body)) + encoded
    try:
        sent = connection.sendmsg([prefix, body])
        if sent < len(prefix) + len(body):
            connection.sendall(memoryview(prefix + bytes(body))[sent:])
    except OSError as error:
        raise Gone from error


def fail(connection, kind, message):
    with contextlib.suppress(Gone):
        send(connection, {"type": "error", "kind": kind, "message": message})


def kind_of(error, loading=False):
    """What the near side is told of an exception: a kind of error, and a sentence for people."""
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return "memory", "The engine ran out of memory."
    if loading and isinstance(error, FileNotFoundError):
        return "not_downloaded", sentence(error, "The model's files are not here.")
    if loading and isinstance(error, (ImportError, OSError)):
        return "not_installed", sentence(error, "Something that the engine needs is not installed.")
    if isinstance(error, ValueError) and not loading:
        return "request", str(error)
    return "engine", "The engine could not be loaded." if loading else "The engine failed on this request."


def sentence(error, otherwise):
    """The words of an exception that an engine wrote for people: one string without a path."""
    words = error.args[0] if len(error.args) == 1 else ""
    written = isinstance(words, str) and words and not re.search(r"(^|[\s'\":=(])/\w", words)
    return words if written and "\n" not in words else otherwise


def memory_mb():
    """Resident memory of this process in megabytes."""
    if sys.platform == "linux":
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def load_file(name, path):
    """Import a file under a name, whatever the import path is."""
    spec = importlib.util.spec_from_file_location(name, path)
    if not spec or not spec.loader:
        raise ImportError("There is no Python file at %s." % path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    parent = name.rpartition(".")[0]
    if parent:
        setattr(sys.modules[parent], name.rpartition(".")[2], module)
    return module


def load_house(root):
    """engines.base and engines._packing, in packages that hold nothing but what both sides of the wire may know."""
    for package in ("audio", "engines"):
        module = sys.modules[package] = types.ModuleType(package)
        module.__path__ = []
    load_file("audio.value", os.path.join(root, "audio", "value.py"))
    base, _, packing = (
        load_file(f"engines.{name}", os.path.join(root, "engines", f"{name}.py"))
        for name in ("base", "schema", "_packing")
    )
    return base, packing


def load_engine(base, file, name, config):
    """The engine of that name in the file, loaded and ready."""
    for value in vars(load_file("engine_file", file)).values():
        if isinstance(value, type) and getattr(getattr(value, "spec", None), "name", None) == name:
            return value(base.EngineConfig(**config))
    raise ImportError("There is no engine %s in its file." % name)


def watch_parent():
    """Standard input is a pipe that the parent holds open and never writes to. At its end the parent is dead: leave,
    with every process that the engine has started."""
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def main(text):
    os.dup2(2, 1)
    told = json.loads(text)
    threading.Thread(target=watch_parent, daemon=True).start()
    listener = socket.socket(fileno=told["listener"])
    listener.setblocking(True)
    try:
        base, packing = load_house(told["root"])
        engine = load_engine(base, told["file"], told["engine"], told["config"])
    except Exception as error:
        traceback.print_exc()
        refuse(listener, *kind_of(error, loading=True))
        sys.exit(1)
    Server(listener, engine, packing).start()
    threading.Event().wait()


def refuse(listener, kind, message):
    """Tell the one who waits for the engine why it does not come."""
    connection, _ = listener.accept()
    with connection, contextlib.suppress(Gone, BadFrame):
        receive(connection)
        fail(connection, kind, message)


if __name__ == "__main__":
    main(sys.argv[1])
