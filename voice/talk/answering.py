"""Our side of a conversation: at most one response, drafted, spoken, interrupted or finished. Hears nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing
from typing import Any, Literal

import numpy as np

from core.errors import VoiceForgeError
from engines import agent as act
from engines.base import Chunk, Tool, Word
from voice.speech import SpeechPlan
from voice.talk import events as tell
from voice.talk.history import History
from voice.talk.items import Item, messages
from voice.talk.ledger import Heard, Span
from voice.talk.mouth import Mouth
from voice.talk.response import Actions, Response, Speak
from voice.talk.scene import Scene
from voice.talk.sentences import Piece
from voice.talk.settings import TalkSettings
from voice.talk.trace import Probabilities, Trace

_NONE = np.zeros(0, np.float32)


class Answering:
    """Of one conversation."""

    def __init__(
        self,
        scene: Scene,
        history: History,
        seen: Probabilities,
        overheard: Callable[[np.ndarray, float], None],
    ):
        """`seen` is for the picture of a turn; `overheard` is told of every frame that leaves, and when it is due to be
        played."""
        self._scene, self._history, self._seen = scene, history, seen
        self.mouth = Mouth(scene.settings.output_rate, scene.settings.lead, overheard)
        self.response: Response | None = None
        """That under way: from here on the floor is ours."""
        self.ending = ""
        """Why the conversation is to end, once the agent has said so and all is said."""
        self._calls: set[str] = set()
        self._making: asyncio.Task[None] | None = None
        self._draft: Response | None = None
        self._drafting: asyncio.Task[None] | None = None
        self._draft_of = ""
        self._next: act.Event | None = None
        """What came while something was being said, and is answered after it."""
        self._last = ""
        """The response whose audio left last."""

    def answer(self, event: act.Event, trace: Trace) -> None:
        """Begin to answer an event."""
        self._respond(self._new(trace), self._ask(event, draft=False))

    def go_on(self, event: act.Event) -> None:
        """Answer an event that nobody waits for: now, or when what is being said is over. An answer that begins until
        then takes the place of this one, since it knows the event too."""
        self._next = event
        self._answer_next()

    def _answer_next(self) -> None:
        event, scene = self._next, self._scene
        if event and self.response is None and not (self._calls or self.ending) and scene.settings.respond:
            self.answer(event, Trace(ended=scene.now(), reason="tool"))

    def respond(
        self, settings: TalkSettings, items: Sequence[Item] | None, waits: Sequence[asyncio.Task[None]], trace: Trace
    ) -> str:
        """Answer `items`, else what is in the history once `waits` are over, as these settings have it. The
        response's id. Raises UnknownModel for an agent there is not."""
        agent, speak = self._scene.parts.agent(settings), self._scene.parts.speak
        response = self._new(trace, (lambda text: speak(text, settings)) if settings.speak else None)
        self._respond(response, self._when_known(response, agent, settings.tools, items, waits))
        return response.id

    async def _when_known(
        self,
        response: Response,
        agent: act.Agent,
        tools: Sequence[Tool],
        items: Sequence[Item] | None,
        waits: Sequence[asyncio.Task[None]],
    ) -> Actions:
        if waits:
            await asyncio.wait(waits)
            response.after = self._history.end
        asked = asked_of(agent, self._history.items if items is None else items, tools)
        async with aclosing(asked) as actions:
            async for action in actions:
                yield action

    def greet(self, greeting: str, trace: Trace) -> None:
        """Say a greeting, else what the agent has to say to somebody who has said nothing yet. If it has nothing to
        say, nothing is told of it."""
        if greeting:
            self._respond(self._new(trace), _from(act.Say(greeting)))
        else:
            self._spawn(self._greet(self._ask(act.Joined(), draft=False), trace), "greet")

    async def _greet(self, actions: Actions, trace: Trace) -> None:
        async with aclosing(actions):
            first = await anext(actions, act.Listen())
            if self.response is None and not self._history.items and not isinstance(first, act.Listen):
                self._respond(self._new(trace), _from(first, actions))
                await asyncio.wait((self._making,)) if self._making else None

    def _respond(self, response: Response, actions: Actions) -> None:
        self.drop_draft()
        self._making = self._spawn(response.run(actions, self._scene.now), f"respond {response.id}")
        self._commit(response)

    def think_ahead(self, text: str, trace: Trace) -> None:
        """Think of an answer to what may be all that is said, and tell nobody."""
        if self._draft and self._draft_of == text:
            return
        self.drop_draft()
        draft = self._draft = self._new(trace)
        self._draft_of = text
        actions = self._ask(act.Heard(text), Item("", "user", text), draft=True)
        work = draft.run(actions, self._scene.now, lambda: self._ask(act.Heard(text), draft=False))
        self._drafting = self._spawn(work, f"draft {draft.id}")

    def adopt(self, text: str, trace: Trace) -> bool:
        """Take the draft for the answer, if there is one to exactly this that did not fail. What was heard is in the
        history by now."""
        draft, making = self._draft, self._drafting
        if draft is None or making is None or making.done() or self._draft_of != text or draft.error:
            return False
        self._draft = self._drafting = None
        self._making = making
        draft.trace.ended, draft.trace.reason = trace.ended, trace.reason
        draft.trace.drafted = True
        self._commit(draft)
        return True

    def drop_draft(self) -> None:
        if self._drafting:
            self._drafting.cancel()
        self._draft = self._drafting = None

    def stop(self, reason: str, status: str = "interrupted") -> None:
        """Say no more: what waits is thrown away, and what stays is what was heard. Nothing happens where nothing is
        being said."""
        self.drop_draft()
        response = self.response
        if response is None:
            return
        if self._making:
            self._making.cancel()
        reached = self.mouth.drop(self._scene.clock())
        heard = response.text[: self.mouth.heard(response.item).end]
        self._scene.emit(tell.Interrupted(response.id, response.item, heard, reached, reason))
        self._finish(response, status)

    def result(self, call_id: str, output: str) -> bool:
        """What a tool answered, as an item. True where that was the last that was waited for. Raises KeyError where
        nobody asked."""
        self._calls.remove(call_id)
        self._history.add(Item(self._scene.parts.new_id("item"), "tool", output, call_id=call_id))
        return not self._calls

    def send(self, now: float) -> None:
        """Let audio leave that is due, and notice when all has been heard."""
        response = self.response
        if response is None:
            self._send_again(now)
            return
        self._last = response.id
        for frame, position in self.mouth.frames(now):
            if response.trace.first_frame is None:
                response.trace.first_frame = self._scene.now()
            self._scene.emit(tell.AudioOut(response.id, frame, position))
        if response.made and self.mouth.empty:
            self._sent(response, now)

    def _send_again(self, now: float) -> None:
        """The end of an answer that is over, and did not arrive."""
        frames = self.mouth.frames(now)
        for frame, position in frames:
            self._scene.emit(tell.AudioOut(self._last, frame, position))
        if frames and self.mouth.empty:
            self._scene.emit(tell.AudioDone(self._last, self.mouth.position))

    def _sent(self, response: Response, now: float) -> None:
        if not response.sent_all:
            response.sent_all = True
            self._scene.emit(tell.AudioDone(response.id, self.mouth.position))
        if self.mouth.ended(now):
            self.mouth.settle(now)
            self._finish(response, "failed" if response.error else "completed")
            self._answer_next()

    def _new(self, trace: Trace, speak: Speak | Literal["as_set"] | None = "as_set") -> Response:
        new_id, settings = self._scene.parts.new_id, self._scene.settings
        if speak == "as_set":
            speak = self._speak if settings.speak else None
        return Response(new_id("resp"), new_id("item"), self, trace, speak=speak, patience=settings.think_timeout)

    def _ask(self, event: act.Event, *more: Item, draft: bool) -> Actions:
        scene = self._scene
        return scene.agent.respond(event, self._history.messages(*more), tools=scene.settings.tools, draft=draft)

    def _speak(self, text: str) -> AsyncGenerator[tuple[SpeechPlan, Chunk]]:
        return self._scene.parts.speak(text, self._scene.settings)

    def _commit(self, response: Response) -> None:
        self._next = None
        if not self.mouth.empty:
            self.mouth.drop(self._scene.clock())
        self.response, response.after = response, self._history.end
        self._scene.emit(tell.ResponseStarted(response.id, response.item))
        response.commit()

    def _finish(self, response: Response, status: str) -> None:
        self.response = self._making = None
        heard = self.mouth.heard(response.item)
        item = self._said(response, status, heard)
        calls = tuple(action.call for action in response.actions if isinstance(action, act.Call))
        turn = response.trace.turn(response.id, response.item, heard.seconds, self._scene.now(), self._seen)
        if status == "completed":
            self._do(response)
        done = tell.ResponseDone(response.id, status, turn, item, calls if status == "completed" else (),
                                 response.trace.finish == "length")  # fmt: skip
        self._scene.emit(done)

    def _said(self, response: Response, status: str, heard: Heard) -> Item | None:
        """The response as an item of the conversation; None where nothing of it was heard."""
        cut = status in ("interrupted", "cancelled")
        spoken = response.spoken
        if not response.text.strip() or (cut and spoken and not heard.end):
            return None
        part = heard.end if cut and spoken and not heard.whole else None
        state = "interrupted" if cut else "done"
        item = Item(response.item, "assistant", response.text, spoken, part, state)
        self._history.add(item, self._history.place(response.after))
        return item

    def _do(self, response: Response) -> None:
        """What the agent wanted to be done besides, now that it was said."""
        for action in response.actions:
            if isinstance(action, act.Call):
                item = Item(self._scene.parts.new_id("item"), "assistant", call=action.call)
                self._history.add(item)
                self._calls.add(action.call.id)
                self._scene.emit(tell.ToolCalled(response.id, item.id, action.call))
            elif isinstance(action, act.Transfer):
                self._scene.emit(tell.TransferAsked(action.to))
            elif isinstance(action, act.SendDigits):
                self._scene.emit(tell.DigitsAsked(action.digits))
            elif isinstance(action, act.End):
                self.ending = action.reason or "ended"

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        return self._scene.spawn(work, name, self._broke)

    def _broke(self, task: asyncio.Task[None]) -> None:
        if task is self._making:
            self.stop("failed", status="failed")
        elif task is self._drafting:
            self.drop_draft()

    # What a response tells while it is made

    def wrote(self, response: Response, text: str) -> None:
        self._scene.emit(tell.TextDelta(response.id, response.item, text))

    def speaks(self, response: Response, piece: Piece, plan: SpeechPlan) -> None:
        if response.trace.first_sound is None:
            response.trace.first_sound = self._scene.now()
        response.trace.speaks = plan.route.engine
        at, route = self.mouth.next_position, plan.route
        self._scene.emit(
            tell.Speaking(response.id, response.item, piece.start, piece.end, at, route.voice, route.engine)
        )

    def sounds(self, response: Response, piece: Piece, chunk: Chunk) -> None:
        waits = self.mouth.empty
        self.mouth.add(_span(response, piece, chunk.words), chunk.audio.samples)
        if waits:  # Somebody waits for it, so it does not wait for the next tick.
            self.send(self._scene.clock())

    def spoke(self, response: Response, piece: Piece) -> None:
        self.mouth.add(_span(response, piece), _NONE, last=True)

    def finished(self, response: Response) -> None:
        self.mouth.end(response.item)

    def failed(self, response: Response, error: VoiceForgeError) -> None:
        response.error = response.error or error
        self._scene.fail(error, response.id)

    async def room(self) -> None:
        await self.mouth.room()


def _span(response: Response, piece: Piece, words: tuple[Word, ...] = ()) -> Span:
    return Span(response.item, piece.start, piece.end, response.text[piece.start : piece.end], words)


def asked_of(agent: act.Agent, items: Sequence[Item], tools: Sequence[Tool]) -> Actions:
    """What an agent does about these items, of which the last asks for it."""
    last = items[-1] if items else None
    if last and last.role == "tool":
        event: act.Event = act.ToolResult(last.call_id, last.text)
    else:
        event = act.Heard(next((item.known for item in reversed(items) if item.role == "user"), ""))
    return agent.respond(event, messages(items), tools=tools)


async def _from(first: act.Action, rest: Actions | None = None) -> Actions:
    yield first
    if rest:
        async for action in rest:
            yield action
