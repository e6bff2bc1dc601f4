"""Each step is applied once; what cannot be understood is refused."""

import pytest

from core.errors import StorageError
from storage import keys, migrations
from storage.tables import MIGRATIONS, columns

pytestmark = pytest.mark.integration


def applied(database) -> list[int]:
    rows = MIGRATIONS.select(MIGRATIONS.c.number).order_by(MIGRATIONS.c.number).dicts().execute(database)
    return [row["number"] for row in rows]


def test_opening_again_changes_nothing(reopen):
    reopen().close()
    assert reopen().read_sync(applied) == list(range(1, len(migrations.STEPS) + 1))


def test_a_new_step_is_applied_to_an_old_database(reopen, monkeypatch):
    reopen().close()

    def m_next(database) -> None:
        database.execute_sql("CREATE TABLE fresh (id BIGINT)")

    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, m_next))
    reopen().close()
    storage = reopen()
    assert storage.read_sync(applied)[-1] == len(migrations.STEPS)
    assert storage.read_sync(lambda database: database.table_exists("fresh"))


def test_a_step_that_fails_leaves_nothing(reopen, monkeypatch):
    reopen().close()
    known = migrations.STEPS

    def m_wrong(database) -> None:
        database.execute_sql("CREATE TABLE half (id BIGINT)")
        database.execute_sql("CREATE TABLE half (id BIGINT)")

    monkeypatch.setattr(migrations, "STEPS", (*known, m_wrong))
    with pytest.raises(StorageError, match="cannot be opened"):
        reopen()
    monkeypatch.setattr(migrations, "STEPS", known)
    storage = reopen()
    assert storage.read_sync(applied) == list(range(1, len(known) + 1))
    assert not storage.read_sync(lambda database: database.table_exists("half"))


def test_a_newer_database_is_refused(reopen):
    storage = reopen()
    storage.write_sync(
        lambda database: MIGRATIONS.insert(columns(MIGRATIONS, number=99, name="m099")).execute(database)
    )
    storage.close()
    with pytest.raises(StorageError, match=r"newer VoiceForge \(step 99"):
        reopen()


def test_a_fresh_database_is_empty(storage):
    assert storage.read_sync(keys.count, "") == 0
