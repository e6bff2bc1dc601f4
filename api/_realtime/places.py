"""How many sessions of one key may be open to which nothing has come: as many as leave room for others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from accounts.principal import LOCAL, Principal
from core.errors import TooManyAtOnce
from studio import Studio

LEAST = 4
SHARE = 4
"""One in so many of the house's places."""


@contextmanager
def entering(studio: Studio, caller: Principal) -> Iterator[None]:
    """While a session is being opened, until it is among those that are seen. Raises TooManyAtOnce; who works at this
    machine, where no key is asked for, may have them all."""
    most = max(LEAST, studio.settings.max_conversations // SHARE)
    if caller.id != LOCAL.id and studio.live.silent(caller.id) >= most:
        message = f"This key has {most} sessions open to which nothing was sent. Begin with one of them."
        raise TooManyAtOnce(message, retry_after=1.0)
    with studio.live.opening(caller.id):
        yield
