"""Pronunciations over HTTP: kept by who made them, and heard in whatever he has spoken, by nobody else."""

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.api.conftest import Server

pytestmark = pytest.mark.integration

PATH = "/v1/pronunciations"
CSV = {"content-type": "text/csv"}


@pytest.fixture
def mine(server: Server, client: httpx.Client, request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """A caller of his own, without any entry."""
    secret = client.post("/v1/keys", json={"name": request.node.name[:90], "scopes": ["speech"]}).json()["secret"]
    with server.client(secret) as caller:
        yield caller


@pytest.fixture
def theirs(server: Server, client: httpx.Client) -> Iterator[httpx.Client]:
    secret = client.post("/v1/keys", json={"name": "theirs", "scopes": ["speech"]}).json()["secret"]
    with server.client(secret) as caller:
        yield caller


def said(caller: httpx.Client, text: str, **more) -> bytes:
    """The scripted voice speaks 60 ms for each character it is given."""
    body = {"model": "scripted-tts", "voice": "tone", "input": text, "response_format": "pcm"} | more
    return caller.post("/v1/audio/speech", json=body).raise_for_status().content


def added(caller: httpx.Client, written: str, spoken: str, **more) -> dict:
    answer = caller.post(PATH, json={"written": written, "spoken": spoken} | more)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_an_entry_is_heard_from_the_next_request_on_and_no_longer_once_removed(mine: httpx.Client):
    before = len(said(mine, "ab nginx."))
    kept = added(mine, "nginx", "engine ex, a server")
    assert len(said(mine, "ab NGINX.")) == len(said(mine, "ab engine ex, a server."))
    changed = mine.put(f"{PATH}/{kept['id']}", json={"written": "nginx", "spoken": "engine"}).json()
    assert (changed["id"], changed["spoken"]) == (kept["id"], "engine")
    assert len(said(mine, "ab nginx.")) == len(said(mine, "ab engine."))
    assert mine.delete(f"{PATH}/{kept['id']}").json()["spoken"] == "engine"
    assert len(said(mine, "ab nginx.")) == before


@pytest.mark.parametrize("path", ["/v1/audio/speech/streaming", "/v1/audio/speech/captions"])
def test_every_way_to_speak_follows_it(mine: httpx.Client, path: str):
    added(mine, "nginx", "engine ex, a server")
    body = {"model": "scripted-tts", "voice": "tone", "input": "nginx", "response_format": "pcm"}
    plain = mine.post(path, json=body | {"input": "engine ex, a server"}).raise_for_status()
    answer = mine.post(path, json=body).raise_for_status()
    if path.endswith("captions"):
        assert answer.json()["duration"] == plain.json()["duration"] > 0.6
        assert answer.json()["words"][0]["word"] == "nginx"
    else:
        assert len(answer.content) == len(plain.content) > 0.6 * 48_000


def test_one_key_never_sees_or_hears_anothers(mine: httpx.Client, theirs: httpx.Client, client: httpx.Client):
    kept = added(mine, "secretword", "something much longer than that")
    for stranger in (theirs, client):
        assert stranger.get(PATH).json()["data"] == []
        assert "secretword" not in stranger.get(f"{PATH}/export").text
        for answer in (
            stranger.get(f"{PATH}/{kept['id']}"),
            stranger.put(f"{PATH}/{kept['id']}", json={"written": "a", "spoken": "b"}),
            stranger.delete(f"{PATH}/{kept['id']}"),
        ):
            assert answer.status_code == 404
            assert "secretword" not in answer.text
        assert stranger.delete(PATH).json()["removed"] == 0
        assert len(said(stranger, "secretword")) < len(said(mine, "secretword"))
    assert mine.get(PATH).json()["total"] == 1


def test_they_need_the_scope_to_speak(server: Server, client: httpx.Client):
    secret = client.post("/v1/keys", json={"name": "ears", "scopes": ["transcription"]}).json()["secret"]
    with server.client(secret) as ears, server.client(None) as nobody:
        for method, path in (("GET", ""), ("POST", ""), ("DELETE", ""), ("POST", "/import"), ("GET", "/export")):
            assert ears.request(method, PATH + path).status_code == 403
            assert nobody.request(method, PATH + path).status_code == 401
        assert ears.get(f"{PATH}/1").status_code == 403


def test_pages_and_search(mine: httpx.Client):
    rows = "".join(f"word {number:03},x\n" for number in range(250)) + "Émile,aymeel\n"
    assert mine.post(f"{PATH}/import", content=rows, headers=CSV).json() == {
        "object": "pronunciations", "imported": 251, "total": 251,
    }  # fmt: skip
    first = mine.get(PATH).json()
    assert (len(first["data"]), first["has_more"], first["total"]) == (100, True, 251)
    last = mine.get(PATH, params={"offset": 200}).json()
    assert (len(last["data"]), last["has_more"]) == (51, False)
    found = mine.get(PATH, params={"search": "WORD 24"}).json()
    assert [entry["written"] for entry in found["data"]] == [f"word {number}" for number in range(240, 250)]
    assert mine.get(PATH, params={"search": "émi"}).json()["total"] == 1
    assert mine.get(PATH, params={"search": "%"}).json()["total"] == 0
    assert mine.get(PATH, params={"search": "a\0b"}).json()["total"] == 0


@pytest.mark.parametrize("form", ["json", "csv"])
def test_an_export_is_what_the_import_takes(mine: httpx.Client, form: str):
    added(mine, 'He said "no", twice', "he said no; twice", language="en-GB", case_sensitive=True)
    added(mine, "北京", "Beijing", ipa="peɪˈdʒɪŋ")
    before = mine.get(PATH).json()["data"]
    answer = mine.get(f"{PATH}/export", params={"format": form})
    assert answer.headers["content-disposition"] == f'attachment; filename="pronunciations.{form}"'
    assert mine.delete(PATH).json()["removed"] == 2
    headers = {"content-type": answer.headers["content-type"]}
    assert mine.post(f"{PATH}/import", content=answer.content, headers=headers).json()["imported"] == 2
    after = mine.get(PATH).json()["data"]
    assert [entry | {"id": ""} for entry in after] == [entry | {"id": ""} for entry in before]


def test_an_import_replaces_only_where_it_is_asked_to(mine: httpx.Client):
    added(mine, "old", "x")
    added(mine, "both", "x")
    mine.post(f"{PATH}/import", json=[{"written": "BOTH", "spoken": "y"}, {"written": "new", "spoken": "z"}])
    assert {entry["written"]: entry["spoken"] for entry in mine.get(PATH).json()["data"]} == {
        "old": "x", "BOTH": "y", "new": "z",
    }  # fmt: skip
    answer = mine.post(f"{PATH}/import?replace=true", json=[{"written": "only", "spoken": "z"}])
    assert answer.json()["total"] == 1


@pytest.mark.parametrize(
    ("content", "kind", "status", "param"),
    [
        (b"", "text/csv", 400, "entries"),
        (b"[]", "application/json", 400, "entries"),
        (b"\n\n,,\n", "text/csv", 400, "entries"),
        (b"\xff\xfea", "text/csv", 400, "entries"),
        (b'"never closed', "text/csv", 400, "entries"),
        (b"a,b,,,maybe", "text/csv", 400, "case_sensitive"),
        (b"spoken,ipa\nb,c", "text/csv", 400, "written"),
        (b"a,b\nc,", "text/csv", 400, "spoken"),
        (b"a,b,,not a language", "text/csv", 400, "language"),
        (b"a" * 300 + b",b", "text/csv", 413, "entries"),
        (b"a" * 200_000 + b",b", "text/csv", 400, "entries"),
        (b"a,b\x00", "text/csv", 400, "entries"),
        (b"{}", "application/json", 400, "entries"),
        (b"[" * 100_000, "application/json", 400, "entries"),
        (b'[{"written": 5}]', "application/json", 400, "written"),
        (b'[{"written": "\\ud800", "spoken": "a"}]', "application/json", 400, "entries"),
        (b"a,b", "text/plain", 415, None),
        (b"x" * 2_000_001, "text/csv", 413, None),
        (b"\n".join(b"a%d,b" % number for number in range(100_001)), "text/csv", 413, "entries"),
    ],
    ids=range(19),
)
def test_a_bad_file_changes_nothing(mine: httpx.Client, content: bytes, kind: str, status: int, param: str | None):
    added(mine, "kept", "x")
    answer = mine.post(f"{PATH}/import?replace=true", content=content, headers={"content-type": kind})
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param), answer.text
    assert mine.get(PATH).json()["total"] == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"written": "", "spoken": "a"}, 400),
        ({"written": "a"}, 400),
        ({"written": "\u200b\u2060", "spoken": "a"}, 400),
        ({"written": "a", "spoken": "\u200b"}, 400),
        ({"written": "a\0", "spoken": "b"}, 400),
        ({"written": "a", "spoken": "b\x1b[31m"}, 400),
        ({"written": "a", "spoken": "b", "language": "x' OR 1=1 --"}, 400),
        ({"written": "a" * 1_000_000, "spoken": "b"}, 413),
        ({"written": "a", "spoken": "b" * 201}, 413),
        ({"written": "a " * 30, "spoken": "b"}, 413),
        ({"written": ["a"], "spoken": "b"}, 400),
        ([], 400),
    ],
    ids=range(13),
)
def test_an_entry_that_cannot_be_is_refused(mine: httpx.Client, body: object, status: int):
    answer = mine.post(PATH, json=body)
    assert answer.status_code == status, answer.text
    assert len(answer.text) < 500
    assert mine.get(PATH).json()["total"] == 0


