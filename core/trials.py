"""The house's own benchmarks, run one at a time in a process of its own, and what they found. Knows none of them: only
that `python -m benchmarks.<name> --short --json` prints one object."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import Conflict, NotFound

logger = logging.getLogger(__name__)

ROOT = Path(__file__).parent.parent
OFFERED = ("pool", "tts", "stt")
TIMEOUT_SECONDS = 180.0


@dataclass(frozen=True)
class Trial:
    """A benchmark that runs or has run. Times in seconds, `at` since the epoch."""

    name: str
    state: str
    """`running`, `done`, `failed` or `cancelled`."""
    at: float
    seconds: float = 0.0
    why: str = ""
    result: Mapping[str, Any] | None = None
    """What it printed: figures, units, targets, missed."""


def command(name: str) -> list[str]:
    return [sys.executable, "-m", f"benchmarks.{name}", "--short", "--json"]


class Trials:
    """Results are kept in `folder`, a file for each benchmark, and survive a restart. Belongs to one event loop.

    `environ` is all that the process sees of the environment: it needs no secret.
    """

    def __init__(
        self,
        folder: Path,
        environ: Mapping[str, str],
        *,
        offered: Sequence[str] = OFFERED,
        command: Callable[[str], Sequence[str]] = command,
        timeout: float = TIMEOUT_SECONDS,
    ):
        self._folder, self._environ, self._command, self._timeout = folder, dict(environ), command, timeout
        self.names = tuple(name for name in offered if (ROOT / "benchmarks" / f"{name}.py").is_file())
        self._trials = {name: trial for name in self.names if (trial := self._kept(name))}
        self._task: asyncio.Task[None] | None = None

    def latest(self) -> list[Trial]:
        """The last run of each benchmark that has run, in the order in which they are offered."""
        return [self._trials[name] for name in self.names if name in self._trials]

    def start(self, name: str) -> Trial:
        """Raises NotFound for a benchmark that is not offered, Conflict while one runs: it would falsify both."""
        if name not in self.names:
            raise NotFound(f"There is no benchmark called {name[:40]!r}.", param="name")
        if self._task and not self._task.done():
            raise Conflict("A benchmark is running. Wait for it, or cancel it.", param="name")
        self._trials[name] = trial = Trial(name, "running", time.time())
        self._task = asyncio.create_task(self._run(trial), name=f"benchmark {name}")
        return trial

    async def cancel(self) -> None:
        """Returns when nothing of it runs any more; does nothing where none runs."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def close(self) -> None:
        await self.cancel()

    async def _run(self, trial: Trial) -> None:
        began, complaint = time.monotonic(), ""

        def over(state: str, why: str = "", result: Any = None) -> None:
            seconds = time.monotonic() - began
            self._trials[trial.name] = Trial(trial.name, state, trial.at, seconds, why, result)

        try:
            async with asyncio.timeout(self._timeout):
                printed, complaint = await self._printed(trial.name)
            over("done", result=_object(printed))
            await asyncio.to_thread(self._keep, self._trials[trial.name])
        except TimeoutError:
            over("failed", f"It took longer than {self._timeout:.0f} seconds.")
        except ValueError:
            logger.warning("benchmark %s failed: %s", trial.name, complaint)
            over("failed", complaint.strip().rpartition("\n")[2][:300] or "It printed no figures.")
        except OSError as error:
            over("failed", f"It could not be started or kept: {error.strerror}.")
        finally:
            if self._trials[trial.name].state == "running":
                over("cancelled")

    async def _printed(self, name: str) -> tuple[str, str]:
        """What it printed, and what it complained of. Nothing that it started is left."""
        process = await asyncio.create_subprocess_exec(
            *self._command(name), cwd=ROOT, env=self._environ, start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            printed, complaint = await process.communicate()
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.shield(process.wait())
        return printed.decode(errors="replace"), complaint.decode(errors="replace")

    def _keep(self, trial: Trial) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / f"{trial.name}.json").write_text(json.dumps(vars(trial)), encoding="utf-8")

    def _kept(self, name: str) -> Trial | None:
        try:
            return Trial(**json.loads((self._folder / f"{name}.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


def _object(printed: str) -> dict[str, Any]:
    """The last line, an object with figures. Raises ValueError where it is not."""
    found = json.loads((printed.strip().splitlines() or [""])[-1])
    if not isinstance(found, dict) or not isinstance(found.get("figures"), dict):
        raise ValueError("no figures")
    return found
