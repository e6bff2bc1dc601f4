"""Accounts: who asks, may he, and what did it come to. The only way to spend, for every face alike."""

from __future__ import annotations

import asyncio
import hmac
import logging
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from accounts import keyring, keys, seed, tokens
from accounts.budget import Budgets
from accounts.keys import Key, NewKey
from accounts.known import KnownKeys
from accounts.lease import Lease, Terms, Usage, new_request_id
from accounts.limits import Buckets, Concurrency
from accounts.principal import ADMIN, LOCAL, SCOPE_OF, SCOPES, VISITOR, Limits, Principal
from accounts.vault import Vault
from core.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    LimitReached,
    NotFound,
    RateLimited,
    TooManyAtOnce,
    Unauthorized,
)
from core.metrics import Metrics
from core.settings import Settings
from storage import keys as key_rows
from storage import usage as usage_rows
from storage.db import Storage
from storage.keys import KeyRecord
from storage.usage import GROUPS, UsageRecord, UsageSum

logger = logging.getLogger(__name__)

NO_LIMITS = Limits()
_LONGEST_SECRET = 512
_LONGEST_NAME = 100
_TOUCH_SECONDS = 60.0
_GUESSES, _GUESSES_PER_SECOND = 30, 0.5
"""Wrong keys that one address may try at once, and in the long run."""
_LONGEST_OVERLAP = 30 * 86_400.0
_FOREVER = 253_402_300_800.0
"""The year 10,000."""
_MOST_ROWS = 2**31
PAGE = 100


