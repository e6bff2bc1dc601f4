"""What conversations are made of: the same parts for all of a process, built once, fakes in a simulation."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from engines.agent import Agent
from engines.base import Chunk
from voice.listening import OnPartial, Utterance
from voice.speech import SpeechPlan
from voice.talk.interruption import Floor
from voice.talk.settings import TalkSettings
from voice.talk.ticker import Ticker


@dataclass(frozen=True)
class Parts:
    ticker: Ticker
    floor: Callable[[str], Floor]
    """Who judges overlaps in a language; empty where it is not known."""
    new_id: Callable[[str], str]
    """A name nobody else has, beginning with what it is for."""
    agent: Callable[[TalkSettings], Agent]
    """Raises UnknownModel for one there is not."""
    utterance: Callable[[TalkSettings, OnPartial], Utterance]
    """Raises what routing raises where nobody can listen."""
    speak: Callable[[str, TalkSettings], AsyncGenerator[tuple[SpeechPlan, Chunk]]]
    """A sentence as audio at the settings' output rate, with who speaks it."""
    complete: Callable[[str, str], float | None]
    """How probable it is that a text, of a language, is a whole turn; None where that is not known."""
