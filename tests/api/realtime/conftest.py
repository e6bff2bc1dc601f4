"""A house that serves `/v1/realtime`, whose mind does what `_asked.answer` says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api._realtime import QUICK, House, ScriptedTalks, house
from tests.api.realtime._asked import answer
from voice.simulator.parts import ScriptedAgent


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, talks=ScriptedTalks(ScriptedAgent(answer, QUICK))) as found:
        yield found
