"""Benchmarks run in a process: small programs here, that print, fail, or never end."""

import asyncio
import json
import os
import sys

import pytest

from core.errors import Conflict, NotFound
from core.trials import Trials

FIGURES = {"name": "pool", "figures": {"first_ms": 1.5}, "units": {"first_ms": "ms"}, "missed": ["first_ms"]}
GOOD = f"import json; print('warming up'); print(json.dumps({FIGURES!r})); raise SystemExit(1)"
BAD = "import sys; sys.exit('No engine is here.')"
ENDLESS = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"


def trials(tmp_path, program: str, timeout: float = 30.0) -> Trials:
    def command(name: str) -> list[str]:
        return [sys.executable, "-c", program, str(tmp_path / "pid")]

    return Trials(tmp_path / "kept", {"PATH": os.defpath}, offered=("pool", "stt"), command=command, timeout=timeout)


async def over(running: Trials) -> None:
    assert running._task
    await asyncio.wait_for(asyncio.shield(running._task), 30)


@pytest.mark.integration
async def test_figures_are_kept_though_a_target_was_missed(tmp_path):
    first = trials(tmp_path, GOOD)
    assert first.start("pool").state == "running"
    await over(first)
    (done,) = first.latest()
    assert (done.name, done.state, done.result) == ("pool", "done", FIGURES)
    assert done.seconds > 0
    assert trials(tmp_path, GOOD).latest() == [done], "a restart forgets nothing"


@pytest.mark.integration
async def test_a_failure_says_why(tmp_path):
    failing = trials(tmp_path, BAD)
    failing.start("pool")
    await over(failing)
    assert (failing.latest()[0].state, failing.latest()[0].why) == ("failed", "No engine is here.")
    assert not (tmp_path / "kept").exists()


@pytest.mark.integration
async def test_one_at_a_time_and_cancelled_with_its_process(tmp_path):
    os.mkfifo(tmp_path / "pid")
    endless = trials(tmp_path, ENDLESS)
    endless.start("pool")
    with pytest.raises(Conflict):
        endless.start("stt")
    pid = int(await asyncio.to_thread((tmp_path / "pid").read_text))
    await endless.cancel()
    assert endless.latest()[0].state == "cancelled"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    endless.start("stt")
    await endless.close()


@pytest.mark.integration
async def test_one_that_never_ends_is_ended(tmp_path):
    slow = trials(tmp_path, ENDLESS, timeout=0.3)
    slow.start("pool")
    await over(slow)
    assert slow.latest()[0].state == "failed"
    assert "took longer" in slow.latest()[0].why


@pytest.mark.parametrize("name", ["", "../app", "http", "pool --rounds 9"])
async def test_only_what_is_offered_is_run(tmp_path, name):
    with pytest.raises(NotFound):
        trials(tmp_path, GOOD).start(name)


@pytest.mark.parametrize("kept", ["", "[]", "{}", json.dumps({"name": "pool", "colour": "blue"})])
def test_a_file_that_is_no_result_is_left_alone(tmp_path, kept):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "pool.json").write_text(kept)
    assert trials(tmp_path, GOOD).latest() == []
