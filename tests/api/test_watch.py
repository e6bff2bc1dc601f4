"""The watch over long sessions: it looks, checks now and then, and goes on whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from accounts.principal import VISITOR
from api._watch import lapsed, watch
from core.errors import StorageError, Unauthorized
from tests.api._socket import until

LATE = 1e9


@pytest.fixture
def did() -> list[str]:
    return []


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api._watch.LOOK_SECONDS", 0.0)
    monkeypatch.setattr("api._watch.CHECK_SECONDS", 0.0)


@asynccontextmanager
async def watched(did: list[str], breaks: str = "") -> AsyncIterator[None]:
    def look() -> None:
        did.append("look")
        if breaks == "look":
            raise RuntimeError("a mistake of ours")

    async def check() -> None:
        did.append("check")
        if breaks == "check":
            raise RuntimeError("a mistake of ours")

    watching = asyncio.create_task(watch(look, check, "the sessions"))
    yield
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def test_a_check_follows_the_look(did: list[str]):
    async with watched(did):
        await until(lambda: len(did) >= 4)
    assert did[:4] == ["look", "check"] * 2


async def test_a_check_comes_when_it_is_time(did: list[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("api._watch.CHECK_SECONDS", LATE)
    async with watched(did):
        await until(lambda: len(did) >= 10)
    assert set(did) == {"look"}


async def test_after_a_check_there_is_time_until_the_next(did: list[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("api._watch.CHECK_SECONDS", 0.1)
    async with watched(did):
        await until(lambda: did.count("check") >= 2)
    first = did.index("check")
    assert did.index("check", first + 1) > first + 2


@pytest.mark.parametrize("breaks", ["look", "check"])
async def test_a_mistake_of_ours_is_logged_and_the_watch_goes_on(
    did: list[str], breaks: str, caplog: pytest.LogCaptureFixture
):
    async with watched(did, breaks):
        await until(lambda: did.count(breaks) >= 3)
    assert "the watch over the sessions stumbled" in caplog.text
    assert "a mistake of ours" in caplog.text


@pytest.mark.parametrize("error", [Unauthorized("The key is revoked."), StorageError("Not now."), None])
async def test_only_a_key_that_is_bad_has_lapsed(error: Exception | None, caplog: pytest.LogCaptureFixture):
    async def current(caller: Any) -> Any:
        assert caller is VISITOR
        if error:
            raise error

    accounts: Any = SimpleNamespace(current=current)
    found = await lapsed(accounts, VISITOR, "conv_1")
    assert found is (error if isinstance(error, Unauthorized) else None)
    assert ("conv_1 could not be looked at: Not now." in caplog.text) == isinstance(error, StorageError)
