"""A scenario with the real pool, engines and detector, in real time."""

from __future__ import annotations

import pytest

from voice.simulator.reading import read
from voice.simulator.real import hold

pytestmark = pytest.mark.integration

SCENARIO = """
talk: {draft: no}
answers: [Good morning.]
caller:
  - say: hello my friend
  - wait: answer
expect:
  - order: [says, speech_started, turn_ended, response_started, speaking, hears, response_done]
  - {event: response_done, status: completed, count: 1}
  - {event: idle, real: no}
"""


async def test_a_scenario_is_held_with_real_engines(tmp_path, monkeypatch):
    monkeypatch.setenv("VOICEFORGE_DATA_DIR", str(tmp_path))
    (call,) = await hold([read(SCENARIO, "real")])
    assert [finding.wrong for finding in call.findings if finding.wrong] == []
    assert call.broken == ()
    assert len(call.findings) == 2
    assert [item.role for item in call.items] == ["user", "assistant"]
    assert call.items[1].known.strip() == "Good morning."
