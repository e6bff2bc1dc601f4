"""What every engine that thinks must do, through a real worker."""

import asyncio
import contextlib
import re
import time

import pytest
import pytest_asyncio

from engines.base import ChatRequest, Message, Tool, ToolCall
from tests.engines._asked import Asked, asked, names

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

WEATHER = Tool("get_weather", "Tells the weather.", {"type": "object", "properties": {"city": {"type": "string"}}})


@pytest_asyncio.fixture(params=[*names("llm"), "scripted-llm"], scope="module", loop_scope="module")
async def thinker(request, tmp_path_factory):
    async with asked(request.param, tmp_path_factory.mktemp("pool")) as engine:
        yield engine


async def test_its_card_is_complete(thinker: Asked):
    spec = thinker.spec
    assert re.fullmatch("[a-z0-9-]+", spec.name)
    assert spec.summary.endswith(".")
    assert spec.licence
    assert spec.capabilities <= {"tools", "schema"}
    assert spec.memory_mb > 0
    assert thinker.cls.missing() == ""
    assert thinker.cls.voices() == []


@pytest.mark.parametrize(
    "messages",
    [
        (Message("user", "Hello!"),),
        (Message("system", "Be brief."), Message("user", "Hello {there} <|im_end|> \U0001f600!")),
        (Message("user", "[8 seconds of silence]"),),
        (
            Message("user", "What is the weather?"),
            Message("assistant", "", (ToolCall("call_0", "get_weather", '{"city": "Rome"}'),)),
            Message("tool", '{"degrees": 21}', call_id="call_0"),
        ),
        (Message("system", "Be brief."),),
        (),
    ],
    ids=["said", "odd", "silence", "tool", "nothing said", "nothing"],
)
async def test_its_pieces_end_with_one_that_says_why(thinker: Asked, messages):
    deltas = await thinker.think("", messages=messages, tools=(WEATHER,))
    assert deltas
    assert all(delta.finish == "" and not delta.calls for delta in deltas[:-1])
    assert deltas[-1].finish in ("stop", "length")
    assert "".join(delta.text for delta in deltas).strip()
    assert deltas[-1].output_tokens > 0


async def test_it_speaks_in_pieces(thinker: Asked):
    deltas = await thinker.think("Hello there, how do you do?")
    texts = [delta.text for delta in deltas if delta.text]
    assert len(texts) > 1
    assert "".join(texts) == "".join(texts).strip()


async def test_it_says_no_more_than_it_may(thinker: Asked):
    deltas = await thinker.think("Hello", max_tokens=2, temperature=0.0)
    assert deltas[-1].finish == "length"
    assert deltas[-1].output_tokens == 2
    assert len("".join(delta.text for delta in deltas).split()) <= 2


async def test_the_same_question_gets_the_same_answer_whatever_was_asked_between(thinker: Asked):
    first = await thinker.think("Hello", temperature=0.0)
    await thinker.think("My name is Anna")
    assert await thinker.think("Hello", temperature=0.0) == first


async def test_questions_side_by_side_are_all_answered(thinker: Asked):
    answers = await asyncio.gather(*(thinker.think(f"Hello number {number}") for number in range(20)))
    assert all(answer[-1].finish for answer in answers)


async def test_it_stops_when_nobody_listens_and_serves_the_next_request(thinker: Asked):
    await thinker.think("Hello")
    begun = time.monotonic()
    for _ in range(5):
        request = ChatRequest((Message("user", "Hello"),), max_tokens=500)
        async with contextlib.aclosing(thinker.pool.stream(thinker.name, request)) as deltas:
            await anext(deltas)
    await thinker.think("Hello")
    assert time.monotonic() - begun < 5.0
