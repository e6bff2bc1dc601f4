"""A conversation: who speaks, who is heard, and what of it stays. Knows neither wires nor models.

It lives on the ticker: `send` lets audio leave, `advance` looks at what was heard. All else are operations of a face,
which return at once, and events, which it is told by one call. Nothing of it is used from another thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import numpy as np

from core.errors import BadRequest, VoiceForgeError
from engines import agent as act
from engines.base import Chunk, Message, Word
from voice.listening import Understood, Utterance
from voice.speech import SpeechPlan
from voice.talk import events as tell
from voice.talk import turns
from voice.talk.contest import Contest
from voice.talk.intake import SILENCE, WINDOW_SECONDS, Intake
from voice.talk.interruption import Verdict
from voice.talk.items import Item, messages
from voice.talk.ledger import Span
from voice.talk.mouth import Mouth
from voice.talk.parts import Parts
from voice.talk.response import Response
from voice.talk.sentences import Piece
from voice.talk.settings import TalkSettings
from voice.talk.trace import Trace

logger = logging.getLogger(__name__)

Emit = Callable[[tell.Event], None]

_NONE = np.zeros(0, np.float32)
MOST_ITEMS = 2000
"""Items kept in memory; older ones are forgotten here, and stay where they are stored."""
SECONDS_DRAWN = 60


class Conversation:
    """Holds at most one response at a time. Begin with `begin`, end with `close`."""

    memory: Any = None
    """The detector's."""

    def __init__(
        self,
        parts: Parts,
        settings: TalkSettings,
        emit: Emit,
        *,
        id: str,
        history: Sequence[Item] = (),
    ):
        """Raises UnknownModel for an agent there is not."""
        self.id = id
        self.settings = settings
        self._parts = parts
        self._emit = emit
        self._clock = asyncio.get_running_loop().time
        self._joined = self._clock()
        self._agent = parts.agent(settings)
        self._items: list[Item] = list(history)
        self._mouth = Mouth(settings.output_rate, settings.lead)
        self._intake = Intake(self._joined)
        self._turns = turns.Turns(settings.rules, WINDOW_SECONDS)
        self._turns.quiet(True)
        self._seen: deque[tuple[float, float]] = deque(maxlen=int(SECONDS_DRAWN / WINDOW_SECONDS))
        self._before: deque[np.ndarray] = deque(maxlen=self._prefix())
        self._utterance: Utterance | None = None
        self._held: list[np.ndarray] | None = None
        """What is heard after the speech has stopped, which is nothing unless it continues."""
        self._turn = ""
        """The id of the item that the open turn will be."""
        self._told = False
        """Whether the open turn was told to anybody."""
        self._partial = ""
        self._trace = Trace()
        self._draft: Response | None = None
        self._draft_of = ""
        self._response: Response | None = None
        self._making: asyncio.Task[None] | None = None
        self._contest: Contest | None = None
        self._calls: set[str] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._left_at: float | None = None
        self._over = False
        self._ending = ""

    # What a face asks for

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(self._items)

    @property
    def position(self) -> int:
        """Samples sent, at the output rate."""
        return self._mouth.position

    @property
    def waiting(self) -> float:
        """Seconds that were heard and not yet looked at."""
        return self._intake.waiting

    @property
    def speaking(self) -> bool:
        """Whether a response is under way."""
        return self._response is not None

    @property
    def over(self) -> bool:
        return self._over

    def begin(self) -> None:
        """Say hello, where the agent or the settings have something to say before they heard anything."""
        if self.settings.greeting and not self._items:
            self._answer(act.Joined(), said=self.settings.greeting)
        elif self.settings.respond and not self._items:
            self._answer(act.Joined())

    def hear(self, samples: np.ndarray) -> bool:
        """Float32 (n,) at 16 kHz. False where it was not taken, since too much waits to be looked at."""
        return self._intake.hear(samples)

    def write(self, text: str, id: str = "") -> Item:
        """A turn in writing. Whatever we are saying, we stop. Raises BadRequest on a text without words."""
        if not text.strip():
            raise BadRequest("There is no text in this message.", param="content")
        self._stop("message")
        item = Item(id or self._parts.new_id("item"), "user", text)
        self._trace = Trace(ended=self._now(), reason="message")
        self.add(item)
        if self.settings.respond:
            self._answer(act.Heard(text))
        return item

    def respond(self) -> None:
        """Answer what was said until now. Raises BadRequest where a response is under way."""
        if self._response:
            raise BadRequest("A response is under way; cancel it first.")
        last = next((item for item in reversed(self._items) if item.role == "user"), None)
        self._answer(act.Heard(last.known if last else ""))

    def commit(self) -> None:
        """The turn is over, whatever the detector thinks. Raises BadRequest where nothing was said."""
        found = self._turns.commit()
        if not found:
            raise BadRequest("Nothing was said that could be committed.")
        for event in found:
            self._turned(event)

    def clear(self) -> None:
        """Forget what was heard and not committed."""
        self._intake.clear()
        self._forget_turn()
        self._emit(tell.Cleared())

    def cancel(self) -> None:
        """Say no more. Nothing happens where nothing is being said."""
        self._stop("cancelled", status="cancelled")

    def interrupt(self) -> None:
        """As if the other side had begun to speak."""
        self._stop("asked")

    def played(self, position: int) -> None:
        """How far the other side has played."""
        self._mouth.played(position, self._clock())

    def tool_result(self, call_id: str, output: str) -> None:
        """What a tool answered. Once all calls of a response are answered the agent goes on. Raises BadRequest where
        nobody asked."""
        if call_id not in self._calls:
            raise BadRequest(f"There is no open call {call_id[:80]!r}.", param="call_id")
        self._calls.discard(call_id)
        self.add(Item(self._parts.new_id("item"), "tool", output, call_id=call_id))
        if not self._calls and self.settings.respond and not self._response:
            self._trace = Trace(ended=self._now(), reason="tool")
            self._answer(act.ToolResult(call_id, output))

    def configure(self, settings: TalkSettings) -> None:
        """From now on. Raises UnknownModel for an agent there is not, BadRequest where the output rate would change."""
        if settings.output_rate != self.settings.output_rate:
            raise BadRequest("The output rate stays as it began.", param="output_rate")
        if settings != self.settings:
            self._agent = self._parts.agent(settings)
        self.settings = settings
        self._turns.configure(settings.rules)
        self._before = deque(self._before, self._prefix())

    def add(self, item: Item, after: str = "") -> None:
        """An item, at the end or behind another. Raises BadRequest where its id is taken or `after` is not there."""
        if any(item.id == own.id for own in self._items):
            raise BadRequest(f"There is an item {item.id[:80]!r} already.", param="id")
        at = self._index(after) + 1 if after else len(self._items)
        before = self._items[at - 1].id if at else ""
        self._items.insert(at, item)
        del self._items[:-MOST_ITEMS]
        self._emit(tell.ItemAdded(item, before))
        if item.status != "open":
            self._emit(tell.ItemDone(item))

    def delete(self, id: str) -> None:
        """Raises BadRequest where it is not there."""
        del self._items[self._index(id)]
        self._emit(tell.ItemDeleted(id))

    def detach(self) -> None:
        """Nobody is there: time stands still."""
        if self._left_at is None:
            self._left_at = self._clock()
            self._mouth.pause(self._left_at)
            self._emit = _nowhere

    def attach(self, emit: Emit, position: int) -> int:
        """Somebody is there again, who has our audio until `position`. Gives the position from which it goes on."""
        now = self._clock()
        if self._left_at is not None:
            gone = now - self._left_at
            self._joined += gone
            self._intake.shift(gone)
            self._left_at = None
        self._emit = emit
        self._resolve(Verdict.RESUME, "reconnected")
        reached = self._mouth.rewind(position, now) if position < self._mouth.position else self._mouth.position
        self._mouth.resume(now)
        return reached

    async def close(self, reason: str = "closed") -> None:
        """End it: nothing goes on afterwards. A second call does nothing."""
        if self._over:
            return
        self._stop("closed", status="cancelled")
        self._over = True
        self._parts.ticker.remove(self)
        self._forget_turn()
        for task in tuple(self._tasks):
            task.cancel()
        if others := self._tasks - {asyncio.current_task()}:
            await asyncio.wait(others)
        self._emit(tell.Ended(reason))

    # What the ticker asks for

    def send(self, now: float) -> None:
        response = self._response
        if response is None or self._left_at is not None or not response.committed:
            return
        for frame, position in self._mouth.frames(now):
            if response.trace.first_frame is None:
                response.trace.first_frame = self._now()
            if self._contest:
                self._contest.left(frame)
            self._emit(tell.AudioOut(response.id, frame, position))
        if response.made and self._mouth.empty:
            if not response.sent_all:
                response.sent_all = True
                self._emit(tell.AudioDone(response.id, self._mouth.position))
            if self._mouth.ended(now):
                self._finish(response, "failed" if response.error else "completed")

    def windows(self, now: float) -> Sequence[np.ndarray | None]:
        return () if self._left_at is not None else self._intake.windows(now)

    def advance(self, now: float, windows: Sequence[np.ndarray | None], probabilities: Sequence[float]) -> None:
        for window, probability in zip(windows, probabilities, strict=True):
            self._look(SILENCE if window is None else window, probability)
        if self._response:
            self._mouth.settle(now)

    # A window that was heard

    def _look(self, window: np.ndarray, probability: float) -> None:
        if self._response:
            probability = self._beside_us(window, probability)
        self._keep(window)
        self._seen.append((self._turns.clock, probability))
        for event in self._turns.feed(probability):
            self._turned(event)

    def _keep(self, window: np.ndarray) -> None:
        """For whoever understands it: the open turn, or one that may begin now."""
        if self._held is not None:
            self._held.append(window)
        elif self._utterance:
            self._utterance.feed(window)
        elif self._turns.rules.mode == "manual":
            self._begin_utterance((window,))
        else:
            self._before.append(window)

    def _beside_us(self, window: np.ndarray, probability: float) -> float:
        """The probability that somebody else than us speaks, while we have the floor."""
        if not self.settings.interruptible:
            return 0.0
        if self._contest is None:
            if probability < self._turns.rules.threshold:
                return probability
            before = self._before[-1] if self._before else None
            self._contest = Contest(self._parts.floor, self._mouth.rate, self._mouth.left(), before)
        contest = self._contest
        verdict, probability = contest.look(window, probability, self._partial)
        if verdict is not Verdict.WAIT:
            self._resolve(verdict, contest.reason)
        return probability

    def _resolve(self, verdict: Verdict, reason: str) -> None:
        contest, response = self._contest, self._response
        if contest is None or response is None:
            return
        now = self._clock()
        if verdict is Verdict.PAUSE:
            self._mouth.pause(now)
            self._emit(tell.Paused(response.id, self._mouth.position))
            return
        self._contest = None
        if verdict is Verdict.INTERRUPT:
            self._stop(reason)
            self._tell_turn()
            return
        was_paused = self._mouth.paused
        if was_paused:
            self._mouth.resume(now)
            self._emit(tell.Resumed(response.id, self._mouth.position, reason))
        if was_paused or self._turns.open:
            self._emit(tell.Backchannel(contest.seconds, self._partial))
        self._forget_turn()

    # The other side's turn

    def _turned(self, event: turns.Event) -> None:
        if isinstance(event, turns.Started):
            self._trace = Trace(speech_started=event.at)
            self._turn, self._told, self._partial = self._parts.new_id("item"), False, ""
            if self._utterance is None:
                self._begin_utterance(tuple(self._before))
            if not self._contest:
                self._tell_turn()
        elif isinstance(event, turns.Stopped):
            self._trace.speech_stopped = event.at
            if self._told:
                self._emit(tell.SpeechStopped(event.at, self._turn))
            self._held = []
            if self._utterance:
                self._utterance.settle()
                if not self._response and self.settings.respond and self.settings.draft:
                    self._spawn(self._think_ahead(self._utterance, self._trace), "draft")
        elif isinstance(event, turns.Continued):
            self._drop_draft()
            self._feed_held()
        elif isinstance(event, turns.Ended):
            self._turn_over(event)
        else:
            self._emit(tell.Idle(event.seconds))
            if self.settings.respond and not self._response:
                self._trace = Trace(ended=self._now(), reason="idle")
                self._answer(act.Silence(event.seconds))

    def _feed_held(self) -> None:
        for window in self._held or ():
            if self._utterance:
                self._utterance.feed(window)
        self._held = None

    def _tell_turn(self) -> None:
        if self._turn and not self._told and self._trace.speech_started is not None:
            self._told = True
            self._emit(tell.SpeechStarted(self._trace.speech_started, self._turn))

    def _turn_over(self, event: turns.Ended) -> None:
        if self._contest:
            self._resolve(Verdict.RESUME, "short")
            return
        if self._response:
            self._stop("turn")
        self._trace.ended, self._trace.reason = self._now(), event.reason
        utterance, self._utterance, self._held = self._utterance, None, None
        self._before.clear()
        self._emit(tell.TurnEnded(event.at, self._turn, event.reason, event.waited))
        if utterance:
            self._spawn(self._understand(utterance, self._turn, self._trace), f"understand {self._turn}")
        else:
            self._emit(tell.ItemDeleted(self._turn))
        self._turn = ""

    async def _understand(self, utterance: Utterance, item: str, trace: Trace) -> None:
        try:
            understood = await utterance.final()
        except VoiceForgeError as error:
            self._drop_draft()
            self._fail(error)
            self._emit(tell.ItemDeleted(item))
            return
        finally:
            utterance.close()
        self._note(understood, trace)
        self._emit(tell.Partial(item, understood.text, len(understood.text)))
        if not understood.text:
            self._drop_draft()
            self._emit(tell.ItemDeleted(item))
            return
        self.add(Item(item, "user", understood.text, spoken=True))
        draft = self._draft
        if draft and self._draft_of == understood.text and draft.error is None:
            self._draft, trace.drafted = None, True
            draft.trace.ended, draft.trace.reason = trace.ended, trace.reason
            draft.trace.transcript, draft.trace.drafted = trace.transcript, True
            self._commit(draft)
        elif self.settings.respond:
            self._drop_draft()
            self._trace = trace
            self._answer(act.Heard(understood.text))

    def _note(self, understood: Understood, trace: Trace) -> None:
        trace.hears = understood.engine
        if trace.transcript is None:
            trace.transcript = self._now()

    def _begin_utterance(self, before: Sequence[np.ndarray]) -> None:
        try:
            self._utterance = self._parts.utterance(self.settings, self._partially)
        except VoiceForgeError as error:
            self._fail(error)
            return
        for window in before:
            self._utterance.feed(window)

    def _partially(self, text: str, sure: int) -> None:
        self._partial = text
        self._trace.partials.append((self._now(), text))
        if self._turn and self._told:
            self._emit(tell.Partial(self._turn, text, sure))

    def _forget_turn(self) -> None:
        self._turns.clear()
        self._drop_draft()
        if self._utterance:
            self._utterance.close()
        self._utterance = self._held = None
        self._turn, self._partial, self._told = "", "", False

    # Our turn

    async def _think_ahead(self, utterance: Utterance, trace: Trace) -> None:
        """Think of an answer to what was said until now, before it is certain to be all."""
        try:
            understood = await utterance.final()
        except VoiceForgeError:
            return
        self._note(understood, trace)
        self._turns.hint(self._parts.complete(understood.text, understood.language))
        if not understood.text or self._utterance is not utterance or self._response or not self._turns.open:
            return
        heard = Item("", "user", understood.text, spoken=True)
        draft = self._new_response(replace_trace(trace))
        self._draft, self._draft_of = draft, understood.text
        actions = self._ask(act.Heard(understood.text), messages((*self._items, heard)), draft=True)
        self._making = self._spawn(self._make(draft, actions), f"draft {draft.id}")

    def _answer(self, event: act.Event, *, said: str = "") -> None:
        """Begin to answer an event."""
        response = self._new_response(self._trace)
        actions = _say(said) if said else self._ask(event, messages(self._items), draft=False)
        self._making = self._spawn(self._make(response, actions), f"respond {response.id}")
        self._commit(response)

    def _new_response(self, trace: Trace) -> Response:
        speak = self._speak if self.settings.speak else None
        new_id, patience = self._parts.new_id, self.settings.think_timeout
        return Response(new_id("resp"), new_id("item"), self, trace, speak=speak, patience=patience)

    def _ask(self, event: act.Event, history: Sequence[Message], *, draft: bool) -> AsyncGenerator[act.Action]:
        return self._agent.respond(event, history, tools=self.settings.tools, draft=draft)

    def _commit(self, response: Response) -> None:
        self._response = response
        self._turns.quiet(False)
        self._emit(tell.ResponseStarted(response.id, response.item))
        response.commit()

    async def _make(self, response: Response, actions: AsyncGenerator[act.Action]) -> None:
        await response.run(actions, self._now)

    async def _speak(self, text: str) -> AsyncGenerator[tuple[SpeechPlan, Chunk]]:
        async with aclosing(self._parts.speak(text, self.settings)) as spoken:
            async for pair in spoken:
                yield pair

    def _drop_draft(self) -> None:
        if self._draft and self._making:
            self._making.cancel()
        self._draft, self._draft_of = None, ""

    def _stop(self, reason: str, status: str = "interrupted") -> None:
        """We say no more: what waits is thrown away, and of the rest stays what was heard."""
        self._drop_draft()
        response = self._response
        if response is None:
            return
        if self._making:
            self._making.cancel()
        self._contest = None
        self._mouth.drop(self._clock())
        heard = self._mouth.heard(response.item).end
        text = response.text[:heard]
        self._emit(tell.Interrupted(response.id, response.item, text, self._mouth.position, reason))
        self._finish(response, status)

    def _finish(self, response: Response, status: str) -> None:
        self._response = self._contest = None
        self._making = None
        self._turns.quiet(True)
        heard = self._mouth.heard(response.item)
        item = self._said(response, status, heard.end)
        calls = tuple(action.call for action in response.actions if isinstance(action, act.Call))
        turn = response.trace.turn(response.id, response.item, heard.seconds, self._now(), self._seen)
        if status == "completed":
            self._do(response)
        self._emit(tell.ResponseDone(response.id, status, turn, item, calls if status == "completed" else ()))
        if self._ending:
            self._spawn(self.close(self._ending), "end")

    def _said(self, response: Response, status: str, heard: int) -> Item | None:
        """The response as an item of the conversation; None where nothing of it was heard."""
        cut = status in ("interrupted", "cancelled") and self.settings.speak
        if not response.text.strip() or (cut and not heard):
            return None
        item = Item(
            response.item,
            "assistant",
            response.text,
            spoken=self.settings.speak,
            heard=heard if cut and heard < len(response.text) else None,
            status="interrupted" if status in ("interrupted", "cancelled") else "done",
        )
        self.add(item)
        return item

    def _do(self, response: Response) -> None:
        """What the agent wanted to be done besides, now that it was said."""
        for action in response.actions:
            if isinstance(action, act.Call):
                item = Item(self._parts.new_id("item"), "assistant", call=action.call)
                self.add(item)
                self._calls.add(action.call.id)
                self._emit(tell.ToolCalled(response.id, item.id, action.call))
            elif isinstance(action, act.Transfer):
                self._emit(tell.TransferAsked(action.to))
            elif isinstance(action, act.SendDigits):
                self._emit(tell.DigitsAsked(action.digits))
            elif isinstance(action, act.End):
                self._ending = action.reason or "ended"

    # What a response tells

    def wrote(self, response: Response, text: str) -> None:
        self._emit(tell.TextDelta(response.id, response.item, text))

    def speaks(self, response: Response, piece: Piece, plan: SpeechPlan) -> None:
        if response.trace.first_sound is None:
            response.trace.first_sound = self._now()
        response.trace.speaks = plan.route.engine
        at = self._mouth.next_position
        self._emit(
            tell.Speaking(
                response.id, response.item, piece.start, piece.end, at, plan.route.voice, plan.route.engine
            )
        )  # fmt: skip

    def sounds(self, response: Response, piece: Piece, chunk: Chunk) -> None:
        waits = self._mouth.empty
        self._mouth.add(_span(response, piece, chunk.words), chunk.audio.samples)
        if waits:  # Somebody waits for it, so it does not wait for the next tick.
            self.send(self._clock())

    def spoke(self, response: Response, piece: Piece) -> None:
        self._mouth.add(_span(response, piece), _NONE, last=True)

    def finished(self, response: Response) -> None:
        self._mouth.end(response.item)

    def failed(self, response: Response, error: VoiceForgeError) -> None:
        response.error = response.error or error
        self._fail(error, response.id)

    async def room(self) -> None:
        await self._mouth.room()

    # The rest

    def _fail(self, error: VoiceForgeError, response: str = "") -> None:
        self._emit(tell.Failed(error.code, error.message, error.retryable, response))

    def _now(self) -> float:
        """Seconds since it began, without those in which nobody was there."""
        return self._clock() - self._joined

    def _prefix(self) -> int:
        rules = self.settings.rules
        return max(1, int((rules.prefix + rules.start) / WINDOW_SECONDS) + 1)

    def _index(self, id: str) -> int:
        for index, item in enumerate(self._items):
            if item.id == id:
                return index
        raise BadRequest(f"There is no item {id[:80]!r}.", param="id")

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=f"{self.id}: {name}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.error("%s broke off", task.get_name(), exc_info=error)
            self._emit(tell.Failed("internal_error", "Something went wrong in this turn; please say it again.", True))
            if self._response and task is self._making:
                self._stop("failed", status="failed")


def _span(response: Response, piece: Piece, words: tuple[Word, ...] = ()) -> Span:
    return Span(response.item, piece.start, piece.end, response.text[piece.start : piece.end], words)


async def _say(text: str) -> AsyncGenerator[act.Action]:
    yield act.Say(text)


def _nowhere(event: tell.Event) -> None:
    """Where events go while nobody is there."""


def replace_trace(trace: Trace) -> Trace:
    """A draft's own, so that what it notes is gone with it."""
    return replace(trace, partials=trace.partials)
