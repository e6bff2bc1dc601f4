"""What a client of a session sends, one event after the other: done, or answered with what is wrong with it. Knows no
socket."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from accounts.limits import Gcra
from api._realtime import events as asked
from api._realtime.talk import Talk
from api._wire.flow import MESSAGE, SHORTEST, Flow
from core.errors import VoiceForgeError

logger = logging.getLogger(__name__)

ROOM = 30.0
"""Seconds of sound that may come at once, as a recording that is sent in one piece."""
MISTAKES, MISTAKES_PER_SECOND = 100, 10.0
"""Events that cannot be understood: at once, and in the long run; more are read no faster than that."""
CHARACTERS = 100_000
"""Of an event that holds no sound, that count as a second of it."""
LARGE = 100_000
"""Characters of an event that is read beside the event loop."""


class Reading:
    """Of one client."""

    def __init__(self, talk: Talk, clock: Callable[[], float]):
        self._talk, self._clock = talk, clock
        self._mistakes = Gcra(MISTAKES_PER_SECOND, MISTAKES)
        self._flow = Flow(clock(), ROOM)

    async def one(self, text: str | bytes) -> float:
        """One event. Gives the seconds to wait before the next."""
        talk = self._talk
        value: dict[str, Any] = {}
        seconds, wait = max(MESSAGE, len(text) / CHARACTERS), 0.0
        try:
            if isinstance(text, bytes):
                raise asked.Mistake("Events are text, not binary frames; sound goes as input_audio_buffer.append.")
            value = asked.parsed(text) if len(text) < LARGE else await asyncio.to_thread(asked.parsed, text)
            if value.get("type") == "input_audio_buffer.append":
                seconds = max(SHORTEST, await talk.hear(value.get("audio")))
            else:
                event = asked.read(value)
                talk.seen.note(event.type, asked=True)
                await talk.take(event)
        except VoiceForgeError as error:
            cause = value.get("event_id")
            talk.told.error(error, cause[:512] if isinstance(cause, str) else None)
            talk.seen.note("error", error.code)
            wait = self._mistakes.take(self._clock())
        except Exception:
            logger.exception("an event of a realtime client broke")
            talk.told.failure("Something broke in here; the session goes on.", "server_error", "internal_error")
            wait = self._mistakes.take(self._clock())
        return max(wait, self._flow.take(seconds, self._clock()))
