"""Recordings over HTTP: where there is speech in them, other formats of them, and what transcribing them costs."""

import pytest

from audio.decode import decode
from tests.api.sounds import silence, tone

pytestmark = pytest.mark.integration


def test_segments(client, spoken):
    seconds = decode(spoken, 16_000, max_seconds=60).seconds
    answer = client.post(
        "/v1/audio/segments", files={"file": spoken}, data={"padding": "0", "min_silence": "0.1"}
    ).json()
    assert answer["duration"] == pytest.approx(seconds, abs=0.01)
    assert answer["segments"]
    for segment in answer["segments"]:
        assert 0 <= segment["start"] < segment["end"] <= answer["duration"]


def test_silence_has_no_segments(client):
    assert client.post("/v1/audio/segments", files={"file": silence(2.0)}).json() == {"segments": [], "duration": 2.0}


@pytest.mark.parametrize("form", ["mp3", "opus", "aac", "flac", "wav"])
def test_convert(client, form):
    answer = client.post("/v1/audio/convert", files={"file": tone(2.0)}, data={"response_format": form})
    assert answer.headers["content-disposition"] == f'attachment; filename="audio.{form}"'
    assert decode(answer.content, 16_000, max_seconds=10).seconds == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"start": "0.5"}, 2.0),
        ({"end": "0.5"}, 0.5),
        ({"start": "0.25", "end": "1.75"}, 1.5),
        ({"start": "2", "end": "9"}, 0.5),
    ],
)
def test_a_part(client, fields, seconds):
    form = fields | {"response_format": "pcm", "sample_rate": "16000"}
    answer = client.post("/v1/audio/convert", files={"file": tone(2.5)}, data=form)
    assert len(answer.content) / 2 / 24_000 == pytest.approx(seconds, abs=0.001)


def test_a_rate(client):
    form = {"response_format": "wav", "sample_rate": "8000"}
    wav = client.post("/v1/audio/convert", files={"file": tone(1.0)}, data=form).content
    assert (int.from_bytes(wav[24:28], "little"), len(wav)) == (8000, pytest.approx(44 + 16_000, abs=8))


@pytest.mark.parametrize(
    ("path", "fields", "op", "engine"),
    [
        ("/v1/audio/transcriptions", {"model": "scripted-stt"}, "transcription", "scripted-stt"),
        ("/v1/audio/transcriptions", {"model": "scripted-stt", "stream": "true"}, "transcription", "scripted-stt"),
        ("/v1/audio/segments", {}, "segments", "silero"),
        ("/v1/audio/convert", {}, "convert", ""),
    ],
)
def test_usage(client, path, fields, op, engine):
    answer = client.post(path, files={"file": tone(1.5)}, data=fields)
    row = client.get("/v1/usage/recent").json()["data"][0]
    assert row["request_id"] == answer.headers["x-request-id"]
    assert (row["op"], row["engine"], row["status"]) == (op, engine, "ok")
    assert row["audio_seconds"] == pytest.approx(1.5, abs=0.01)


def test_a_stream_of_silence_ends_with_no_text(client):
    form = {"model": "scripted-stt", "stream": "true"}
    text = client.post("/v1/audio/transcriptions", files={"file": silence()}, data=form).text
    assert text.startswith("event: transcript.text.done\n")
    assert '"text":""' in text
