"""Keys, usage and secrets as they are kept, on every database."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from random import Random

import pytest
from peewee import SqliteDatabase

from core.errors import Conflict
from storage import keys, migrations, secrets, usage
from storage.db import Storage
from storage.keys import KeyRecord
from storage.usage import DAY, UsageRecord
from tests.storage.test_db import key

pytestmark = pytest.mark.integration


def test_keys_are_paged_newest_first_and_found_by_name(storage):
    for number, name in enumerate(["Küche", "küche 2", "Bad", "Kü", "kueche", "\U0001f600 smile"]):
        storage.write_sync(keys.add, key(number, name))
    assert [found.id for found in storage.read_sync(keys.page, 0, 2, "")] == ["k5", "k4"]
    assert [found.id for found in storage.read_sync(keys.page, 2, 10, "")] == ["k3", "k2", "k1", "k0"]
    assert [found.name for found in storage.read_sync(keys.page, 0, 10, "KÜCHE")] == ["küche 2", "Küche"]
    assert storage.read_sync(keys.count, "kü") == 3
    assert storage.read_sync(keys.count, "\U0001f600") == 1
    assert storage.read_sync(keys.count, "%") == 0


def test_a_key_is_found_by_any_of_its_digests(storage):
    storage.write_sync(keys.add, key(7))
    assert storage.read_sync(keys.by_digest, ("unknown", f"{7:064x}")) == key(7)
    assert storage.read_sync(keys.by_digest, ("unknown",)) is None


def test_a_key_revoked_twice_keeps_the_first_time(storage):
    storage.write_sync(keys.add, key(1))
    storage.write_sync(keys.revoke, "k1", 5.0)
    storage.write_sync(keys.revoke, "k1", 9.0)
    found = storage.read_sync(keys.get, "k1")
    assert found is not None
    assert found.revoked_at == 5.0


@pytest.mark.parametrize(("before", "after"), [(None, 50.0), (90.0, 50.0), (20.0, 20.0)])
def test_a_replaced_key_ends_no_later_than_it_would_have(storage, before, after):
    old = KeyRecord("old", "Bad", "d" * 64, "vf_live_abcd", "wxyz", ("speech",), 1.0, expires_at=before)
    storage.write_sync(keys.add, old)
    storage.write_sync(keys.replace, old, key(2), 50.0)
    found = storage.read_sync(keys.get, "old")
    assert found is not None
    assert found.expires_at == after
    assert storage.read_sync(keys.get, "k2") == key(2)


def test_a_key_changed_meanwhile_is_not_replaced(storage):
    storage.write_sync(keys.add, key(1))
    storage.write_sync(keys.revoke, "k1", 5.0)
    with pytest.raises(Conflict, match="changed"):
        storage.write_sync(keys.replace, key(1), key(2), 50.0)
    assert storage.read_sync(keys.get, "k2") is None


def test_only_valid_keys_lend_their_scopes(storage):
    storage.write_sync(keys.add, key(1))
    gone = KeyRecord("gone", "Bad", "d" * 64, "vf_live_abcd", "wxyz", ("keys",), 1.0, expires_at=10.0)
    storage.write_sync(keys.add, gone)
    assert storage.read_sync(keys.scopes_in_use, 9.0) == {"speech", "usage", "keys"}
    assert storage.read_sync(keys.scopes_in_use, 10.0) == {"speech", "usage"}
    storage.write_sync(keys.revoke, "k1", 11.0)
    assert storage.read_sync(keys.scopes_in_use, 12.0) == set()


def test_ten_thousand_keys_are_read_by_the_page(tmp_path):
    storage = Storage.open("", tmp_path)
    storage.write_sync(lambda database: [keys.add(database, key(number)) for number in range(300)])
    plan = "EXPLAIN QUERY PLAN SELECT * FROM keys ORDER BY created_at DESC, id DESC LIMIT 100 OFFSET 9900"
    steps = storage.read_sync(lambda database: [row[3] for row in database.execute_sql(plan).fetchall()])
    storage.close()
    assert steps == ["SCAN keys USING INDEX keys_created"]


def record(at: float, key_id: str, op: str, engine: str, **values) -> UsageRecord:
    return UsageRecord(at, key_id, op, engine, **values)


@pytest.fixture
def week(storage):
    rows = [
        record(10.0, "a", "speech", "flite", characters=5, audio_seconds=1.5, milliseconds=20.0),
        record(DAY - 1.0, "b", "speech", "flite", characters=7, status="failed"),
        record(DAY * 1.0, "a", "transcription", "pocketsphinx", audio_seconds=30.0),
        record(DAY * 3.0, "a", "speech", "flite", characters=11, status="cancelled"),
    ]
    for row in rows:
        storage.write_sync(usage.add, row)
    return storage


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("day", [("1970-01-01", 2, 1, 12), ("1970-01-02", 1, 0, 0), ("1970-01-04", 1, 0, 11)]),
        ("key", [("a", 3, 0, 16), ("b", 1, 1, 7)]),
        ("op", [("speech", 3, 1, 23), ("transcription", 1, 0, 0)]),
        ("engine", [("flite", 3, 1, 23), ("pocketsphinx", 1, 0, 0)]),
    ],
)
def test_sums_of_each_group(week, group, expected):
    found = week.read_sync(usage.sums, 0.0, 1e9, group, None)
    assert [(item.group, item.requests, item.failed, item.characters) for item in found] == expected


def test_sums_of_one_key_in_a_time(week):
    (found,) = week.read_sync(usage.sums, 10.0, DAY * 1.0, "key", "a")
    assert (found.requests, found.audio_seconds, found.milliseconds) == (1, 1.5, 20.0)
    assert week.read_sync(usage.sums, 11.0, DAY * 1.0, "key", "a") == []


def test_characters_since(week):
    assert week.read_sync(usage.characters_since, "a", 0.0) == 16
    assert week.read_sync(usage.characters_since, "a", 11.0) == 11
    assert week.read_sync(usage.characters_since, "nobody", 0.0) == 0


SPANS = (
    (0.0, DAY * 20.0), (DAY * 3.0, DAY * 5.0), (DAY * 3.5, DAY * 5.25), (DAY * 3.25, DAY * 3.5), (DAY * 3.5, DAY * 4.0),
    (DAY * 3.0, DAY * 3.5), (DAY * 3.5, DAY * 4.5), (DAY * 9.5, DAY * 9.75), (DAY * 9.5, 1e300), (-1e300, DAY * 0.5),
    (-float("inf"), float("inf")), (5.0, 5.0), (9.0, 5.0), (DAY * 30.0, DAY * 40.0),
)  # fmt: skip


def test_sums_of_any_time_are_those_of_its_rows(storage):
    random = Random(7)
    rows = [
        record(
            random.uniform(0, DAY * 10), random.choice("ab"), random.choice(["speech", "convert"]),
            random.choice(["flite", ""]), characters=random.randrange(2**40), audio_seconds=random.randrange(9) / 2,
            milliseconds=1.0, status=random.choice(["ok", "failed", "cancelled"]), input_tokens=random.randrange(99),
            output_tokens=random.randrange(99), micro_usd=random.randrange(2**40),
        )
        for _ in range(400)
    ]  # fmt: skip
    storage.write_sync(lambda database: [usage.add(database, row) for row in rows])
    for (since, until), group, key_id in product(SPANS, usage.GROUPS, (None, "a", "nobody")):
        found = storage.read_sync(usage.sums, since, until, group, key_id)
        chosen = [row for row in rows if since <= row.at < until and key_id in (None, row.key_id)]
        assert found == summed(chosen, group), (since / DAY, until / DAY, group, key_id)


def summed(rows: list[UsageRecord], group: str) -> list[usage.UsageSum]:
    of = {"day": lambda row: f"1970-01-{int(row.at // DAY) + 1:02}", "key": lambda row: row.key_id}
    groups: dict[str, list[UsageRecord]] = {}
    for row in rows:
        groups.setdefault(of.get(group, lambda row: getattr(row, group))(row), []).append(row)
    return [
        usage.UsageSum(
            name, len(own), sum(row.status == "failed" for row in own), sum(row.characters for row in own),
            sum(row.audio_seconds for row in own), float(len(own)), sum(row.input_tokens for row in own),
            sum(row.output_tokens for row in own), sum(row.micro_usd for row in own),
        )
        for name, own in sorted(groups.items())
    ]  # fmt: skip


ADD_BEFORE = """INSERT INTO usage (at, day, key_id, op, engine, voice, characters, audio_seconds, milliseconds, status,
    request_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


def test_days_before_they_were_summed_are_counted(reopen, monkeypatch):
    added = next(number for number, step in enumerate(migrations.STEPS) if step.__name__.endswith("usage_days"))
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "STEPS", migrations.STEPS[:added])
        old = reopen()
        for at in (10.0, 20.0, DAY * 2.0):
            old.write_sync(
                usage._run, ADD_BEFORE, (at, int(at // DAY), "a", "speech", "flite", "", 5, 1, 1, "failed", "")
            )
        old.close()
    storage = reopen()
    storage.write_sync(usage.add, record(30.0, "a", "speech", "flite", characters=7))
    found = storage.read_sync(usage.sums, 0.0, 1e9, "day", None)
    assert [(item.group, item.requests, item.failed, item.characters) for item in found] == [
        ("1970-01-01", 3, 2, 17),
        ("1970-01-03", 1, 1, 5),
    ]


def test_writers_of_the_same_days_do_not_wait_for_each_other(reopen):
    """Each adds for two keys in one transaction, one in the other order."""
    meet = threading.Barrier(2)

    def add(database, *keys) -> None:
        for name in keys:
            usage.add(database, record(1.0, name, "speech", "flite", characters=1))
            if not isinstance(database, SqliteDatabase):  # which lets one write at a time
                meet.wait(10)

    first, second = reopen(), reopen()
    with ThreadPoolExecutor(2) as threads:
        done = [threads.submit(first.write_sync, add, "a", "b"), threads.submit(second.write_sync, add, "b", "a")]
        for each in done:
            each.result(20)
    found = first.read_sync(usage.sums, 0.0, 1e9, "key", None)
    assert [(item.group, item.requests, item.characters) for item in found] == [("a", 2, 2), ("b", 2, 2)]


def test_recent_rows_newest_first(week):
    assert [row.at for row in week.read_sync(usage.recent, 2, None)] == [DAY * 3.0, DAY * 1.0]
    assert [row.key_id for row in week.read_sync(usage.recent, 9, "b")] == ["b"]


def test_a_sealed_secret_is_replaced_listed_and_removed(storage):
    storage.write_sync(secrets.put, "acme|openai", b"\x00\xff", 1.0)
    storage.write_sync(secrets.put, "acme|openai", b"\x01", 2.0)
    storage.write_sync(secrets.put, "other", b"", 2.0)
    assert storage.read_sync(secrets.get, "acme|openai") == b"\x01"
    assert storage.read_sync(secrets.names, "acme|") == ["acme|openai"]
    assert storage.write_sync(secrets.remove, "acme|openai") is True
    assert storage.write_sync(secrets.remove, "acme|openai") is False
    assert storage.read_sync(secrets.get, "acme|openai") is None
