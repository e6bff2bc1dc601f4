"""A client's socket, in both directions at once: what he sends is read beside the sending of what waits for him. Knows
no message."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from starlette.websockets import WebSocketDisconnect

from api._wire.outbox import Outbox

logger = logging.getLogger(__name__)

CLOSE_SECONDS = 5.0
"""How long what waits has to leave, once no more is read."""
GONE = (OSError, WebSocketDisconnect)
"""What a socket raises whose client is gone."""


async def duplex(reader: Coroutine[Any, Any, None], outbox: Outbox, name: str) -> None:
    """Returns once the reader or the outbox is over and no task of them is left; so too where this is cancelled.

    A mistake of ours in the reader is logged under the connection's `name`, and the client is told by the close code
    1011. What sending raises is not raised here: the client is gone.
    """
    reading = asyncio.create_task(reader, name=f"read from {name}")
    sending = asyncio.create_task(outbox.run(), name=f"send to {name}")
    try:
        await asyncio.wait((reading, sending), return_when=asyncio.FIRST_COMPLETED)
        error = reading.exception() if reading.done() and not reading.cancelled() else None
        if error and not isinstance(error, WebSocketDisconnect):
            logger.error("the connection of %s broke", name, exc_info=error)
            outbox.close(1011, "Something broke in here.")
        if outbox.closing:
            await asyncio.wait((sending,), timeout=CLOSE_SECONDS)
    finally:
        reading.cancel()
        sending.cancel()
        for error in await asyncio.gather(reading, sending, return_exceptions=True):
            if isinstance(error, Exception) and not isinstance(error, GONE):
                logger.debug("the connection of %s ended with %r", name, error)
