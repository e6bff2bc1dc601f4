"""Responses beside a conversation: thought of and perhaps spoken, and no part of its history. They take no floor; what
they say leaves as fast as it is made."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

from core.errors import BadRequest, VoiceForgeError
from engines import agent as act
from engines.base import Chunk
from voice.speech import SpeechPlan
from voice.talk import events as tell
from voice.talk.answering import asked_of
from voice.talk.history import History
from voice.talk.items import Item
from voice.talk.response import Actions, Response
from voice.talk.scene import Scene
from voice.talk.sentences import Piece
from voice.talk.settings import TalkSettings
from voice.talk.trace import Trace

MOST = 8
"""At a time."""


class Asides:
    """Of one conversation. What a response tells, it tells here, and all of it is told on."""

    def __init__(self, scene: Scene, history: History):
        self._scene, self._history = scene, history
        self._making: dict[str, tuple[Response, asyncio.Task[None]]] = {}
        self._sent: dict[str, int] = {}

    def respond(
        self, settings: TalkSettings, items: Sequence[Item] | None, waits: Sequence[asyncio.Task[None]], trace: Trace
    ) -> str:
        """Answer `items`, else what is in the history once `waits` are over. The response's id. Raises BadRequest where
        there are too many, UnknownModel for an agent there is not."""
        if len(self._making) >= MOST:
            raise BadRequest(f"{MOST} responses are under way beside the conversation; wait for one, or cancel it.")
        parts = self._scene.parts
        agent = parts.agent(settings)
        speak = (lambda text: parts.speak(text, settings)) if settings.speak else None
        response = Response(
            parts.new_id("resp"), parts.new_id("item"), self, trace, speak=speak, patience=settings.think_timeout
        )
        self._sent[response.id] = 0
        self._scene.emit(tell.ResponseStarted(response.id, response.item))
        response.commit()
        work = response.run(self._asked(agent, settings, items, waits), self._scene.now)
        task = self._scene.spawn(work, f"aside {response.id}")
        self._making[response.id] = response, task
        task.add_done_callback(lambda _: self._finish(response, "failed"))
        return response.id

    def cancel(self, id: str) -> None:
        """Nothing happens where there is none of this id."""
        if found := self._making.get(id):
            found[1].cancel()
            self._finish(found[0], "cancelled")

    def close(self) -> None:
        for id in tuple(self._making):
            self.cancel(id)

    async def _asked(
        self,
        agent: act.Agent,
        settings: TalkSettings,
        items: Sequence[Item] | None,
        waits: Sequence[asyncio.Task[None]],
    ) -> Actions:
        if waits:
            await asyncio.wait(waits)
        asked = asked_of(agent, self._history.items if items is None else items, settings.tools)
        async with aclosing(asked) as actions:
            async for action in actions:
                yield action

    def _finish(self, response: Response, status: str) -> None:
        """Once; what comes after is told to nobody."""
        if self._making.pop(response.id, None) is None:
            return
        samples, now = self._sent.pop(response.id), self._scene.now()
        if samples:
            self._scene.emit(tell.AudioDone(response.id, samples))
        calls = tuple(action.call for action in response.actions if isinstance(action, act.Call))
        for call in calls if status == "completed" else ():
            self._scene.emit(tell.ToolCalled(response.id, self._scene.parts.new_id("item"), call))
        turn = response.trace.turn(response.id, response.item, 0.0, now)
        item = Item(response.item, "assistant", response.text, response.spoken) if response.text.strip() else None
        cut = response.trace.finish == "length"
        self._scene.emit(
            tell.ResponseDone(response.id, status, turn, item, calls if status == "completed" else (), cut)
        )

    # What a response tells while it is made

    def wrote(self, response: Response, text: str) -> None:
        self._scene.emit(tell.TextDelta(response.id, response.item, text))

    def speaks(self, response: Response, piece: Piece, plan: SpeechPlan) -> None:
        response.trace.speaks = plan.route.engine
        at, route = self._sent[response.id], plan.route
        self._scene.emit(
            tell.Speaking(response.id, response.item, piece.start, piece.end, at, route.voice, route.engine)
        )

    def sounds(self, response: Response, piece: Piece, chunk: Chunk) -> None:
        samples, at = chunk.audio.samples, self._sent[response.id]
        self._sent[response.id] = at + len(samples)
        self._scene.emit(tell.AudioOut(response.id, samples, at))

    def spoke(self, response: Response, piece: Piece) -> None:
        pass

    def finished(self, response: Response) -> None:
        self._finish(response, "failed" if response.error else "completed")

    def failed(self, response: Response, error: VoiceForgeError) -> None:
        response.error = response.error or error
        self._scene.fail(error, response.id)

    async def room(self) -> None:
        """Nobody waits for this to be played."""
