"""Figures of the machine, against what the operating system says elsewhere."""

import os

import pytest

from core import machine


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
