"""Simulated calls: each shipped scenario goes as it expects, and goes the same each time."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.test_layers import ROOT
from voice.simulator import chance
from voice.simulator.__main__ import main
from voice.simulator.call import simulate
from voice.simulator.parts import WORD_SECONDS
from voice.simulator.reading import load, read
from voice.simulator.scenario import SHIPPED

SHIPPED_NAMES = sorted(path.stem for path in SHIPPED.glob("*.yaml"))


@pytest.mark.parametrize("name", SHIPPED_NAMES)
def test_a_shipped_scenario_goes_as_it_expects(name):
    call = simulate(load(SHIPPED / f"{name}.yaml"))
    assert [finding.wrong for finding in call.findings if finding.wrong] == []
    assert call.broken == ()
    assert call.findings


def test_there_are_scenarios_of_all_that_goes_wrong():
    wanted = {"noise", "overlap", "backchannels", "echo", "loss", "push_to_talk", "idle", "tool_call", "model_hangs",
              "voice_dies", "drop_and_resume", "typed_and_spoken", "echo_at_once", "echo_stall",
              "echo_interruptions"}  # fmt: skip
    assert wanted <= set(SHIPPED_NAMES)


def test_the_same_seed_is_the_same_call():
    one, again, other = (simulate(chance.scenario(3), seed) for seed in (3, 3, 4))
    assert one.log == again.log
    assert chance.scenario(3) == chance.scenario(3) != chance.scenario(4)
    assert other.items


def test_the_seed_makes_the_accidents_of_the_line():
    scenario = load(SHIPPED / "loss.yaml")
    assert simulate(scenario, 1).log == simulate(scenario, 1).log
    assert simulate(scenario, 1).log != simulate(scenario, 2).log


def test_pythons_hashes_do_not_matter():
    code = (
        "from voice.simulator.call import simulate; from voice.simulator.reading import load; "
        "from voice.simulator.scenario import SHIPPED; from voice.simulator import chance; "
        "print(simulate(load(SHIPPED / 'tool_call.yaml')).log, simulate(chance.scenario(1)).log)"
    )
    told = {
        subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed})
        for seed in ("1", "2")
    }
    assert len(told) == 1


def test_a_call_of_chance_has_turns_and_breaks_no_law():
    call = simulate(chance.scenario(7))
    assert call.broken == ()
    assert call.seconds >= chance.LEAST_SECONDS
    assert sum(entry.event == "turn_ended" for entry in call.entries) >= 3


def test_an_answer_is_remembered_as_far_as_it_was_heard():
    call = simulate(load(SHIPPED / "interruption.yaml"))
    silent = next(entry for entry in call.entries if entry.event == "falls_silent")
    words = int(str(silent.fields["position"])) / 24000 // WORD_SECONDS
    cut = next(item for item in call.items if item.heard is not None)
    assert cut.known.split() == cut.text.split()[: int(words)]


def test_a_wrong_expectation_is_told_and_the_exit_status_with_it(tmp_path, capsys):
    path = tmp_path / "wrong.yaml"
    path.write_text("caller: [{type: hello}, {wait: answer}]\nexpect:\n  - {event: interrupted}\n")
    assert main([str(path)]) == 1
    told = capsys.readouterr().out
    assert "MISSED line 3: interrupted never came." in told
    assert "types text=hello" in told
    assert main(["tool_call", "--quiet"]) == 0
    assert "tool_call: 4 expectations, 0 missed" in capsys.readouterr().out


def test_a_file_that_is_none_is_refused_with_another_status(tmp_path, capsys):
    assert main([str(tmp_path / "nowhere.yaml")]) == 2
    assert "nowhere.yaml cannot be read" in capsys.readouterr().err


def test_who_waits_for_what_never_comes_gives_up_and_goes_on():
    call = simulate(read("patience: 2\ncaller: [{wait: tool_called}, {type: hello}, {wait: answer}]", "short"))
    assert [entry.event for entry in call.entries][:2] == ["gives_up", "types"]
    assert call.entries[0].at == pytest.approx(2.0, abs=0.03)


def test_the_scenario_in_the_docs_goes_as_it_says():
    page = (ROOT / "docs/simulator.md").read_text().split("```yaml")[1].split("```")[0]
    call = simulate(read(page, "page"))
    assert [finding.wrong for finding in call.findings if finding.wrong] == []


def test_who_hangs_up_early_leaves_nothing_behind():
    scenario = load(SHIPPED / "interruption.yaml")
    call = simulate(replace(scenario, caller=scenario.caller[:2], expect=()))
    assert call.broken == ()
    assert call.entries[-1].event == "ended"
