"""How a conversation is to be held, as its face asks for it. May change while it goes on."""

from __future__ import annotations

from dataclasses import dataclass, field

from engines.base import Tool
from voice.talk.turns import TurnRules

INPUT_RATE = 16000
"""Hz of what a conversation hears, whatever the wire carries."""


@dataclass(frozen=True)
class TalkSettings:
    voice: str = ""
    """An id, a bare name or an alias; empty is the best for the language."""
    language: str = ""
    model: str = ""
    """The language model that thinks; empty is the agent's own."""
    hears: str = "auto"
    """The model that transcribes."""
    speaks: str = "auto"
    """The engine that speaks."""
    agent: str = "assistant"
    prompt: str = ""
    """Instructions in place of the agent's own."""
    greeting: str = ""
    """Said when the conversation begins; empty leaves it to the agent."""
    tools: tuple[Tool, ...] = ()
    rules: TurnRules = field(default_factory=TurnRules)
    interruptible: bool = True
    """Whether the other side's voice may stop ours."""
    speak: bool = True
    """Whether answers are spoken; else they are text alone."""
    respond: bool = True
    """Whether a turn is answered without being asked to."""
    draft: bool = True
    """Whether an answer is thought of before the turn is certain to be over."""
    speed: float = 1.0
    output_rate: int = 24000
    """Hz of what it says. Stays as it began."""
    lead: float = 0.1
    """Seconds that audio may leave ahead of being played, so that an uneven road does not interrupt it."""
    tool_choice: str = "auto"
    """`auto`, `none`, `required`, or the name of the tool that must be called."""
    max_tokens: int = 512
    """Of one answer, calls included."""
    think_timeout: float = 20.0
    """Seconds a language model may take for its first piece, and between two."""
