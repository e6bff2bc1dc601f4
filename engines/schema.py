"""What of an answer does not satisfy a JSON schema. A small part of the standard, the part that tools and answers are
described with; what it does not know it takes for satisfied. Standard library only: foreign Pythons load this file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

DEEPEST = 40
"""Levels looked at; a schema may refer to itself without end."""
MOST_LOOKS = 10_000
"""Schemas that one value is held against: with each level a schema may refer to itself twice."""
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int, float),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


def fault(value: Any, schema: dict[str, Any]) -> str:
    """The first thing that is wrong with a value, a sentence for a model that shall do better; empty if nothing is."""
    try:
        return next(_faults(value, schema, schema, "the answer", DEEPEST, iter(range(MOST_LOOKS))), "")
    except _TooMuch:
        return "its schema is too intricate to be followed."


class _TooMuch(Exception):
    """There is no end to what a value would have to be held against."""


def parsed(text: str) -> Any:
    """The JSON in a text, also where a model has put it between fences or words. Raises ValueError where there is
    none."""
    text = text.strip()
    try:
        return _loads(text)
    except ValueError:
        fenced = re.search(r"```(?:json)?\s*(.*?)```", text, re.S)
        inner = fenced[1] if fenced else text
        start = min((at for at in map(inner.find, "{[") if at >= 0), default=-1)
        if start < 0:
            raise
        return json.JSONDecoder(parse_constant=_no_number).raw_decode(inner[start:])[0]


def satisfied(text: str, schema: dict[str, Any]) -> tuple[str, str]:
    """An answer as plain JSON and no fault, or what is wrong with it: one of the two is empty."""
    try:
        value = parsed(text)
    except (ValueError, RecursionError):
        return "", "The answer is not JSON."
    wrong = fault(value, schema)
    return ("", wrong) if wrong else (json.dumps(value, ensure_ascii=False), "")


def resolved(schema: Any, root: dict[str, Any]) -> dict[str, Any]:
    """The schema itself, or the one in `root` that it refers to."""
    for _ in range(DEEPEST):
        if not isinstance(schema, dict):
            return {}
        if not isinstance(reference := schema.get("$ref"), str) or not reference.startswith("#"):
            return schema
        schema = root
        for name in reference.strip("#/").split("/") if reference != "#" else ():
            schema = schema.get(name) if isinstance(schema, dict) else None
    return {}


def _loads(text: str) -> Any:
    return json.loads(text, parse_constant=_no_number)


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _faults(
    value: Any, schema: Any, root: dict[str, Any], where: str, deep: int, looks: Iterator[int]
) -> Iterator[str]:
    schema = resolved(schema, root)
    if not deep or not schema:
        return
    if next(looks, None) is None:
        raise _TooMuch
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else [kind for kind in _list(kinds) if isinstance(kind, str)]
    if kinds and not any(_is(value, kind) for kind in kinds):
        yield f"{where} is not of type {' or '.join(kinds)}."
        return
    if "const" in schema and not _same(value, schema["const"]):
        yield f"{where} is not {json.dumps(schema['const'])}."
    if isinstance(allowed := schema.get("enum"), list) and not any(_same(value, one) for one in allowed):
        yield f"{where} is none of {json.dumps(allowed)}."
    for name in ("anyOf", "oneOf", "allOf"):
        choices = _list(schema.get(name))
        fits = sum(not any(_faults(value, one, root, where, deep - 1, looks)) for one in choices)
        if choices and not (fits == len(choices) if name == "allOf" else fits):
            yield f"{where} does not fit {name} of its schema."
    yield from _inside(value, schema, root, where, deep - 1, looks)


def _inside(
    value: Any, schema: dict[str, Any], root: dict[str, Any], where: str, deep: int, looks: Iterator[int]
) -> Iterator[str]:
    if isinstance(value, dict):
        known = schema.get("properties")
        known = known if isinstance(known, dict) else {}
        for name in _list(schema.get("required")):
            if isinstance(name, str) and name not in value:
                yield f"{where} lacks the property {name}."
        for name, part in value.items():
            if name in known:
                yield from _faults(part, known[name], root, f"{name} in {where}", deep, looks)
            elif (more := schema.get("additionalProperties", True)) is False:
                yield f"{where} has the property {name}, which its schema does not have."
            else:
                yield from _faults(part, more, root, f"{name} in {where}", deep, looks)
    elif isinstance(value, list):
        yield from _outside(len(value), schema, "minItems", "maxItems", f"the length of {where}")
        for place, part in enumerate(value):
            yield from _faults(part, schema.get("items"), root, f"item {place} of {where}", deep, looks)
    elif isinstance(value, str):
        yield from _outside(len(value), schema, "minLength", "maxLength", f"the length of {where}")
    elif _is(value, "number"):
        yield from _outside(value, schema, "minimum", "maximum", where)


def _list(value: Any) -> list[Any]:
    """What a schema has there if it is a list; what is none says nothing."""
    return value if isinstance(value, list) else []


def _outside(value: float, schema: dict[str, Any], least: str, most: str, where: str) -> Iterator[str]:
    low, high = schema.get(least), schema.get(most)
    if isinstance(low, (int, float)) and value < low:
        yield f"{where} is less than {low}."
    if isinstance(high, (int, float)) and value > high:
        yield f"{where} is more than {high}."


def _is(value: Any, kind: str) -> bool:
    """JSON's types: a boolean is no number, and 2.0 is an integer."""
    if not isinstance(value, _TYPES.get(kind, (object,))) or (
        isinstance(value, bool) and kind in ("integer", "number")
    ):
        return False
    return kind != "integer" or not isinstance(value, float) or value.is_integer()


def _same(value: Any, other: Any) -> bool:
    return value == other and isinstance(value, bool) == isinstance(other, bool)
