"""The Voice chat tab's Python: the page that comes once it is opened, what can be chosen, the picture of a turn."""

from __future__ import annotations

import re
from typing import Any

import pytest

from core.errors import BadRequest
from tabs._chat import picture, script
from tabs._look import asset
from tests.tabs.conftest import ADMIN, Server

TURN = {
    "item": "item_1", "speech_started": 1.0, "speech_stopped": 2.0, "ended": 2.5, "reason": "silence",
    "transcript": 2.6, "first_text": 2.9, "first_sound": 3.0, "first_frame": 3.02, "done": 5.0, "heard": 1.8,
    "drafted": False, "hears": "ears", "thinks": "brain", "speaks": "mouth", "input_tokens": 1, "output_tokens": 2,
    "probabilities": [[1.0, 0.9], [1.032, 0.95]], "partials": [[1.5, "Hello"]], "first_heard": 3.2,
}  # fmt: skip


def asked(server: Server, name: str, data: Any, **headers: str) -> Any:
    """What a function of the tab's component answers."""
    block = next(block for block in server.demo.blocks.values() if block.elem_id == "voice-chat")
    body = {"data": data, "component_id": block._id, "fn_name": name, "session_hash": "chat"}
    with server.http(**headers) as client:
        answer = client.post("/gradio_api/component_server/", json=body)
    answer.raise_for_status()
    return answer.json()


def test_a_turn_as_the_socket_tells_it_has_a_picture():
    drawn = picture({"turn": TURN, "dark": False})
    assert "heard 1.20 s after the end of speech" in drawn
    assert picture({"turn": TURN, "dark": True}) != drawn


@pytest.mark.parametrize(
    "turn",
    [None, [], {}, {"item": 5}, TURN | {"ended": "soon"}, TURN | {"probabilities": [[1]]}, TURN | {"first_heard": []},
     TURN | {"hears": "x" * 500_000}],
)  # fmt: skip
def test_what_is_no_turn_is_refused(turn: Any):
    with pytest.raises(BadRequest):
        picture({"turn": turn})


def test_the_scripts_set_text_as_text():
    scripts = script() + asset("chat_open.js")
    assert re.findall(r".*(?:innerHTML|outerHTML|insertAdjacentHTML|document\.write).*", scripts) == [
        "  element.innerHTML = html;"
    ]


def test_the_scripts_ask_no_other_host():
    named = re.findall(r"(?:https?|wss?)://[\w.]+\.\w+", script() + asset("chat_worklet.js") + asset("chat.html"))
    assert set(named) <= {"http://www.w3.org"}, "the name of SVG's elements, which nobody asks for"


@pytest.mark.integration
def test_the_page_is_in_no_sessions_configuration(opened: Server):
    with opened.http() as client:
        config = client.get("/config").text
    assert "voiceforge-chat" in config
    assert "voiceforge-player" not in config
    assert "Just speak" not in config


@pytest.mark.integration
def test_the_tab_brings_its_page_and_what_can_be_chosen(opened: Server):
    page = asked(opened, "chat_page", {})
    assert "voiceforge-player" in page["worklet"]
    assert "vf-talk" in page["html"]
    assert page["problem"] == ""
    choices = page["choices"]
    assert set(choices) == {"way", "voice", "language", "agent", "model"}
    assert [choice[1] for choice in choices["way"]] == [""], "nobody else is there to hold it"
    assert choices["agent"][0][1] == "assistant"
    assert all(len(choice) == 3 for menu in choices.values() for choice in menu)
    assert {menu: choices[menu][0][1] for menu in ("voice", "language", "model")} == {
        "voice": "", "language": "", "model": "",
    }  # fmt: skip


@pytest.mark.integration
def test_a_visitor_sees_the_page_and_why_he_cannot_talk(keyed: Server):
    page = asked(keyed, "chat_page", {})
    assert "vf-talk" in page["html"]
    assert "choices" not in page
    assert "Sign in" in page["problem"]
    assert "svg" not in asked(keyed, "chat_picture", {"turn": TURN})


@pytest.mark.integration
def test_a_key_opens_it(keyed: Server):
    headers = {"x-api-key": ADMIN}
    assert asked(keyed, "chat_choices", {}, **headers)["choices"]["voice"]
    assert asked(keyed, "chat_picture", {"turn": TURN}, **headers)["svg"].startswith("<svg")


@pytest.mark.integration
@pytest.mark.parametrize("data", [None, [], "turn", {"turn": {"item": 3}}, {"turn": TURN | {"heard": None}}])
def test_a_bad_turn_is_told_and_breaks_nothing(opened: Server, data: Any):
    assert asked(opened, "chat_picture", data) == {"problem": "This is not a turn."}
