"""The first start: is the secret key the one this database was made with, and is there a key that may make keys?"""

from __future__ import annotations

import logging
from pathlib import Path

from accounts import keys
from accounts.keyring import write_private
from accounts.principal import SCOPES
from accounts.vault import Vault
from core.errors import StorageError
from storage import keys as rows
from storage import secrets
from storage.db import Database, Storage

logger = logging.getLogger(__name__)

_CHECK = "voiceforge|secret-key|check"
ADMIN_FILE = "admin-key.txt"


async def check_secret_key(storage: Storage, vault: Vault, now: float) -> None:
    """Raises StorageError when the database was made with another secret key: every key in it would be turned away."""
    sealed = await storage.read(secrets.get, _CHECK)
    if sealed is None:
        await storage.write(secrets.put, _CHECK, vault.seal("", _CHECK), now)
        return
    try:
        vault.open(sealed, _CHECK)
    except StorageError as error:
        raise StorageError(
            "The secret key is not the one this database was made with. Put back secret.key in the data folder, or "
            "set VOICEFORGE_SECRET_KEY to the old one; to change it, set both, separated by a comma, the new one first."
        ) from error
    if not vault.is_current(sealed):
        await storage.write(secrets.put, _CHECK, vault.seal("", _CHECK), now)


async def make_admin_key(storage: Storage, pepper: bytes, data_dir: Path, now: float) -> None:
    """Where no valid key may make keys, make one and leave it in a file that only this user can read.

    A file rather than the log: logs are shipped, searched and kept.
    """
    secret = keys.new_secret()
    record = new_record(pepper, secret, "Admin", SCOPES, now)
    if await storage.write(_add_first, record, secret, data_dir / ADMIN_FILE):
        logger.warning(
            "An admin key was made: see %s, readable by you only. Sign in with it, store it, delete the file. "
            "Or choose your own with VOICEFORGE_ADMIN_KEY.",
            data_dir / ADMIN_FILE,
        )


def new_record(pepper: bytes, secret: str, name: str, scopes: tuple[str, ...], now: float) -> rows.KeyRecord:
    """A record of a secret just made, without limits and end."""
    shown = len(keys.PREFIX) + 4
    return rows.KeyRecord(
        keys.new_id(), name, keys.digest(pepper, secret), secret[:shown], secret[-4:], scopes, created_at=now
    )


def _add_first(database: Database, record: rows.KeyRecord, secret: str, path: Path) -> bool:
    """The file is written before the commit: a key that is kept is one that can be found."""
    if "keys" in rows.scopes_in_use(database, record.created_at):
        return False
    rows.add(database, record)
    try:
        write_private(path, secret + "\n")
    except OSError as error:
        raise StorageError("The admin key cannot be written to the data folder.") from error
    return True
