"""Speech over HTTP beyond what the official client asks for."""

import base64
import json
import struct
from contextlib import aclosing

import pytest

from core.errors import CircuitOpen
from tests.api.conftest import Server

pytestmark = pytest.mark.integration

PATHS = ["/v1/audio/speech", "/v1/audio/speech/streaming"]


def body(**more) -> dict:
    return {"model": "scripted-tts", "voice": "tone", "input": "Hello.", "response_format": "pcm"} | more


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("form", "content_type", "magic"),
    [
        ("mp3", "audio/mpeg", b"\xff"),
        ("opus", "audio/ogg", b"OggS"),
        ("aac", "audio/aac", b"\xff\xf1"),
        ("flac", "audio/flac", b"fLaC"),
        ("wav", "audio/wav", b"RIFF"),
        ("ulaw", "audio/basic", b""),
    ],
)
def test_content_types(client, path, form, content_type, magic):
    answer = client.post(path, json=body(response_format=form))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == content_type
    assert answer.content.startswith(magic)
    assert answer.headers["transfer-encoding"] == "chunked"


def test_mp3_is_what_is_sent_when_nothing_is_said(client):
    answer = client.post("/v1/audio/speech", json={"input": "Hello.", "model": "scripted-tts", "voice": "tone"})
    assert answer.headers["content-type"] == "audio/mpeg"


def test_headers_say_what_is_used(client):
    answer = client.post("/v1/audio/speech", json=body(voice="alloy", model="auto", input="Hello."))
    assert answer.headers["x-voiceforge-engine"] in ("espeak-ng", "flite")
    assert answer.headers["x-voiceforge-voice"].startswith(answer.headers["x-voiceforge-engine"])
    assert answer.headers["x-voiceforge-reason"]


def test_somebody_speaks_where_the_one_who_was_asked_for_is_not_here_and_it_is_said(client):
    answer = client.post("/v1/audio/speech", json=body(model="auto", voice="orpheus/tara"))
    assert answer.status_code == 200
    assert len(answer.content) > 1000
    assert answer.headers["x-voiceforge-engine"] in ("espeak-ng", "flite")
    assert answer.headers["x-voiceforge-reason"].startswith("orpheus/tara: ")
    row = client.get("/v1/usage/recent").json()["data"][0]
    assert (row["engine"], row["voice"]) == (
        answer.headers["x-voiceforge-engine"],
        answer.headers["x-voiceforge-voice"],
    )


@pytest.mark.parametrize("path", [*PATHS, "/v1/audio/speech/captions"])
def test_who_is_strict_gets_what_was_asked_for_or_an_error(client, path):
    answer = client.post(path, json=body(model="auto", voice="orpheus/tara", strict=True))
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "engine_not_installed")


def test_an_engine_that_fails_at_its_first_sound_is_not_the_one_that_is_told(server: Server, client, monkeypatch):
    """The circuit closes between the plan and the pool."""
    pool, failing = server.studio.pool, "scripted-tts"
    ask = pool.stream

    async def stream(engine, request, **more):
        if engine == failing:
            raise CircuitOpen(f"The engine {engine} rests.")
        async with aclosing(ask(engine, request, **more)) as answers:
            async for answer in answers:
                yield answer

    monkeypatch.setattr(pool, "stream", stream)
    for path in PATHS:
        answer = client.post(path, json=body(response_format="wav"))
        assert answer.status_code == 200
        assert answer.headers["x-voiceforge-engine"] in ("espeak-ng", "flite")
        assert answer.headers["x-voiceforge-reason"].startswith("scripted-tts is down: The engine scripted-tts rests; ")
        assert struct.unpack("<I", answer.content[24:28])[0] == 24_000
        assert client.post(path, json=body(strict=True)).status_code == 503


def test_a_stream_of_unknown_length_has_a_header_that_says_so(client):
    wav = client.post("/v1/audio/speech", json=body(response_format="wav")).content
    assert struct.unpack("<I", wav[40:44])[0] == 0xFFFFFFFF
    assert len(wav) == pytest.approx(44 + 2 * 24_000 * 6 * 0.06, abs=2)


def test_events_hold_the_same_audio(client):
    plain = client.post("/v1/audio/speech", json=body()).content
    events = client.post("/v1/audio/speech", json=body(stream_format="sse")).text.strip().split("\n\n")
    parsed = [json.loads(event.split("data: ", 1)[1]) for event in events]
    assert b"".join(base64.b64decode(event["audio"]) for event in parsed[:-1]) == plain
    assert parsed[-1] == {
        "type": "speech.audio.done",
        "usage": {"input_tokens": 6, "output_tokens": 0, "total_tokens": 6},
    }


@pytest.mark.parametrize("stream_format", ["audio", "sse"])
def test_usage_is_kept_before_the_answer_ends(client, stream_format):
    answer = client.post("/v1/audio/speech", json=body(input="Twelve chars", stream_format=stream_format))
    row = client.get("/v1/usage/recent").json()["data"][0]
    assert row["request_id"] == answer.headers["x-request-id"]
    assert (row["op"], row["engine"], row["voice"]) == ("speech", "scripted-tts", "scripted-tts/tone")
    assert (row["status"], row["characters"]) == ("ok", 12)
    assert row["audio_seconds"] == pytest.approx(12 * 0.06)


def test_a_refused_request_uses_nothing(client):
    before = client.get("/v1/usage/recent").json()["data"]
    client.post("/v1/audio/speech", json=body(speed=9))
    assert client.get("/v1/usage/recent").json()["data"] == before


@pytest.mark.parametrize("header", ["x-api-key", "xi-api-key"])
def test_keys_in_other_headers(server: Server, client, header):
    secret = client.post("/v1/keys", json={"name": header, "scopes": ["speech"]}).json()["secret"]
    with server.client(None) as other:
        assert other.post("/v1/audio/speech", json=body(), headers={header: secret}).status_code == 200


def test_a_text_of_any_length_begins_at_once(client):
    """The first of half an hour of audio arrives while nearly all of it is still unmade."""
    with client.stream("POST", "/v1/audio/speech", json=body(input="A sentence of no meaning. " * 1200)) as answer:
        assert answer.status_code == 200
        first = next(answer.iter_raw())
    assert 0 < len(first) < 1_000_000
