"""The agent that asks a language model, and the personas it comes in. Knows neither audio nor wires, and keeps no
history."""

from __future__ import annotations

import tomllib
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import BadRequest
from engines.agent import Action, Call, Digits, Event, Joined, Listen, Say, Silence, Thought
from engines.base import ChatRequest, Message, Tool
from voice.routing import Route
from voice.thinking import Thinking

FOLDER = Path(__file__).parent / "personas"
DEFAULT = "assistant"


@dataclass(frozen=True)
class Persona:
    """How an agent behaves, and who thinks for it."""

    name: str
    title: str
    summary: str
    """One sentence for the person who chooses."""
    prompt: str
    model: str = "auto"
    greeting: str = ""
    """Said when somebody comes; empty waits for them to speak."""


def agents(folder: Path = FOLDER) -> dict[str, Persona]:
    """The personas by name: one TOML file each. Raises TypeError where a file has a field that there is not."""
    found = (
        Persona(name=path.stem, **tomllib.loads(path.read_text("utf-8"))) for path in sorted(folder.glob("*.toml"))
    )
    return {persona.name: replace(persona, prompt=persona.prompt.strip()) for persona in found}


def agent(
    thinking: Thinking,
    name: str = "",
    *,
    prompt: str = "",
    model: str = "",
    tools: Sequence[Tool] = (),
    tool_choice: str = "auto",
    max_tokens: int = 512,
) -> ChatAgent:
    """An agent by its persona's name, with another prompt or model where they are given. Raises BadRequest."""
    known = agents()
    persona = known.get(name or DEFAULT)
    if persona is None:
        raise BadRequest(f"No agent is called {name[:60]!r}; there are {', '.join(known)}.", param="agent")
    return ChatAgent(
        thinking,
        prompt or persona.prompt,
        model or persona.model,
        tools,
        name=persona.name,
        greeting="" if prompt else persona.greeting,
        tool_choice=tool_choice,
        max_tokens=max_tokens,
    )


@dataclass(frozen=True)
class ChatAgent:
    """An `engines.agent.Agent`. Tools are run by the other side of the conversation.

    A draft in which the model wants to call a tool ends without a `Thought`: what it said is then not the whole answer,
    and has to be asked for again once the turn is certain.
    """

    thinking: Thinking
    prompt: str = ""
    model: str = "auto"
    tools: Sequence[Tool] = ()
    name: str = DEFAULT
    greeting: str = ""
    temperature: float = 0.7
    tool_choice: str = "auto"
    max_tokens: int = 512

    async def respond(
        self, event: Event, history: Sequence[Message], *, tools: Sequence[Tool] = (), draft: bool = False
    ) -> AsyncGenerator[Action]:
        """Raises what `Thinking.stream` raises."""
        if isinstance(event, Joined):
            yield Say(self.greeting) if self.greeting else Listen()
            return
        request = self._request(event, history, tools)
        routes: list[Route] = []
        last = None
        async with aclosing(self.thinking.stream(request, self.model, chosen=routes.append)) as deltas:
            async for delta in deltas:
                last = delta
                if delta.text:
                    yield Say(delta.text)
                if delta.calls and draft:
                    return
                for call in delta.calls:
                    yield Call(call)
        if routes and last:
            yield Thought(routes[-1].engine, last.input_tokens, last.output_tokens, last.finish)

    def _request(self, event: Event, history: Sequence[Message], tools: Sequence[Tool]) -> ChatRequest:
        system = (Message("system", self.prompt),) if self.prompt else ()
        return ChatRequest(
            (*system, *history, *_told(event, history)),
            tools=(*self.tools, *tools),
            tool_choice=self.tool_choice,
            temperature=self.temperature,
            max_tokens=self.max_tokens,
        )


def _told(event: Event, history: Sequence[Message]) -> tuple[Message, ...]:
    """What the history does not hold. As words of the other side, because many models take no system message later
    than the first."""
    if isinstance(event, Silence):
        return (Message("user", f"[{event.seconds:.0f} seconds of silence]"),)
    if isinstance(event, Digits) and not (history and event.digits in history[-1].content):
        return (Message("user", f"[pressed {event.digits}]"),)
    return ()
