import pytest

from engines.base import EngineSpec
from voice.needs import NEEDS, needs_of, unmet
from voice.text.script import parsed


def spec(name: str = "x", *capabilities: str, models: tuple[str, ...] = ()) -> EngineSpec:
    return EngineSpec(name, "tts", "For tests.", "MIT", 16000, capabilities=frozenset(capabilities), models=models)


@pytest.mark.parametrize(
    ("speed", "instructions", "text", "needs"),
    [
        (1.0, "", "Hello.", ()),
        (1.5, "", "Hello.", ("speed",)),
        (1.0, "Warmly.", "Hello.", ("instructions",)),
        (1.0, "  ", "Hello.", ()),
        (1.0, "", "[laugh] Hello.", ("tags",)),
        (1.0, "", "Hello [pause:1s] you.", ()),
        (0.5, "Softly.", "Well [sigh]", ("speed", "instructions", "tags")),
    ],
)
def test_what_a_request_asks_for(speed, instructions, text, needs):
    assert needs_of(speed, instructions, parsed(text)) == needs


def test_who_does_what():
    assert unmet(spec("x"), NEEDS) == list(NEEDS)
    assert unmet(spec("x", "speed", "description", "streaming", "words", "cloning"), NEEDS) == ["tags"]
    assert unmet(spec("dia"), ["tags"]) == []
    assert unmet(spec("chatterbox", models=("turbo",)), ["tags"]) == []
    assert unmet(spec("chatterbox"), ["tags"]) == ["tags"]
