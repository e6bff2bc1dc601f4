"""How long a stranger waits: the install, the start up to the first spoken answer, and what the idle app then holds.

    python -m benchmarks.start                      a fresh environment by this Python, thrown away afterwards
    python -m benchmarks.start --python python3.13  the same by another Python
    python -m benchmarks.start --reuse VENV         an environment that exists; the install is not measured
    python -m benchmarks.start --short              the environment this runs in, fewer rounds

A round is a bare `import gradio` and a start of app.py, one after the other, in the same environment. The start counts
until `GET /` has answered 200 and a sentence has come back as sound.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks._harness import Report, alternate, main

ROOT = Path(__file__).parent.parent
PATIENCE_SECONDS = 180.0
IDLE_SECONDS = 2.0
"""How long the app is left alone before its memory is read."""
SPEECH = {"model": "tts-1", "voice": "alloy", "input": "The forge is warm.", "response_format": "wav"}


def measure(report: Report, args: argparse.Namespace, *, python: str, reuse: str) -> None:
    with tempfile.TemporaryDirectory(prefix="voiceforge-start-") as folder:
        interpreter = Path(reuse, "bin", "python") if reuse else install(report, python, Path(folder, "venv"))
        version = subprocess.check_output([interpreter, "-c", "import sys; print(sys.version.split()[0])"], text=True)
        report.note(f"The app ran on Python {version.strip()}.")
        starts: list[Start] = []

        def start_once() -> float:
            starts.append(start(interpreter, Path(tempfile.mkdtemp(dir=folder))))
            return starts[-1].answer_seconds

        rounds = alternate(args.rounds, lambda: bare_import(interpreter), start_once)
        imports, answers = asyncio.run(rounds)
    report.figure("import_gradio_seconds", imports, unit="s")
    report.figure("page_seconds", [one.page_seconds for one in starts], unit="s")
    report.figure("first_answer_seconds", answers, unit="s")
    allowed = [1.5 * seconds + 2 for seconds in imports]
    shares = [answer / bound for answer, bound in zip(answers, allowed, strict=True)]
    report.figure("first_answer_over_allowed", shares, at_most=1)
    report.note("Allowed for the first answer are 1.5 times the bare `import gradio` of the same round, and 2 s.")
    if memory := [one.memory_mb for one in starts if one.memory_mb]:
        report.figure("idle_memory_mb", memory, unit="MB", at_most=400)
        report.note("Memory is the proportional set size of the app and all its children, after the first answer.")


def install(report: Report, python: str, folder: Path) -> Path:
    """Make an environment and install requirements.txt; the path of its Python."""
    began = time.perf_counter()
    subprocess.run([python, "-m", "venv", folder], check=True)
    pip = [
        folder / "bin" / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-cache-dir",
        "--disable-pip-version-check",
    ]
    subprocess.run([*pip, "-r", ROOT / "requirements.txt"], check=True)
    report.figure("install_seconds", time.perf_counter() - began, unit="s", at_most=120)
    report.figure("install_gb", disk_bytes(folder) / 1e9, unit="GB", at_most=1.0)
    return folder / "bin" / "python"


def disk_bytes(folder: Path) -> int:
    """What the folder's files take on disk; links count once."""
    stats = [path.lstat() for path in folder.rglob("*")]
    return sum({stat.st_ino: stat.st_blocks * 512 for stat in stats}.values())


def bare_import(interpreter: Path) -> float:
    """Seconds of a process that imports gradio and ends."""
    began = time.perf_counter()
    subprocess.run([interpreter, "-c", "import gradio"], check=True, env=environment(), cwd="/")
    return time.perf_counter() - began


@dataclass(frozen=True)
class Start:
    """What one start showed."""

    page_seconds: float
    answer_seconds: float
    memory_mb: float
    """0 where the system does not tell."""


def start(interpreter: Path, data: Path) -> Start:
    port = free_port()
    began = time.perf_counter()
    with app(interpreter, data, port) as process:
        wait_for_page(process, f"http://127.0.0.1:{port}/")
        page = time.perf_counter() - began
        speak(f"http://127.0.0.1:{port}/v1/audio/speech")
        answer = time.perf_counter() - began
        time.sleep(IDLE_SECONDS)
        return Start(page, answer, sum(pss_mb(pid) for pid in tree(process.pid)))


@contextlib.contextmanager
def app(interpreter: Path, data: Path, port: int) -> Iterator[subprocess.Popen]:
    """A running app.py, ended with everything it started."""
    env = environment() | {"HOST": "127.0.0.1", "PORT": str(port), "VOICEFORGE_DATA_DIR": str(data)}
    with open(data / "app.log", "wb") as log:
        process = subprocess.Popen(
            [interpreter, "app.py"], cwd=ROOT, env=env, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
    except BaseException:
        print((data / "app.log").read_text(errors="replace")[-4000:], file=sys.stderr)
        raise
    finally:
        end(process)


def end(process: subprocess.Popen) -> None:
    """Ask the app to end, then make sure of it and of its children, wherever they went."""
    started = {pid: born(pid) for pid in tree(process.pid)}
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
    process.kill()
    process.wait(10)
    for pid, birth in started.items():
        # A number whose process has ended may belong to a stranger by now.
        while birth and born(pid) == birth:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)


def wait_for_page(process: subprocess.Popen, url: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"app.py ended with status {process.returncode}")
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=10) as response:
            if response.status == 200:
                return
        time.sleep(0.02)
    raise TimeoutError(f"{url} did not answer in {PATIENCE_SECONDS:g} s")


def speak(url: str) -> None:
    """Raises where no sound comes back."""
    request = urllib.request.Request(url, json.dumps(SPEECH).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as response:
        sound = response.read()
    if not sound.startswith(b"RIFF") or len(sound) < 8000:
        raise RuntimeError(f"{len(sound)} bytes came back, which are no spoken sentence")


def environment() -> dict[str, str]:
    """This process's, without what would change the app from what a stranger starts."""
    ours = ("VOICEFORGE_", "PYTHON", "TTS_", "STT_", "COVERAGE_", "SPACE_", "GRADIO_")
    names = ("HOST", "PORT", "ROLES", "DATABASE_URL", "PUBLIC_URL", "LOG_LEVEL", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours) and name not in names}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def tree(root: int) -> list[int]:
    """The process and all below it. Only itself where there is no /proc."""
    pids = [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]
    parents = {pid: fields[1] for pid in pids if (fields := stat(pid))}
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == str(pid)]
    return found


def born(pid: int) -> str:
    """When the process began, in the system's own ticks; empty where there is none, or one that has ended."""
    fields = stat(pid)
    return fields[19] if fields and fields[0] not in "ZX" else ""


def stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name: state, parent, and so on."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []


def pss_mb(pid: int) -> float:
    """The proportional set size: shared pages are divided among those who share them. 0 where it cannot be read."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def _own_options(argv: list[str]) -> tuple[str, str, list[str]]:
    """The Python, the environment to reuse, and the arguments that every benchmark knows."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--python", default="")
    parser.add_argument("--reuse", default="")
    own, rest = parser.parse_known_args(argv)
    reuse = own.reuse or (sys.prefix if "--short" in rest and not own.python else "")
    return own.python or sys.executable, reuse, rest


if __name__ == "__main__":
    _python, _reuse, _rest = _own_options(sys.argv[1:])
    sys.exit(
        main("start", lambda report, args: measure(report, args, python=_python, reuse=_reuse), rounds=5, argv=_rest)
    )
