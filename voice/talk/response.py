"""An answer on its way: from what the agent says, a sentence at a time, to audio that waits to be played.

Knows the conversation by the few things it tells it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Protocol

from core.errors import EngineTimeout, VoiceForgeError
from engines.agent import Action, Listen, Say, Thought
from engines.base import Chunk
from voice.speech import SpeechPlan
from voice.talk.sentences import Piece, Stream
from voice.talk.trace import Trace

MOST_TEXT = 50_000
"""Characters of one answer; a model that writes more has lost its way."""
FAILURES = 2
"""Sentences in a row that could not be spoken, after which the rest is left out."""

Actions = AsyncGenerator[Action]
Speak = Callable[[str], AsyncGenerator[tuple[SpeechPlan, Chunk]]]
"""A sentence's text to its audio, at the conversation's rate."""


class Listener(Protocol):
    """What a response tells of itself, while it is made."""

    def wrote(self, response: Response, text: str) -> None: ...

    def speaks(self, response: Response, piece: Piece, plan: SpeechPlan) -> None:
        """The first audio of a piece is there."""
        ...

    def sounds(self, response: Response, piece: Piece, chunk: Chunk) -> None: ...

    def spoke(self, response: Response, piece: Piece) -> None:
        """All audio of the piece was given, or as much of it as there will be."""
        ...

    def finished(self, response: Response) -> None:
        """Nothing more of it will come."""
        ...

    def failed(self, response: Response, error: VoiceForgeError) -> None: ...

    async def room(self) -> None:
        """Returns once more audio may wait."""
        ...


class Response:
    """Made by `run`, which a task runs. Until `commit` it is a draft: it thinks, and nobody is told."""

    def __init__(self, id: str, item: str, listener: Listener, trace: Trace, *, speak: Speak | None, patience: float):
        """Without `speak` it is text alone. `patience`: seconds until the agent's first word, and between two."""
        self.thought = False
        """Whether the agent came to its end; a draft that wants more than to say something does not."""
        self.id, self.item, self.trace = id, item, trace
        self.text = ""
        self.actions: list[Action] = []
        """What is to be done once all is said."""
        self.whole = False
        """Whether the agent has said all, and what it says is known."""
        self.made = False
        """Whether all its audio was given."""
        self.error: VoiceForgeError | None = None
        self.sent_all = False
        self.after = ""
        """The item that it answers, behind which its own belongs."""
        self.spoken = speak is not None
        self._listener, self._speak, self._patience = listener, speak, patience
        self._committed = asyncio.Event()
        self._pieces: asyncio.Queue[Piece | None] = asyncio.Queue()

    @property
    def committed(self) -> bool:
        return self._committed.is_set()

    def commit(self) -> None:
        self._committed.set()
        if self.text:
            self._listener.wrote(self, self.text)

    async def run(
        self, actions: Actions, clock: Callable[[], float], again: Callable[[], Actions] | None = None
    ) -> None:
        """Ends when all audio was given. An error of the agent ends what is said with what was said until then.

        `again` asks the agent of a draft for the answer itself, once it is committed, where the draft was broken off
        since there is more to be done than to speak. What the draft said already is not said twice.
        """
        speaking = asyncio.create_task(self._speak_all(), name=f"speak {self.id}") if self._speak else None
        try:
            lost: VoiceForgeError | None = None
            try:
                await self._think(actions, clock)
                if again and not self.thought:
                    await self._committed.wait()
                    await self._think(again(), clock, mute=bool(self.text))
            except VoiceForgeError as error:
                self.error = lost = error
            self._pieces.put_nowait(None)
            await self._committed.wait()
            if lost:
                self._listener.failed(self, lost)
            if speaking:
                await speaking
            self.made = True
            self._listener.finished(self)
        finally:
            if speaking and not speaking.done():
                speaking.cancel()
                await asyncio.wait((speaking,))

    async def _think(self, actions: Actions, clock: Callable[[], float], *, mute: bool = False) -> None:
        stream = Stream()
        async with aclosing(actions):
            while True:
                try:
                    async with asyncio.timeout(self._patience):
                        action = await anext(actions)
                except StopAsyncIteration:
                    break
                except TimeoutError:
                    raise EngineTimeout(f"The language model said nothing for {self._patience:g} s.") from None
                if isinstance(action, Say):
                    if mute:
                        continue
                    if self.trace.first_text is None:
                        self.trace.first_text = clock()
                    self._write(action.text, stream)
                    if len(self.text) > MOST_TEXT:
                        break
                elif isinstance(action, Thought):
                    self.thought = True
                    self.trace.thought(action)
                elif not isinstance(action, Listen):
                    self.actions.append(action)
        for piece in stream.end():
            self._pieces.put_nowait(piece)
        self.whole = True

    def _write(self, text: str, stream: Stream) -> None:
        self.text += text
        if self.committed:
            self._listener.wrote(self, text)
        for piece in stream.feed(text):
            self._pieces.put_nowait(piece)

    async def _speak_all(self) -> None:
        await self._committed.wait()
        failures = 0
        while (piece := await self._pieces.get()) and failures < FAILURES:
            try:
                await self._speak_piece(piece)
                failures = 0
            except VoiceForgeError as error:
                failures += 1
                self._listener.failed(self, error)

    async def _speak_piece(self, piece: Piece) -> None:
        assert self._speak
        begun = False
        try:
            async with aclosing(self._speak(piece.text)) as chunks:
                async for plan, chunk in chunks:
                    if not begun:
                        begun = True
                        self._listener.speaks(self, piece, plan)
                    self._listener.sounds(self, piece, chunk)
                    await self._listener.room()
        finally:
            if begun:
                self._listener.spoke(self, piece)
