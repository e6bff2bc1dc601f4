import array
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import _peers

ROOT = Path(_peers.__file__).parent


def test_an_unknown_peer_is_refused_with_a_sentence():
    _peers.known(["pipecat", "livekit"])
    with pytest.raises(SystemExit, match=r"There is no peer vapi\. Known are: pipecat, livekit\."):
        _peers.known(["livekit", "vapi"])


@pytest.mark.slow
def test_the_command_line_refuses_it_before_it_measures():
    command = [sys.executable, "-m", "benchmarks.conversations", "--peer", "vapi"]
    ran = subprocess.run(command, cwd=ROOT.parent, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 1
    assert ran.stderr.strip() == "There is no peer vapi. Known are: pipecat, livekit."


@pytest.mark.parametrize("name", _peers.PACKAGES)
def test_what_is_glued_to_a_peer_compiles_and_is_pinned(name):
    path = ROOT / f"_peer_{name}.py"
    compile(path.read_text(), path, "exec")
    assert all("==" in package for package in _peers.PACKAGES[name])


def test_a_recording_ends_with_speech_in_whole_frames():
    pcm = array.array("h", [1000] * 700 + [10] * 900).tobytes()
    assert _peers.trimmed(pcm) == pcm[: 3 * 640]
