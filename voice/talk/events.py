"""What a conversation tells whoever carries it. Plain values; a face translates each once, and leaves out what its
protocol has no word for.

Times are seconds on the clock of the audio that was heard, positions are samples of the audio that was sent, at the
conversation's output rate, before any resampling or codec of the wire.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.base import ToolCall
from voice.talk.items import Item


@dataclass(frozen=True)
class AudioOut:
    """The next frame to be played. It belongs at `position`, right after the one before; a response beside the
    conversation has positions of its own, from 0, and frames of any length."""

    response: str
    samples: np.ndarray
    """Float32 (n,), 20 ms, or less for the first after going back."""
    position: int


@dataclass(frozen=True)
class SpeechStarted:
    at: float
    item: str
    """The id that the turn's item will have."""


@dataclass(frozen=True)
class SpeechStopped:
    at: float
    item: str


@dataclass(frozen=True)
class TurnEnded:
    """The endpoint: nothing more is waited for."""

    at: float
    item: str
    reason: str
    """`silence`, `semantic`, `longest`, `commit` or `backchannel`: why now."""
    waited: float
    """Seconds since the last of the speech."""


@dataclass(frozen=True)
class Partial:
    """What was understood so far. `text` is all of it, of which `sure` characters will not change any more."""

    item: str
    text: str
    sure: int = 0


@dataclass(frozen=True)
class ItemAdded:
    item: Item
    after: str = ""
    """The item before it."""


@dataclass(frozen=True)
class ItemDone:
    """An item as it stays; again, where it is cut to what was heard."""

    item: Item


@dataclass(frozen=True)
class ItemDeleted:
    id: str


@dataclass(frozen=True)
class Cleared:
    """Audio that was heard and not committed is forgotten."""


@dataclass(frozen=True)
class ResponseStarted:
    response: str
    item: str


@dataclass(frozen=True)
class TextDelta:
    response: str
    item: str
    text: str


@dataclass(frozen=True)
class Speaking:
    """A piece of the response's text is about to be sent as audio, from `position` on."""

    response: str
    item: str
    start: int
    end: int
    """Characters of the item's text."""
    position: int
    voice: str
    engine: str


@dataclass(frozen=True)
class AudioDone:
    """All audio of a response has left; what is at `position` and later belongs to another."""

    response: str
    position: int


@dataclass(frozen=True)
class Paused:
    """The other side made a sound: what was sent and not played yet is kept, and nothing more of it is played."""

    response: str
    position: int


@dataclass(frozen=True)
class Resumed:
    """It was nothing (`reason` tells what): the same audio goes on where it stood."""

    response: str
    position: int
    reason: str


@dataclass(frozen=True)
class Interrupted:
    """The response is over, and what was sent and not played is thrown away. `heard` is what reached the ear."""

    response: str
    item: str
    heard: str
    position: int
    """Where the audio that was heard ends."""
    reason: str


@dataclass(frozen=True)
class Backchannel:
    """The other side said "mm-hmm", and the floor stays where it is."""

    seconds: float
    text: str = ""


@dataclass(frozen=True)
class ToolCalled:
    response: str
    item: str
    call: ToolCall


@dataclass(frozen=True)
class TransferAsked:
    to: str


@dataclass(frozen=True)
class DigitsAsked:
    digits: str


@dataclass(frozen=True)
class Turn:
    """How a response came about: seconds since the conversation began, None for what did not happen."""

    response: str
    item: str
    speech_started: float | None = None
    speech_stopped: float | None = None
    ended: float | None = None
    reason: str = ""
    transcript: float | None = None
    """When the final transcript was there."""
    first_text: float | None = None
    first_sound: float | None = None
    """When the synthesizer gave it."""
    first_frame: float | None = None
    """When it left the house."""
    done: float | None = None
    heard: float = 0.0
    """Seconds of our audio that reached the ear."""
    drafted: bool = False
    """Whether the answer was thought of before the turn was certain."""
    hears: str = ""
    thinks: str = ""
    speaks: str = ""
    """Engines, with their models."""
    input_tokens: int = 0
    output_tokens: int = 0
    probabilities: tuple[tuple[float, float], ...] = ()
    """Time and probability of speech of each window around it, for the picture."""
    partials: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True)
class ResponseDone:
    response: str
    status: str
    """`completed`, `interrupted`, `cancelled` or `failed`."""
    turn: Turn
    item: Item | None = None
    calls: tuple[ToolCall, ...] = ()
    cut: bool = False
    """Whether the language model was stopped by the most tokens it may write."""


@dataclass(frozen=True)
class Idle:
    """Nobody has spoken for this long."""

    seconds: float
    at: float = 0.0


@dataclass(frozen=True)
class Failed:
    """Something went wrong that the conversation survives."""

    code: str
    message: str
    retryable: bool = False
    response: str = ""


@dataclass(frozen=True)
class Ended:
    reason: str


Event = (
    AudioOut | SpeechStarted | SpeechStopped | TurnEnded | Partial | ItemAdded | ItemDone | ItemDeleted | Cleared
    | ResponseStarted | TextDelta | Speaking | AudioDone | Paused | Resumed | Interrupted | Backchannel | ToolCalled
    | TransferAsked | DigitsAsked | ResponseDone | Idle | Failed | Ended
)  # fmt: skip
