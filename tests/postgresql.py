"""A PostgreSQL server of our own, and an empty database on it for each test that asks."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import pytest

from tests.peers import need


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """ "" for SQLite, else the URL of an empty database."""
    return "" if request.param == "sqlite" else request.getfixturevalue("empty_postgresql")


@pytest.fixture
def empty_postgresql(postgresql_server: Path) -> str:
    return made(postgresql_server)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Path]:
    need("postgresql")
    if find_spec("psycopg") is None:
        pytest.skip("psycopg is not here: pip install 'psycopg[binary]'")
    with server() as folder:
        yield folder


def is_here() -> bool:
    return bool(programs()) and find_spec("psycopg") is not None


def programs() -> str:
    """The folder of the newest version's programs, empty where there is none. Debian keeps them off the path."""
    found = shutil.which("initdb")
    versions = glob.glob("/usr/lib/postgresql/*/bin/initdb")
    newest = max(versions, key=lambda path: float(path.split("/")[4]), default="")
    return str(Path(found or newest).parent) if found or newest else ""


@contextmanager
def server() -> Iterator[Path]:
    """The folder of the socket of a server that runs while the block does; as root it is run as nobody, for it refuses
    to be root."""
    # The path of a unix socket has at most 107 characters, and pytest's own folders are closed to other users.
    folder = Path(tempfile.mkdtemp(prefix="vfpg"))
    user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
    if user:
        shutil.chown(folder, "nobody", "nogroup")
    data, options = folder / "data", f"-k {folder} -h '' -c fsync=off"

    def run(tool: str, *arguments: str) -> None:
        subprocess.run(
            [*user, f"{programs()}/{tool}", "-D", data, *arguments], check=True, stdout=subprocess.DEVNULL, cwd=folder
        )

    try:
        run("initdb", "-A", "trust", "-U", "voice", "--no-sync")
        run("pg_ctl", "-w", "-o", options, "-l", str(folder / "log"), "start")
        yield folder
        run("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def made(folder: Path) -> str:
    """The URL of a new, empty database of the server with its socket in the folder."""
    import psycopg
    from psycopg import sql

    name = f"t{uuid4().hex}"
    with psycopg.connect(f"postgresql://voice@/postgres?host={folder}", autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return f"postgresql://voice@/{name}?host={folder}"
