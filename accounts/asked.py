"""What a caller asks of a key, checked: each function hands back what is good and raises BadRequest for what is not."""

from collections.abc import Iterable

from accounts.principal import SCOPES, Principal
from core.errors import BadRequest, Forbidden

_LONGEST_NAME = 100
_FOREVER = 253_402_300_800.0
"""The year 10,000."""


def name(name: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise BadRequest(f"name takes 1 to {_LONGEST_NAME} characters that can be printed.", param="name")
    return name


def printable(name: str) -> str:
    """A database takes no lone surrogates, and PostgreSQL no zero bytes."""
    if not name.isprintable():
        raise BadRequest("name takes characters that can be printed.", param="name")
    return name


def scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    """In the order of SCOPES."""
    wanted = set(scopes)
    if not wanted or wanted - set(SCOPES):
        raise BadRequest(f"scopes takes one or more of {', '.join(SCOPES)}.", param="scopes")
    return tuple(scope for scope in SCOPES if scope in wanted)


def within(principal: Principal, scopes: tuple[str, ...]) -> None:
    """Nobody hands out a right he does not have."""
    if missing := [scope for scope in scopes if not principal.may(scope)]:
        raise Forbidden(f"You do not have the scope {missing[0]!r} yourself.")


def end(expires_at: float | None, now: float) -> float | None:
    """A time to come, or none."""
    if expires_at is not None and not now < expires_at < _FOREVER:
        raise BadRequest("expires_at takes a time that is still to come, in seconds since 1970.", param="expires_at")
    return expires_at
