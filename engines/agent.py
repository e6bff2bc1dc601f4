"""What thinks in a conversation: it is told what happened, and says what to do. Knows neither audio nor wires."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from engines.base import Message, Tool, ToolCall


@dataclass(frozen=True)
class Joined:
    """Somebody is there, and has said nothing yet."""


@dataclass(frozen=True)
class Heard:
    """The other side's turn, by voice or in writing."""

    text: str


@dataclass(frozen=True)
class Digits:
    """Keys of a telephone."""

    digits: str


@dataclass(frozen=True)
class Silence:
    """Nobody has spoken for this long."""

    seconds: float


@dataclass(frozen=True)
class ToolResult:
    call_id: str
    output: str


Event = Joined | Heard | Digits | Silence | ToolResult


@dataclass(frozen=True)
class Say:
    """The next piece of what is to be said, as short as the model writes it."""

    text: str


@dataclass(frozen=True)
class Listen:
    """Say nothing, and wait for the other side."""


@dataclass(frozen=True)
class Call:
    """A tool that the other side of the conversation runs, and answers with a `ToolResult`."""

    call: ToolCall


@dataclass(frozen=True)
class Transfer:
    to: str


@dataclass(frozen=True)
class SendDigits:
    digits: str


@dataclass(frozen=True)
class End:
    """Hang up once all is said."""

    reason: str = ""


@dataclass(frozen=True)
class Thought:
    """Who thought, and how much; the last thing an agent tells of a response."""

    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    finish: str = ""
    """Why it ended, as in `engines.base.Delta`."""


Action = Say | Listen | Call | Transfer | SendDigits | End | Thought


class Agent(Protocol):
    """Holds no conversation's history: that is cut to what was heard by the one who owns it, and handed over anew."""

    @property
    def name(self) -> str:
        """For the person who chooses; a rule-based one says that it is."""
        ...

    def respond(
        self, event: Event, history: Sequence[Message], *, tools: Sequence[Tool] = (), draft: bool = False
    ) -> AsyncGenerator[Action]:
        """What to do now. `history` holds all until now, the event's own message last.

        A `draft` may be thrown away: then only `Say` and `Thought` come, and nothing is done or remembered. Use with
        `contextlib.aclosing`. Raises what the model raises.
        """
        ...
