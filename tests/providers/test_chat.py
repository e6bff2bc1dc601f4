"""The remote model, against a real server that speaks its dialect well and badly."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest
from starlette.responses import JSONResponse

from core.errors import BadRequest, EngineError, EngineTimeout, Overloaded, Unauthorized, Unavailable, UnknownModel
from engines.base import ChatRequest, Delta, Message, Tool, ToolCall
from providers._answer import Answer
from providers.chat import ChatServer, Patience
from tests.engines._running import until
from tests.providers.dialect import (
    DONE,
    KEY,
    USAGE,
    Dialect,
    breaks,
    hangs,
    murmurs,
    piece,
    plain,
    refuses,
    says,
    serving,
)

pytestmark = pytest.mark.integration

ASKED = ChatRequest((Message("user", "Hello"),))
TOOL = Tool("get_weather", "Tells it.", {"type": "object", "properties": {"city": {"type": "string"}}})
HELLO = (piece("Hello"), piece(" there."), piece(finish="stop"), USAGE, DONE)


@asynccontextmanager
async def asking(dialect: Dialect, model: str = "small", key: str = KEY, **patience: float):
    with serving(dialect):
        server = ChatServer(dialect.url, key, model, Patience(**patience))
        try:
            yield server
        finally:
            await server.close()


async def answer(server: ChatServer, request: ChatRequest = ASKED, model: str = "") -> list[Delta]:
    async with aclosing(server.stream(request, model)) as deltas:
        return [delta async for delta in deltas]


def call(index: int | None = 0, id: str = "", name: str = "", arguments: str = "") -> str:
    fragment: dict = {"function": {"arguments": arguments}}
    fragment |= {"index": index} if index is not None else {}
    fragment |= {"id": id, "type": "function"} if id else {}
    fragment["function"] |= {"name": name} if name else {}
    return piece(tool_calls=[fragment])


async def test_pieces_come_as_the_server_writes_them_and_the_last_says_what_it_took():
    dialect = Dialect({"small": says(*HELLO)})
    async with asking(dialect) as server:
        assert await answer(server) == [
            Delta("Hello"), Delta(" there."), Delta(finish="stop", input_tokens=7, output_tokens=3)
        ]  # fmt: skip
    (asked,) = dialect.asked
    assert asked["messages"] == [{"role": "user", "content": "Hello"}]
    assert asked["stream_options"] == {"include_usage": True}
    assert (asked["model"], asked["max_tokens"], "tools" in asked) == ("small", 512, False)


async def test_the_first_piece_is_there_before_the_last_is_written():
    async with asking(Dialect({"small": hangs(piece("Hello"))})) as server, aclosing(server.stream(ASKED)) as deltas:
        assert await anext(deltas) == Delta("Hello")


async def test_a_whole_conversation_is_written_as_the_dialect_has_it():
    dialect = Dialect({"large": says(*HELLO)})
    talk = (
        Message("system", "Be brief."),
        Message("user", "Weather?"),
        Message("assistant", "", (ToolCall("c1", "get_weather", '{"city": "Rome"}'),)),
        Message("tool", "21", call_id="c1"),
    )
    async with asking(dialect) as server:
        request = ChatRequest(talk, (TOOL,), "get_weather", temperature=0.0, max_tokens=5, stop=("END",))
        await answer(server, request, "large")
    (asked,) = dialect.asked
    assert [message["role"] for message in asked["messages"]] == ["system", "user", "assistant", "tool"]
    assert asked["messages"][2]["tool_calls"] == [
        {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Rome"}'}}
    ]
    assert asked["messages"][3]["tool_call_id"] == "c1"
    assert asked["tools"][0]["function"]["parameters"] == TOOL.parameters
    assert asked["tool_choice"] == {"type": "function", "function": {"name": "get_weather"}}
    assert (asked["temperature"], asked["max_tokens"], asked["stop"]) == (0.0, 5, ["END"])


@pytest.mark.parametrize(
    ("parts", "calls"),
    [
        (
            [call(0, "a", "get_weather"), call(0, arguments='{"ci'), call(1, "b", "get_weather", "{}"),
             call(0, arguments='ty": "Rome"}'), piece(finish="tool_calls"), DONE],
            [("a", '{"city": "Rome"}'), ("b", "{}")],
        ),
        ([call(None, "a", "get_weather", "{}"), call(None, "b", "get_weather"), piece(finish="stop")],
         [("a", "{}"), ("b", "{}")]),
    ],
    ids=["fragments", "without numbers"],
)  # fmt: skip
async def test_calls_come_in_fragments_and_go_on_whole(parts, calls):
    async with asking(Dialect({"small": says(piece("One moment."), *parts)})) as server:
        deltas = await answer(server, ChatRequest(ASKED.messages, (TOOL,)))
    assert deltas[0] == Delta("One moment.")
    assert deltas[-1].finish == "tool_calls"
    assert [(found.id, found.arguments) for found in deltas[-1].calls] == calls


async def test_calls_of_a_server_that_names_none_have_each_a_name_of_its_own():
    parts = [call(0, "", "get_weather", ""), piece(finish="function_call"), DONE]
    async with asking(Dialect({"small": says(*parts)})) as server:
        found = [(await answer(server, ChatRequest(ASKED.messages, (TOOL,))))[-1].calls[0] for _ in range(2)]
    assert [(one.name, one.arguments) for one in found] == [("get_weather", "{}")] * 2
    assert "" != found[0].id != found[1].id != ""


def test_a_letter_that_was_cut_in_two_is_one_again():
    read = Answer()
    halves = [rf'{{"choices": [{{"delta": {{"content": "{text}"}}}}]}}' for text in (r"hi \ud83d", r"\ude00 \ud83d!")]
    assert "".join(map(read.feed, halves)) == "hi 😀 �!"


async def test_a_server_that_does_not_stream_is_understood():
    whole = {"choices": [{"message": {"content": "Hello there."}, "finish_reason": "length"}]}
    dialect = Dialect()
    async with asking(dialect) as server:
        dialect.scripts["small"] = refuses(200)
        with pytest.raises(EngineError):
            await answer(server)
        dialect.scripts["small"] = JSONResponse(whole)
        assert await answer(server) == [Delta("Hello there."), Delta(finish="length")]


async def test_odd_lines_and_comments_are_no_part_of_the_answer():
    odd = (": comment\n\n", "nonsense\n", "event: x\n\n", 'data: {"choices": []}\n\n', "retry: 5\n\n", "\n\n\n")
    async with asking(Dialect({"small": says(*odd, *HELLO)})) as server:
        assert "".join(delta.text for delta in await answer(server)) == "Hello there."


@pytest.mark.parametrize(
    "script",
    [
        says(piece("Hello"), "data: nonsense\n\n"),
        says("data: [1]\n\n"),
        says('data: {"choices": 5}\n\n'),
        says('data: {"choices": [{"delta": {"content": [1]}}]}\n\n'),
        says('data: {"choices": [{"delta": {"tool_calls": [{"index": 999}]}}]}\n\n'),
        says(b"data: " + b"x" * (2 << 20) + b"\n\n"),
        says(b"\xff\xfe\x00"),
        says(piece("Hello"), 'data: {"error": {"message": "canary of their insides"}}\n\n'),
        breaks(piece("Hello")),
        says(piece("Hello")),
        says(piece("Hello"), DONE),
        says(),
        plain("<html>It works!</html>"),
        refuses(500),
    ],
)  # fmt: skip
async def test_what_goes_wrong_there_is_an_engine_error_here(script):
    async with asking(Dialect({"small": script})) as server:
        with pytest.raises(EngineError, match=r"^The language model's server .*\.$") as caught:
            await answer(server)
        assert "canary" not in caught.value.message


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, Unavailable), (403, Unavailable), (404, UnknownModel), (429, Overloaded), (400, BadRequest),
     (422, BadRequest), (503, Unavailable), (302, EngineError)],
)  # fmt: skip
async def test_a_status_means_what_it_means_for_the_one_who_asked_us(status, error):
    async with asking(Dialect({"small": refuses(status, "canary", **{"retry-after": "7"})})) as server:
        with pytest.raises(error) as caught:
            await answer(server)
    assert not isinstance(caught.value, Unauthorized)
    assert "canary" not in caught.value.message
    if status == 429:
        assert caught.value.retry_after == 7


async def test_a_key_that_the_server_does_not_take_is_the_owners_business():
    async with asking(Dialect({"small": says(*HELLO)}), key="wrong") as server:
        for work in (answer(server), server.models()):
            with pytest.raises(Unavailable, match="key") as caught:
                await work
            assert caught.value.status == 503
            assert KEY not in caught.value.message


async def test_a_server_that_is_not_there_cannot_be_reached():
    dialect = Dialect()
    async with asking(dialect):
        pass
    server = ChatServer(dialect.url, model="small")
    with pytest.raises(Unavailable, match="reached"):
        await answer(server)
    await server.close()


async def test_a_server_on_this_machine_is_not_asked_through_a_proxy(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with asking(Dialect({"small": says(*HELLO)})) as server:
        assert len(await answer(server)) == 3


@pytest.mark.parametrize("script", [hangs(), murmurs(), hangs(piece("Hello")), murmurs(piece("Hello"))])
async def test_a_server_that_hangs_is_not_waited_for(script):
    async with asking(Dialect({"small": script}), first=0.2, between=0.2) as server:
        with pytest.raises(EngineTimeout, match="in time"):
            async with asyncio.timeout(10):
                await answer(server)


async def test_who_stops_listening_stops_the_server():
    dialect = Dialect({"small": murmurs(piece("Hello"))})
    async with asking(dialect) as server:
        async with aclosing(server.stream(ASKED)) as deltas:
            await anext(deltas)
        await until(lambda: dialect.left)
        task = asyncio.create_task(answer(server))
        await until(lambda: len(dialect.asked) == 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: len(dialect.left) == 2)


def by_turns(*texts: str):
    """Answers one text after the other."""
    left = list(texts)

    async def script(body: dict) -> AsyncIterator[str]:
        yield piece(left.pop(0))
        yield piece(finish="stop")
        yield DONE

    return script


async def test_an_answer_satisfies_its_schema_after_a_correction():
    dialect = Dialect({"small": by_turns("I'd say Rome.", '{"city": 1}', '```json\n{"city": "Rome"}\n```')})
    async with asking(dialect) as server:
        deltas = await answer(server, ChatRequest(ASKED.messages, schema=TOOL.parameters))
    assert json.loads("".join(delta.text for delta in deltas)) == {"city": "Rome"}
    assert dialect.asked[0]["response_format"]["json_schema"]["schema"] == TOOL.parameters
    assert dialect.asked[2]["messages"][-2]["content"] == '{"city": 1}'
    assert "city" in dialect.asked[2]["messages"][-1]["content"]


async def test_an_answer_that_never_satisfies_its_schema_is_an_error():
    dialect = Dialect({"small": says(*HELLO)})
    async with asking(dialect) as server:
        with pytest.raises(EngineError, match="schema"):
            await answer(server, ChatRequest(ASKED.messages, schema=TOOL.parameters))
    assert len(dialect.asked) == 3


async def test_what_a_server_refuses_by_name_is_left_out_from_then_on():
    dialect = Dialect({"small": by_turns('{"city": "Rome"}', '{"city": "Rome"}')})
    dialect.refuses = ("response_format", "stream_options")
    async with asking(dialect) as server:
        for _ in range(2):
            await answer(server, ChatRequest(ASKED.messages, schema=TOOL.parameters))
    assert len(dialect.asked) == 4
    for asked in dialect.asked[2:]:
        assert not {"response_format", "stream_options"} & set(asked)
        assert "JSON schema" in asked["messages"][-1]["content"]


async def test_a_refusal_without_a_reason_is_tried_without_the_schema_once():
    dialect = Dialect({"small": refuses(400)})
    async with asking(dialect) as server:
        with pytest.raises(BadRequest):
            await answer(server, ChatRequest(ASKED.messages, schema=TOOL.parameters))
        dialect.scripts["small"] = says(*HELLO)
        await answer(server)
    assert ["response_format" in asked for asked in dialect.asked] == [True, False, False]


async def test_models_are_listed_and_not_asked_for_at_every_turn():
    now = [0.0]
    dialect = Dialect({"small": says(*HELLO)})
    with serving(dialect):
        server = ChatServer(f"{dialect.url}/v1/", KEY, clock=lambda: now[0])
        assert await asyncio.gather(server.models(), server.models()) == [("small", "large")] * 2
        assert server.known == ("small", "large")
        await answer(server)
        assert dialect.lists == 1
        now[0] = 61
        await server.models()
        assert dialect.lists == 2
        await server.close()
    assert dialect.asked[0]["model"] == "small"


@pytest.mark.parametrize("listed", [[], {"data": 3}, {"data": "x"}, None])
async def test_a_list_that_is_none_is_an_engine_error(listed):
    async with asking(Dialect(listed=listed)) as server:
        with pytest.raises(EngineError):
            await server.models()


async def test_a_server_without_models_says_how_to_name_one():
    async with asking(Dialect(listed={"data": []}), model="") as server:
        with pytest.raises(Unavailable, match="LLM_MODEL"):
            await answer(server)
