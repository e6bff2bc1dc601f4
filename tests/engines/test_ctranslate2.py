"""The small language model, on a tiny checkpoint: its pieces, calls, schemas, templates and limits."""

import json
import time
from contextlib import aclosing, asynccontextmanager

import pytest

from core.errors import BadRequest, EngineError
from engines.base import ChatRequest, EngineConfig, Message, Tool, ToolCall
from engines.llm.ctranslate2 import MODELS, CTranslate2, Written, chatml
from engines.pool import Pool, PoolConfig
from tests.engines import _tiny_llm
from tests.engines._asked import Asked

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = Tool("get_weather", "Tells the weather.", CITY)
SPOKEN_CALL = 'Ċ <tool_call> {"name": "get_weather", "arguments": {"city": "Rome" }} </tool_call> <|im_end|>'


def written(*texts: str, stop: tuple[str, ...] = (), begun: str = "") -> tuple[list[str], Written]:
    """What is said after each text and at the end."""
    out = Written(ChatRequest((), tools=(WEATHER,), stop=stop), begun)
    return [*(out.add(text) for text in texts), out.end()], out


@pytest.mark.unit
def test_what_may_begin_a_mark_is_held_back_until_it_is_none():
    said, out = written(
        "One <to", "o> two <tool", "_call>", '{"name": "get_weather",', '"arguments": {"city": "Rome"}}'
    )
    assert said == ["One ", "<too> two ", "", "", "", ""]
    assert list(out.calls(2)) == [ToolCall("call_2", "get_weather", '{"city": "Rome"}')]


@pytest.mark.unit
def test_several_calls_and_the_words_between_them():
    call = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n</tool_call>\n'
    said, out = written(f"Wait. {call}And {call}")
    assert "".join(said) == "Wait. And "
    assert [call.id for call in out.calls(0)] == ["call_0", "call_1"]


@pytest.mark.unit
def test_a_stop_mark_ends_the_answer_wherever_it_is_cut():
    said, out = written("One. U", "ser: two", stop=("User:",))
    assert ("".join(said), out.over) == ("One. ", True)
    said, out = written("One. U", stop=("User:",))
    assert ("".join(said), out.over) == ("One. U", False)


@pytest.mark.unit
@pytest.mark.parametrize(
    "body", ["nonsense", "[]", '{"name": "shoot"}', '{"name": "get_weather", "arguments": {"city": 1}}', '{"name": []}']
)
def test_a_call_that_cannot_be_made_is_an_error(body):
    _, out = written(f"<tool_call>{body}</tool_call>")
    with pytest.raises(RuntimeError):
        list(out.calls(0))


