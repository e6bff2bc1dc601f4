"""Which model thinks, why, and who does when it fails; and what every one of them must do."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from typing import Any, cast

import pytest
import pytest_asyncio

from core.errors import BadRequest, EngineError, NotDownloaded, NotInstalled, Unavailable, UnknownModel
from engines.base import ChatRequest, Delta, EngineConfig, Message, Tool, ToolCall
from engines.pool import Pool, PoolConfig, Priority
from engines.registry import find
from providers.chat import ChatServer
from tests.engines import _tiny_llm
from tests.fakes import FakePool, engine_class
from tests.providers.dialect import DONE, KEY, Dialect, piece, says, serving
from voice.routing import Route
from voice.thinking import REST, Thinking

HELLO = ChatRequest((Message("user", "Hello"),))
WEATHER = Tool("get_weather", "", {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]})


def engines(small: Iterable[str] = ("large", "small"), rules: str = "") -> dict[str, type]:
    """Like those of a laptop. `small`: what of the small models is downloaded; `rules`: what the rules miss."""
    here = set(small)
    classes = [
        engine_class("ct", "llm", models=("large", "small"), here=lambda model: model in here, quality=50,
                     capabilities=frozenset({"tools", "schema"}), summary="A small model."),
        engine_class("rules", "llm", missing=rules, capabilities=frozenset({"tools"}), summary="A set of rules."),
        engine_class("script", "llm", quality=-1),
        engine_class("flite", "tts"),
    ]  # fmt: skip
    return {cls.spec.name: cls for cls in classes}


class Far:
    """A remote server that answers, or fails with what it is told to."""

    def __init__(self, *listed: str, model: str = "", fails: Exception | None = None, pieces: int = 0):
        self.model, self.known = model, ()
        self.listed, self.fails, self.pieces = listed, fails, pieces
        self.asked: list[str] = []

    async def models(self) -> tuple[str, ...]:
        if self.fails:
            raise self.fails
        self.known = self.listed
        return self.known

    async def stream(self, request: ChatRequest, model: str = ""):
        self.asked.append(model)
        for number in range(self.pieces):
            yield Delta(f"far {number}")
        if self.fails:
            raise self.fails
        yield Delta("far", finish="stop")


def house(far: Far | None = None, preferred: str = "", pool: Any = None, clock=lambda: 0.0, **kinds) -> Thinking:
    pool = pool or FakePool(default=lambda request: [Delta("near", finish="stop")])
    return Thinking(cast(Pool, pool), engines(**kinds), far, preferred, clock=clock)


async def thought(thinking: Thinking, model: str = "auto", request: ChatRequest = HELLO) -> tuple[str, Route]:
    """The text, and who wrote it."""
    routes: list[Route] = []
    async with aclosing(thinking.stream(request, model, chosen=routes.append)) as deltas:
        text = "".join([delta.text async for delta in deltas])
    (route,) = routes
    return text, route


@pytest.mark.unit
@pytest.mark.parametrize(
    ("options", "engine", "reason"),
    [
        ({}, "ct:large", "Using ct. A small model."),
        ({"small": ["small"]}, "ct:small", "Using ct. A small model."),
        ({"small": []}, "rules", "No model of ct is downloaded. Using rules. A set of rules."),
        ({"far": Far(model="qwen")}, "remote:qwen", "LLM_BASE_URL is set."),
        ({"far": Far()}, "remote", "LLM_BASE_URL is set."),
        ({"preferred": "rules"}, "rules", "LLM_ENGINE is rules."),
        ({"preferred": "rules", "far": Far()}, "rules", "LLM_ENGINE is rules."),
        ({"preferred": "remote:big", "far": Far()}, "remote:big", "LLM_ENGINE is remote:big."),
        ({"preferred": "script"}, "script", "LLM_ENGINE is script."),
        ({"preferred": "ct:small", "small": []}, "rules",
         "LLM_ENGINE is ct:small, which cannot be used: ct small is not downloaded. No model of ct is downloaded. "
         "Using rules. A set of rules."),
    ],
)  # fmt: skip
def test_auto_takes_the_best_that_is_here_and_says_why(options, engine, reason):
    route = house(**options).route()
    assert (route.engine, route.reason) == (engine, reason)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("model", "engine"),
    [("rules", "rules"), (" RULES ", "rules"), ("ct", "ct:large"), ("ct:small", "ct:small"), ("script", "script"),
     ("remote", "remote:qwen"), ("remote:big", "remote:big"), ("qwen", "remote:qwen")],
)  # fmt: skip
def test_a_name_means_whom_it_names(model, engine):
    route = house(Far(model="qwen")).route(model)
    assert route.engine == engine
    assert "was asked for." in route.reason


@pytest.mark.unit
def test_a_name_that_means_nobody_is_answered_with_the_nearest():
    with pytest.raises(UnknownModel, match="Did you mean rules") as caught:
        house().route("rulez")
    assert caught.value.param == "model"
    for name in ("flite", "remote", "remote:qwen", "x" * 5000, "ct:/etc", "ct:huge"):
        with pytest.raises(UnknownModel) as caught:
            house().route(name)
        assert len(caught.value.message) < 300


@pytest.mark.unit
def test_what_is_named_and_not_here_says_so():
    with pytest.raises(NotDownloaded):
        house(small=[]).route("ct:small")
    with pytest.raises(NotInstalled, match="pip"):
        house(rules="Install it with pip.").route("rules")
    with pytest.raises(NotInstalled):
        house(small=[], rules="Install it with pip.").route()


@pytest.mark.unit
@pytest.mark.parametrize("setting", ["rulez", "flite", "remote"])
def test_a_setting_that_names_nothing_that_thinks_is_refused(setting):
    with pytest.raises(BadRequest, match="LLM_ENGINE"):
        house(preferred=setting)


@pytest.mark.unit
def test_the_owners_own_weights_are_his_alone():
    thinking = Thinking(cast(Pool, FakePool()), engines(small=["/w/mine"]), preferred="ct:/w/mine")
    assert thinking.route().engine == "ct:/w/mine"
    with pytest.raises(UnknownModel):
        thinking.route("ct:/w/yours")


@pytest.mark.unit
async def test_who_fails_before_the_first_piece_is_replaced_and_rests():
    now = [0.0]
    far = Far(fails=Unavailable("The server cannot be reached."))
    thinking = house(far, clock=lambda: now[0])
    text, route = await thought(thinking)
    assert (text, route.engine) == ("near", "ct:large")
    assert route.reason == "remote failed: The server cannot be reached. Using ct. A small model."
    _, route = await thought(thinking)
    assert route.reason == "The server cannot be reached. Using ct. A small model."
    assert len(far.asked) == 1
    now[0] = REST
    far.fails = None
    assert (await thought(thinking))[0] == "far"


@pytest.mark.unit
async def test_everybody_may_fail_but_the_rules():
    def answers(request: Any):
        raise EngineError("It broke.")

    pool = FakePool({"ct:large": answers}, lambda request: [Delta("rules", finish="stop")])
    text, route = await thought(house(Far(fails=Unavailable("Gone.")), pool=pool))
    assert (text, route.engine) == ("rules", "rules")
    assert route.reason.startswith("remote failed: Gone. ct:large failed: It broke.")


@pytest.mark.unit
async def test_who_was_asked_for_by_name_or_has_begun_is_not_replaced():
    broken = EngineError("It broke off.")
    for thinking, model in ((house(Far(fails=broken)), "remote"), (house(Far(fails=broken, pieces=1)), "auto")):
        with pytest.raises(EngineError, match="broke off"):
            await thought(thinking, model)


@pytest.mark.unit
async def test_a_request_that_the_server_refuses_is_no_reason_to_let_it_rest():
    far = Far(fails=BadRequest("Too long."))
    thinking = house(far)
    await thought(thinking)
    await thought(thinking)
    assert len(far.asked) == 2


@pytest.mark.unit
async def test_a_name_that_only_the_server_knows_is_looked_up_there():
    far = Far("llama", "mistral")
    assert (await thought(house(far), "llama"))[1].engine == "remote:llama"
    with pytest.raises(UnknownModel, match="Did you mean mistral"):
        await thought(house(far), "mistrel")
    with pytest.raises(UnknownModel, match=r"Gone\."):
        await thought(house(Far(fails=Unavailable("Gone."))), "llama")


@pytest.mark.unit
async def test_a_schema_is_for_those_who_can_follow_one():
    request = ChatRequest(HELLO.messages, schema={"type": "object"})
    assert (await thought(house(), request=request))[1].engine == "ct:large"
    with pytest.raises(NotInstalled, match="schema"):
        await thought(house(small=[]), request=request)


@pytest.mark.unit
async def test_thoughts_are_not_said_and_a_thought_alone_is_no_beginning():
    pieces = [Delta("<think>Well"), Delta("...</think> "), Delta("Hello."), Delta(finish="stop", output_tokens=5)]
    pool = FakePool(default=lambda request: pieces)
    async with aclosing(house(pool=pool).stream(HELLO)) as deltas:
        assert [delta async for delta in deltas] == [Delta("Hello."), Delta(finish="stop", output_tokens=5)]


@pytest.mark.unit
@pytest.mark.parametrize(
    "call", [ToolCall("a", "shoot"), ToolCall("a", "get_weather", "{"), ToolCall("a", "get_weather", '{"city": 5}')]
)
async def test_a_call_that_does_not_fit_its_tool_is_an_error(call):
    pool = FakePool(default=lambda request: [Delta(calls=(call,), finish="tool_calls")])
    with pytest.raises(EngineError, match="tool"):
        await thought(house(pool=pool), request=ChatRequest(HELLO.messages, (WEATHER,)))


@pytest.mark.unit
async def test_who_stops_listening_stops_the_model():
    pool = FakePool(default=lambda request: [Delta("one"), Delta("two", finish="stop")])
    async with aclosing(house(pool=pool).stream(HELLO)) as deltas:
        await anext(deltas)
    assert (pool.open, len(pool.cancelled)) == (0, 1)
    assert pool.priorities == [Priority.REALTIME]


@pytest.mark.unit
async def test_the_list_of_models_says_what_can_be_used():
    cards = await house(Far("llama", model="qwen"), small=["small"]).models()
    assert [(card.id, card.downloaded) for card in cards] == [
        ("auto", True), ("remote:qwen", True), ("remote:llama", True), ("ct", True), ("ct:large", False),
        ("ct:small", True), ("rules", True), ("script", True),
    ]  # fmt: skip
    cards = await house(Far(fails=Unavailable("Gone."))).models()
    assert (cards[1].id, cards[1].downloaded, cards[1].why_not) == ("remote", False, "Gone.")
    cards = await house(small=[], rules="Install it.").models()
    assert cards[0].why_not


# What every model must do


def talkative() -> Dialect:
    async def script(body: dict[str, Any]) -> AsyncIterator[str]:
        if "tools" in body and body["tool_choice"] != "none":
            call = {"index": 0, "id": "c1", "function": {"name": "get_weather", "arguments": '{"city": "Rome"}'}}
            yield piece(tool_calls=[call])
        elif "response_format" in body:
            yield piece('{"city": "Rome"}')
        else:
            for word in ["Hello", "from", "far", "away", "."]:
                yield piece(f"{word} ")
        yield piece(finish="stop")
        yield DONE

    return Dialect({"qwen": script, "silent": says(piece(finish="stop"), DONE)})


@asynccontextmanager
async def everyone(folder):
    """A real pool with every engine of this house, and a remote server."""
    _tiny_llm.make(folder / "ctranslate2-llm" / "qwen2.5-0.5b-instruct-int8")
    registry = {name: cls for name, cls in find(scripted=True).items() if cast(Any, cls).spec.kind == "llm"}
    pool = Pool(PoolConfig(models_dir=folder, run_dir=folder / "run", threads=1), engines=registry)
    await pool.start()
    with serving(talkative()) as dialect:
        far = ChatServer(dialect.url, KEY, "qwen")
        yield Thinking(pool, registry, far, config=EngineConfig(models_dir=str(folder)))
        await far.close()
    await pool.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def thinking(tmp_path_factory):
    async with everyone(tmp_path_factory.mktemp("models")) as thinking:
        yield thinking


ALL = ["rules", "ctranslate2-llm", "scripted-llm", "remote"]
together = pytest.mark.asyncio(loop_scope="module")


@together
@pytest.mark.integration
@pytest.mark.parametrize("model", ALL)
async def test_it_answers_in_pieces_and_says_who_it_is(thinking, model):
    routes: list[Route] = []
    async with aclosing(thinking.stream(HELLO, model, chosen=routes.append)) as deltas:
        found = [delta async for delta in deltas]
    assert sum(bool(delta.text) for delta in found) > 1
    assert [bool(delta.finish) for delta in found] == [False] * (len(found) - 1) + [True]
    assert routes[0].engine.startswith(model)


@together
@pytest.mark.integration
@pytest.mark.parametrize("model", ALL)
async def test_it_is_left_in_the_middle_and_answers_the_next(thinking, model):
    for _ in range(3):
        async with aclosing(thinking.stream(HELLO, model)) as deltas:
            await anext(deltas)
    assert all([(await thought(thinking, model))[0] for _ in range(2)])


@together
@pytest.mark.integration
@pytest.mark.parametrize("model", ALL)
async def test_many_are_answered_side_by_side(thinking, model):
    answers = await asyncio.gather(*(thought(thinking, model) for _ in range(20)))
    assert len({text for text, _ in answers}) == 1


@together
@pytest.mark.integration
@pytest.mark.parametrize("model", ["rules", "remote"])
async def test_it_asks_for_a_tool(thinking, model):
    request = ChatRequest((Message("user", "What is the weather in Rome?"),), (WEATHER,))
    async with aclosing(thinking.stream(request, model)) as deltas:
        last = [delta async for delta in deltas][-1]
    assert last.finish == "tool_calls"
    assert [(call.name, json.loads(call.arguments)) for call in last.calls] == [("get_weather", {"city": "Rome"})]


@together
@pytest.mark.integration
@pytest.mark.parametrize("model", ["rules", "remote"])
async def test_it_satisfies_a_schema(thinking, model):
    text, _ = await thought(thinking, model, ChatRequest(HELLO.messages, schema=WEATHER.parameters))
    assert isinstance(json.loads(text)["city"], str)


@together
@pytest.mark.integration
async def test_auto_asks_the_server_first(thinking):
    assert (await thought(thinking))[1].engine == "remote:qwen"
