"""The secret key, and the keys derived from it, one for each use. Knows where it is kept, not what it protects."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.errors import StorageError

_LEAST = 32


@dataclass(frozen=True)
class Keyring:
    """The secret key first, then those it followed, which still open what they sealed."""

    secrets: tuple[str, ...] = field(repr=False)

    def derive(self, use: str) -> tuple[bytes, ...]:
        """A key of 32 bytes from each secret, different for each use: HKDF-SHA256 (RFC 5869) with `use` as its info."""
        return tuple(HKDF(SHA256(), 32, None, f"voiceforge {use}".encode()).derive(s.encode()) for s in self.secrets)


def load(setting: str, data_dir: Path) -> Keyring:
    """From the setting, or from `secret.key` in the folder, made on the first start, readable by its owner only.

    Several, separated by commas (or lines in the file), each of 32 or more characters: the first is the one in use.
    Raises StorageError when the file cannot be read or made. Blocks.
    """
    if setting:
        return Keyring(_several(setting.split(",")) or (setting,))
    path = data_dir / "secret.key"
    try:
        if not path.exists():
            _make(path)
        found = _several(path.read_text("utf-8").splitlines())
        path.chmod(0o600)
    except (OSError, UnicodeError) as error:
        raise StorageError("The secret key in the data folder cannot be read or made.") from error
    if not found:
        raise StorageError("The file secret.key in the data folder is damaged. Put back the one that was there.")
    return Keyring(found)


def write_private(path: Path, text: str) -> None:
    """Make or replace the file in one step, readable by its owner only, on disk when this returns."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)


def _make(path: Path) -> None:
    """Of processes that start together one makes it and all read that one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    write_private(draft, secrets.token_urlsafe(48) + "\n")
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()


def _several(parts: list[str]) -> tuple[str, ...]:
    """The parts without blanks around them; empty where one of them is too short to be a secret key."""
    found = tuple(part.strip() for part in parts if part.strip())
    return found if all(len(part) >= _LEAST for part in found) else ()
