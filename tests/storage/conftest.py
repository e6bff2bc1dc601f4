"""A Storage on each database there is: SQLite always, PostgreSQL where its server and its driver are installed."""

import glob
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import pytest

from storage.db import Storage


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """ "" for SQLite, else the URL of an empty database."""
    return "" if request.param == "sqlite" else request.getfixturevalue("empty_postgresql")


@pytest.fixture
def reopen(url: str, tmp_path: Path) -> Iterator[Callable[..., Storage]]:
    """Opens the test's database, as often as it is called."""
    opened: list[Storage] = []

    def open_it() -> Storage:
        opened.append(Storage.open(url, tmp_path))
        return opened[-1]

    yield open_it
    for storage in opened:
        storage.close()


@pytest.fixture
def storage(reopen: Callable[..., Storage]) -> Storage:
    return reopen()


@pytest.fixture
def empty_postgresql(postgresql_server: Path) -> str:
    import psycopg

    name = f"t{uuid4().hex}"
    with psycopg.connect(f"postgresql://voice@/postgres?host={postgresql_server}", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"postgresql://voice@/{name}?host={postgresql_server}"


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Path]:
    """The folder of the socket of a server of our own; it refuses to run as root and is run as nobody then."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    if not found or find_spec("psycopg") is None:
        pytest.skip("needs PostgreSQL: apt-get install postgresql, pip install 'psycopg[binary]'")
    # The path of a unix socket has at most 107 characters, and pytest's own folders are closed to other users.
    folder = Path(tempfile.mkdtemp(prefix="vfpg"))
    user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
    if user:
        shutil.chown(folder, "nobody", "nogroup")
    data, options = folder / "data", f"-k {folder} -h '' -c fsync=off"

    def run(tool: str, *arguments: str) -> None:
        subprocess.run([*user, f"{found[-1]}/{tool}", "-D", data, *arguments], check=True, stdout=subprocess.DEVNULL)

    run("initdb", "-A", "trust", "-U", "voice", "--no-sync")
    run("pg_ctl", "-w", "-o", options, "-l", str(folder / "log"), "start")
    yield folder
    run("pg_ctl", "-m", "immediate", "stop")
    shutil.rmtree(folder)
