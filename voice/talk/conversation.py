"""A conversation: what may be asked of it, and how it moves. Knows neither wires nor models.

It lives on the ticker: `send` lets audio leave, `advance` looks at what was heard. All else are operations of a face,
which return at once, and events, which it is told by one call. Nothing of it is used from another thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np

from core.errors import BadRequest, Conflict
from engines import agent as act
from voice.talk import events as tell
from voice.talk.answering import Answering
from voice.talk.asides import Asides
from voice.talk.echo import EchoGuard
from voice.talk.hearing import Hearing
from voice.talk.history import History
from voice.talk.intake import WINDOW_SECONDS, Intake
from voice.talk.interruption import Verdict
from voice.talk.items import Item
from voice.talk.parts import Parts
from voice.talk.scene import Emit, Scene
from voice.talk.settings import TalkSettings
from voice.talk.trace import Probabilities, Trace


class Conversation:
    """Holds at most one response at a time. Say `begin` once it is on the ticker, and `close` in the end."""

    memory: Any = None
    """The detector's."""

    def __init__(self, parts: Parts, settings: TalkSettings, emit: Emit, *, id: str, history: Sequence[Item] = ()):
        """Raises UnknownModel for an agent there is not."""
        self.id = id
        self.over = False
        self._scene = Scene(parts, settings, emit, id)
        self._history = History(self._scene, history)
        scene, seen, echo = self._scene, Probabilities(), EchoGuard(settings.output_rate)
        self._ours = Answering(scene, self._history, seen, lambda frame, due: echo.played(frame, due - scene.began))
        self._theirs = Hearing(scene, self._history, self._ours, seen, echo)
        self._intake = Intake(self._scene.began)
        self._asides = Asides(self._scene, self._history)
        self._left_at: float | None = None
        self._looked_at = 0
        """Windows that are being looked at."""
        self._advanced = asyncio.Event()

    @property
    def settings(self) -> TalkSettings:
        return self._scene.settings

    @property
    def items(self) -> tuple[Item, ...]:
        return self._history.items

    @property
    def position(self) -> int:
        """Samples sent, at the output rate."""
        return self._ours.mouth.position

    @property
    def waiting(self) -> float:
        """Seconds that were heard and not yet looked at."""
        return self._intake.waiting + self._looked_at * WINDOW_SECONDS

    @property
    def response(self) -> str:
        """The id of the response under way, empty where there is none."""
        return self._ours.response.id if self._ours.response else ""

    @property
    def speaking(self) -> bool:
        """Whether a response is under way."""
        return self._ours.response is not None

    def arrived(self, at: float) -> float:
        """Seconds of the other side's own audio until a time of an event, which counts silence where none came."""
        return self._intake.arrived(at)

    def begin(self) -> None:
        """Speak first, where the settings or the agent have something to say and nothing was said yet."""
        if not self.items and (self.settings.greeting or self.settings.respond):
            self._ours.greet(self.settings.greeting, self._trace("joined"))

    def hear(self, samples: np.ndarray) -> bool:
        """Float32 (n,) at 16 kHz. False where it was not taken, since too much waits to be looked at."""
        return self._intake.hear(samples)

    async def caught_up(self, behind: float = 0.0) -> None:
        """Returns once all that was heard has been looked at, but for less than a window more than `behind` seconds, or
        it is over."""
        while not self.over and self.waiting >= behind + WINDOW_SECONDS:
            self._advanced.clear()
            await self._advanced.wait()

    def write(self, text: str, id: str = "") -> Item:
        """A turn in writing. Whatever we are saying, we stop. Raises BadRequest on a text without words, and where the
        id is taken; Conflict, as all that would begin something, once it is over."""
        self._need_life()
        if not text.strip():
            raise BadRequest("There is no text in this message.", param="content")
        item = Item(id or self._scene.parts.new_id("item"), "user", text)
        self._history.check(item)
        self._ours.stop("message")
        self._history.add(item)
        if self.settings.respond:
            self._ours.answer(act.Heard(text), self._trace("message"))
        return item

    def respond(self, settings: TalkSettings | None = None, items: Sequence[Item] | None = None) -> str:
        """Answer what was said until now, turns included that are not understood yet. The response's id.

        Other settings and other items than the conversation's hold for this one response. Raises BadRequest where a
        response is under way, UnknownModel for an agent there is not.
        """
        self._need_life()
        if self._ours.response:
            raise BadRequest("A response is under way; cancel it first.")
        waits = self._theirs.understanding if items is None else ()
        return self._ours.respond(settings or self.settings, items, waits, self._trace("asked"))

    def aside(self, settings: TalkSettings | None = None, items: Sequence[Item] | None = None) -> str:
        """As `respond`, beside the conversation: it takes no floor and leaves nothing in the history. Raises BadRequest
        where there are too many of them."""
        self._need_life()
        waits = self._theirs.understanding if items is None else ()
        return self._asides.respond(settings or self.settings, items, waits, self._trace("asked"))

    def commit(self) -> None:
        """The turn is over, whatever the detector thinks. Raises BadRequest where nothing was said."""
        self._need_life()
        if self.settings.rules.mode == "manual" and (rest := self._intake.rest()) is not None:
            self._theirs.look(rest, 0.0)
        if not self._theirs.commit():
            raise BadRequest("Nothing was said that could be committed.")

    def clear(self) -> None:
        """Forget what was heard and not committed."""
        self._intake.clear()
        self._theirs.clear()
        self._scene.emit(tell.Cleared())
        self._theirs.answer_owed()

    def cancel(self, response: str = "") -> None:
        """Say no more, or no more of the response that has this id. Nothing happens where nothing is being said."""
        if not response or response == self.response:
            self._ours.stop("cancelled", status="cancelled")
        else:
            self._asides.cancel(response)

    def truncate(self, id: str, seconds: float) -> None:
        """The other side has played so much of an item of ours, and no more of it. Nothing happens where it is not in
        the history, since nothing of it was heard."""
        if self._ours.response and self._ours.response.item == id:
            self._ours.stop("truncated", status="cancelled")
        self._history.cut(id, self._ours.mouth.ledger.within(id, seconds))

    def interrupt(self) -> None:
        """As if the other side had begun to speak."""
        self._ours.stop("asked")

    def played(self, position: int) -> None:
        """How far the other side has played."""
        self._ours.mouth.played(position, self._scene.clock())

    def tool_result(self, call_id: str, output: str) -> None:
        """What a tool answered. Once all calls are answered and nothing is being said, the agent goes on. Raises
        BadRequest where nobody asked."""
        self._need_life()
        try:
            complete = self._ours.result(call_id, output)
        except KeyError:
            raise BadRequest(f"There is no open call {call_id[:80]!r}.", param="call_id") from None
        if complete and self.settings.respond:
            self._ours.go_on(act.ToolResult(call_id, output))

    def configure(self, settings: TalkSettings) -> None:
        """From now on. Raises UnknownModel for an agent there is not, BadRequest where the output rate would change."""
        if settings.output_rate != self.settings.output_rate:
            raise BadRequest("The output rate stays as it began.", param="output_rate")
        self._scene.agent = self._scene.parts.agent(settings)
        self._scene.settings = settings
        self._theirs.configure(settings)

    def add(self, item: Item, after: str = "") -> None:
        """An item, at the end, behind another, or with `history.FIRST` before all. Raises BadRequest where its id is
        taken or `after` is not there."""
        self._history.add(item, after)

    def delete(self, id: str) -> None:
        """Raises BadRequest where it is not there."""
        self._history.delete(id)

    def hold(self) -> None:
        """Time stands still until `attach`. What is asked for meanwhile is done, and told."""
        if self._left_at is None:
            self._left_at = self._scene.clock()
            self._ours.mouth.pause(self._left_at)

    def detach(self) -> None:
        """Nobody is there: time stands still, and nothing is told but the end."""
        self.hold()
        emit = self._scene.emit
        self._scene.emit = lambda event: emit(event) if isinstance(event, tell.Ended) else None

    def attach(self, emit: Emit, position: int) -> int:
        """Somebody is there again, who has our audio until `position`. Gives the position from which it goes on."""
        now, mouth = self._scene.clock(), self._ours.mouth
        if self._left_at is not None:
            self._scene.began += now - self._left_at
            self._intake.shift(now - self._left_at)
            self._left_at = None
        self._scene.emit = emit
        self._theirs.resolve(Verdict.RESUME, "reconnected")
        reached = mouth.rewind(position, now) if position < mouth.position else mouth.position
        mouth.resume(now)
        return reached

    async def close(self, reason: str = "closed") -> None:
        """End it: nothing goes on afterwards. A second call does nothing."""
        if self.over:
            return
        self.over = True
        self._ours.stop("closed", status="cancelled")
        self._asides.close()
        self._theirs.clear()
        self._advanced.set()
        self._scene.parts.ticker.remove(self)
        await self._scene.close()
        self._scene.emit(tell.Ended(reason))
        self._scene.leave()

    # What the ticker asks for

    def send(self, now: float) -> None:
        if self._left_at is None:
            self._ours.send(now)
            if (reason := self._ours.ending) and not self._ours.response:
                self._ours.ending = ""
                self._scene.spawn(self.close(reason), "end")

    def windows(self, now: float) -> Sequence[np.ndarray | None]:
        found = () if self._left_at is not None else self._intake.windows(now)
        self._looked_at = sum(window is not None for window in found)
        return found

    def advance(self, now: float, windows: Sequence[np.ndarray | None], probabilities: Sequence[float]) -> None:
        self._looked_at = 0
        behind = len(windows)
        for window, probability in zip(windows, probabilities, strict=True):
            behind -= 1
            self._theirs.look(window, probability, behind)
        self._advanced.set()

    def broke(self) -> None:
        self._scene.spawn(self.close("internal_error"), "end")

    def _need_life(self) -> None:
        if self.over:
            raise Conflict("This conversation is over.")

    def _trace(self, reason: str) -> Trace:
        return Trace(ended=self._scene.now(), reason=reason)
