"""Stand-ins for all that is slow, heavy or random in a conversation. They keep the promises of what they stand for,
take the time they are told to, and give the same each time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from typing import Any

import numpy as np

from audio.value import Audio
from core.errors import VoiceForgeError
from engines import agent as act
from engines.base import Chunk, EngineSpec, Message, Tool, Word
from voice.listening import OnPartial, Understood
from voice.routing import Route
from voice.simulator import clock
from voice.speech import SpeechPlan, SpeechRequest
from voice.talk.completeness import complete
from voice.talk.interruption import Floor, PauseFirst
from voice.talk.parts import Parts
from voice.talk.settings import TalkSettings
from voice.talk.ticker import Ticker

LOUD = 0.05
"""Amplitude from which the scripted detector takes a window for speech."""
WORD_SECONDS = 0.3
"""What the scripted voice takes for a word."""
HISSES = 32
"""Different chunks of a hiss, after which they come again."""


@dataclass(frozen=True)
class Delays:
    """Seconds."""

    transcript: float = 0.1
    """From the end of the speech to its text."""
    thought: float = 0.15
    """From the question to the first word of the answer."""
    word: float = 0.02
    """Between two words of it."""
    sound: float = 0.08
    """From a sentence to its first audio."""


class LoudIsSpeech:
    """A detector for which whatever is loud is speech."""

    spec = EngineSpec("loud-is-speech", "vad", "Takes loudness for speech.", "Apache-2.0", 16000, quality=-1)

    def window(self, rate: int) -> int:
        return rate * 32 // 1000

    def begin(self, rate: int) -> Any:
        return None

    def detect(self, windows: np.ndarray, states: list[Any]) -> np.ndarray:
        return np.where(windows[:, ::16].max(axis=1) > LOUD, np.float32(0.95), np.float32(0.02))


class Saying:
    """What the other side says, told beside its audio: the text of the scripted recogniser."""

    def __init__(self):
        self._said: list[str] = []

    def begins(self, text: str) -> None:
        """From now on this is being said."""
        self._said.append(text)

    def take(self) -> str:
        """All that was said since the last time."""
        text, self._said = " ".join(filter(None, self._said)), []
        return text


class ScriptedUtterance:
    """Understands what `saying` tells, once it was asked for the text and its time has passed."""

    follows = False
    """No partial texts: decisions rest on the sound alone."""

    def __init__(self, saying: Saying, delay: float):
        self._saying, self._delay = saying, delay
        self._settled_at: float | None = None
        self._text = ""
        self._seconds = 0.0
        self._finished = False

    def feed(self, samples: np.ndarray, *, follow: bool = True) -> None:
        self._seconds += len(samples) / 16000
        self._settled_at = None

    def settle(self) -> None:
        if self._settled_at is None:
            self._settled_at = asyncio.get_running_loop().time()

    async def final(self) -> Understood:
        while True:
            self.settle()
            settled = self._settled_at
            assert settled is not None
            await asyncio.sleep(max(0.0, settled + self._delay - asyncio.get_running_loop().time()))
            if self._settled_at == settled:
                break
        self._text, self._finished = " ".join(filter(None, (self._text, self._saying.take()))), True
        return Understood(self._text, "en", self._seconds, True, "scripted-stt", self._delay)

    def close(self) -> None:
        """What was said and nobody asked for is gone."""
        if not self._finished:
            self._finished = True
            self._saying.take()


@dataclass(frozen=True)
class Hang:
    """In an answer: from here on nothing comes any more."""


Answer = Callable[[act.Event, Sequence[Message]], Sequence[act.Action | VoiceForgeError | Hang] | VoiceForgeError]


def repeats(event: act.Event, history: Sequence[Message]) -> Sequence[act.Action]:
    """Says what it heard."""
    if isinstance(event, act.Heard):
        return (act.Say(f"You said {event.text}. And what else can I do for you today?"),)
    return ()


@dataclass
class ScriptedAgent:
    """Answers from a function, a word at a time. An error among its actions is raised there."""

    answer: Answer = repeats
    delays: Delays = Delays()
    name: str = "scripted"
    asked: list[act.Event] = field(default_factory=list)
    histories: list[Sequence[Message]] = field(default_factory=list)

    async def respond(
        self, event: act.Event, history: Sequence[Message], *, tools: Sequence[Tool] = (), draft: bool = False
    ) -> AsyncGenerator[act.Action]:
        self.asked.append(event)
        self.histories.append(history)
        actions = self.answer(event, history)
        if isinstance(actions, VoiceForgeError):
            raise actions
        if not actions:
            return
        await asyncio.sleep(self.delays.thought)
        for action in actions:
            if isinstance(action, act.Say):
                for word in action.text.split(" "):
                    yield act.Say(f"{word} ")
                    await asyncio.sleep(self.delays.word)
            elif isinstance(action, VoiceForgeError):
                raise action
            elif isinstance(action, Hang):
                await asyncio.Event().wait()
            elif draft:
                return
            else:
                yield action
        yield act.Thought("scripted-llm", 10, 5)


@dataclass
class ScriptedVoice:
    """A sound of 0.3 s for each word, in chunks of three words, with their times."""

    delays: Delays = Delays()
    fails: Callable[[str], VoiceForgeError | None] = lambda text: None
    dies: Callable[[str], VoiceForgeError | None] = lambda text: None
    """As `fails`, but after the first of its audio."""
    sound: Callable[[float, int], np.ndarray] = lambda seconds, rate: tone(seconds, rate, 150.0, 0.1)
    """So many seconds at a rate."""

    async def __call__(self, text: str, settings: TalkSettings) -> AsyncGenerator[tuple[SpeechPlan, Chunk]]:
        rate = settings.output_rate
        plan = SpeechPlan(SpeechRequest(text), Route("scripted-tts", "It is scripted.", "scripted-tts/script"), rate)
        await asyncio.sleep(self.delays.sound)
        if error := self.fails(text):
            raise error
        words = text.split()
        for at in range(0, len(words), 3):
            part = words[at : at + 3]
            starts = [(at + index) * WORD_SECONDS for index in range(len(part))]
            timed = tuple(Word(word, start, start + WORD_SECONDS) for word, start in zip(part, starts, strict=True))
            yield plan, Chunk(Audio(self.sound(len(part) * WORD_SECONDS, rate), rate), timed)
            if at == 0 and (error := self.dies(text)):
                raise error


@cache
def tone(seconds: float, rate: int, hertz: float, loudness: float) -> np.ndarray:
    """Float32 (n,)."""
    times = np.arange(round(seconds * rate), dtype=np.float32) / rate
    return (loudness * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


class Hiss:
    """The sound of a voice that an echo can be told by: a tone is the same at any delay, a hiss is not."""

    def __init__(self):
        self._chunks = count()

    def __call__(self, seconds: float, rate: int) -> np.ndarray:
        return hiss(seconds, rate, 0.1, next(self._chunks) % HISSES)


@cache
def hiss(seconds: float, rate: int, loudness: float, number: int) -> np.ndarray:
    """Float32 (n,), the same for the same number."""
    return np.random.default_rng(number).uniform(-loudness, loudness, round(seconds * rate)).astype(np.float32)


def parts(
    agent: act.Agent | None = None,
    *,
    saying: Saying | None = None,
    ticker: Ticker | None = None,
    floor: Floor | None = None,
    voice: ScriptedVoice | None = None,
    delays: Delays = Delays(),
    utterance: Callable[[TalkSettings, OnPartial], Any] | None = None,
) -> Parts:
    """All of them scripted, on a ticker that asks its detector inline. Ids are counted."""
    numbers = count(1)
    heard = saying or Saying()
    thinks = agent or ScriptedAgent(delays=delays)

    return Parts(
        ticker=Ticker(LoudIsSpeech(), inline=True, sleep=clock.sleeping()) if ticker is None else ticker,
        floor=lambda language: floor or PauseFirst(language=language),
        new_id=lambda kind: f"{kind}_{next(numbers)}",
        agent=lambda settings: thinks,
        utterance=utterance or (lambda settings, on_partial: ScriptedUtterance(heard, delays.transcript)),
        speak=voice or ScriptedVoice(delays),
        complete=complete,
    )
