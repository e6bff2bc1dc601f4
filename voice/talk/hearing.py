"""The other side of a conversation: when they speak and have spoken, what it was, and whether it takes the floor."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from core.errors import VoiceForgeError
from engines import agent as act
from voice.listening import Utterance
from voice.talk import events as tell
from voice.talk import turns
from voice.talk.answering import Answering
from voice.talk.contest import OWN, Contest
from voice.talk.echo import EchoGuard
from voice.talk.history import History
from voice.talk.intake import SILENCE, WINDOW_SECONDS
from voice.talk.interruption import Floor, Verdict, level
from voice.talk.items import Item
from voice.talk.scene import Scene
from voice.talk.settings import TalkSettings
from voice.talk.trace import Probabilities, Trace

LATE, EARLY = 0.15, 0.03
"""Seconds by which what is looked at may be older than the clock says, and by which it may seem younger."""
MOST_PARTIALS = 200
"""Partial texts that are remembered of a turn, for its picture: a turn that nobody commits has no end."""


class Hearing:
    """Of one conversation, a window of 32 ms at a time."""

    def __init__(self, scene: Scene, history: History, ours: Answering, seen: Probabilities, echo: EchoGuard):
        """`echo` has been told of what we play."""
        self._scene, self._history, self._ours, self._seen = scene, history, ours, seen
        self._turns = turns.Turns(scene.settings.rules, WINDOW_SECONDS)
        self._before: deque[np.ndarray] = deque(maxlen=_prefix(scene.settings))
        """What was heard last, of which a turn's beginning is a part."""
        self._last = SILENCE
        """The window before."""
        self._contest: Contest | None = None
        self._echo = echo
        self._at = 0.0
        """When what was looked at last had been said, on the conversation's clock."""
        self._usual: float | None = None
        """How loud they speak, dBFS."""
        self._pending: dict[asyncio.Task[None], str] = {}
        """The turns that are over and not understood yet."""
        self._owed: Trace | None = None
        """Of a turn that was not answered yet, since they had begun to speak again."""
        self._forget()

    def configure(self, settings: TalkSettings) -> None:
        before = self._turns.rules.mode
        self._turns.configure(settings.rules)
        self._before = deque(self._before, _prefix(settings))
        if not settings.interruptible:
            self.resolve(Verdict.RESUME, "configured")
        if before != settings.rules.mode:
            self._take_held()
            if self._utterance and not self._turns.open:  # all that was heard since the last commit is no turn here
                self._utterance.close()
                self._forget()

    def look(self, window: np.ndarray | None, probability: float, behind: int = 0) -> None:
        """The next window, None for one of silence, and how probable it is that it holds speech; `behind` are those
        that are there and come after it."""
        real = window is not None
        window = SILENCE if window is None else window
        self._keep_time(behind)
        self._turns.quiet(self._ours.response is None)
        if self._ours.response:
            probability = self._beside_us(window, probability)
        else:
            self._end_contest()
            if probability >= self._turns.rules.threshold:
                self._usual = _usual(self._usual, level(window))
        self._last = window
        if real or self._turns.rules.mode != "manual":
            self._keep(window)
        self._seen.add(self._scene.now(), probability)
        for event in self._turns.feed(probability):
            self._turned(event)

    @property
    def understanding(self) -> tuple[asyncio.Task[None], ...]:
        """At work on the text of turns that are over."""
        return tuple(self._pending)

    def commit(self) -> bool:
        """The turn is over, whatever the detector thinks. False where nothing was said."""
        found = self._turns.commit()
        for event in found:
            self._turned(event)
        return bool(found)

    def clear(self) -> None:
        """Forget the turn that is open."""
        self._turns.clear()
        self._ours.drop_draft()
        if self._utterance:
            self._utterance.close()
        self._forget()

    def answer_owed(self) -> None:
        """The turn is answered that waited for one after it, of which nothing came."""
        if not self._pending:
            self._answer_owed()

    def _answer_owed(self) -> None:
        last = self._history.items[-1:]
        unanswered = last and last[0].role == "user"
        if self._owed and unanswered and self._scene.settings.respond and self._ours.response is None:
            self._answer(last[0].known, self._owed)

    def resolve(self, verdict: Verdict, reason: str) -> None:
        """What a sound was that was made while we have the floor. Nothing happens where there was none."""
        contest, response, mouth = self._contest, self._ours.response, self._ours.mouth
        if contest is None or response is None:
            return
        if verdict is Verdict.PAUSE:
            mouth.pause(self._scene.clock())
            self._echo.paused(self._scene.now())
            self._scene.emit(tell.Paused(response.id, mouth.position))
            return
        self._end_contest()
        if verdict is Verdict.INTERRUPT:
            self._tell_turn()
            self._ours.stop(reason)
            return
        noticed = (mouth.paused or self._turns.open) and reason != OWN
        self._go_on(reason)
        if noticed:
            self._scene.emit(tell.Backchannel(contest.seconds, self._partial))
        self.clear()

    def _go_on(self, reason: str) -> None:
        """Where we had paused."""
        response, mouth = self._ours.response, self._ours.mouth
        if response and mouth.paused:
            mouth.resume(self._scene.clock())
            self._echo.resumed(self._scene.now())
            self._scene.emit(tell.Resumed(response.id, mouth.position, reason))

    def _forget(self) -> None:
        self._utterance: Utterance | None = None
        self._held: list[np.ndarray] | None = None
        """What is heard after the speech has stopped, which is nothing unless it continues."""
        self._turn = self._partial = ""
        """The id of the item that the open turn will be, and what was understood of it."""
        self._began = 0.0
        self._told = False
        """Whether the open turn was told to anybody, and where in the audio it began."""
        self._trace = Trace()

    def _keep(self, window: np.ndarray) -> None:
        """For whoever understands it: the open turn, or one that may begin now."""
        if self._held is not None:
            self._held.append(window)
        elif self._utterance:
            # Between two turns of push to talk it is fed too, where there is nothing to follow.
            self._utterance.feed(window, follow=self._turns.speaking)
        elif self._turns.rules.mode == "manual":
            self._begin_utterance((window,))
        else:
            self._before.append(window)

    def _beside_us(self, window: np.ndarray, probability: float) -> float:
        """The probability that somebody else than us speaks, while we have the floor."""
        if not self._scene.settings.interruptible:
            return 0.0
        if self._contest is None:
            if probability < self._turns.rules.threshold:
                return probability
            self._echo.share(self._last, self._at - WINDOW_SECONDS)
            self._contest = Contest(self._floor(), self._echo)
        contest = self._contest
        follows = self._utterance and self._utterance.follows
        text = self._partial if follows else None
        verdict, probability = contest.look(window, self._at, probability, text, self._usual)
        if verdict is not Verdict.WAIT:
            self.resolve(verdict, contest.reason)
        return probability

    def _keep_time(self, behind: int) -> None:
        """Of what is heard. It runs evenly, as windows follow each other, unless that cannot be: where audio was
        missing, or came late and all at once."""
        latest = self._scene.now() - behind * WINDOW_SECONDS
        self._at += WINDOW_SECONDS
        if not latest - LATE <= self._at <= latest + EARLY:
            self._at = latest

    def _floor(self) -> Floor:
        return self._scene.parts.floor(self._scene.settings.language)

    def _end_contest(self) -> None:
        self._contest = None

    def _turned(self, event: turns.Event) -> None:
        if isinstance(event, turns.Started):
            self._started(event)
        elif isinstance(event, turns.Stopped):
            self._stopped(event)
        elif isinstance(event, turns.Continued):
            self._trace.transcript = None
            self._ours.drop_draft()
            self._take_held()
        elif isinstance(event, turns.Ended):
            self._ended(event)
        else:
            self._scene.emit(tell.Idle(event.seconds, self._turns.clock))
            if self._scene.settings.respond and self._ours.response is None:
                self._ours.answer(act.Silence(event.seconds), Trace(ended=self._scene.now(), reason="idle"))

    def _started(self, event: turns.Started) -> None:
        self._trace = Trace(speech_started=self._when(event.at))
        self._began = event.at
        self._turn, self._told, self._partial = self._scene.parts.new_id("item"), False, ""
        if self._utterance is None:
            self._begin_utterance(tuple(self._before))
        if self._contest is None:
            self._tell_turn()

    def _tell_turn(self) -> None:
        if self._turn and not self._told:
            self._told = True
            self._scene.emit(tell.SpeechStarted(self._began, self._turn))

    def _when(self, at: float) -> float:
        """A time of the audio as one of the conversation, which it runs ahead of where it came late."""
        return self._scene.now() - (self._turns.clock - at)

    def _stopped(self, event: turns.Stopped) -> None:
        self._trace.speech_stopped = self._when(event.at)
        manual = self._turns.rules.mode == "manual"
        if not manual:  # there nothing is left out that came
            self._held = []
        if self._told:
            self._scene.emit(tell.SpeechStopped(event.at, self._turn))
        if self._utterance is None or manual:
            return
        self._utterance.settle()
        if self._contest and self._utterance.follows:
            self._scene.spawn(self._read_contest(self._utterance), "understand a sound over us")
        settings = self._scene.settings
        if self._ours.response is None and settings.respond and settings.draft:
            self._scene.spawn(self._think_ahead(self._utterance, self._trace), "think ahead")

    def _take_held(self) -> None:
        for window in self._held or ():
            if self._utterance:
                self._utterance.feed(window)
        self._held = None

    def _ended(self, event: turns.Ended) -> None:
        contested = self._contest is not None
        if contested and event.reason != "commit":
            self.resolve(Verdict.RESUME, "short")
            return
        self._end_contest()
        self._tell_turn()
        if self._ours.response and self._scene.settings.respond:
            self._ours.stop("turn")
        if contested:
            self._go_on("commit")
        self._trace.ended, self._trace.reason = self._scene.now(), event.reason
        utterance, turn, trace = self._utterance, self._turn, self._trace
        self._forget()
        self._before.clear()
        self._scene.emit(tell.TurnEnded(event.at, turn, event.reason, event.waited))
        if utterance:
            before, place = self.understanding, (self._history.end, *self._pending.values())
            task = self._scene.spawn(self._understand(utterance, turn, trace, place, before), f"understand {turn}")
            self._pending[task] = turn
            task.add_done_callback(lambda task: self._pending.pop(task, None))
        else:
            self._scene.emit(tell.ItemDeleted(turn))

    def _begin_utterance(self, before: Sequence[np.ndarray]) -> None:
        try:
            self._utterance = self._scene.parts.utterance(self._scene.settings, self._partially)
        except VoiceForgeError as error:
            self._scene.fail(error)
            return
        for window in before:
            self._utterance.feed(window, follow=self._turns.speaking)

    def _partially(self, text: str, sure: int) -> None:
        self._partial = text
        self._trace.partials.append((self._scene.now(), text))
        del self._trace.partials[:-MOST_PARTIALS]
        if self._told:
            self._scene.emit(tell.Partial(self._turn, text, sure))

    async def _read_contest(self, utterance: Utterance) -> None:
        """What was said over us in fewer words than a partial text is made of, while the contest still waits for it."""
        try:
            understood = await utterance.final()
        except VoiceForgeError:
            return  # then its sound decides
        if self._utterance is utterance and self._contest and understood.trusted:
            self._partial = understood.text

    async def _think_ahead(self, utterance: Utterance, trace: Trace) -> None:
        """Understand what was said until now, and think of an answer, before it is certain that it was all."""
        try:
            understood = await utterance.final()
        except VoiceForgeError:
            return  # whoever needs the text at the turn's end is told
        trace.understood(understood, self._scene.now())
        if self._utterance is not utterance or not self._turns.open:
            return
        self._turns.hint(self._scene.parts.complete(understood.text, understood.language))
        if understood.text and self._ours.response is None:
            self._ours.think_ahead(understood.text, replace(trace))

    async def _understand(
        self, utterance: Utterance, turn: str, trace: Trace, place: Sequence[str], before: Sequence[asyncio.Task[None]]
    ) -> None:
        """The text of a turn that is over becomes an item behind those of `place`, once the turns `before` are, and is
        answered."""
        try:
            understood = await utterance.final()
        except VoiceForgeError as error:
            self._scene.fail(error)
            self._nothing(turn)
            return
        finally:
            utterance.close()
        trace.understood(understood, self._scene.now())
        text = understood.text
        self._scene.emit(tell.Partial(turn, text, len(text)))
        if not text:
            self._nothing(turn)
            return
        if before:
            await asyncio.wait(before)
        self._history.add(Item(turn, "user", text, spoken=True), self._history.place(*place))
        if self._turns.open:
            self._owed = trace
        elif self._scene.settings.respond and not self._ours.adopt(text, trace):
            self._answer(text, trace)

    def _nothing(self, turn: str) -> None:
        """A turn in which nothing was understood; one before it may still wait for its answer."""
        self._ours.drop_draft()
        self._scene.emit(tell.ItemDeleted(turn))
        self._answer_owed()

    def _answer(self, text: str, trace: Trace) -> None:
        self._owed = None
        self._ours.stop("turn")
        self._ours.answer(act.Heard(text), trace)


def _prefix(settings: TalkSettings) -> int:
    """Windows that belong to a turn before it is known to have started."""
    return max(1, int((settings.rules.prefix + settings.rules.start) / WINDOW_SECONDS) + 1)


def _usual(before: float | None, now: float) -> float:
    """A mean over the last second or so of speech."""
    return now if before is None else before + (now - before) / 32
