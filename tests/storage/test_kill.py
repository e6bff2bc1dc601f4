"""A process that is killed in the middle of its writes has lost nothing that it acknowledged."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from storage.db import Storage
from storage.tables import KEYS, USAGE

pytestmark = pytest.mark.integration

KILLS = 20 if os.environ.get("VOICEFORGE_LONG") == "1" else 5
HOUSE = Path(__file__).parents[2]


def killed_after(folder: Path, lines: int) -> list[str]:
    """What a process acknowledged that was killed when it had said so many lines, all it said until it died."""
    command = [sys.executable, "-m", "tests.storage.acknowledging", str(folder)]
    with subprocess.Popen(command, cwd=HOUSE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        said += process.stdout.readlines()
    return [line.strip() for line in said if line.endswith("\n")]


def kept(database) -> set[str]:
    keys = KEYS.select(KEYS.c.id).tuples().execute(database)
    rows = USAGE.select(USAGE.c.request_id).tuples().execute(database)
    return {f"key {key}" for (key,) in keys} | {f"usage {request}" for (request,) in rows}


def test_nothing_acknowledged_is_lost(tmp_path):
    acknowledged: list[str] = []
    for _ in range(KILLS):
        said = killed_after(tmp_path, random.randint(1, 400))
        assert said
        acknowledged += said
        storage = Storage.open("", tmp_path)
        check = storage.read_sync(lambda database: database.execute_sql("PRAGMA integrity_check").fetchone())
        found = storage.read_sync(kept)
        storage.close()
        assert check == ("ok",)
        assert [line for line in acknowledged if line not in found] == []
