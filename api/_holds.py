"""Which process holds a conversation live: so that several on one database do not hold, change or delete the same one.

Knows no session and no socket; what a hold is stands in storage/conversations.py.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Sequence
from contextlib import suppress

from core.errors import Conflict
from storage import conversations as rows
from storage.conversations import ConversationRecord, Hold
from storage.db import Storage

HOLD_SECONDS = 60.0
"""How long a hold is believed. One whose process fell on another machine ends then; here it is seen at once."""
RENEW_SECONDS = 20.0
LONGEST_LINE = 200
"""Characters; a longer line is not remembered."""


class Holds:
    """Those of one process. Its name says where it runs, so that others there can see whether it still does."""

    def __init__(self, storage: Storage):
        self._storage = storage
        self.holder = f"{_machine()}|{os.getpid()}|{secrets.token_hex(6)}"

    def fresh(self, line: str) -> Hold:
        """A hold that begins now."""
        named = line if line.isascii() and line.isprintable() and len(line) <= LONGEST_LINE else ""
        return Hold(self.holder, named, time.time() + HOLD_SECONDS)

    async def take(self, kept: ConversationRecord, line: str) -> None:
        """Hold a conversation of its owner's. Raises Conflict, which tells how to reach the process that holds it, and
        NotFound."""
        await let_go(self._storage, kept)
        now = time.time()
        if other := await self._storage.write(rows.take, kept.owner, kept.id, self.fresh(line), now):
            raise _elsewhere(other, now)

    async def renew(self, ids: Sequence[str]) -> set[str]:
        """Hold them on. Those that are ours no more: deleted, or held by another since we were not heard of."""
        if not ids:
            return set()
        return set(ids) - await self._storage.write(rows.renew, self.holder, ids, time.time() + HOLD_SECONDS)

    async def release(self, id: str) -> None:
        await self._storage.write(rows.release, self.holder, id)

    def drop(self, id: str) -> None:
        """Release it without waiting."""
        self._storage.post(rows.release, self.holder, id)


async def need_free(storage: Storage, kept: ConversationRecord) -> None:
    """Raises Conflict where a conversation is being held, by whichever process."""
    if not await let_go(storage, kept):
        raise Conflict(rows.HELD)


async def let_go(storage: Storage, kept: ConversationRecord) -> bool:
    """Whether nobody holds it. What a process of this machine held that fell is let go of."""
    if not kept.held(time.time()):
        return True
    if _runs(kept.holder):
        return False
    await storage.write(rows.release, kept.holder, kept.id)
    return True


def _elsewhere(kept: ConversationRecord, now: float) -> Conflict:
    left = max(1.0, kept.held_until - now)
    way = f"connect to /ws?line={kept.line}" if kept.line else "connect from the address that it was begun from"
    return Conflict(
        f"Another process holds this session: {way}, as before. It is free when that one ends it, or is not heard of "
        f"for {HOLD_SECONDS:.0f} seconds.",
        param="session",
        retry_after=left,
    )


def _machine() -> str:
    """Where a process's number means the same: the host, and what it sees of it."""
    space = ""
    with suppress(OSError):
        space = os.readlink("/proc/self/ns/pid")
    return f"{socket.gethostname()}|{space}"


def _runs(holder: str) -> bool:
    """Whether that process may still run; of another machine's nobody here knows better."""
    machine, _, own = holder.rpartition("|")[0].rpartition("|")
    if machine != _machine() or not own.isdecimal():
        return True
    try:
        os.kill(int(own), 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # somebody else's
    return True
