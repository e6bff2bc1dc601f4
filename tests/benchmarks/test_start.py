import subprocess
import sys

from benchmarks import start

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
print(child.pid, flush=True)
input()
"""


def test_a_tree_is_ended_with_children_that_have_left_the_session():
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=pipe, stdout=pipe, text=True) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        assert start.tree(parent.pid) == [parent.pid, child]
        assert start.born(child)
        assert start.pss_mb(child) > 1
        start.end(parent)
        assert parent.returncode
    assert not start.born(child)


def test_a_process_that_is_not_there_has_no_birth():
    assert start.born(2**22 + 1) == ""
    assert start.pss_mb(2**22 + 1) == 0


def test_links_count_once(tmp_path):
    (tmp_path / "one").write_bytes(bytes(50_000))
    size = start.disk_bytes(tmp_path)
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    assert start.disk_bytes(tmp_path) == size >= 50_000


def test_a_short_run_uses_the_environment_it_runs_in():
    assert start._own_options(["--short", "--json"]) == (sys.executable, sys.prefix, ["--short", "--json"])
    assert start._own_options(["--short", "--python", "python9"]) == ("python9", "", ["--short"])
    assert start._own_options(["--reuse", "venv", "--rounds", "2"]) == (sys.executable, "venv", ["--rounds", "2"])


def test_the_app_starts_as_a_strangers_would(monkeypatch):
    monkeypatch.setenv("VOICEFORGE_ACCESS", "key")
    monkeypatch.setenv("PORT", "1")
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert start.environment().keys() & {"VOICEFORGE_ACCESS", "PORT", "PYTHONPATH"} == set()
    assert start.environment()["LC_ALL"] == "C.UTF-8"
