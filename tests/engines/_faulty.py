"""Engines that misbehave on command, for the fault tests. They run in workers through the wire, like every engine."""

import os
import signal
import subprocess
import sys
import time

import numpy as np

from audio.value import Audio
from engines.base import Chunk, EngineConfig, EngineSpec, Segment, SynthesisRequest, TranscriptionRequest, Word

RATE = 24000


def misbehave(what: str) -> None:
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "freeze":
        os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(1000)  # the signal may stop this thread last
    elif what == "hang":
        time.sleep(1000)
    elif what == "exit":
        os._exit(3)
    elif what == "print":
        print("hello from a library")
        os.write(1, b"and from C\n" + b"\xff\n" + b"x" * 200_000 + b"\n")
    elif what == "memory":
        raise MemoryError
    elif what == "oom":
        raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB")
    elif what == "value":
        raise ValueError("The text cannot be spoken.")
    elif what == "raise":
        raise RuntimeError("broken at /root/secret/path.py")
    elif what == "missing":
        raise FileNotFoundError(2, "No such file or directory", "/models/small")
    elif what == "import":
        raise ImportError("Install it with: pip install faulty")
    elif what == "sys.exit":
        sys.exit(3)
    elif what == "child":
        subprocess.Popen(["sleep", "1000"])


def orders(text: str) -> dict[str, str]:
    """`chunks=3 do=kill at=1` as a dictionary."""
    return dict(part.split("=", 1) for part in text.split())


def first_time(marker: str) -> bool:
    """Whether this marker has not been seen by any worker before."""
    if not marker or os.path.exists(marker):
        return not marker
    with open(marker, "w"):
        return True


class Speaker:
    """Its text is a list of orders: `chunks` how many (1), `size` samples in each (2400), `wait` seconds before each,
    `do` what, before chunk `at` (0), only if the file `once` does not exist yet."""

    spec = EngineSpec(
        "speaker", "tts", "Misbehaves on command.", "Apache-2.0", RATE, memory_mb=100, concurrency=1, quality=-1
    )

    @classmethod
    def missing(cls) -> str:
        return ""

    @classmethod
    def voices(cls) -> list:
        return []

    @classmethod
    def downloaded(cls, config: EngineConfig) -> bool:
        return True

    def __init__(self, config: EngineConfig):
        time.sleep(config.options.get("load_seconds", 0))
        self.ballast = b"x" * int(config.options.get("allocate_mb", 0) * 1e6)
        if first_time(config.options.get("once", "")):
            misbehave(config.options.get("load", ""))

    def synthesize(self, request: SynthesisRequest, stop):
        told = orders(request.text)
        samples = np.full(int(told.get("size", 2400)), 0.1, np.float32)
        for number in range(int(told.get("chunks", 1))):
            if stop.wait(float(told.get("wait", 0))) and "deaf" not in told:
                return
            if number == int(told.get("at", 0)) and first_time(told.get("once", "")):
                misbehave(told.get("do", ""))
            yield Chunk(Audio(samples, RATE), (Word(str(number), number * 0.1, number * 0.1 + 0.1),))


class Crowd(Speaker):
    """The same, eight side by side."""

    spec = EngineSpec(
        "crowd", "tts", "Misbehaves on command.", "Apache-2.0", RATE, memory_mb=100, concurrency=8, quality=-1
    )


class Absent(Speaker):
    """One that says it is not installed."""

    spec = EngineSpec("absent", "tts", "Is not here.", "Apache-2.0", RATE, quality=-1)

    @classmethod
    def missing(cls) -> str:
        return "Install it with: pip install absent"


class Elsewhere(Speaker):
    """One of another environment."""

    spec = EngineSpec("elsewhere", "tts", "Lives elsewhere.", "Apache-2.0", RATE, environment="other", quality=-1)


class Echo(Speaker):
    """Answers what it was asked, and where it runs."""

    spec = EngineSpec("echo", "stt", "Answers what it was asked.", "Apache-2.0", 16000, quality=-1)

    def transcribe(self, request: TranscriptionRequest, stop):
        seconds = request.audio.seconds
        yield Segment(request.prompt, 0.0, seconds, words=(Word("sum", 0.0, float(request.audio.samples.sum())),))
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        yield Segment(f"python{python} numpy{np.__version__}", seconds, seconds, tokens=(1, 2))
        yield Segment(" ".join(sorted(os.environ)), 0.0, 0.0)
        yield Segment(" ".join(name for name in sys.modules if name.split(".")[0] in ("audio", "engines")), 0.0, 0.0)


ENGINES: dict[str, type] = {cls.spec.name: cls for cls in (Speaker, Crowd, Absent, Elsewhere, Echo)}
