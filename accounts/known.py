"""The keys seen lately, so that not every request reads the database. A key changed here is forgotten at once; one
changed by another process within `TTL_SECONDS`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from storage import keys
from storage.db import Database, Storage
from storage.keys import KeyRecord

TTL_SECONDS = 10.0


class KnownKeys:
    """At most `most` keys, by id and by digest. What is not in the database is not remembered."""

    def __init__(self, storage: Storage, clock: Callable[[], float], most: int = 10_000):
        self._storage, self._clock, self._most = storage, clock, most
        self._records: OrderedDict[str, tuple[float, KeyRecord]] = OrderedDict()
        self._ids: dict[str, str] = {}
        self._changes = 0

    def cached(self, digests: tuple[str, ...]) -> KeyRecord | None:
        """The record if it is here and fresh."""
        found = (self._fresh(self._ids[digest]) for digest in digests if digest in self._ids)
        return next(found, None)

    async def by_digest(self, digests: tuple[str, ...]) -> KeyRecord | None:
        return self.cached(digests) or await self._load(lambda database: keys.by_digest(database, digests))

    async def by_id(self, key_id: str) -> KeyRecord | None:
        return self._fresh(key_id) or await self._load(lambda database: keys.get(database, key_id))

    def forget(self, key_id: str) -> None:
        """Call it after the change is committed."""
        self._changes += 1
        if found := self._records.pop(key_id, None):
            self._ids.pop(found[1].digest, None)

    def touched(self, record: KeyRecord, at: float) -> None:
        """The key was used; a key that is not here need not remember it."""
        if found := self._records.get(record.id):
            self._records[record.id] = found[0], replace(found[1], last_used_at=at)

    def __len__(self) -> int:
        return len(self._records)

    def _fresh(self, key_id: str) -> KeyRecord | None:
        read_at, record = self._records.get(key_id, (0.0, None))
        if record is None or self._clock() - read_at >= TTL_SECONDS:
            return None
        self._records.move_to_end(key_id)
        return record

    async def _load(self, find: Callable[[Database], KeyRecord | None]) -> KeyRecord | None:
        changes, now = self._changes, self._clock()
        record = await self._storage.read(find)
        # A key changed while it was read may have been read as it was before.
        if record is not None and changes == self._changes:
            self._keep(now, record)
        return record

    def _keep(self, now: float, record: KeyRecord) -> None:
        self._records[record.id] = now, record
        self._records.move_to_end(record.id)
        self._ids[record.digest] = record.id
        while len(self._records) > self._most:
            _, (_, oldest) = self._records.popitem(last=False)
            self._ids.pop(oldest.digest, None)
