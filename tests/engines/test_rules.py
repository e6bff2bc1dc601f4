"""The rules: what they understand, and that they take nothing for what it is not."""

import json
import threading
import time
from datetime import datetime

import pytest

from engines.base import ChatRequest, EngineConfig, Message, Tool
from engines.llm.rules import ABILITIES, LABEL, Rules, answer, filled, sum_in, tool_call
from engines.schema import fault

pytestmark = pytest.mark.unit

NOW = datetime(2026, 3, 4, 15, 7)
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = Tool("get_weather", "Tells the weather in a city.", CITY)
LIGHT = Tool(
    "setLight",
    "Switches the lamp.",
    {
        "type": "object",
        "properties": {"state": {"enum": ["on", "off"]}, "level": {"type": "integer"}},
        "required": ["state"],
    },
)


def talk(*texts: str) -> tuple[Message, ...]:
    """Turns of the user and the assistant, by turns."""
    return tuple(Message("assistant" if place % 2 else "user", text) for place, text in enumerate(texts))


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        ("Hello there", "Hello! What can I do for you?"),
        ("What time is it?", "It is 3:07 PM."),
        ("what's the date today", "Today is Wednesday, March 4, 2026."),
        ("What is twelve times seven?", "That is 84."),
        ("spell hello", "hello: H, E, L, L, O."),
        ("My name is anna", "Nice to meet you, Anna."),
        ("Repeat after me: the {time} sat", "the time sat"),
        ("Who are you?", f"{LABEL} {ABILITIES}"),
        ("what can you do", f"{LABEL} {ABILITIES}"),
        ("Thank you", "You are welcome."),
        ("Okay, bye bye", "Goodbye!"),
        ("Hola, ¿qué tal?", "Lo siento, solo entiendo inglés."),
        ("नमस्ते", "माफ़ कीजिए, मैं केवल अंग्रेज़ी समझता हूँ।"),
        ("[8 seconds of silence]", "Are you still there?"),
        ("what is my name", "You have not told me your name yet."),
    ],
)
def test_what_is_said_gets_its_answer(said, answered):
    assert answer(talk(said), NOW) == answered


def test_it_remembers_from_the_messages_alone():
    assert answer(talk("my name is anna", "Nice to meet you.", "what's my name?"), NOW) == "Your name is Anna."
    assert answer(talk("call me Li", "Hi.", "bye"), NOW) == "Goodbye, Li!"
    assert answer(talk("spell cat", "cat: C, A, T.", "say that again"), NOW) == "cat: C, A, T."
    assert answer(talk("I like tea.", "Good.", "what did I say"), NOW) == "You said: I like tea."


def test_what_it_has_no_rule_for_gets_by_turns_one_of_three_honest_answers():
    texts = [answer(talk(*["tell me a story", "x"] * turn, "tell me a story"), NOW) for turn in range(4)]
    assert len(set(texts)) == 3
    assert texts[3] == texts[0]
    assert "tell me a story" in texts[0]


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("3 + 4 * 2", "11"),
        ("two hundred and three divided by four", "50.75"),
        ("what is 15 percent of 80", "12"),
        ("minus five plus 3", "-2"),
        ("five minus minus 3", "8"),
        ("what's 5 * -3", "-15"),
        ("two thousand three hundred and one plus 1", "2302"),
        ("5 percent of 0", "0"),
        ("one over zero", "not defined, since nothing can be divided by zero"),
        ("99999999999999 * 999999999 * 99999999999999", "more than I can count"),
        ("5 and 6", None),
        ("a minus for you", None),
        ("", None),
        ("9" * 500 + " + 1", "more than I can count"),
    ],
)
def test_sums(text, result):
    if len(text) > 500:
        assert sum_in(text)  # some number or other, and no error
    else:
        assert sum_in(text) == result


def test_a_tool_is_called_where_the_text_asks_for_it_and_gives_what_it_needs():
    call = tool_call(ChatRequest(talk("What is the weather in Rome today?"), (WEATHER, LIGHT)))
    assert call is not None
    assert (call.id, call.name, json.loads(call.arguments)) == ("call_0", "get_weather", {"city": "Rome"})
    call = tool_call(ChatRequest(talk("Set the light on at forty"), (WEATHER, LIGHT)))
    assert call is not None
    assert (call.name, json.loads(call.arguments)) == ("setLight", {"state": "on", "level": 40})


@pytest.mark.parametrize("text", ["Hello", "How is the weather?", "I live in Rome"])
def test_a_tool_is_left_alone_otherwise(text):
    assert tool_call(ChatRequest(talk(text), (WEATHER, LIGHT))) is None


def test_the_choice_of_tools_is_followed():
    text = "What is the weather in Rome?"
    assert tool_call(ChatRequest(talk(text), (WEATHER,), "none")) is None
    must = tool_call(ChatRequest(talk("Hello"), (WEATHER, LIGHT), "setLight"))
    assert must is not None
    assert must.name == "setLight"
    assert fault(json.loads(must.arguments), LIGHT.parameters) == ""


def test_a_tools_answer_is_told():
    assert answer((Message("tool", '{"degrees_outside": 21}'),), NOW) == "Here is the answer: degrees outside is 21."
    assert answer((Message("tool", "It rains."),), NOW) == "Here is the answer: It rains."
    assert answer((Message("tool", ""),), NOW) == "That is done."


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"name": {"type": "string", "maxLength": 3}}, "required": ["name"]},
        {"type": "array", "items": {"type": "integer", "minimum": 50}, "minItems": 2},
        {"enum": ["yes", "no"]},
        {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
        {"$ref": "#/$defs/N", "$defs": {"N": {"type": "object", "properties": {"next": {"$ref": "#/$defs/N"}}}}},
        {},
    ],
)
def test_what_it_fills_a_schema_with_satisfies_it(schema):
    value = filled(schema, "My number is 42, no?", schema)
    assert fault(value, schema) == ""


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "minLength": 10**10},
        {"type": "array", "minItems": 10**9, "items": {"type": "string", "minLength": 10**9}},
        {"type": "array", "minItems": 100, "items": {"$ref": "#"}},
    ],
)
def test_a_schema_that_asks_for_more_than_anybody_needs_is_not_filled(schema):
    assert len(str(filled(schema, "yes", schema))) < 1_000_000


def test_a_long_text_takes_no_longer_than_a_short_one():
    began = time.process_time()
    answer((*talk("what " * 20_000), *talk("call me " * 10_000), *talk("what " * 20_000)), datetime(2026, 3, 4))
    assert time.process_time() - began < 1.0


def test_the_clock_can_be_told():
    engine = Rules(EngineConfig(options={"now": "2026-03-04T09:00:00"}))
    said = "".join(d.text for d in engine.complete(ChatRequest(talk("what time is it")), threading.Event()))
    assert said == "It is 9:00 AM."