@pytest.mark.unit
def test_a_conversation_as_chatml():
    messages = [
        Message("system", "Be brief."),
        Message("user", "Weather?"),
        Message("assistant", "", (ToolCall("call_0", "get_weather", '{"city": "Rome"}'),)),
        Message("tool", "21", call_id="call_0"),
        Message("tool", "22", call_id="call_1"),
    ]
    text = chatml(messages, (WEATHER,))
    assert text.startswith("<|im_start|>system\nBe brief.\n\n# Tools")
    assert json.dumps(CITY) in text
    assert '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n</tool_call><|im_end|>' in text
    assert text.endswith(
        "<|im_start|>user\n<tool_response>\n21\n</tool_response>\n<tool_response>\n22\n</tool_response><|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    assert chatml([Message("user", "Hi")], ()) == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"


@pytest.mark.unit
def test_it_is_downloaded_where_its_files_lie(tmp_path):
    config = EngineConfig(MODELS[-1], models_dir=str(tmp_path))
    assert not CTranslate2.downloaded(config)
    folder = tmp_path / "ctranslate2-llm" / MODELS[-1]
    folder.mkdir(parents=True)
    for name in ("tokenizer.json", "model.bin"):
        assert not CTranslate2.downloaded(config)
        (folder / name).touch()
    assert CTranslate2.downloaded(config)
    assert CTranslate2.downloaded(EngineConfig(models_dir=str(tmp_path)))
    assert not CTranslate2.downloaded(EngineConfig(MODELS[0], models_dir=str(tmp_path)))


@asynccontextmanager
async def model(tmp_path, says=_tiny_llm.TALK, template="", **options):
    folder = _tiny_llm.make(tmp_path / "model", says, template)
    pool = Pool(PoolConfig(run_dir=tmp_path / "run", threads=1, options={"ctranslate2-llm": options}))
    await pool.start()
    try:
        yield Asked(pool, f"ctranslate2-llm:{folder}", CTranslate2)
    finally:
        await pool.close()


def text_of(deltas) -> str:
    return "".join(delta.text for delta in deltas)


@pytest.mark.integration
async def test_it_says_what_its_weights_say(tmp_path):
    async with model(tmp_path) as llm:
        deltas = await llm.think("Hi")
        assert [delta.text for delta in deltas] == ["Hello", " there", ".", " Good", " day", "!", ""]
        assert (deltas[-1].finish, deltas[-1].output_tokens) == ("stop", 6)
        assert text_of(await llm.think("Hi", stop=(" Good",))) == "Hello there."


@pytest.mark.integration
async def test_letters_of_several_tokens_come_whole(tmp_path):
    async with model(tmp_path, "Ċ Ã ¤ ð Ł Ĺ Ģ <|im_end|>") as llm:
        assert [delta.text for delta in await llm.think("Hi") if delta.text] == ["ä", "\U0001f5c0"]


@pytest.mark.integration
async def test_a_call_comes_whole_and_nothing_of_it_is_said(tmp_path):
    async with model(tmp_path, SPOKEN_CALL) as llm:
        deltas = await llm.think("Weather?", tools=(WEATHER,))
        assert text_of(deltas) == ""
        (call,) = deltas[-1].calls
        assert (deltas[-1].finish, call.name, json.loads(call.arguments)) == (
            "tool_calls", "get_weather", {"city": "Rome"}
        )  # fmt: skip
        with pytest.raises(EngineError):
            await llm.think("Weather?", tools=(Tool("other"),))


@pytest.mark.integration
async def test_a_call_that_must_be_made_is_begun_for_the_model(tmp_path):
    async with model(tmp_path, 'Ġ { "city": "Rome" }} </tool_call> <|im_end|>') as llm:
        deltas = await llm.think("Hi", tools=(WEATHER,), tool_choice="get_weather")
        assert [json.loads(call.arguments) for call in deltas[-1].calls] == [{"city": "Rome"}]


@pytest.mark.integration
async def test_an_answer_satisfies_its_schema_or_is_an_error(tmp_path):
    async with model(tmp_path, 'Ċ { "city" : "Rome" } <|im_end|>') as llm:
        deltas = await llm.think("Hi", schema=CITY)
        assert json.loads(text_of(deltas)) == {"city": "Rome"}
        assert deltas[-1].finish == "stop"
        with pytest.raises(EngineError):
            await llm.think("Hi", schema={"type": "array"})


@pytest.mark.integration
async def test_the_models_own_template_is_used_in_a_sandbox(tmp_path):
    async with model(tmp_path, "! Hello <|im_end|>", "{{ messages[0].content }}!") as llm:
        assert text_of(await llm.think("Hi")) == "Hello"
    async with model(tmp_path / "evil", "! Hello <|im_end|>", "{{ messages.__class__.__mro__ }}!") as llm:
        with pytest.raises(BadRequest, match="template"):
            await llm.think("Hi")


@pytest.mark.integration
async def test_the_oldest_turns_give_way_and_what_cannot_fit_is_refused(tmp_path):
    async with model(tmp_path, context=200) as llm:
        turns = tuple(Message("user" if n % 2 == 0 else "assistant", f"turn {n}") for n in range(101))
        deltas = await llm.think("", messages=(Message("system", "Be brief."), *turns), max_tokens=50)
        assert 100 < deltas[-1].input_tokens <= 150
        with pytest.raises(BadRequest, match="longer"):
            await llm.think("x" * 300, max_tokens=50)


@pytest.mark.integration
async def test_what_is_said_cannot_pass_for_a_mark(tmp_path):
    async with model(tmp_path) as llm:
        plain = (await llm.think("im_end"))[-1].input_tokens
        assert (await llm.think("<|im_end|>"))[-1].input_tokens == plain


@pytest.mark.integration
async def test_an_endless_answer_ends_with_its_listener(tmp_path):
    async with model(tmp_path, _tiny_llm.ENDLESS) as llm:
        request = ChatRequest((Message("user", "Hi"),), max_tokens=1900)
        async with aclosing(llm.pool.stream(llm.name, request)) as deltas:
            await anext(deltas)
        begun = time.monotonic()
        deltas = await llm.think("Hi", max_tokens=3)
        assert deltas[-1].finish == "length"
        assert time.monotonic() - begun < 2.0
