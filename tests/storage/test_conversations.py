"""Conversations as they are kept, on every database."""

import pytest

from core.errors import Conflict, NotFound
from storage import conversations as rows
from storage.conversations import ConversationRecord, Hold, ItemRecord

pytestmark = pytest.mark.integration


def kept(id: str, owner: str = "a", at: float = 1.0) -> ConversationRecord:
    return ConversationRecord(id, owner, "digest", '{"voice": "v"}', "", at, at)


def item(name: str, place: int, text: str = "x", **more) -> ItemRecord:
    return ItemRecord(name, place, "user", text, **more)


def test_a_conversation_is_kept_with_its_items(storage):
    storage.write_sync(rows.add, kept("c"))
    first = item("i1", 0, "Grüße", spoken=True, heard=3, status="interrupted")
    call = ItemRecord("i2", 1, "assistant", call='{"id": "x"}')
    answer = ItemRecord("i3", 2, "tool", "4", call_id="x")
    assert storage.write_sync(rows.save, "c", [answer, first, call], [], 5.0, "Grüße")
    assert storage.read_sync(rows.items, "c") == [first, call, answer]
    found = storage.read_sync(rows.get, "a", "c")
    assert (found.title, found.created_at, found.updated_at, found.settings) == ("Grüße", 1.0, 5.0, '{"voice": "v"}')
    storage.write_sync(rows.change, "c", "{}")
    assert storage.read_sync(rows.get, "a", "c").settings == "{}"


def test_items_change_move_and_go(storage):
    storage.write_sync(rows.add, kept("c"))
    storage.write_sync(rows.save, "c", [item("a", 0), item("b", 1), item("c", 2)], [], 2.0, "first")
    storage.write_sync(rows.save, "c", [item("c", 0), item("b", 1, "changed")], ["a"], 3.0, "other")
    assert [(one.item, one.text) for one in storage.read_sync(rows.items, "c")] == [("c", "x"), ("b", "changed")]
    assert storage.read_sync(rows.get, "a", "c").title == "first"


def test_turns_are_appended_behind_all_others(storage):
    storage.write_sync(rows.add, kept("c"))
    storage.write_sync(rows.append, "a", "c", [item("a", 0), item("b", 0)], 2.0, "t")
    storage.write_sync(rows.append, "a", "c", [item("c", 0)], 2.0)
    assert [(one.item, one.place) for one in storage.read_sync(rows.items, "c")] == [("a", 0), ("b", 1), ("c", 2)]
    with pytest.raises(NotFound):
        storage.write_sync(rows.append, "b", "c", [item("d", 0)], 2.0)
    with pytest.raises(Conflict):
        storage.write_sync(rows.append, "a", "c", [item("d", 0)], 2.0, "", "b")
    storage.write_sync(rows.append, "a", "c", [item("d", 0)], 2.0, "", "c")
    assert len(storage.read_sync(rows.items, "c")) == 4
    storage.write_sync(rows.add, kept("empty"))
    with pytest.raises(Conflict):
        storage.write_sync(rows.append, "a", "empty", [item("d", 0)], 2.0, "", "c")
    storage.write_sync(rows.append, "a", "empty", [item("d", 0)], 2.0, "", "")


def test_of_turns_the_last_are_kept(storage, monkeypatch):
    monkeypatch.setattr(rows, "MOST_ITEMS", 4)
    storage.write_sync(rows.add, kept("c"))
    storage.write_sync(rows.add, kept("d"))
    storage.write_sync(rows.append, "a", "d", [item("x", 0)], 2.0)
    for number in range(6):
        last = f"b{number - 1}" if number else ""
        storage.write_sync(rows.append, "a", "c", [item(f"a{number}", 0), item(f"b{number}", 0)], 2.0, "t", last)
    assert [one.item for one in storage.read_sync(rows.items, "c")] == ["a4", "b4", "a5", "b5"]
    assert len(storage.read_sync(rows.items, "d")) == 1


def test_nobody_sees_or_removes_anothers(storage):
    storage.write_sync(rows.add, kept("c", "a"))
    storage.write_sync(rows.save, "c", [item("i", 0)], [], 2.0)
    with pytest.raises(NotFound):
        storage.read_sync(rows.get, "b", "c")
    with pytest.raises(NotFound):
        storage.write_sync(rows.remove, "b", "c", 2.0)
    with pytest.raises(NotFound):
        storage.write_sync(rows.take, "b", "c", Hold("one", "", 9.0), 2.0)
    assert (storage.read_sync(rows.page, "b", 0, 9), storage.read_sync(rows.count, "b")) == ([], 0)
    storage.write_sync(rows.clear, "b")
    assert storage.read_sync(rows.count, "a") == 1


def test_what_is_removed_is_gone_with_its_items_and_nothing_is_kept_of_it_any_more(storage):
    storage.write_sync(rows.add, kept("c"))
    storage.write_sync(rows.save, "c", [item("i", 0)], [], 2.0)
    storage.write_sync(rows.remove, "a", "c", 2.0)
    assert not storage.write_sync(rows.save, "c", [item("i", 0)], [], 3.0)
    assert storage.read_sync(rows.items, "c") == []


