"""The tabs that show what the HTTP API tells: that no session carries their data, and what crosses from tab to tab."""

from __future__ import annotations

import json
import re

import pytest

from tests.tabs.conftest import ADMIN, Server, joined

pytestmark = pytest.mark.integration


def number_of(server: Server, name: str) -> int:
    return next(number for number, event in server.demo.fns.items() if event.api_name == name)


def test_the_catalogue_is_in_no_sessions_page(opened: Server):
    with opened.http() as client:
        config = client.get("/config").text
    assert "af_heart" not in config
    assert "Afrikaans" in config, "the Speak tab's own menu"


def test_the_scripts_set_text_as_text(opened: Server):
    """What engines print and voices are called is never parsed as markup."""
    scripts = [
        block.js_on_load for block in opened.demo.blocks.values() if block.elem_id in ("voices-list", "status-board")
    ]
    assert len(scripts) == 2
    for script in scripts:
        made = re.findall(r"innerHTML[^\n]*", script)
        assert all("${" not in line and "+" not in line for line in made), made
        assert "insertAdjacentHTML" not in script


def test_another_tabs_choice_arrives_in_speak(opened: Server):
    body = {
        "data": [], "fn_index": number_of(opened, "ui_use_voice"), "session_hash": "chosen",
        "event_data": {"id": "espeak-ng/de"},
    }  # fmt: skip
    with opened.http() as client:
        client.post("/gradio_api/queue/join", json=body).raise_for_status()
        with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": "chosen"}) as answer:
            messages = [json.loads(line.removeprefix("data: ")) for line in answer.iter_lines() if line]
    done = next(message for message in messages if message["msg"] == "process_completed")
    language, voice = done["output"]["data"]
    assert language == ""
    assert voice["value"] == "espeak-ng/de"


@pytest.mark.parametrize(
    ("language", "voice", "kept"),
    [("de", "espeak-ng/de", "espeak-ng/de"), ("", "espeak-ng/de", "espeak-ng/de"), ("fr", "espeak-ng/de", "")],
)
def test_a_voice_stays_chosen_where_it_speaks_the_language(opened: Server, language: str, voice: str, kept: str):
    with opened.http() as client:
        answer = joined(client, number_of(opened, "ui_voices_of"), language, voice)
    assert answer["output"]["data"][0]["value"] == kept


def test_a_sign_in_opens_the_http_api_to_the_page(keyed: Server):
    with keyed.http() as client:
        token = joined(client, number_of(keyed, "ui_sign_in"), ADMIN)["output"]["data"][0]
        assert client.get("/v1/status").status_code == 401
    with keyed.http(**{"x-api-key": token}) as client:
        assert client.get("/v1/status").json()["administrator"] is True
        assert client.get("/v1/audio/catalogue", params={"limit": 1}).json()["total"] > 400
