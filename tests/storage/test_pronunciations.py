"""Pronunciations as they are kept, on every database."""

import time

import pytest

from core.errors import Conflict, NotFound, TooLarge
from storage import pronunciations as rows
from storage.pronunciations import PronunciationRecord

pytestmark = pytest.mark.integration


def entry(written: str, spoken: str = "x", **more) -> PronunciationRecord:
    return PronunciationRecord(f"~{written.casefold()}", written.casefold(), written, spoken, **more)


def test_an_entry_is_kept_changed_and_removed(storage):
    kept = storage.write_sync(rows.add, "a", entry("GIF", "jif", ipa="dʒɪf", language="en", case_sensitive=True))
    assert storage.read_sync(rows.get, "a", kept.id) == kept
    assert (kept.written, kept.spoken, kept.ipa, kept.language, kept.case_sensitive) == (
        "GIF",
        "jif",
        "dʒɪf",
        "en",
        True,
    )
    changed = storage.write_sync(rows.change, "a", kept.id, entry("GIFs", "jifs"))
    assert (changed.id, changed.written, changed.case_sensitive) == (kept.id, "GIFs", False)
    assert storage.write_sync(rows.remove, "a", kept.id) == changed
    with pytest.raises(NotFound):
        storage.read_sync(rows.get, "a", kept.id)


def test_nobody_sees_changes_or_removes_anothers(storage):
    kept = storage.write_sync(rows.add, "a", entry("GIF"))
    storage.write_sync(rows.add, "b", entry("GIF", "other"))
    for change in (rows.remove, rows.get):
        with pytest.raises(NotFound):
            storage.write_sync(change, "b", kept.id)
    with pytest.raises(NotFound):
        storage.write_sync(rows.change, "b", kept.id, entry("GIF", "mine"))
    storage.write_sync(rows.clear, "b")
    assert storage.read_sync(rows.page, "a", 0, 9) == [kept]
    assert storage.read_sync(rows.count, "b") == 0


def test_one_form_and_language_has_one_entry(storage):
    storage.write_sync(rows.add, "a", entry("Gift", language="en"))
    other = storage.write_sync(rows.add, "a", entry("Gift", language="de"))
    with pytest.raises(Conflict, match="'GIFT' for the language en already"):
        storage.write_sync(rows.add, "a", entry("GIFT", language="en"))
    with pytest.raises(Conflict, match="already"):
        storage.write_sync(rows.change, "a", other.id, entry("gift", language="en"))
    assert storage.read_sync(rows.count, "a") == 2


def test_every_change_is_a_new_version_and_a_failed_one_none(storage):
    assert storage.read_sync(rows.version, "a") == 0
    kept = storage.write_sync(rows.add, "a", entry("one"))
    storage.write_sync(rows.change, "a", kept.id, entry("two"))
    storage.write_sync(rows.load, "a", [entry("three")], False)
    assert storage.read_sync(rows.version, "a") == 3
    with pytest.raises(Conflict):
        storage.write_sync(rows.add, "a", entry("three"))
    assert storage.read_sync(rows.version, "a") == 3
    storage.write_sync(rows.remove, "a", kept.id)
    storage.write_sync(rows.clear, "a")
    assert storage.read_sync(rows.version, "a") == 5
    assert storage.read_sync(rows.version, "b") == 0


def test_pages_are_in_order_and_found_by_their_beginning(storage):
    for written in ("beta", "Alpha", "alphabet", "ÉTÉ", "北京", "\U0001f600 ok", "%", "كتاب"):
        storage.write_sync(rows.add, "a", entry(written))
    found = [record.written for record in storage.read_sync(rows.page, "a", 0, 3)]
    assert found == ["%", "Alpha", "alphabet"]
    for prefix, there in (("alp", 2), ("été", 1), ("北", 1), ("\U0001f600", 1), ("%", 1), ("كت", 1), ("_", 0), ("", 8)):
        assert storage.read_sync(rows.count, "a", prefix) == there, prefix
        assert len(storage.read_sync(rows.page, "a", 0, 100, prefix)) == there, prefix


@pytest.mark.parametrize(("replace", "expected"), [(True, ["b", "c"]), (False, ["a", "b", "c"])])
def test_many_are_taken_at_once(storage, replace, expected):
    storage.write_sync(rows.load, "o", [entry("a"), entry("b", "old")], True)
    assert storage.write_sync(rows.load, "o", [entry("b", "new"), entry("c")], replace) == len(expected)
    version, found = storage.read_sync(rows.every, "o")
    assert (version, [record.written for record in found]) == (2, expected)
    assert {record.written: record.spoken for record in found}["b"] == "new"


@pytest.mark.slow
def test_a_hundred_thousand_are_taken_and_not_one_more(storage):
    """Measured with two processors shared by others: a second on SQLite and five on PostgreSQL to take them, and 15 ms
    for the last page."""
    many = [entry(f"word {number:06}", f"spoken {number}") for number in range(rows.MOST)]
    began = time.perf_counter()
    assert storage.write_sync(rows.load, "a", many, True) == rows.MOST
    assert time.perf_counter() - began < 60
    with pytest.raises(TooLarge, match="100,000"):
        storage.write_sync(rows.add, "a", entry("another"))
    with pytest.raises(TooLarge):
        storage.write_sync(rows.load, "a", [entry("another")], False)
    assert storage.write_sync(rows.add, "b", entry("another")).id
    began = time.perf_counter()
    assert storage.read_sync(rows.page, "a", rows.MOST - 1, 100)[0].written == "word 099999"
    assert storage.read_sync(rows.count, "a", "word 0001") == 100
    assert time.perf_counter() - began < 1


def test_a_new_owner_gets_a_copy(storage):
    storage.write_sync(rows.load, "old", [entry("a", ipa="ɐ"), entry("b")], True)
    storage.write_sync(rows.copy, "old", "new")
    storage.write_sync(rows.copy, "nobody", "other")
    storage.write_sync(rows.clear, "old")
    assert [record.written for record in storage.read_sync(rows.page, "new", 0, 9)] == ["a", "b"]
    assert storage.read_sync(rows.version, "other") == 0
