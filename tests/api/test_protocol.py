"""docs/protocol.md and the code tell of the same messages, and of the same fields."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api._wire.flow import PATIENCE, ROOM
from api._ws import messages as wire
from api._ws.session import BEHIND, STALL_SECONDS
from api._ws.sessions import WAIT_SECONDS
from api.ws import MOST_BYTES
from core.errors import BadRequest
from voice.talk import events
from voice.talk.settings import TalkSettings

PAGE = (Path(__file__).parents[2] / "docs/protocol.md").read_text()
CLIENT, SERVER = PAGE.split("## From the client")[1].split("## From the server")
SERVER = SERVER.split("## What is promised")[0]


def section(part: str, name: str) -> str:
    return re.split(r"^##", part.split(f"\n### {name}\n")[1], flags=re.M)[0]


def test_every_message_has_its_place_in_the_page_and_back():
    assert re.findall(r"^### (\w+)$", CLIENT, re.M) == list(wire.FROM_CLIENT)
    assert sorted(re.findall(r"^### (\w+)$", SERVER, re.M)) == sorted(wire.FROM_SERVER)


@pytest.mark.parametrize("name", wire.FROM_CLIENT)
def test_every_message_of_the_client_is_known(name: str):
    with pytest.raises(BadRequest) as caught:
        wire.read(f'{{"type": "{name}", "nonsense": 1}}')
    assert "nonsense" in caught.value.message or "Field required" in caught.value.message


def test_every_field_of_start_stands_in_the_page():
    named = set(re.findall(r"`(\w+)`", section(CLIENT, "start")))
    assert set(wire.Start.model_fields) - {"type"} <= named
    assert set(wire.RULES) <= named


def test_every_event_is_told_and_every_message_told_of_is_sent():
    told = set(wire._TELL)
    assert told == set(get_args(events.Event)) - {events.AudioOut}
    source = "\n".join(path.read_text() for path in (Path(wire.__file__).parent).glob("*.py"))
    source = re.sub(r"^FROM_SERVER = \(.*?^\)", "", source, flags=re.M | re.S)
    assert [name for name in wire.FROM_SERVER if f'"{name}"' not in source] == []


@pytest.mark.parametrize("event", [event for event in get_args(events.Event) if event in wire._TELL])
def test_the_fields_of_an_event_stand_in_the_page(event: type):
    values = {"item": events.Item("i", "user"), "call": events.ToolCall("c", "n"), "turn": events.Turn("r", "i")}
    plain = {"str": "x", "float": 1.0, "int": 1, "bool": True}
    made = {}
    for field in fields(event):
        kind = str(field.type)
        made[field.name] = plain[kind] if kind in plain else () if "tuple" in kind else values[field.name]
    message = json.loads(wire.told(event(**made)))
    named = set(re.findall(r"`(\w+)`", section(SERVER, message.pop("type"))))
    assert set(message) <= named


def test_the_numbers_in_the_page_are_the_codes():
    assert f"for up to {WAIT_SECONDS:g} seconds" in PAGE
    assert f"{ROOM:g} seconds may come at once" in PAGE
    assert f"once {BEHIND:g} seconds of sound" in PAGE
    assert f"reads nothing for {STALL_SECONDS:g} seconds" in PAGE
    assert f"more than {MOST_BYTES // 10**6} MB" in PAGE
    assert PATIENCE == 30
    assert "half a minute" in PAGE


def test_close_codes_of_errors_stand_in_the_page():
    named = set(re.findall(r"^\| (\d{4}) \|", PAGE, re.M))
    source = "\n".join(path.read_text() for path in (Path(wire.__file__).parent).glob("*.py"))
    assert set(re.findall(r"\b(10[01]\d|44\d\d)\b", source)) - {"1005"} <= named


def test_the_example_in_python_is_python():
    code = PAGE.split("```python\n")[1].split("```")[0]
    compile(code, "protocol.md", "exec")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = sorted({name for model in (wire.Start, wire.Said, wire.ToolResult, wire.Played, wire.Ping)
                 for name in model.model_fields} - {"type"})  # fmt: skip


@given(st.sampled_from(wire.FROM_CLIENT), st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=3))
def test_whatever_stands_in_a_message_it_is_read_or_refused(name: str, values: dict):
    with suppress(BadRequest):
        message = wire.read(json.dumps({"type": name} | values))
        if isinstance(message, wire.Manner):
            message.settings(TalkSettings())


@given(st.text() | JSON.map(json.dumps))
def test_whatever_text_comes_it_is_read_or_refused(text: str):
    with suppress(BadRequest):
        wire.read(text)
