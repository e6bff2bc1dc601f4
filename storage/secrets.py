"""Sealed secrets by name, opaque bytes in and out. How they are sealed is for accounts/vault.py to know."""

from peewee import Database

from storage.tables import SECRETS, columns


def put(database: Database, name: str, sealed: bytes, at: float) -> None:
    """Keep it, in the place of what had the name before."""
    SECRETS.delete().where(SECRETS.c.name == name).execute(database)
    SECRETS.insert(columns(SECRETS, name=name, sealed=sealed, at=at)).execute(database)


def add(database: Database, name: str, sealed: bytes, at: float) -> None:
    """Raises peewee's IntegrityError where there is one by this name: of several who ask, one is first."""
    SECRETS.insert(columns(SECRETS, name=name, sealed=sealed, at=at)).execute(database)


def get(database: Database, name: str) -> bytes | None:
    found = SECRETS.select(SECRETS.c.sealed).where(SECRETS.c.name == name).scalar(database)
    return None if found is None else bytes(found)


def names(database: Database, prefix: str = "") -> list[str]:
    """In order; only those that begin with the prefix."""
    query = SECRETS.select(SECRETS.c.name).where((SECRETS.c.name >= prefix) & (SECRETS.c.name < prefix + "\U0010ffff"))
    return [row["name"] for row in query.order_by(SECRETS.c.name).dicts().execute(database)]


def remove_before(database: Database, prefix: str, at: float) -> None:
    """Those whose name begins with the prefix and whose time is earlier."""
    within = (SECRETS.c.name >= prefix) & (SECRETS.c.name < prefix + "\U0010ffff")
    SECRETS.delete().where(within & (SECRETS.c.at < at)).execute(database)


def remove(database: Database, name: str) -> bool:
    """Whether there was one."""
    return bool(SECRETS.delete().where(SECRETS.c.name == name).execute(database))
