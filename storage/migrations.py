"""How the database came to its present form: numbered steps, each applied once. Knows no rows."""

from collections.abc import Callable

from peewee import Database, SqliteDatabase

from core.errors import StorageError
from storage.tables import MIGRATIONS, columns

_LOCK = 7_163_825
"""Any number that every VoiceForge on one PostgreSQL server agrees on."""

_SQLITE = {"serial": "INTEGER PRIMARY KEY", "text": "TEXT", "blob": "BLOB"}
# Collation "C" orders by code point, as SQLite does, so that a search by prefix is a range of the index.
_POSTGRESQL = {"serial": "BIGSERIAL PRIMARY KEY", "text": 'TEXT COLLATE "C"', "blob": "BYTEA"}


def migrate(database: Database) -> None:
    """Apply the steps that are missing, all in one transaction; processes that start together take turns.

    Raises StorageError for a database made by a newer version.
    """
    with database.atomic():
        if not isinstance(database, SqliteDatabase):
            database.execute_sql("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        database.execute_sql("CREATE TABLE IF NOT EXISTS migrations (number BIGINT PRIMARY KEY, name TEXT NOT NULL)")
        applied = {row["number"] for row in MIGRATIONS.select(MIGRATIONS.c.number).dicts().execute(database)}
        if (found := max(applied, default=0)) > len(STEPS):
            raise StorageError(_newer(found, len(STEPS)))
        for number, step in enumerate(STEPS, 1):
            if number not in applied:
                step(database)
                MIGRATIONS.insert(columns(MIGRATIONS, number=number, name=step.__name__)).execute(database)


def _newer(found: int, known: int) -> str:
    return f"The database was made by a newer VoiceForge (step {found}; this one knows {known}). Update the app."


def _run(database: Database, *statements: str) -> None:
    types = _SQLITE if isinstance(database, SqliteDatabase) else _POSTGRESQL
    for statement in statements:
        database.execute_sql(statement.format(**types))


def m001_keys_usage_secrets(database: Database) -> None:
    _run(
        database,
        """CREATE TABLE keys (
            id {text} PRIMARY KEY, name {text} NOT NULL, folded {text} NOT NULL, digest {text} NOT NULL UNIQUE,
            prefix {text} NOT NULL, last4 {text} NOT NULL, scopes {text} NOT NULL,
            created_at DOUBLE PRECISION NOT NULL, expires_at DOUBLE PRECISION, revoked_at DOUBLE PRECISION,
            last_used_at DOUBLE PRECISION, requests_per_minute BIGINT NOT NULL, concurrent BIGINT NOT NULL,
            characters_per_month BIGINT NOT NULL)""",
        "CREATE INDEX keys_created ON keys (created_at, id)",
        "CREATE INDEX keys_folded ON keys (folded)",
        # `day` is whole days since the epoch in UTC: a group that means the same in both databases.
        """CREATE TABLE usage (
            id {serial}, at DOUBLE PRECISION NOT NULL, day BIGINT NOT NULL, key_id {text} NOT NULL, op {text} NOT NULL,
            engine {text} NOT NULL, voice {text} NOT NULL, characters BIGINT NOT NULL,
            audio_seconds DOUBLE PRECISION NOT NULL, milliseconds DOUBLE PRECISION NOT NULL, status {text} NOT NULL,
            request_id {text} NOT NULL)""",
        "CREATE INDEX usage_at ON usage (at)",
        "CREATE INDEX usage_key_at ON usage (key_id, at)",
        "CREATE TABLE secrets (name {text} PRIMARY KEY, sealed {blob} NOT NULL, at DOUBLE PRECISION NOT NULL)",
    )


def m002_usage_days(database: Database) -> None:
    """`writer` is the connection that adds to the row, on SQLite and of the days before this step 0."""
    _run(
        database,
        """CREATE TABLE usage_days (
            day BIGINT NOT NULL, key_id {text} NOT NULL, op {text} NOT NULL, engine {text} NOT NULL,
            writer BIGINT NOT NULL, requests BIGINT NOT NULL, failed BIGINT NOT NULL, characters BIGINT NOT NULL,
            audio_seconds DOUBLE PRECISION NOT NULL, milliseconds DOUBLE PRECISION NOT NULL,
            PRIMARY KEY (day, key_id, op, engine, writer))""",
        "CREATE INDEX usage_days_key ON usage_days (key_id, day)",
        """INSERT INTO usage_days SELECT day, key_id, op, engine, 0, COUNT(*),
            SUM(CASE status WHEN 'failed' THEN 1 ELSE 0 END), SUM(characters), SUM(audio_seconds), SUM(milliseconds)
            FROM usage GROUP BY day, key_id, op, engine""",
    )


def m003_pronunciations(database: Database) -> None:
    _run(
        database,
        # `form` is what an entry stands for, alike for two that exclude each other; `folded` is what it is found by.
        """CREATE TABLE pronunciations (
            id {serial}, owner {text} NOT NULL, form {text} NOT NULL, folded {text} NOT NULL, written {text} NOT NULL,
            spoken {text} NOT NULL, ipa {text} NOT NULL, language {text} NOT NULL, case_sensitive BIGINT NOT NULL,
            UNIQUE (owner, form, language))""",
        "CREATE INDEX pronunciations_folded ON pronunciations (owner, folded, id)",
        "CREATE TABLE pronunciation_versions (owner {text} PRIMARY KEY, version BIGINT NOT NULL)",
    )


def m004_conversations(database: Database) -> None:
    _run(
        database,
        """CREATE TABLE conversations (
            id {text} PRIMARY KEY, owner {text} NOT NULL, token {text} NOT NULL, settings {text} NOT NULL,
            title {text} NOT NULL, created_at DOUBLE PRECISION NOT NULL, updated_at DOUBLE PRECISION NOT NULL)""",
        "CREATE INDEX conversations_owner ON conversations (owner, updated_at, id)",
        # `place` orders the items; `heard` is null where all of the text was heard, or hearing does not apply.
        """CREATE TABLE conversation_items (
            conversation {text} NOT NULL, item {text} NOT NULL, place BIGINT NOT NULL, role {text} NOT NULL,
            text {text} NOT NULL, spoken BIGINT NOT NULL, heard BIGINT, status {text} NOT NULL, call {text} NOT NULL,
            call_id {text} NOT NULL, PRIMARY KEY (conversation, item))""",
    )


def m005_tokens_and_costs(database: Database) -> None:
    """What language models of others count and bill: tokens, and millionths of a US dollar."""
    for table in ("usage", "usage_days"):
        for column in ("input_tokens", "output_tokens", "micro_usd"):
            _run(database, f"ALTER TABLE {table} ADD COLUMN {column} BIGINT NOT NULL DEFAULT 0")


def m006_holds(database: Database) -> None:
    """Which process holds a conversation, by which line of its client, and until when that is believed."""
    for column in ("holder {text} NOT NULL DEFAULT ''", "line {text} NOT NULL DEFAULT ''",
                   "held_until DOUBLE PRECISION NOT NULL DEFAULT 0"):  # fmt: skip
        _run(database, f"ALTER TABLE conversations ADD COLUMN {column}")


STEPS: tuple[Callable[[Database], None], ...] = (
    m001_keys_usage_secrets,
    m002_usage_days,
    m003_pronunciations,
    m004_conversations,
    m005_tokens_and_costs,
    m006_holds,
)
"""In order; a step that was released is never changed, the next one corrects it."""
