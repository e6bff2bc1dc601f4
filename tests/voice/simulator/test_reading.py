"""Scenarios that are none: each is refused with a sentence that names the line."""

from __future__ import annotations

import pytest

from core.errors import BadRequest
from voice.simulator.parts import Hang
from voice.simulator.reading import MOST_BYTES, load, read


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "file is no scenario: it has no `caller`."),
        ("about: nothing", "file is no scenario: its `caller` does nothing."),
        ("caller: [", "file, line 1: this is no YAML: "),
        ("a: 1\na: 2", "file, line 2: this is no YAML: a name stands twice."),
        ("1: 2", "file, line 1: this is no YAML: a name is no text."),
        ("a: &x [1]\nb: *x", "file, line 2: this is no YAML: aliases are not taken."),
        ("a: !!python/object:os.system {}", "file, line 1: this is no YAML: could not determine a constructor"),
        ("caller:\n  - {sing: la}", "file, line 2: here stands sing, and one of say,"),
        ("caller:\n  - {say: a, type: b}", "file, line 2: here stands say, type, and one of"),
        ("caller: [sleep]", "file, line 1: `sleep` needs something behind it, or is nothing that a caller does."),
        ("caller: [1]", "file, line 1: `caller` holds 1, and takes a list of names with values."),
        ("caller: 1", "file, line 1: `caller` takes a list."),
        ("caller:\n  - {say: 3}", "file, line 2: `say` is 3, and takes a text."),
        ("caller:\n  - {say: a, seconds: long}", "file, line 2: `seconds` is 'long', and takes a number."),
        ("caller:\n  - {say: a, seconds: .nan}", "file, line 2: `seconds` is nan, and takes 0 to 3600."),
        ("caller:\n  - {say: a, after: 1}", "file, line 2: `after` is not known here; known are does, loudness, "),
        ("caller:\n  - {wait: dinner}", "file, line 2: there is no event `dinner` to wait for."),
        ("caller:\n  - {wait: -1}", "file, line 2: `wait` is -1, and takes 0 to 3600."),
        ("caller: [clear]\nline: {lost: 2}", "file, line 2: `lost` is 2, and takes 0 to 1."),
        ("caller: [clear]\nline: [noise]", "file, line 1: `line` takes names with values."),
        ("caller: [clear]\nline:\n  bursts: [{at: 1}]", "file, line 3: `seconds` is missing, and takes a number."),
        ("caller: [clear]\ntalk: {mode: shout}", "file, line 2: mode is 'shout'; it is one of vad manual."),
        ("caller: [clear]\ntalk: {draft: maybe}", "file, line 2: `draft` is 'maybe', and takes yes or no."),
        ("caller: [clear]\nspeed: 2", "file, line 1: `speed` is not known here; known are about, "),
        ("caller: [clear]\nexpect: [{count: 1}]", "file, line 2: an expectation has one of `event`, `order` and"),
        ("caller: [clear]\nexpect:\n  - {event: joy}", "file, line 3: there is no event `joy`."),
        ("caller: [clear]\nexpect:\n  - {event: idle, x: [1]}", "file, line 3: `x` is [1], and takes a text or a"),
        ("caller: [clear]\nexpect:\n  - {order: [idle], x: 1}", "file, line 3: `x` is not known here"),
        ("x" * (MOST_BYTES + 1), f"file has more than {MOST_BYTES} bytes."),
        ("[" * 1000, "file: this is no YAML: RecursionError."),
    ],
)
def test_what_is_no_scenario_is_refused(text, sentence):
    with pytest.raises(BadRequest) as refused:
        read(text, "file")
    assert refused.value.message.startswith(sentence)


def test_files_that_cannot_be_read_are_refused(tmp_path):
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadRequest, match=r"bytes\.yaml is not text"):
        load(tmp_path / "bytes.yaml")
    with pytest.raises(BadRequest, match="cannot be read"):
        load(tmp_path)


def test_a_scenario_is_read_as_it_is_written():
    scenario = read(
        """
talk: {mode: manual, idle: 3, tools: [weather]}
delays: {thought: 1.5}
line: {noise: -50, echo: {delay: 0.2}, bursts: [{at: 1, seconds: 2}], rate: 8000}
answers:
  - just said
  - {say: then, hang: yes}
caller:
  - {interrupt: stop it, after: 1.5}
  - {wait: 2}
  - {wait: idle}
  - {drop: 4}
  - hang_up
expect:
  - {event: failed, code: timeout, after: interrupts, within_ms: 500, absent: yes}
  - said: [{user: one}]
    real: no
""",
        "whole",
    )
    assert scenario.settings.rules.mode == "manual"
    assert scenario.settings.tools[0].name == "weather"
    assert scenario.delays.thought == 1.5
    assert scenario.line.noise == -50
    assert scenario.line.echo
    assert (scenario.line.echo.delay, scenario.line.echo.loss) == (0.2, 12)
    assert [act.does for act in scenario.caller] == ["interrupt", "wait", "wait", "drop", "hang_up"]
    assert scenario.caller[0].after == 1.5
    assert isinstance(scenario.answers[1][1], Hang)
    first, second = scenario.expect
    assert (first.fields, first.after, first.within_ms, first.absent) == ({"code": "timeout"}, "interrupts", 500, True)
    assert second.said == (("user", "one"),)
    assert not second.real
