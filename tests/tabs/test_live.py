"""The programs that the Voice chat tab hands out run as they stand, with nothing but the address and a key put in."""

from __future__ import annotations

import subprocess
import sys
import wave
from dataclasses import replace
from pathlib import Path

import pytest

from tabs._live import script
from tabs._snippets import CLIENTS
from tests.tabs.conftest import ADMIN, Server

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def run(folder: Path, server: Server, key: str) -> subprocess.CompletedProcess[str]:
    text = CLIENTS["Python"].replace("{base}", server.url).replace("{key}", key)
    file = folder / "client.py"
    file.write_text(text.replace("{socket}", server.url.replace("http", "ws", 1)))
    return subprocess.run([sys.executable, file], cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("key", ["not-needed-here", ADMIN])
def test_the_python_program_hears_an_answer(request: pytest.FixtureRequest, key: str, tmp_path: Path):
    server: Server = request.getfixturevalue("keyed" if key == ADMIN else "opened")
    done = run(tmp_path, server, key)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) > 20
    with wave.open(str(tmp_path / "answer.wav")) as file:
        assert file.getnframes() / file.getframerate() > 1.0


def test_with_a_wrong_key_it_says_so(keyed: Server, tmp_path: Path):
    done = run(tmp_path, keyed, "YOUR_API_KEY")
    assert done.returncode == 1
    assert "key" in done.stderr


def test_the_page_knows_whether_it_sees_all_there_is(opened: Server):
    assert '"apart": false' in script(opened.studio)
    settings = replace(opened.studio.settings, roles=frozenset({"web"}))
    assert '"apart": true' in script(replace(opened.studio, settings=settings))


def test_the_page_knows_whether_a_key_is_needed(opened: Server, keyed: Server):
    assert '"keyed": false' in script(opened.studio)
    assert '"keyed": true' in script(keyed.studio)
