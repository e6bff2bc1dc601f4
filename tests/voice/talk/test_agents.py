"""The agent over a model: what it asks, what it does with the answer, and what it leaves alone in a draft."""

from contextlib import aclosing
from typing import Any, cast

import pytest

from core.errors import BadRequest, EngineError
from engines.agent import Call, Digits, Heard, Joined, Listen, Say, Silence, Thought, ToolResult
from engines.base import Delta, Message, Tool, ToolCall
from engines.pool import Pool
from tests.fakes import FakePool, engine_class
from voice.talk.agents import ChatAgent, agent, agents
from voice.thinking import Thinking

pytestmark = pytest.mark.unit

CALL = ToolCall("c1", "look", "{}")
WORDS = [Delta("Hello"), Delta(" there."), Delta(finish="stop", input_tokens=3, output_tokens=2)]
ASKS = [Delta("One moment."), Delta(calls=(CALL,), finish="tool_calls", input_tokens=3)]
SAID = (Message("user", "Hello"),)


def house(answers: Any) -> tuple[Thinking, FakePool]:
    pool = FakePool(default=lambda request: answers)
    return Thinking(cast(Pool, pool), {"rules": engine_class("rules", "llm")}), pool


async def acts(agent: ChatAgent, event: Any, history=SAID, **options: Any) -> list[Any]:
    async with aclosing(agent.respond(event, history, **options)) as actions:
        return [action async for action in actions]


async def test_it_says_what_the_model_writes_and_who_it_was():
    thinking, pool = house(WORDS)
    found = await acts(ChatAgent(thinking, "Be brief."), Heard("Hello"))
    assert found == [Say("Hello"), Say(" there."), Thought("rules", 3, 2, "stop")]
    assert pool.requests[0].messages == (Message("system", "Be brief."), *SAID)


async def test_a_tool_is_run_by_the_other_side_and_its_answer_goes_on():
    thinking, pool = house(ASKS)
    chat = ChatAgent(thinking, tools=(Tool("own"),))
    assert await acts(chat, Heard("Look!"), tools=(Tool("look"),)) == [
        Say("One moment."),
        Call(CALL),
        Thought("rules", 3, finish="tool_calls"),
    ]
    assert [tool.name for tool in pool.requests[0].tools] == ["own", "look"]
    history = (*SAID, Message("assistant", calls=(CALL,)), Message("tool", "nothing", call_id="c1"))
    await acts(chat, ToolResult("c1", "nothing"), history, tools=(Tool("look"),))
    assert pool.requests[1].messages == history


async def test_a_draft_only_says_and_one_that_wanted_more_is_not_whole():
    thinking, pool = house(ASKS)
    assert await acts(ChatAgent(thinking), Heard("Look!"), tools=(Tool("look"),), draft=True) == [Say("One moment.")]
    assert pool.open == 0
    thinking, _ = house(WORDS)
    assert await acts(ChatAgent(thinking), Heard("Hello"), draft=True) == [
        Say("Hello"), Say(" there."), Thought("rules", 3, 2, "stop")
    ]  # fmt: skip


async def test_who_comes_is_greeted_or_waited_for():
    thinking, pool = house(WORDS)
    assert await acts(ChatAgent(thinking), Joined(), ()) == [Listen()]
    assert await acts(ChatAgent(thinking, greeting="Hi!"), Joined(), ()) == [Say("Hi!")]
    assert pool.requests == []


async def test_silence_and_digits_are_told_to_the_model_as_what_happens():
    thinking, pool = house(WORDS)
    await acts(ChatAgent(thinking), Silence(8.2))
    assert pool.requests[0].messages[-1] == Message("user", "[8 seconds of silence]")
    await acts(ChatAgent(thinking), Digits("12"))
    assert pool.requests[1].messages[-1] == Message("user", "[pressed 12]")
    await acts(ChatAgent(thinking), Digits("12"), (Message("user", "12"),))
    assert pool.requests[2].messages == (Message("user", "12"),)


async def test_what_the_model_raises_is_raised():
    def broken(request: Any):
        raise EngineError("It broke.")

    thinking = Thinking(cast(Pool, FakePool(default=broken)), {"rules": engine_class("rules", "llm")})
    with pytest.raises(EngineError, match="broke"):
        await acts(ChatAgent(thinking), Heard("Hello"))


async def test_who_stops_listening_stops_the_model():
    thinking, pool = house(WORDS)
    async with aclosing(ChatAgent(thinking).respond(Heard("Hello"), SAID)) as actions:
        await anext(actions)
    assert (pool.open, len(pool.cancelled)) == (0, 1)


def test_a_persona_is_a_file():
    known = agents()
    assert {"assistant", "rules-only"} <= set(known)
    assert all(persona.title and persona.summary.endswith(".") for persona in known.values())
    assert "not a language model" in known["rules-only"].summary
    assert "\n" not in known["assistant"].prompt


def test_one_file_adds_one(tmp_path):
    (tmp_path / "pirate.toml").write_text('title = "Pirate"\nsummary = "Says arr."\nprompt = "Say arr."\n')
    assert agents(tmp_path)["pirate"].model == "auto"


def test_an_agent_by_its_name():
    thinking, _ = house(WORDS)
    assert agent(thinking).name == "assistant"
    rules = agent(thinking, "rules-only")
    assert (rules.model, rules.greeting[:6]) == ("rules", "Hello!")
    own = agent(thinking, "rules-only", prompt="Be a pirate.", model="auto")
    assert (own.prompt, own.model, own.greeting) == ("Be a pirate.", "auto", "")
    with pytest.raises(BadRequest, match="assistant"):
        agent(thinking, "nobody")
