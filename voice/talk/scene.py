"""What all sides of one conversation share: its parts and settings, its clock, its tasks, and whom it tells."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from core.errors import VoiceForgeError
from voice.talk import events as tell
from voice.talk.parts import Parts
from voice.talk.settings import TalkSettings

logger = logging.getLogger(__name__)

Emit = Callable[[tell.Event], None]


class Scene:
    """Of one conversation, on the event loop it was made on."""

    def __init__(self, parts: Parts, settings: TalkSettings, emit: Emit, id: str):
        """Raises UnknownModel for an agent there is not."""
        self.parts, self.settings, self.emit, self.id = parts, settings, emit, id
        self.agent = parts.agent(settings)
        self.clock = asyncio.get_running_loop().time
        self.began = self.clock()
        self._tasks: dict[asyncio.Task[Any], None] = {}
        """In the order in which they began, so that they end in it too."""

    def now(self) -> float:
        """Seconds since the conversation began, without those in which nobody was there."""
        return self.clock() - self.began

    def fail(self, error: VoiceForgeError, response: str = "") -> None:
        self.emit(tell.Failed(error.code, error.message, error.retryable, response))

    def spawn(
        self,
        work: Coroutine[Any, Any, None],
        name: str,
        broke: Callable[[asyncio.Task[None]], None] | None = None,
    ) -> asyncio.Task[None]:
        """`broke` is told where the task ends by a mistake of ours, when that was logged."""
        task = asyncio.get_running_loop().create_task(work, name=f"{self.id}: {name}")
        self._tasks[task] = None
        task.add_done_callback(partial(self._ended, broke=broke))
        return task

    async def close(self) -> None:
        """Cancel all tasks but the one that asks, and wait for them."""
        others = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        if others:
            await asyncio.wait(others)

    def leave(self) -> None:
        """Tell nobody any more: whoever is told holds the conversation, and what holds each other is collected late."""
        self.emit = _nobody

    def _ended(self, task: asyncio.Task[None], broke: Callable[[asyncio.Task[None]], None] | None) -> None:
        self._tasks.pop(task, None)
        if not task.cancelled() and (error := task.exception()):
            logger.error("%s broke off", task.get_name(), exc_info=error)
            self.emit(tell.Failed("internal_error", "Something went wrong in this turn; please say it again.", True))
            if broke:
                broke(task)


def _nobody(event: tell.Event) -> None:
    pass
