"""The catalogue over HTTP: searched, paged, and honest about what is not here."""

import pytest

from tests.api.conftest import Server
from voice.samples import COUNTING

pytestmark = pytest.mark.integration


def asked(client, **params) -> dict:
    return client.get("/v1/audio/catalogue", params={"limit": 1000, **params}).raise_for_status().json()


def test_everything_that_is_published(client, server: Server):
    found = asked(client)
    counts = found["counts"]
    print(f"{counts['voices']} published voices in {counts['languages']} languages; {found['usable']} can be used here")
    assert counts["voices"] >= 135
    assert counts["languages"] >= 30
    assert found["total"] == len(found["data"]) == len(server.studio.voices.catalogue.entries)
    assert found["usable"] == sum(voice["usable"] for voice in found["data"]) == len(server.studio.voices.all())
    assert len({voice["id"] for voice in found["data"]}) == found["total"]


def test_a_voice_that_is_not_here_says_what_brings_it(client):
    absent = [voice for voice in asked(client)["data"] if not voice["usable"]]
    assert all(voice["why_not"] for voice in absent)
    chatterbox = next(voice for voice in absent if voice["engine"] == "chatterbox")
    assert chatterbox["installed"] is False
    assert chatterbox["commands"]
    assert all(command.startswith("pip install ") for command in chatterbox["commands"])


def test_what_is_here_comes_first_and_says_nothing(client):
    first = asked(client, limit=1)["data"][0]
    assert (first["usable"], first["why_not"], first["commands"]) == (True, "", [])


def test_thirty_languages_have_a_sentence_of_their_own(client):
    texts = {voice["speaks"][0]: voice["sample"]["text"] for voice in asked(client)["data"] if voice["usable"]}
    own = [language for language, text in texts.items() if text != COUNTING]
    assert len(own) >= 30
    assert "नमस्ते" in texts["hi"]


@pytest.mark.parametrize(
    ("params", "holds"),
    [
        ({"language": "hi"}, lambda voice: "hi" in voice["speaks"] or "*" in voice["languages"]),
        ({"language": "Hindi", "gender": "female"}, lambda voice: voice["gender"] == "female"),
        ({"engine": "kokoro"}, lambda voice: voice["engine"] == "kokoro"),
        ({"kind": "variant"}, lambda voice: voice["kind"] == "variant"),
        ({"gender": "unspecified"}, lambda voice: voice["gender"] == ""),
        ({"installed": "true"}, lambda voice: voice["installed"]),
        ({"installed": "false"}, lambda voice: not voice["installed"]),
        ({"search": "af_heart"}, lambda voice: voice["id"] == "kokoro/af_heart"),
        ({"search": "apache kokoro"}, lambda voice: "Apache" in voice["licence"]),
    ],
)
def test_filters(client, params, holds):
    found = asked(client, **params)
    assert 0 < found["total"] < asked(client)["total"]
    assert all(holds(voice) for voice in found["data"])


def test_pages_join_to_the_whole(client):
    whole = [voice["id"] for voice in asked(client, engine="kokoro")["data"]]
    pages = [asked(client, engine="kokoro", offset=offset, limit=20) for offset in (0, 20, 40)]
    assert [voice["id"] for page in pages for voice in page["data"]] == whole
    assert [page["has_more"] for page in pages] == [True, True, False]


@pytest.mark.parametrize(
    ("params", "param"),
    [({"gender": "other"}, "gender"), ({"kind": "x"}, "kind"), ({"limit": 0}, "limit"), ({"offset": -1}, "offset"),
     ({"search": "x" * 201}, "search"), ({"language": "no such thing"}, "language"),
     ({"installed": "maybe"}, "installed")],
)  # fmt: skip
def test_bad_questions(client, params, param):
    answer = client.get("/v1/audio/catalogue", params=params)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_it_needs_a_key(server: Server):
    with server.client(None) as visitor:
        assert visitor.get("/v1/audio/catalogue").status_code == 401
