"""What an API key looks like and how it is kept: `vf_live_`, 30 random characters, 6 of checksum.

The checksum turns a mistyped key away without a look into the database; the prefix lets scanners of leaked secrets
find it. The random part has 178 bits, so a fast keyed hash keeps it safe where a password would need a slow one.
"""

from __future__ import annotations

import hmac
import secrets
import zlib
from dataclasses import dataclass, field

from accounts.principal import Limits, Principal
from storage.keys import KeyRecord

PREFIX = "vf_live_"
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM, _CHECK = 30, 6


@dataclass(frozen=True)
class Key:
    """A key as its owner may see it. Times are seconds since the epoch."""

    id: str
    name: str
    prefix: str
    last4: str
    scopes: tuple[str, ...]
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    last_used_at: float | None
    limits: Limits


@dataclass(frozen=True)
class NewKey:
    """A key with its secret, which is seen this once and kept nowhere."""

    key: Key
    secret: str = field(repr=False)


def new_secret() -> str:
    body = PREFIX + "".join(secrets.choice(_BASE62) for _ in range(_RANDOM))
    return body + _checksum(body)


def looks_valid(secret: str) -> bool:
    """Whether prefix, length and checksum fit; says nothing about whether such a key exists."""
    body, check = secret[:-_CHECK], secret[-_CHECK:]
    return body.startswith(PREFIX) and len(body) == len(PREFIX) + _RANDOM and _checksum(body) == check


def digest(pepper: bytes, secret: str) -> str:
    """HMAC-SHA256 in hex: what is kept in the place of the key."""
    return hmac.digest(pepper, secret.encode("utf-8", "surrogatepass"), "sha256").hex()


def new_id() -> str:
    return "".join(secrets.choice(_BASE62) for _ in range(16))


def key_of(record: KeyRecord) -> Key:
    return Key(
        record.id,
        record.name,
        record.prefix,
        record.last4,
        record.scopes,
        record.created_at,
        record.expires_at,
        record.revoked_at,
        record.last_used_at,
        limits_of(record),
    )


def limits_of(record: KeyRecord) -> Limits:
    return Limits(record.requests_per_minute, record.concurrent, record.characters_per_month)


def principal_of(record: KeyRecord) -> Principal:
    return Principal(f"key:{record.id}", record.name, frozenset(record.scopes), limits_of(record))


def _checksum(body: str) -> str:
    """CRC-32 in base 62, most significant digit first."""
    number, digits = zlib.crc32(body.encode("utf-8", "surrogatepass")), ""
    for _ in range(_CHECK):
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return digits
