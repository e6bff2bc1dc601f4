"""Schemathesis over /openapi.json: cases made from each operation's schema, with a key of every right and without."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.fuzz.conftest import ADMIN, House

pytestmark = pytest.mark.slow

SPARED = r"^/v1/(benchmarks|downloads)/"
"""A name that is right by chance would start minutes or gigabytes; wrong ones are in test_routes."""
SECONDS = 150


@pytest.mark.parametrize("key", [ADMIN, ""], ids=["with every right", "without a key"])
def test_every_operation_by_its_schema(house: House, tmp_path: Path, key: str):
    program = os.environ.get("SCHEMATHESIS") or shutil.which("schemathesis")
    if not program:
        pytest.skip("schemathesis is not here: pip install -r requirements-fuzz.txt in an environment of its own")
    command = [
        program, "run", f"{house.url}/openapi.json", "--checks", "not_a_server_error", "--continue-on-failure",
        "--max-examples", "60", "--seed", "1", "--max-time", str(SECONDS), "--phases", "examples,coverage,fuzzing",
        "--exclude-path-regex", SPARED, "--request-timeout", "30", "--generation-database", "none", "--no-color",
        "--suppress-health-check", "all", "--warnings", "off", *(["-H", f"x-api-key: {key}"] if key else []),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS * 3, check=False)
    said = done.stdout + done.stderr
    print(said[-3000:])
    assert done.returncode == 0, said[-6000:]
    cases = re.search(r"(\d+) generated", said)
    assert cases, said[-3000:]
    assert int(cases[1]) >= 500