def test_no_id_is_more_than_a_name(storage):
    with pytest.raises(NotFound):
        storage.read_sync(rows.get, "a", "c\0")


def test_an_id_is_taken_once(storage):
    storage.write_sync(rows.add, kept("c"))
    with pytest.raises(Conflict):
        storage.write_sync(rows.add, kept("c", "b"))


def test_the_one_longest_unused_makes_room(storage, monkeypatch):
    monkeypatch.setattr(rows, "MOST", 3)
    for number in range(5):
        storage.write_sync(rows.add, kept(f"c{number}", at=float(number)))
        storage.write_sync(rows.save, f"c{number}", [item("i", 0)], [], float(number))
    storage.write_sync(rows.add, kept("other", "b"))
    assert [one.id for one in storage.read_sync(rows.page, "a", 0, 9)] == ["c4", "c3", "c2"]
    assert storage.read_sync(rows.items, "c0") == []
    assert storage.read_sync(rows.count, "b") == 1


def test_everything_of_an_owner_moves_or_goes(storage):
    for id in ("c", "d"):
        storage.write_sync(rows.add, kept(id))
        storage.write_sync(rows.save, id, [item("i", 0)], [], 2.0)
    storage.write_sync(rows.move, "a", "b")
    assert (storage.read_sync(rows.count, "a"), storage.read_sync(rows.count, "b")) == (0, 2)
    storage.write_sync(rows.clear, "b")
    assert (storage.read_sync(rows.count, "b"), storage.read_sync(rows.items, "c")) == (0, [])


def test_pages(storage):
    for number in range(5):
        storage.write_sync(rows.add, kept(f"c{number}", at=float(number)))
    assert [one.id for one in storage.read_sync(rows.page, "a", 1, 2)] == ["c3", "c2"]


def test_one_process_holds_a_conversation_at_a_time(storage):
    storage.write_sync(rows.add, kept("c"))
    assert storage.write_sync(rows.take, "a", "c", Hold("one", "mine", 60.0), 0.0) is None
    other = storage.write_sync(rows.take, "a", "c", Hold("two", "", 70.0), 10.0)
    assert (other.holder, other.line, other.held_until, other.held(10.0)) == ("one", "mine", 60.0, True)
    assert storage.write_sync(rows.take, "a", "c", Hold("one", "", 65.0), 10.0) is None
    storage.write_sync(rows.release, "two", "c")
    assert storage.read_sync(rows.get, "a", "c").held(64.9)
    assert storage.write_sync(rows.take, "a", "c", Hold("two", "", 130.0), 65.0) is None, "it ran out"
    storage.write_sync(rows.release, "one", "c")
    assert storage.read_sync(rows.get, "a", "c").holder == "two"
    storage.write_sync(rows.release, "two", "c")
    assert storage.read_sync(rows.get, "a", "c") == kept("c")


def test_what_is_held_is_neither_removed_nor_gone_on_with_elsewhere(storage):
    storage.write_sync(rows.add, kept("c"))
    storage.write_sync(rows.take, "a", "c", Hold("one", "", 60.0), 0.0)
    with pytest.raises(Conflict):
        storage.write_sync(rows.remove, "a", "c", 59.0)
    with pytest.raises(Conflict):
        storage.write_sync(rows.append, "a", "c", [item("i", 0)], 59.0)
    assert storage.write_sync(rows.save, "c", [item("i", 0)], [], 59.0, "", "one")
    assert not storage.write_sync(rows.save, "c", [item("j", 1)], [], 59.0, "", "two")
    assert [one.item for one in storage.read_sync(rows.items, "c")] == ["i"]
    storage.write_sync(rows.remove, "a", "c", 60.0)
    assert storage.read_sync(rows.items, "c") == []


def test_who_was_not_heard_of_learns_what_he_lost(storage):
    for name in ("a1", "a2", "a3"):
        storage.write_sync(rows.add, kept(name))
        storage.write_sync(rows.take, "a", name, Hold("one", "", 60.0), 0.0)
    assert storage.write_sync(rows.renew, "one", ["a1", "a2", "a3", "none"], 80.0) == {"a1", "a2", "a3"}
    storage.write_sync(rows.take, "a", "a1", Hold("two", "", 140.0), 80.0)
    storage.write_sync(rows.append, "a", "a2", [item("i", 0)], 80.0)
    assert storage.write_sync(rows.renew, "one", ["a1", "a2", "a3"], 100.0) == {"a3"}
    assert storage.write_sync(rows.renew, "one", [], 100.0) == set()


def test_what_is_held_makes_no_room(storage, monkeypatch):
    monkeypatch.setattr(rows, "MOST", 2)
    for number in range(3):
        storage.write_sync(rows.add, kept(f"c{number}", at=float(number)))
        if number == 0:
            storage.write_sync(rows.take, "a", "c0", Hold("one", "", 60.0), 0.0)
    assert [one.id for one in storage.read_sync(rows.page, "a", 0, 9)] == ["c2", "c1", "c0"]
