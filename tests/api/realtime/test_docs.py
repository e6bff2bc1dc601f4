"""docs/realtime.md names every event of OpenAI's, and says the truth about each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from openai.types.realtime.realtime_client_event import RealtimeClientEvent
from openai.types.realtime.realtime_server_event import RealtimeServerEvent

from api._realtime.events import FROM_CLIENT
from api._realtime.told import FROM_SERVER

ROOT = Path(__file__).parents[3]
ROW = re.compile(r"^\| `([\w.]+)` \| (yes|no) \| (.+) \|$", re.MULTILINE)


def _names(union: object) -> set[str]:
    kinds = get_args(get_args(union)[0])
    return {get_args(kind.model_fields["type"].annotation)[0] for kind in kinds}


def _rows(title: str) -> dict[str, tuple[str, str]]:
    text = (ROOT / "docs/realtime.md").read_text("utf-8").split(f"## {title}\n")[1].split("\n## ")[0]
    return {name: (served, why) for name, served, why in ROW.findall(text)}


def test_every_event_of_the_official_types_is_in_the_tables():
    assert set(_rows("Events of the client")) == _names(RealtimeClientEvent)
    assert set(_rows("Events of the server")) == _names(RealtimeServerEvent)


def test_what_is_said_to_be_served_is():
    assert {name for name, (served, _) in _rows("Events of the client").items() if served == "yes"} == set(FROM_CLIENT)
    assert {name for name, (served, _) in _rows("Events of the server").items() if served == "yes"} == set(FROM_SERVER)


def test_every_test_that_is_named_is_there():
    tests = "\n".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    for title in ("Events of the client", "Events of the server"):
        for name, (served, why) in _rows(title).items():
            assert served == "no" or f"async def {why.strip('`')}(" in tests, (name, why)
