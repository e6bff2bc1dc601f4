"""What the Voice chat tab asks of Python: its script, what can be chosen, and the picture of a turn."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter, ValidationError

from core.errors import BadRequest
from studio import Studio
from tabs._languages import choices as languages
from tabs._look import asset
from tabs.speak import voice_choices
from voice.talk.events import Turn
from voice.talk.picture import Shown, draw

SCRIPTS = ("pieces", "microphone_reasons", "chat_sound", "chat_wire", "chat_heard", "chat_lines", "chat_turn", "chat")
MOST_CHARACTERS = 400_000
"""Of a turn as JSON; a minute of windows is a tenth of it."""

PRESETS = (
    ("As it is", ""),
    (
        "A friendly helper",
        "You are a friendly, practical helper on the telephone. Answer in one or two short sentences, in plain words, "
        "and ask back when something is not clear.",
    ),
    (
        "A patient language teacher",
        "You teach the language that the person speaks to you in. Keep sentences short and slow, correct one mistake "
        "at a time and kindly, and end with a question that keeps the conversation going.",
    ),
    (
        "An interviewer",
        "You interview the person for a portrait. Ask one open question at a time, listen, and build the next question "
        "on what was just said.",
    ),
    (
        "A storyteller",
        "You tell stories out loud. Speak in vivid, short sentences, stop at turning points and let the person decide "
        "how it goes on.",
    ),
)
"""Characters to begin with; the person may change the words."""

_TURN: TypeAdapter[Turn] = TypeAdapter(Turn)
Choices = dict[str, list[tuple[str, str]]]


def script() -> str:
    """What runs once the tab is open. It ends with a function that takes the choices."""
    return "\n".join(asset(f"{name}.js") for name in SCRIPTS)


def choices(studio: Studio) -> Choices:
    """Of each menu the labels and the values; "" leaves it to the house."""
    tags = {tag for voice in studio.voices.all() for tag in voice.languages}
    return {
        "voice": voice_choices(studio, ""),
        "language": languages(tags, "Automatic"),
        "agent": [],
        "model": [],
        "preset": list(PRESETS),
    }


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
