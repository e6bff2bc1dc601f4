"""Client secrets: signed notes that open conversations of one kind, for minutes, in the name of a key.

A browser may hold one. It is kept nowhere, but for a session that is too large to travel in a header, which lies sealed
beside the vault's secrets until the note ends; so does the mark of one that was good for one session and is used up.
Knows no session's fields.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from accounts.limits import Buckets
from accounts.principal import Principal
from accounts.vault import Vault
from core.errors import BadRequest, Conflict, Forbidden, RateLimited, TooLarge, Unauthorized
from storage import secrets as rows
from storage.db import Storage

PREFIX = "ek_"
SCOPE = "conversation"
"""All that one is good for."""
SHORTEST, USUAL, LONGEST = 10, 600, 600
"""Seconds."""
MOST_SESSION = 200_000
"""Characters of a session as JSON."""
IN_NOTE = 3000
"""Characters of a session that travel in the note itself: headers hold about eight thousand."""
_MOST_NOTE = 8000
_ROWS = "voiceforge|client-session|"
_USED = "voiceforge|used-client-secret|"
_LATE = 60.0
"""Seconds by which the clocks of two machines may differ."""
_AT_ONCE, _PER_SECOND = 120, 2.0
"""Secrets that one key may make."""


class Claims(Protocol):
    """As much of accounts.identity.Identity as is used here."""

    async def fingerprint(self, principal: Principal) -> str: ...

    async def claimed(self, key_id: str, fingerprint: str) -> Principal: ...


@dataclass(frozen=True)
class Opened:
    """Whose secret it is, with no right but to converse, and what its sessions are like."""

    principal: Principal
    session: Mapping[str, Any]
    expires_at: float
    """Seconds since the epoch; a session that was begun before may outlast it."""
    mark: str = ""
    """Where it is kept that this was good for one session and is used up."""


@dataclass(frozen=True)
class _Note:
    id: str
    key_id: str
    fingerprint: str
    expires_at: float
    once: bool
    session: dict[str, Any] | None = field(repr=False)
    """None where it lies in the database."""


class ClientSecrets:
    """`keys` sign, the first of them; any of them is believed. `clock` gives seconds since the epoch."""

    def __init__(
        self,
        keys: tuple[bytes, ...],
        claims: Claims,
        vault: Vault,
        storage: Storage,
        clock: Callable[[], float],
    ):
        self._keys, self._claims, self._vault, self._storage, self._clock = keys, claims, vault, storage, clock
        self._made = Buckets()

    async def mint(
        self, principal: Principal, session: Mapping[str, Any], seconds: float = USUAL, *, once: bool = False
    ) -> tuple[str, float]:
        """The secret and when it ends. `once` makes it good for one session, whichever process opens it.

        Raises Unauthorized, Forbidden, BadRequest for a time that is too short or long, TooLarge, RateLimited.
        """
        principal.need(SCOPE)
        if not SHORTEST <= seconds <= LONGEST:
            raise BadRequest(f"A client secret is good for {SHORTEST} to {LONGEST} seconds.", param="expires_after")
        text = json.dumps(session, separators=(",", ":"))
        if len(text) > MOST_SESSION:
            raise TooLarge(f"A session has at most {MOST_SESSION} characters.", param="session")
        now = self._clock()
        if wait := self._made.of(principal.key_id, _PER_SECOND, _AT_ONCE).take(now):
            raise RateLimited("This key makes client secrets too fast.", retry_after=wait)
        id, ends = secrets.token_urlsafe(12), now + seconds
        fingerprint = await self._claims.fingerprint(principal)
        note = _Note(id, principal.key_id, fingerprint, ends, once, json.loads(text))
        value = self._signed(note)
        if len(value) > IN_NOTE:
            name = f"{_ROWS}{id}"
            await self._storage.write(_keep, name, self._vault.seal(text, name), ends, now)
            value = self._signed(replace(note, session=None))
        return value, ends

    async def open(self, value: str) -> Opened:
        """Raises Unauthorized for one that nobody here made, that is over, used up, or whose key is."""
        note = self._read(value)
        if note.expires_at <= self._clock():
            raise Unauthorized("This client secret has expired. Ask for a new one.")
        principal = await self._claims.claimed(note.key_id, note.fingerprint)
        if not principal.may(SCOPE):
            raise Forbidden(f"This needs a key with the scope {SCOPE!r}.")
        session = note.session if note.session is not None else await self._kept(note.id)
        mark = await self._use(note) if note.once else ""
        return Opened(replace(principal, scopes=frozenset({SCOPE})), session, note.expires_at, mark)

    async def give_back(self, opened: Opened) -> None:
        """No session came of it: one that was good for one session is so again. Until then it was good for nobody."""
        if opened.mark:
            await self._storage.write(rows.remove, opened.mark)

    async def _kept(self, id: str) -> dict[str, Any]:
        name = f"{_ROWS}{id}"
        if (sealed := await self._storage.read(rows.get, name)) is None:
            raise _foreign()
        return json.loads(self._vault.open(sealed, name))

    async def _use(self, note: _Note) -> str:
        """The name of its mark, which the first to open it makes."""
        name = f"{_USED}{note.id}"
        try:
            await self._storage.write(_mark, name, note.expires_at + _LATE, self._clock())
        except Conflict:
            raise Unauthorized("This client secret was good for one session, and has been used.") from None
        return name

    def _signed(self, note: _Note) -> str:
        body = _text(zlib.compress(json.dumps(list(vars(note).values())).encode()))
        return f"{PREFIX}{body}.{_text(_sign(self._keys[0], body))}"

    def _read(self, value: str) -> _Note:
        body, _, signature = value.removeprefix(PREFIX).partition(".")
        given = signature.encode("ascii", "replace")
        if not value.startswith(PREFIX) or len(value) > _MOST_NOTE:
            raise _foreign()
        if not any(hmac.compare_digest(_text(_sign(key, body)).encode(), given) for key in self._keys):
            raise _foreign()
        # What follows was written here.
        return _Note(*json.loads(zlib.decompress(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))))


def _keep(database: Any, name: str, sealed: bytes, ends: float, now: float) -> None:
    """And forget those that have ended."""
    rows.put(database, name, sealed, ends)
    rows.remove_before(database, _ROWS, now)


def _mark(database: Any, name: str, ends: float, now: float) -> None:
    """And forget those that could not be used any more."""
    rows.add(database, name, b"", ends)
    rows.remove_before(database, _USED, now)


def _foreign() -> Unauthorized:
    return Unauthorized("This client secret is not valid.")


def _sign(key: bytes, body: str) -> bytes:
    return hmac.digest(key, body.encode("utf-8", "surrogatepass"), "sha256")


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
