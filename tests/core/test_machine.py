"""Figures of the machine, against what the operating system says elsewhere."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from core import machine

ROOT = Path(__file__).parents[2]


def test_the_machine_has_cores_a_processor_and_a_python():
    about = machine.machine()
    assert 1 <= about.cores <= (os.cpu_count() or 1)
    assert about.cpu
    assert about.python.startswith("3.")


def test_memory_grows_with_what_is_held():
    before = machine.process_mb()
    held = bytearray(b"x" * 64_000_000)
    assert machine.process_mb() - before > 40
    del held


def test_a_folder_lies_on_a_disk(tmp_path):
    disk = machine.disk(tmp_path)
    assert 0 < disk.free_mb <= disk.total_mb


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(OSError, match="nothing"):
        machine.disk(tmp_path / "nothing")


HOLES = """
import sys
import numpy as np
from core import machine
if sys.argv[1] == "mended":
    machine.give_back_large_buffers()
once = np.ones(8_000_000, np.float32)
del once
large, small = [], []
for _ in range(200):
    large.append(np.ones(250_000, np.float32))
    small.append(np.ones(20_000, np.float32))
del large
print(machine.process_mb())
"""


@pytest.mark.integration
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_sound_that_is_gone_leaves_no_holes():
    def left(way: str) -> float:
        command = [sys.executable, "-c", HOLES, way]
        return float(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)

    assert left("mended") < left("plain") - 50