@pytest.mark.parametrize("entry_id", ["0", "-1", "9" * 30, "a", "1 OR 1", "%00", "٣"])
def test_an_unknown_id_is_not_found(mine: httpx.Client, entry_id: str):
    assert mine.get(f"{PATH}/{entry_id}").status_code == 404


def test_two_of_one_form_are_told_apart_by_language_only(mine: httpx.Client):
    added(mine, "Gift", "present", language="en")
    added(mine, "Gift", "poison", language="de-AT")
    answer = mine.post(PATH, json={"written": "gift", "spoken": "x", "language": "en-GB"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
    assert len(said(mine, "Gift", language="en")) == len(said(mine, "present", language="en"))


@pytest.mark.parametrize(
    ("written", "spoken", "text"),
    [
        ("a", "b", "a b a b"),
        ("می\u200cخواهم", "می خاهم", "من می\u200cخواهم"),
        ("שלום", "shalom", "Say שלום twice"),
        ("क्ष", "ksha", "क्ष और"),
        ("zero\u200bwidth", "zero width", "a zerowidth word"),
        ("<img src=x onerror=alert(1)>", "a picture", "before after"),
        ("R&D", "<b>research</b> & development", "the R&D team"),
        ("👍🏽", "thumbs up", "ok 👍🏽 then"),
        ("[pause:9s]", "[pause:9s]", "one two"),
    ],
)
def test_any_script_and_any_sign_is_harmless(mine: httpx.Client, written: str, spoken: str, text: str):
    added(mine, written, spoken)
    mine.post(PATH, json={"written": "b", "spoken": "a a b"})
    assert said(mine, text)
    assert json.loads(mine.get(PATH).content)["data"]


def test_a_rotated_key_keeps_its_pronunciations_and_a_revoked_one_does_not(server: Server, client: httpx.Client):
    made = client.post("/v1/keys", json={"name": "turning", "scopes": ["speech"]}).json()
    with server.client(made["secret"]) as old:
        added(old, "nginx", "engine ex")
    fresh = client.post(f"/v1/keys/{made['id']}/rotate", json={}).json()
    with server.client(fresh["secret"]) as new:
        assert [entry["written"] for entry in new.get(PATH).json()["data"]] == ["nginx"]
    client.delete(f"/v1/keys/{fresh['id']}")
    kept = server.studio.storage.read_sync(
        lambda database: database.execute_sql(
            "SELECT COUNT(*) FROM pronunciations WHERE owner = ?", [f"key:{fresh['id']}"]
        ).fetchone()[0]
    )
    assert kept == 0