class Accounts:
    """Made once for a process and started before it is asked. Owns what is remembered between requests: the keys seen
    lately, the limits' buckets, who has how many running, and the month's counts. `clock` gives seconds since the
    epoch."""

    def __init__(
        self,
        storage: Storage,
        settings: Settings,
        metrics: Metrics | None = None,
        clock: Callable[[], float] = time.time,
    ):
        self._storage, self._settings, self._clock = storage, settings, clock
        self._known = KnownKeys(storage, clock)
        self._budgets = Budgets(storage, clock)
        self._rates, self._addresses, self._running = Buckets(), Buckets(), Concurrency()
        self._counted = _Counted(metrics or Metrics())
        self._peppers: tuple[bytes, ...] = ()
        self._token_keys: tuple[bytes, ...] = ()
        self._admin = ""

    async def start(self) -> None:
        """Raises StorageError when the secret key is not the one this database was made with."""
        ring = await asyncio.to_thread(keyring.load, self._settings.secret_key, self._settings.data_dir)
        self._peppers, self._token_keys = ring.derive("api keys"), ring.derive("sign-in tokens")
        self.vault = Vault(ring)
        await seed.check_secret_key(self._storage, self.vault, self._clock())
        if self._settings.admin_key:
            self._admin = keys.digest(self._peppers[0], self._settings.admin_key)
        elif self._settings.access != "open":
            await seed.make_admin_key(self._storage, self._peppers[0], self._settings.data_dir, self._clock())

    # Who asks

    async def identify(self, secret: str | None, *, token: str | None = None, address: str = "") -> Principal:
        """By an API key, else by a sign-in token; with neither, `local` in open access and `visitor` otherwise.

        Raises Unauthorized for a key or token that is not valid, RateLimited for an `address` that tried too many.
        """
        if secret := (secret or "").strip():
            return await self._by_secret(secret, address)
        if token:
            return await self._by_token(token)
        return LOCAL if self._settings.access == "open" else VISITOR

    async def sign_in(self, secret: str, *, address: str = "") -> str:
        """A token to give to `identify`, good for 12 hours and no longer than the key. Raises what `identify` does."""
        secret = secret.strip()
        principal = await self._by_secret(secret, address)
        fingerprint = self._admin if principal is ADMIN else (await self._record(principal.key_id)).digest
        claim = tokens.Claim(principal.key_id, fingerprint[:16], self._clock() + tokens.LIFETIME_SECONDS)
        return tokens.issue(self._token_keys[0], claim)

    async def _by_secret(self, secret: str, address: str) -> Principal:
        digests = tuple(keys.digest(pepper, secret[:_LONGEST_SECRET]) for pepper in self._peppers)
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
        if claim.key_id == ADMIN.key_id:
            fingerprint, principal = self._admin, ADMIN
        else:
            record = await self._record(claim.key_id)
            fingerprint, principal = record.digest, self._valid(record)
        if not fingerprint or not hmac.compare_digest(fingerprint[:16], claim.fingerprint):
            raise Unauthorized("This sign-in is not valid any more. Sign in again.")
        return principal

    async def _record(self, key_id: str) -> KeyRecord:
        if record := await self._known.by_id(key_id):
            return record
        raise Unauthorized("This API key does not exist any more.")

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

    # May he

    async def admit(
        self,
        principal: Principal,
        op: str,
        *,
        characters: int = 0,
        audio_seconds: float = 0.0,
        request_id: str = "",
    ) -> Lease:
        """The right to do `op` once, for an estimate of characters or seconds: `async with await accounts.admit(…)`.

        Raises Unauthorized, Forbidden, TooManyAtOnce, BudgetSpent or RateLimited; nothing is taken then.
        """
        principal.need(SCOPE_OF[op])
        if principal.id.startswith("key:"):  # it may have changed since, as on a socket that lasts
            principal = self._valid(await self._record(principal.key_id))
            principal.need(SCOPE_OF[op])
        await self._budgets.refresh(principal)
        # No await from here on: what was checked still holds when it is taken.
        name, now = principal.key_id, self._clock()
        try:
            self._check_running(principal)
            self._budgets.check(principal, characters)
            headers = self._take_rate(principal, now)
        except LimitReached as error:
            self._counted.refused.labels(op, error.code).inc()
            raise
        self._running.enter(name)
        self._budgets.reserve(name, characters)
        estimate = Usage(characters=characters, audio_seconds=audio_seconds)
        terms = Terms(name, op, estimate, now, request_id or new_request_id(), headers)
        return Lease(terms, self._clock, lambda record: self._keep(record, characters))

    def _check_running(self, principal: Principal) -> None:
        most = principal.limits.concurrent
        if most and self._running.running(principal.key_id) >= most:
            raise TooManyAtOnce(f"This key may have {most} requests running at a time.", retry_after=1.0)

    def _take_rate(self, principal: Principal, now: float) -> dict[str, str]:
        """What the client is told of its limit."""
        rate = principal.limits.requests_per_minute
        if not rate:
            return {}
        bucket = self._rates.of(principal.key_id, rate / 60.0, rate)
        if wait := bucket.take(now):
            raise RateLimited(f"This key may make {rate} requests a minute.", retry_after=wait)
        return {
            "x-ratelimit-limit-requests": str(rate),
            "x-ratelimit-remaining-requests": str(int(bucket.remaining(now) + 1e-6)),
            "x-ratelimit-reset-requests": f"{bucket.reset(now):.3f}s",
        }

    def _keep(self, record: UsageRecord, reserved: int) -> asyncio.Future[None]:
        """Queue the row, give back the slot; the month's count follows when the row is kept."""
        self._running.leave(record.key_id)
        self._counted.count(record)
        kept = self._storage.write(usage_rows.add, record)

        def settled(done: asyncio.Future[None]) -> None:
            self._budgets.settle(record.key_id, reserved, record.characters)
            if not done.cancelled() and (error := done.exception()):
                logger.error("the usage of %s could not be kept", record.request_id, exc_info=error)

        kept.add_done_callback(settled)
        return kept

    # Keys

    async def create_key(
        self,
        principal: Principal,
        name: str,
        scopes: Iterable[str],
        *,
        expires_at: float | None = None,
        limits: Limits = NO_LIMITS,
    ) -> NewKey:
        """Raises Forbidden for who may not, BadRequest for what is no name, scope or time to come."""
        principal.need("keys")
        wanted = _scopes(scopes)
        _within(principal, wanted)
        now = self._clock()
        if expires_at is not None and not now < expires_at < _FOREVER:
            raise BadRequest(
                "expires_at takes a time that is still to come, in seconds since 1970.", param="expires_at"
            )
        secret = keys.new_secret()
        record = seed.new_record(self._peppers[0], secret, _name(name), wanted, now)
        record = replace(record, expires_at=expires_at, **vars(limits))
        await self._storage.write(key_rows.add, record)
        return NewKey(keys.key_of(record), secret)

    async def list_keys(self, principal: Principal, *, offset: int = 0, limit: int = PAGE, name: str = "") -> list[Key]:
        """Newest first, at most 100 at a time; those whose name begins with `name`."""
        principal.need("keys")
        offset, limit = min(max(0, offset), _MOST_ROWS), min(max(0, limit), PAGE)
        return [
            keys.key_of(record) for record in await self._storage.read(key_rows.page, offset, limit, _printable(name))
        ]

    async def count_keys(self, principal: Principal, *, name: str = "") -> int:
        principal.need("keys")
        return await self._storage.read(key_rows.count, _printable(name))

    async def get_key(self, principal: Principal, key_id: str) -> Key:
        """Anybody may see his own. Raises NotFound."""
        if principal.id != f"key:{key_id}":
            principal.need("keys")
        return keys.key_of(await self._found(key_id))

    async def revoke_key(self, principal: Principal, key_id: str) -> Key:
        """It and who signed in with it are turned away from now on. Raises NotFound."""
        principal.need("keys")
        await self._found(key_id)
        await self._storage.write(key_rows.revoke, key_id, self._clock())
        self._known.forget(key_id)
        return keys.key_of(await self._found(key_id))

    async def rotate_key(self, principal: Principal, key_id: str, overlap_seconds: float = 0.0) -> NewKey:
        """A new key of the same name, rights, limits and end; the old one ends after the overlap.

        Raises NotFound, Conflict for a key that is not valid any more, Forbidden for one that may more than you.
        """
        principal.need("keys")
        old, now = await self._found(key_id), self._clock()
        _within(principal, old.scopes)
        if old.revoked_at is not None or (old.expires_at is not None and old.expires_at <= now):
            raise Conflict("This key is not valid any more. Create a new one.")
        if not 0 <= overlap_seconds <= _LONGEST_OVERLAP:
            raise BadRequest("overlap_seconds takes 0 to 30 days.", param="overlap_seconds")
        secret = keys.new_secret()
        fresh = seed.new_record(self._peppers[0], secret, old.name, old.scopes, now)
        fresh = replace(fresh, expires_at=old.expires_at, **vars(keys.limits_of(old)))
        await self._storage.write(key_rows.replace, old.id, fresh, now + overlap_seconds)
        self._known.forget(key_id)
        return NewKey(keys.key_of(fresh), secret)

    async def _found(self, key_id: str) -> KeyRecord:
        if key_id.isalnum() and (record := await self._storage.read(key_rows.get, key_id)):
            return record
        raise NotFound("There is no key with this id.")

    # What it came to

    async def usage(self, principal: Principal, *, since: float, until: float, group: str = "day") -> list[UsageSum]:
        """Sums over [since, until) by `day`, `key`, `op` or `engine`: one's own, everybody's with the scope `keys`."""
        if group not in GROUPS:
            raise BadRequest(f"group takes {', '.join(GROUPS)}.", param="group")
        return await self._storage.read(usage_rows.sums, since, until, group, _whose(principal))

    async def recent(self, principal: Principal, limit: int = PAGE) -> list[UsageRecord]:
        """The newest rows first, at most 1000: one's own, everybody's with the scope `keys`."""
        return await self._storage.read(usage_rows.recent, min(max(0, limit), 1000), _whose(principal))


