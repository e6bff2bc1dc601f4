"""What most tests with a browser begin with: an app of their file's own, and a chromium without a microphone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.app import running
from tests.browser.chromium import chromium
from tests.peers import need


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    need("chromium")
    with running() as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    need("chromium")
    with chromium() as browser:
        yield browser
