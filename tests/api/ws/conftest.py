"""A house that serves `/ws`, open to its own machine or with keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api._socket import House, house


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as found:
        yield found


@pytest.fixture
async def keyed(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, access="key") as found:
        yield found
