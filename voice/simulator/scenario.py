"""What a scenario consists of: plain values, read from YAML by `reading` or made by `chance`.

Times are seconds; expectations count in milliseconds, as people speak of delays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import VoiceForgeError
from engines.agent import Action
from voice.simulator.parts import Delays, Hang
from voice.talk.settings import TalkSettings

SHIPPED = Path(__file__).parent / "scenarios"

Step = Action | VoiceForgeError | Hang
"""What a scripted answer consists of; an error is raised where it stands."""


@dataclass(frozen=True)
class Act:
    """One thing the caller does."""

    does: str
    """`say` `interrupt` `backchannel` `hold` `wait` `type` `tool` `drop` `clear` `cancel` `hang_up`."""
    text: str = ""
    """Of a wait the event that is waited for, `answer` for all of an answer; empty where it is for a time."""
    seconds: float = 0.0
    """That it takes; of something that is said 0 for as long as its words take."""
    after: float = 0.0
    """Seconds of the answer that are heard before."""
    loudness: float = 0.3
    """Amplitude, of what is said."""


@dataclass(frozen=True)
class Echo:
    """Our own voice in the caller's microphone."""

    delay: float = 0.1
    loss: float = 12.0
    """Decibels."""


@dataclass(frozen=True)
class Burst:
    """The road stands still, and then all comes at once."""

    at: float
    seconds: float


@dataclass(frozen=True)
class Line:
    """Between the caller and us."""

    delay: float = 0.02
    """One way."""
    noise: float | None = None
    """dBFS at the microphone; None is silence."""
    echo: Echo | None = None
    lost: float = 0.0
    """Share of the caller's frames that never arrive."""
    jitter: float = 0.0
    """That a frame may come later, in both directions; none overtakes another."""
    bursts: tuple[Burst, ...] = ()
    rate: int = 16000
    """Samples a second that come, whatever we were promised."""
    buffer: float = 0.06
    """That the caller keeps before he plays."""
    reports: bool = True
    """Whether he tells how far he has played."""


@dataclass(frozen=True)
class Expectation:
    """What the log must hold. Fields of the event are compared: numbers are equal, a text holds the other."""

    event: str = ""
    fields: Mapping[str, str | int | float] = field(default_factory=dict)
    after: str = ""
    """The event from whose first occurrence on it counts; empty is the beginning."""
    within_ms: float | None = None
    absent: bool = False
    count: int | None = None
    """So often exactly; without it once is enough."""
    order: tuple[str, ...] = ()
    """In place of an event: these came in this order, whatever came between."""
    said: tuple[tuple[str, str], ...] = ()
    """In place of an event: role and part of the text of each item in the end."""
    real: bool = True
    """Whether it holds with real engines too."""
    line: int = 0
    """Of the file."""


@dataclass(frozen=True)
class Scenario:
    name: str
    caller: tuple[Act, ...]
    about: str = ""
    settings: TalkSettings = field(default_factory=TalkSettings)
    delays: Delays = field(default_factory=Delays)
    line: Line = field(default_factory=Line)
    answers: tuple[tuple[Step, ...], ...] = ()
    """To each turn in its order; who says more than there are answers is told what he said."""
    idle: str = ""
    """Said when nobody has spoken for `settings.rules.idle`."""
    dies: str = ""
    """The first sentence that holds this loses its voice in the middle."""
    mute: str = ""
    """Each sentence that holds this gets no voice at all."""
    patience: float = 30.0
    """Seconds the caller waits for anything before he goes on."""
    stays: float = 0.0
    """Seconds the caller stays at the least, silent in the end."""
    expect: tuple[Expectation, ...] = ()
