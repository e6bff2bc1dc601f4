import shutil
from pathlib import Path

import pytest

from engines.registry import find
from voice import versions
from voice.versions import Versions


@pytest.fixture
def house(tmp_path, monkeypatch) -> Path:
    for name in ("voice/text", "audio", "engines"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("voice/text/numbers.py", "audio/value.py", "engines/base.py", "engines/_worker.py"):
        (tmp_path / name).write_text("A = 1\n")
    monkeypatch.setattr(versions, "ROOT", tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def version(engine: str = "espeak-ng", weights: str = "") -> str:
    return Versions(find(), lambda name, model: weights + model).of(engine)


def test_nothing_changed_is_the_same(house):
    assert version() == version()


def test_each_engine_and_model_has_its_own(house):
    assert len({version("espeak-ng"), version("flite"), version("kokoro:fp16"), version("kokoro:int8")}) == 4


@pytest.mark.parametrize("name", ["voice/text/numbers.py", "audio/value.py", "engines/base.py"])
def test_code_that_changed_is_another_version(house, name):
    before = version()
    (house / name).write_text("A = 2\n")
    assert version() != before


def test_a_library_that_changed_is_another_version(house):
    before = version()
    (house / "voices-1.0.dist-info").mkdir()
    installed = version()
    shutil.move(house / "voices-1.0.dist-info", house / "voices-1.1.dist-info")
    assert len({before, installed, version()}) == 3


def test_weights_that_changed_are_another_version(house):
    assert version(weights="a") != version(weights="b")


def test_an_unknown_engine_is_an_error(house):
    with pytest.raises(KeyError):
        version("nobody")
