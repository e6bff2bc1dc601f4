"""What of an answer does not satisfy a JSON schema. A small part of the standard, the part that tools and answers are
described with; what it does not know it takes for satisfied. Standard library only: foreign Pythons load this file."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

DEEPEST = 40
"""Levels looked at; a schema may refer to itself without end."""
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
    return next(_faults(value, schema, schema, "the answer", DEEPEST), "")


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


def _faults(value: Any, schema: Any, root: dict[str, Any], where: str, deep: int) -> Iterator[str]:
    schema = resolved(schema, root)
    if not deep or not schema:
        return
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(value, kind) for kind in kinds):
        yield f"{where} is not of type {' or '.join(kinds)}."
        return
    if "const" in schema and not _same(value, schema["const"]):
        yield f"{where} is not {json.dumps(schema['const'])}."
    if "enum" in schema and not any(_same(value, one) for one in schema["enum"]):
        yield f"{where} is none of {json.dumps(schema['enum'])}."
    for name in ("anyOf", "oneOf", "allOf"):
        choices = schema.get(name, ())
        fits = sum(not any(_faults(value, one, root, where, deep - 1)) for one in choices)
        if choices and not (fits == len(choices) if name == "allOf" else fits):
            yield f"{where} does not fit {name} of its schema."
    yield from _inside(value, schema, root, where, deep - 1)


def _inside(value: Any, schema: dict[str, Any], root: dict[str, Any], where: str, deep: int) -> Iterator[str]:
    if isinstance(value, dict):
        known = schema.get("properties", {})
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{where} lacks the property {name}."
        for name, part in value.items():
            if name in known:
                yield from _faults(part, known[name], root, f"{name} in {where}", deep)
            elif (more := schema.get("additionalProperties", True)) is False:
                yield f"{where} has the property {name}, which its schema does not have."
            else:
                yield from _faults(part, more, root, f"{name} in {where}", deep)
    elif isinstance(value, list):
        yield from _outside(len(value), schema, "minItems", "maxItems", f"the length of {where}")
        for place, part in enumerate(value):
            yield from _faults(part, schema.get("items"), root, f"item {place} of {where}", deep)
    elif isinstance(value, str):
        yield from _outside(len(value), schema, "minLength", "maxLength", f"the length of {where}")
    elif _is(value, "number"):
        yield from _outside(value, schema, "minimum", "maximum", where)


def _outside(value: float, schema: dict[str, Any], least: str, most: str, where: str) -> Iterator[str]:
    if value < schema.get(least, -math.inf):
        yield f"{where} is less than {schema[least]}."
    if value > schema.get(most, math.inf):
        yield f"{where} is more than {schema[most]}."


def _is(value: Any, kind: str) -> bool:
    """JSON's types: a boolean is no number, and 2.0 is an integer."""
    if not isinstance(value, _TYPES.get(kind, (object,))) or (
        isinstance(value, bool) and kind in ("integer", "number")
    ):
        return False
    return kind != "integer" or not isinstance(value, float) or value.is_integer()


def _same(value: Any, other: Any) -> bool:
    return value == other and isinstance(value, bool) == isinstance(other, bool)
