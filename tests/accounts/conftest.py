"""Accounts on a database of their own, SQLite and PostgreSQL, with a clock that moves when told."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from accounts.accounts import Accounts
from core.settings import Settings
from storage.db import Storage
from tests.postgresql import empty_postgresql, postgresql_server, url

__all__ = ["empty_postgresql", "postgresql_server", "url"]

ADMIN = "an-admin-key-of-my-own-choosing"
NOON = 1_795_176_000.0
"""2026-11-20 12:00 UTC."""


class Clock:
    def __init__(self, now: float = NOON):
        self.now = now

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def begin(url: str, tmp_path: Path, clock: Clock) -> AsyncIterator[Callable[..., Awaitable[Accounts]]]:
    """Starts accounts as another process on the same database would: `await begin(access="open")`."""
    opened: list[Storage] = []

    async def start(**settings) -> Accounts:
        values = {"data_dir": tmp_path, "access": "key", "admin_key": ADMIN} | settings
        opened.append(Storage.open(url, tmp_path))
        accounts = Accounts(opened[-1], Settings(**values), clock=clock)
        await accounts.start()
        return accounts

    yield start
    for storage in opened:
        storage.close()


@pytest.fixture
async def accounts(begin) -> Accounts:
    return await begin()


@pytest.fixture
async def admin(accounts):
    return await accounts.identify(ADMIN)
