"""The events behind the Pronunciation tab, and captions in the Speak tab, as a page calls them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import soundfile

from tests.tabs.conftest import ADMIN, Server, called, joined
from tests.tabs.test_safety import number_of

pytestmark = pytest.mark.integration


@pytest.fixture
def page(opened: Server) -> Iterator[httpx.Client]:
    with opened.http() as client:
        client.delete("/v1/pronunciations").raise_for_status()
        yield client
        client.delete("/v1/pronunciations").raise_for_status()


def event(server: Server, client: httpx.Client, name: str, *data: Any) -> dict[str, Any]:
    return joined(client, number_of(server, name), *data)


def saved(server: Server, client: httpx.Client, *entry: Any) -> dict[str, Any]:
    return event(server, client, "ui_word_save", None, *entry, "")


def test_an_entry_is_saved_listed_and_found(opened: Server, page: httpx.Client):
    answer = saved(opened, page, "nginx", "engine ex", "", "", False)
    assert answer["success"], answer
    status, *form, table = answer["output"]["data"][0], *answer["output"]["data"][2:7], answer["output"]["data"][-1]
    assert "nginx" in status
    assert form[:2] == ["", ""]
    assert [row["written"] for row in table["rows"]] == ["nginx"]
    found = event(opened, page, "ui_words", "zzz")["output"]["data"][0]
    assert (found["rows"], found["total"], found["search"]) == ([], 0, "zzz")


@pytest.mark.parametrize(
    "entry",
    [("", "a", "", "", False), ("a", "", "", "", False), ("a", "b" * 201, "", "", False), (None, None, [], {}, "x"),
     ("a", "b", "", "not a tag!", False)],
)  # fmt: skip
def test_an_entry_that_cannot_be_is_refused(opened: Server, page: httpx.Client, entry: tuple[Any, ...]):
    answer = saved(opened, page, *entry)
    assert not answer["success"]
    assert "broke" not in str(answer["output"]["error"])
    assert page.get("/v1/pronunciations").json()["total"] == 0


def test_half_a_character_is_no_text(opened: Server, page: httpx.Client):
    """Which JSON can hold and no database can."""
    body = b'{"written": "\\ud800", "spoken": "a"}'
    answer = page.post(
        "/gradio_api/call/v2/add_pronunciation", content=body, headers={"content-type": "application/json"}
    )
    stream = page.get(f"/gradio_api/call/v2/add_pronunciation/{answer.json()['event_id']}").text
    assert "event: error" in stream
    assert "internal_error" not in stream
    body = b'{"search": "\\ud800"}'
    answer = page.post(
        "/gradio_api/call/v2/list_pronunciations", content=body, headers={"content-type": "application/json"}
    )
    stream = page.get(f"/gradio_api/call/v2/list_pronunciations/{answer.json()['event_id']}").text
    assert "internal_error" not in stream


def test_a_message_quotes_an_entry_as_text(opened: Server, page: httpx.Client):
    entry = ("<img src=x onerror=alert(1)>", "a picture", "", "", False)
    assert "<img" not in saved(opened, page, *entry)["output"]["data"][0]
    again = saved(opened, page, *entry)
    assert not again["success"]
    assert "<img" not in again["output"]["error"]


def test_an_entry_is_heard_before_it_is_kept(opened: Server, page: httpx.Client):
    def seconds(spoken: str) -> float:
        answer = event(opened, page, "ui_word_listen", "nginx", spoken, "", "en", False)
        assert answer["success"], answer
        return soundfile.info(answer["output"]["data"][0]["value"]["path"]).duration

    assert seconds("a very long name that goes on and on") > 2 * seconds("x")
    assert page.get("/v1/pronunciations").json()["total"] == 0


def test_the_list_is_drawn_by_the_page(opened: Server, page: httpx.Client):
    rows = [{"written": f"word {number:03}", "spoken": "x"} for number in range(250)]
    page.post("/v1/pronunciations/import", json=rows).raise_for_status()
    first = event(opened, page, "ui_words", "")["output"]["data"][0]
    assert (len(first["rows"]), first["total"]) == (100, 250)


def test_a_file_is_imported(opened: Server, page: httpx.Client):
    files = {"files": ("words.csv", b"written,spoken\nnginx,engine ex\nSQL,sequel\n")}
    path = page.post("/gradio_api/upload", files=files).json()[0]
    file = {"path": path, "meta": {"_type": "gradio.FileData"}, "orig_name": "words.csv"}
    answer = event(opened, page, "ui_words_import", file, "")
    assert answer["success"], answer
    assert "Read 2 entries" in answer["output"]["data"][0]
    assert page.get("/v1/pronunciations").json()["total"] == 2


def test_a_file_of_this_machine_is_not(opened: Server, page: httpx.Client, tmp_path: Path):
    path = tmp_path / "words.csv"
    path.write_text("secret,word\n")
    for shape in ({"path": str(path), "meta": {"_type": "gradio.FileData"}}, str(path)):
        assert not event(opened, page, "ui_words_import", shape, "")["success"]
    assert page.get("/v1/pronunciations").json()["total"] == 0


def test_a_visitor_sees_and_changes_nothing(keyed: Server):
    with keyed.http(**{"x-api-key": ADMIN}) as admin, keyed.http() as visitor:
        admin.post("/v1/pronunciations", json={"written": "private", "spoken": "x"}).raise_for_status()
        table = event(keyed, visitor, "ui_words", "")["output"]["data"][0]
        assert list(table) == ["closed"]
        for name, data in (
            ("ui_word_save", (None, "a", "b", "", "", False, "")),
            ("ui_words_wipe", ("",)),
            ("ui_word_listen", ("a", "b", "", "", False)),
        ):
            assert not event(keyed, visitor, name, *data)["success"], name
        assert admin.get("/v1/pronunciations").json()["total"] == 1
        admin.delete("/v1/pronunciations").raise_for_status()


def test_the_endpoints_for_programs_do_the_same(opened: Server, page: httpx.Client):
    def call(name: str, **data: Any) -> Any:
        event, answer = called(page, name, **data)
        assert event == "complete", answer
        return answer[0]

    kept = call("add_pronunciation", written="nginx", spoken="engine ex")
    assert call("get_pronunciation", entry_id=kept["id"]) == kept
    changed = call("change_pronunciation", entry_id=kept["id"], written="nginx", spoken="engine", language="en")
    assert (changed["spoken"], changed["language"]) == ("engine", "en")
    assert call("import_pronunciations", entries="SQL,sequel", format="csv")["total"] == 2
    assert call("list_pronunciations", search="sq")["total"] == 1
    assert "SQL,sequel,,,\n" in call("export_pronunciations", format="csv")
    assert call("remove_pronunciation", entry_id=kept["id"])["written"] == "nginx"
    made = call("speak_captions", text="Hello SQL.", response_format="wav", enhancement=["clarity"])
    assert [word["word"] for word in made["words"]] == ["Hello", "SQL."]
    assert call("speak_captions", text="Hello SQL.", captions="vtt").startswith("WEBVTT")
    assert call("clear_pronunciations")["removed"] == 1


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("add_pronunciation", {"written": 5}),
        ("get_pronunciation", {"entry_id": {"a": 1}}),
        ("list_pronunciations", {"limit": 10**9}),
        ("list_pronunciations", {"offset": -1}),
        ("import_pronunciations", {"entries": "", "format": "csv"}),
        ("import_pronunciations", {"entries": "a,b", "format": "exe"}),
        ("export_pronunciations", {"format": "exe"}),
        ("speak_captions", {"text": "a " * 10_001}),
        ("speak_captions", {"text": "Hello", "enhancement": ["x"]}),
        ("speak_captions", {"text": "Hello", "captions": "x"}),
    ],
)
def test_their_arguments_are_checked(opened: Server, page: httpx.Client, name: str, data: dict[str, Any]):
    event, answer = called(page, name, **data)
    assert event == "error"
    assert "internal_error" not in str(answer)


def spoken(server: Server, client: httpx.Client, text: str, *, clean: bool = False, form: str = "wav") -> list[Any]:
    answer = event(server, client, "ui_speak", text, "", "espeak-ng/en-gb", 1.0, form, clean, None)
    assert answer["success"], answer
    return answer["output"]["data"]


def test_the_speak_tab_offers_captions_and_follows_the_pronunciations(opened: Server, page: httpx.Client):
    saved(opened, page, "nginx", "engine ex, a very long name for a server", "", "", False)
    data = spoken(opened, page, "The nginx is ready, and so am I.")
    player, srt, vtt = data[1], data[3], data[4]
    assert soundfile.info(player["path"]).duration > 2.5
    text = Path(srt["value"]["path"]).read_text()
    assert text.startswith("1\n00:00:0")
    assert "The nginx is ready," in text
    assert Path(vtt["value"]["path"]).read_text().startswith("WEBVTT")
    assert (srt["label"], srt["interactive"]) == ("srt", True)


def test_the_speak_tab_cleans_up_on_request(opened: Server, page: httpx.Client):
    assert soundfile.info(spoken(opened, page, "Good morning.", clean=True)[1]["path"]).duration > 0.5
