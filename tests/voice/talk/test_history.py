"""The items of a conversation are as many as are of use, and no more."""

from types import SimpleNamespace
from typing import Any

import pytest

from voice.talk import history
from voice.talk.history import FIRST, History
from voice.talk.items import Item


def held(*items: Item) -> History:
    scene: Any = SimpleNamespace(emit=lambda event: None)
    return History(scene, items)


def names(found: History) -> str:
    return "".join(item.id for item in found.items)


def test_the_oldest_are_forgotten_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(history, "MOST_ITEMS", 3)
    found = held(*(Item(id, "user", "x") for id in "abcd"))
    assert names(found) == "bcd"
    found.add(Item("e", "user", "x"))
    assert names(found) == "cde"


def test_and_where_they_hold_too_much(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(history, "MOST_CHARACTERS", 100)
    found = held(*(Item(id, "user", "x" * 40) for id in "abcd"))
    assert names(found) == "cd"
    found.add(Item("e", "user", "x" * 30), FIRST)
    assert names(found) == "cd"
    found.add(Item("f", "user", "x" * 500))
    assert names(found) == "f"


def test_what_still_grows_stays(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(history, "MOST_CHARACTERS", 100)
    found = held(Item("a", "user", "x"), Item("b", "assistant", "x", status="open"))
    found.add(Item("c", "user", "x" * 500))
    assert names(found) == "bc"
    found.replace(Item("b", "assistant", "x y"))
    found.add(Item("d", "user", "x"))
    assert names(found) == "d"
