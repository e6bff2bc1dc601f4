"""What the Voice chat tab asks of Python: its script, what can be chosen, and the picture of a turn."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from pydantic import TypeAdapter, ValidationError

from core.errors import BadRequest
from providers.realtime import RELAY
from studio import Studio
from tabs._languages import choices as languages
from tabs._look import asset
from tabs.speak import voice_choices
from voice.talk.agents import DEFAULT, agents
from voice.talk.events import Turn
from voice.talk.picture import Shown, draw

SCRIPTS = (
    "pieces",
    "microphone_reasons",
    "chat_sound",
    "chat_wire",
    "chat_realtime",
    "chat_heard",
    "chat_lines",
    "chat_turn",
    "chat",
)
MOST_CHARACTERS = 400_000
"""Of a turn as JSON; a minute of windows is a tenth of it."""

_TURN: TypeAdapter[Turn] = TypeAdapter(Turn)
Choices = dict[str, list[tuple[str, str, str]]]


def script(*before: str) -> str:
    """What runs once the tab is open, `before` ahead of the conversation's own part. It ends with a function that takes
    the choices."""
    *parts, last = (asset(f"{name}.js") for name in SCRIPTS)
    return "\n".join((*parts, *before, last))


async def choices(studio: Studio) -> Choices:
    """Of each menu the labels, the values and what may be said about them; "" leaves the choice to the house."""
    tags = {tag for voice in studio.voices.all() for tag in voice.languages}
    personas = sorted((await asyncio.to_thread(agents)).values(), key=lambda persona: persona.name != DEFAULT)
    thinkers = [model for model in await studio.thinking.models() if not model.why_not and model.id != "auto"]
    return {
        "way": _ways(studio),
        "voice": [(label, value, "") for label, value in voice_choices(studio, "")],
        "language": [(label, value, "") for label, value in languages(tags, "Automatic")],
        "agent": [(persona.title, persona.name, persona.summary) for persona in personas],
        "model": [("Automatic", "", ""), *((model.id, model.id, model.summary) for model in thinkers)],
    }


def _ways(studio: Studio) -> list[tuple[str, str, str]]:
    """Who may hold the conversation."""
    found = [("This house", "", "It hears, thinks and speaks here.")]
    if upstream := studio.upstream:
        title = upstream.row.title
        found.append(
            (f"{title}, relayed", RELAY, "Through this house: your key's limits hold, and what it takes is counted.")
        )
        if studio.settings.realtime_direct and upstream.has_key and upstream.row.secrets:
            found.append(
                (f"{title}, directly", "direct", "Sound goes there from this browser; it is not counted here.")
            )
    return found


def picture(asked: Any) -> str:
    """The SVG of a turn as `response_done` told it. Raises BadRequest for what is no such turn."""
    if not isinstance(asked, dict) or not isinstance(asked.get("turn"), dict):
        raise BadRequest("This is not a turn.")
    told = asked["turn"]
    if len(json.dumps(told)) > MOST_CHARACTERS:
        raise BadRequest("This turn is too long for a picture.")
    try:
        turn = _TURN.validate_python({"response": ""} | told)
        heard = TypeAdapter(float | None).validate_python(told.get("first_heard"))
    except ValidationError:
        raise BadRequest("This is not a turn.") from None
    return draw(Shown(turn, first_heard=heard), dark=bool(asked.get("dark")))
