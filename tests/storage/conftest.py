"""A Storage on each database there is: SQLite always, PostgreSQL where its server and its driver are installed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage.db import Storage
from tests.postgresql import empty_postgresql, postgresql_server, url

__all__ = ["empty_postgresql", "postgresql_server", "url"]


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