class _Counted:
    """What is counted for /metrics."""

    def __init__(self, metrics: Metrics):
        self.refused = metrics.counter("refused", "Requests refused by a limit", ("op", "reason"))
        self._requests = metrics.counter("requests", "Requests settled", ("op", "engine", "status"))
        self._characters = metrics.counter("characters", "Characters spoken", ("engine",))
        self._audio = metrics.counter("audio_seconds", "Seconds of audio heard or spoken", ("op", "engine"))

    def count(self, record: UsageRecord) -> None:
        self._requests.labels(record.op, record.engine, record.status).inc()
        self._characters.labels(record.engine).inc(record.characters)
        self._audio.labels(record.op, record.engine).inc(record.audio_seconds)


def _whose(principal: Principal) -> str | None:
    """None is everybody."""
    if principal.may("keys"):
        return None
    principal.need("usage")
    return principal.key_id


def _name(name: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise BadRequest(f"name takes 1 to {_LONGEST_NAME} characters that can be printed.", param="name")
    return name


def _printable(name: str) -> str:
    """A database takes no lone surrogates, and PostgreSQL no zero bytes."""
    if not name.isprintable():
        raise BadRequest("name takes characters that can be printed.", param="name")
    return name


def _scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    """In the order of SCOPES."""
    wanted = set(scopes)
    if not wanted or wanted - set(SCOPES):
        raise BadRequest(f"scopes takes one or more of {', '.join(SCOPES)}.", param="scopes")
    return tuple(scope for scope in SCOPES if scope in wanted)


def _within(principal: Principal, scopes: tuple[str, ...]) -> None:
    """Nobody hands out a right he does not have."""
    if missing := [scope for scope in scopes if not principal.may(scope)]:
        raise Forbidden(f"You do not have the scope {missing[0]!r} yourself.")
