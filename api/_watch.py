"""The watch over sessions that are held for long: a look at them every second, and at their keys now and then. Knows no
session."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from accounts.accounts import Accounts
from accounts.principal import Principal
from core.errors import Unauthorized, VoiceForgeError

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
CHECK_SECONDS = 30.0
"""How often a session's key is looked at again."""


async def watch(look: Callable[[], None], check: Callable[[], Awaitable[None]], name: str) -> None:
    """Goes on until it is cancelled: `look` every LOOK_SECONDS, `check` behind it every CHECK_SECONDS. `name` is whom
    it is over."""
    clock = asyncio.get_running_loop().time
    checked = clock()
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        now = clock()
        try:
            look()
            if now - checked >= CHECK_SECONDS:
                checked = now
                await check()
        except Exception:
            # Who watches must not stop: without it no session ever ends by itself.
            logger.exception("the watch over %s stumbled", name)


async def lapsed(accounts: Accounts, caller: Principal, id: str) -> Unauthorized | None:
    """Why the key of a session is good no more; None while it is, and where that cannot be seen for now."""
    try:
        await accounts.current(caller)
    except Unauthorized as error:
        return error
    except VoiceForgeError as error:
        logger.warning("the key of %s could not be looked at: %s", id, error.message)
    return None
