"""The small validator: what it finds, and what it leaves alone."""

import json

import pytest

from engines.schema import fault, parsed, satisfied

pytestmark = pytest.mark.unit

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "mail": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "friends": {"type": "array", "items": {"$ref": "#"}, "maxItems": 2},
    },
    "required": ["name"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({}, "lacks the property name"),
        ({"name": ""}, "less than 1"),
        ({"name": "A", "age": -1}, "less than 0"),
        ({"name": "A", "age": 1.5}, "type integer"),
        ({"name": "A", "age": True}, "type integer"),
        ({"name": "A", "mail": 1}, "anyOf"),
        ({"name": "A", "shoe": 1}, "shoe"),
        ({"name": "A", "friends": [{"age": 1}]}, "item 0"),
        ({"name": "A", "friends": [{"name": "B"}] * 3}, "more than 2"),
        ([], "type object"),
        (None, "type object"),
    ],
)
def test_what_does_not_fit_is_named(value, words):
    assert words in fault(value, PERSON)
    assert fault(value, PERSON).endswith(".")


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        ({"name": "A", "age": 2.0, "mail": None, "friends": [{"name": "B"}]}, PERSON),
        ("b", {"enum": ["a", "b"]}),
        (1, {"const": 1}),
        (None, {"type": ["string", "null"]}),
        ({"a": 1}, {"additionalProperties": {"type": "integer"}}),
        ("anything", {}),
        ("anything", {"type": "of the future", "$ref": 1}),
    ],
)
def test_what_fits_passes(value, schema):
    assert fault(value, schema) == ""


def test_a_schema_that_refers_to_itself_is_not_followed_for_ever():
    assert fault(1, {"$ref": "#"}) == ""
    deep: list = []
    for _ in range(500):
        deep = [deep]
    assert fault(deep, {"items": {"$ref": "#"}}) == ""


@pytest.mark.parametrize("text", ['{"a": 1}', 'Here you are:\n```json\n{"a": 1}\n```', 'Sure! {"a": 1} Anything else?'])
def test_json_is_found_where_models_put_it(text):
    assert parsed(text) == {"a": 1}
    answer, wrong = satisfied(text, {"type": "object"})
    assert (json.loads(answer), wrong) == ({"a": 1}, "")


@pytest.mark.parametrize("text", ["", "I would rather not.", '{"a": NaN}', "{", "[" * 10_000])
def test_what_is_no_json_is_said_to_be_none(text):
    assert satisfied(text, {}) == ("", "The answer is not JSON.")


@pytest.mark.parametrize("deeper", [{}, {"additionalProperties": {"$ref": "#"}}])
def test_a_schema_that_refers_to_itself_twice_is_not_followed_to_its_end(deeper):
    schema = {"type": "object", "anyOf": [{"anyOf": [{"$ref": "#"}, {"type": "string"}]}, {"$ref": "#"}], **deeper}
    assert "too intricate" in fault({"a": {"b": {}}}, schema)


@pytest.mark.parametrize("name", ["type", "properties", "required", "anyOf", "enum", "minProperties", "items"])
@pytest.mark.parametrize("odd", [5, "x", [1, {}], None, True])
def test_what_is_no_schema_says_nothing_and_raises_nothing(name, odd):
    assert isinstance(fault({"a": 1, "b": [1], "c": "c"}, {"type": "object", name: odd}), str)
    inner = {"type": "object", "properties": {"a": {name: odd, "minimum": "x"}, "b": {name: odd}, "c": {name: odd}}}
    assert isinstance(fault({"a": 1, "b": [1], "c": "c"}, inner), str)
