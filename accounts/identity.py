"""Who asks: the holder of a key or of a sign-in token, this machine, or a visitor. Knows no limits on what he does."""

from __future__ import annotations

import asyncio
import hmac
import math
from collections.abc import Callable
from dataclasses import replace

from accounts import keyring, keys, seed, tokens
from accounts.ephemeral import ClientSecrets
from accounts.known import KnownKeys
from accounts.limits import Buckets
from accounts.principal import ADMIN, LOCAL, VISITOR, Principal
from accounts.vault import Vault
from core.errors import RateLimited, Unauthorized
from core.settings import Settings
from storage import keys as key_rows
from storage.db import Storage
from storage.keys import KeyRecord

_LONGEST_SECRET = 4096
_TOUCH_SECONDS = 60.0
_GUESSES, _GUESSES_PER_SECOND = 30, 0.5
"""Wrong keys that one address may try at once, and in the long run."""


class Identity:
    """Started before it is asked. Owns the keys seen lately, and how many wrong ones each address tried."""

    def __init__(self, storage: Storage, settings: Settings, clock: Callable[[], float]):
        self._storage, self._settings, self._clock = storage, settings, clock
        self._known = KnownKeys(storage, clock)
        self._addresses = Buckets()
        self._peppers: tuple[bytes, ...] = ()
        self._token_keys: tuple[bytes, ...] = ()
        self._admin = ""

    async def start(self) -> None:
        """Raises StorageError when the secret key is not the one this database was made with."""
        ring = await asyncio.to_thread(keyring.load, self._settings.secret_key, self._settings.data_dir)
        self._peppers, self._token_keys = ring.derive("api keys"), ring.derive("sign-in tokens")
        self.vault = Vault(ring)
        secrets = ring.derive("client secrets")
        self.client_secrets = ClientSecrets(secrets, self, self.vault, self._storage, self._clock)
        await seed.check_secret_key(self._storage, self.vault, self._clock())
        if self._settings.admin_key:
            self._admin = keys.digest(self._peppers[0], self._settings.admin_key)
        elif self._settings.access != "open":
            await seed.make_admin_key(self._storage, self._peppers[0], self._settings.data_dir, self._clock())

    async def identify(self, secret: str | None, *, token: str | None = None, address: str = "") -> Principal:
        """By an API key, else by a sign-in token, which may also come as the secret; with neither it is `local` in open
        access and `visitor` otherwise. In open access another house's key counts as none: a client that was written for
        a vendor has one to send, and here only its address is changed.

        Raises Unauthorized for a key or token that is not valid, RateLimited for an `address` that tried too many.
        """
        secret = (secret or "").strip()
        if secret.startswith(tokens.PREFIX):
            secret, token = "", secret
        is_open = self._settings.access == "open"
        if secret:
            try:
                return await self._by_secret(secret, "" if is_open else address)
            except Unauthorized:
                if not is_open or secret.startswith("vf_"):
                    raise
        if token:
            return await self._by_token(token)
        return LOCAL if is_open else VISITOR

    async def sign_in(self, secret: str, *, address: str = "") -> str:
        """A token to give to `identify`, good for 12 hours and no longer than the key. Raises what `identify` does."""
        secret = secret.strip()
        principal = await self._by_secret(secret, address)
        fingerprint = await self.fingerprint(principal)
        claim = tokens.Claim(principal.key_id, fingerprint, self._clock() + tokens.LIFETIME_SECONDS)
        return tokens.issue(self._token_keys[0], claim)

    async def _by_secret(self, secret: str, address: str) -> Principal:
        if len(secret) > _LONGEST_SECRET:
            raise Unauthorized("This API key is not valid.")
        digests = tuple(keys.digest(pepper, secret) for pepper in self._peppers)
        if known := self._known.cached(digests):
            return self._valid(known)
        bucket = self._addresses.of(address, _GUESSES_PER_SECOND, _GUESSES) if address else None
        if bucket and (wait := bucket.wait(self._clock())):
            raise RateLimited("Too many keys that are not valid. Wait before the next.", retry_after=wait)
        if self._admin and hmac.compare_digest(digests[0], self._admin):
            return ADMIN
        record = await self._known.by_digest(digests) if keys.looks_valid(secret) else None
        if record is None:
            if bucket:
                bucket.take(self._clock())
            raise Unauthorized("This API key is not valid.")
        return self._valid(record)

    async def _by_token(self, token: str) -> Principal:
        claim = tokens.read(self._token_keys, token, self._clock())
        return await self.claimed(claim.key_id, claim.fingerprint)

    async def fingerprint(self, principal: Principal) -> str:
        """What a signed note names its key by, so that it ends when another key takes the name. Raises Unauthorized."""
        if principal.id == LOCAL.id:
            return LOCAL.id
        whole = self._admin if principal.id == ADMIN.id else (await self._record(principal.key_id)).digest
        return whole[:16]

    async def claimed(self, key_id: str, fingerprint: str) -> Principal:
        """Who a signed note is about, as he is now. Raises Unauthorized where he is not any more."""
        if key_id == LOCAL.id and self._settings.access == "open":
            return LOCAL
        if key_id == ADMIN.id:
            whole, principal = self._admin, ADMIN
        else:
            record = await self._record(key_id)
            whole, principal = record.digest, self._valid(record)
        if not whole or not hmac.compare_digest(whole[:16], fingerprint):
            raise Unauthorized("This sign-in is not valid any more. Sign in again.")
        return principal

    async def _record(self, key_id: str) -> KeyRecord:
        if record := await self._known.by_id(key_id):
            return record
        raise Unauthorized("This API key does not exist any more.")

    async def current(self, principal: Principal) -> Principal:
        """As he is now: his key may have been changed since, as on a socket that lasts. Raises Unauthorized."""
        if not principal.id.startswith("key:"):
            return principal
        now = self._valid(await self._record(principal.key_id))
        # Who came by a note that allows less than its key goes on with less.
        return replace(now, scopes=now.scopes & principal.scopes)

    def _valid(self, record: KeyRecord) -> Principal:
        now = self._clock()
        if record.revoked_at is not None and record.revoked_at <= now:
            raise Unauthorized("This API key was revoked.")
        if record.expires_at is not None and record.expires_at <= now:
            raise Unauthorized("This API key has expired.")
        if now - (record.last_used_at or -math.inf) >= _TOUCH_SECONDS:
            self._known.touched(record, now)
            self._storage.post(key_rows.touch, record.id, now)
        return keys.principal_of(record)
