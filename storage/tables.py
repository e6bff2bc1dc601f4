"""The tables as this room sees them. They belong to no database: each query is given one when it runs.

Their columns are in storage/migrations.py.
"""

from typing import Any

from peewee import Table

KEYS = Table("keys")
USAGE = Table("usage")
SECRETS = Table("secrets")
PRONUNCIATIONS = Table("pronunciations")
PRONUNCIATION_VERSIONS = Table("pronunciation_versions")
CONVERSATIONS = Table("conversations")
CONVERSATION_ITEMS = Table("conversation_items")
MIGRATIONS = Table("migrations")


def columns(table: Table, **values: Any) -> dict[Any, Any]:
    """What an insert or update of the table takes, from the names of its columns."""
    return {getattr(table.c, name): value for name, value in values.items()}
