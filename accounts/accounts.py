"""May he, and what did it come to: the only way to spend, for every face alike, and the keys to it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from peewee import Database

from accounts import asked, keys, seed
from accounts.budget import Budgets
from accounts.counted import Counted
from accounts.identity import Identity
from accounts.keys import Key, NewKey
from accounts.lease import Lease, Terms, Usage, new_request_id
from accounts.limits import Buckets, Concurrency
from accounts.principal import SCOPE_OF, Limits, Principal
from core.errors import BadRequest, Conflict, LimitReached, NotFound, RateLimited, TooManyAtOnce
from core.metrics import Metrics
from core.settings import Settings
from storage import conversations as conversation_rows
from storage import keys as key_rows
from storage import pronunciations as pronunciation_rows
from storage import usage as usage_rows
from storage.db import Storage
from storage.keys import KeyRecord
from storage.usage import GROUPS, UsageRecord, UsageSum

logger = logging.getLogger(__name__)

NO_LIMITS = Limits()
PAGE = 100
_LONGEST_OVERLAP = 30 * 86_400.0
_MOST_ROWS = 2**31


class Accounts(Identity):
    """Made once for a process and started before it is asked. Beside who asks it owns the limits' buckets, who has how
    many running, and the month's counts. `clock` gives seconds since the epoch."""

    def __init__(
        self,
        storage: Storage,
        settings: Settings,
        metrics: Metrics | None = None,
        clock: Callable[[], float] = time.time,
    ):
        super().__init__(storage, settings, clock)
        self._budgets = Budgets(storage, clock)
        self._rates, self._running = Buckets(), Concurrency()
        self._counted = Counted(metrics or Metrics())

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
        principal = await self.current(principal)
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

    async def note(self, lease: Lease, usage: Usage) -> None:
        """Keep a part of what a lease comes to at once, as a row of its own, so that an end of this process does not
        lose it; the lease is settled for the rest. Raises StorageError."""
        record = replace(lease.row(usage, "ok"), milliseconds=0.0)
        self._counted.count(record)
        await asyncio.shield(self._storage.write(usage_rows.add, record))

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
        wanted = asked.scopes(scopes)
        asked.within(principal, wanted)
        now = self._clock()
        ends = asked.end(expires_at, now)
        secret = keys.new_secret()
        record = seed.new_record(self._peppers[0], secret, asked.name(name), wanted, now)
        record = replace(record, expires_at=ends, **vars(limits))
        await self._storage.write(key_rows.add, record)
        return NewKey(keys.key_of(record), secret)

    async def list_keys(self, principal: Principal, *, offset: int = 0, limit: int = PAGE, name: str = "") -> list[Key]:
        """Newest first, at most 100 at a time; those whose name begins with `name`."""
        principal.need("keys")
        offset, limit = min(max(0, offset), _MOST_ROWS), min(max(0, limit), PAGE)
        return [
            keys.key_of(record)
            for record in await self._storage.read(key_rows.page, offset, limit, asked.printable(name))
        ]

    async def count_keys(self, principal: Principal, *, name: str = "") -> int:
        principal.need("keys")
        return await self._storage.read(key_rows.count, asked.printable(name))

    async def get_key(self, principal: Principal, key_id: str) -> Key:
        """Anybody may see his own. Raises NotFound."""
        if principal.id != f"key:{key_id}":
            principal.need("keys")
        return keys.key_of(await self._found(key_id))

    async def revoke_key(self, principal: Principal, key_id: str) -> Key:
        """It and who signed in with it are turned away from now on; its pronunciations and
        conversations are gone. Raises NotFound."""
        principal.need("keys")
        await self._found(key_id)
        await self._storage.write(_revoke, key_id, self._clock())
        self._known.forget(key_id)
        return keys.key_of(await self._found(key_id))

    async def rotate_key(self, principal: Principal, key_id: str, overlap_seconds: float = 0.0) -> NewKey:
        """A new key of the same name, rights, limits, end and pronunciations, which takes over the conversations; the
        old one ends after the overlap.

        Raises NotFound, Conflict for a key that is not valid any more, Forbidden for one that may more than you.
        """
        principal.need("keys")
        old, now = await self._found(key_id), self._clock()
        asked.within(principal, old.scopes)
        if old.revoked_at is not None or (old.expires_at is not None and old.expires_at <= now):
            raise Conflict("This key is not valid any more. Create a new one.")
        if not 0 <= overlap_seconds <= _LONGEST_OVERLAP:
            raise BadRequest("overlap_seconds takes 0 to 30 days.", param="overlap_seconds")
        secret = keys.new_secret()
        fresh = seed.new_record(self._peppers[0], secret, old.name, old.scopes, now)
        fresh = replace(fresh, expires_at=old.expires_at, **vars(keys.limits_of(old)))
        await self._storage.write(_rotate, old, fresh, now + overlap_seconds)
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


def _whose(principal: Principal) -> str | None:
    """None is everybody."""
    if principal.may("keys"):
        return None
    principal.need("usage")
    return principal.key_id


def _revoke(database: Database, key_id: str, at: float) -> None:
    key_rows.revoke(database, key_id, at)
    pronunciation_rows.clear(database, f"key:{key_id}")
    conversation_rows.clear(database, f"key:{key_id}")


def _rotate(database: Database, old: KeyRecord, fresh: KeyRecord, ends_at: float) -> None:
    """Pronunciations and conversations belong to a key's principal, so the new one gets those of the old one."""
    key_rows.replace(database, old, fresh, ends_at)
    pronunciation_rows.copy(database, f"key:{old.id}", f"key:{fresh.id}")
    conversation_rows.move(database, f"key:{old.id}", f"key:{fresh.id}")
