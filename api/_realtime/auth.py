"""Who opens a session of `/v1/realtime`: a key, or a secret that was made for one session. Knows no socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from accounts.principal import Principal
from api.auth import known, secret_in
from core.errors import Unauthorized, VoiceForgeError
from studio import Studio

PROTOCOL = "realtime"
KEY = "openai-insecure-api-key."
SECRET = "ek_"
"""What a secret for one session begins with."""


async def _nothing() -> None: ...


@dataclass(frozen=True)
class Entry:
    """A caller, and how his session is to be begun."""

    caller: Principal
    session: Mapping[str, Any] = field(default_factory=dict)
    """As an update of the session object."""
    pinned: frozenset[str] = frozenset()
    """Fields that stay, such as `model` or `audio.output.voice`."""
    give_back: Callable[[], Awaitable[None]] = _nothing
    """A secret that is good for one session is so still: none came of it."""


Redeem = Callable[[str], Awaitable[Entry]]
"""A secret to what it opens. Raises Unauthorized where it is foreign, expired or used up."""


@asynccontextmanager
async def opening(entry: Entry) -> AsyncIterator[None]:
    """Around what begins a session: where it is refused, its secret is given back."""
    try:
        yield
    except VoiceForgeError:
        await entry.give_back()
        raise


def secret_of(headers: Mapping[str, str], offered: Sequence[str]) -> str | None:
    """The key in a header, else among the subprotocols, as browsers have to send it."""
    within = next((name.removeprefix(KEY) for name in offered if name.startswith(KEY)), "")
    return secret_in(headers) or within or None


async def entry(studio: Studio, secret: str | None, address: str, redeem: Redeem | None) -> Entry:
    """Raises Unauthorized, RateLimited. `redeem` is None where no such secrets are made."""
    if secret and secret.startswith(SECRET):
        if redeem is None:
            raise Unauthorized("This secret is not valid.")
        return await redeem(secret)
    return Entry(known(await studio.accounts.identify(secret, address=address)))
