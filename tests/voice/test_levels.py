import json
import math

import pytest

from voice.levels import KNOWN, MEASURED, MOST_GAIN, MOST_VOICES, TARGET, Levels


def test_a_voice_nobody_knows_is_left_alone_and_learnt():
    levels = Levels()
    assert levels.gain_db("new/voice") == 0.0
    levels.learn("new/voice", -25.0, 3.0)
    assert levels.gain_db("new/voice") == pytest.approx(TARGET + 25.0)


def test_the_first_utterance_goes_by_what_was_measured():
    assert Levels().gain_db("flite/slt") == pytest.approx(TARGET - MEASURED["flite/slt"])
    assert Levels().gain_db("flite/other") == pytest.approx(TARGET - MEASURED["flite"])
    assert Levels().gain_db("espeak-ng/hi") == pytest.approx(TARGET - MEASURED["espeak-ng"])


def test_what_was_said_counts_by_its_length():
    levels = Levels()
    levels.learn("a/a", -20.0, 3.0)
    levels.learn("a/a", -30.0, 1.0)
    level = levels.level("a/a")
    assert level
    assert level.lufs == pytest.approx(-22.5)


def test_a_voice_that_changes_is_followed():
    levels = Levels()
    for _ in range(100):
        levels.learn("a/a", -20.0, 5.0)
    assert (known := levels.level("a/a"))
    assert known.seconds == KNOWN
    for _ in range(50):
        levels.learn("a/a", -26.0, 5.0)
    assert levels.gain_db("a/a") == pytest.approx(TARGET + 26, abs=0.2)


@pytest.mark.parametrize(("lufs", "gain"), [(-60.0, MOST_GAIN), (-1.0, -MOST_GAIN)])
def test_the_gain_has_bounds(lufs, gain):
    levels = Levels()
    levels.learn("a/a", lufs, 5.0)
    assert levels.gain_db("a/a") == gain


@pytest.mark.parametrize(("lufs", "seconds"), [(-math.inf, 5.0), (math.nan, 5.0), (-20.0, 0.3)])
def test_what_tells_nothing_is_not_learnt(lufs, seconds):
    levels = Levels()
    assert not levels.learn("a/a", lufs, seconds)
    assert len(levels.learnt) == 0


def test_it_outlives_a_restart(tmp_path):
    levels = Levels(tmp_path / "levels.json")
    assert levels.learn("a/a", -25.0, 5.0)
    levels.save()
    assert Levels(tmp_path / "levels.json").gain_db("a/a") == pytest.approx(TARGET + 25.0)
    assert [file.name for file in tmp_path.iterdir()] == ["levels.json"]


def test_it_is_written_only_when_something_moved(tmp_path):
    levels = Levels(tmp_path / "levels.json")
    assert levels.learn("a/a", -25.0, 5.0)
    levels.save()
    assert not levels.learn("a/a", -25.1, 5.0)
    assert levels.learn("a/a", -29.0, 5.0)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', '{"a": ["x", 1]}', "[" * 100_000, '{"a": [NaN, 1]}'])
def test_a_broken_file_is_an_empty_one(tmp_path, text):
    (tmp_path / "levels.json").write_text(text)
    assert len(Levels(tmp_path / "levels.json").learnt) == 0


def test_a_disk_that_refuses_is_told_of_once(tmp_path, caplog):
    levels = Levels(tmp_path / "gone" / "levels.json")
    for lufs in (-20.0, -40.0):
        levels.learn("a/a", lufs, 50.0)
        levels.save()
    assert len(caplog.records) == 1


def test_the_table_is_bounded(tmp_path):
    rows = {f"a/{number}": [-20.0, 5.0] for number in range(MOST_VOICES + 50)}
    (tmp_path / "levels.json").write_text(json.dumps(rows))
    levels = Levels(tmp_path / "levels.json")
    assert len(levels.learnt) == MOST_VOICES
    levels.learn("b/b", -20.0, 5.0)
    assert len(levels.learnt) == MOST_VOICES
    assert levels.gain_db("b/b") == pytest.approx(1.0)
