"""What strangers get wrong or try on: a clear 4xx in OpenAI's shape, and nothing is left behind."""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.conftest import ADMIN, Server
from tests.api.sounds import silence, tone

pytestmark = pytest.mark.integration

JSON = {"content-type": "application/json"}


def until(true: Callable[[], object], seconds: float = 5.0) -> bool:
    """Whether it becomes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        os.sched_yield()
    return False


def uploads() -> set[str]:
    """Temporary files that this process, and with it the server, has open."""
    folder = Path("/proc/self/fd")
    targets = {os.readlink(link) for link in folder.iterdir() if os.path.lexists(link)} if folder.exists() else set()
    return {target for target in targets if "(deleted)" in target or target.startswith("/tmp/tmp")}


@pytest.fixture(autouse=True)
def _nothing_is_left(server: Server) -> Iterator[None]:
    before = uploads()
    yield
    assert until(lambda: not server.busy()), server.busy()
    assert until(lambda: uploads() <= before), uploads() - before


def refusal(response: httpx.Response) -> tuple[int, str, str | None]:
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"].endswith((".", "?"))
    assert response.headers["x-request-id"].startswith("req_")
    return response.status_code, error["code"], error["param"]


def speak(client: httpx.Client, **body) -> httpx.Response:
    return client.post("/v1/audio/speech", json={"model": "scripted-tts", "input": "Hello.", "voice": "tone"} | body)


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ({"input": ""}, (400, "invalid_request", "input")),
        ({"input": " \n "}, (400, "invalid_request", "input")),
        ({"input": "…!?"}, (400, "invalid_request", "input")),
        ({"input": "x" * 1_000_000}, (413, "too_large", "input")),
        ({"input": bytes(range(256)).decode("latin-1") * 4}, (400, "invalid_request", "input")),
        ({"input": None}, (400, "invalid_request", "input")),
        ({"input": ["a"]}, (400, "invalid_request", "input")),
        ({"speed": 0}, (400, "invalid_request", "speed")),
        ({"speed": -1}, (400, "invalid_request", "speed")),
        ({"speed": 4.01}, (400, "invalid_request", "speed")),
        ({"speed": "fast"}, (400, "invalid_request", "speed")),
        ({"model": "tts-9"}, (404, "model_not_found", "model")),
        ({"model": "whisper-1"}, (400, "invalid_request", "model")),
        ({"model": "/etc/passwd"}, (404, "model_not_found", "model")),
        ({"model": "espeak-ng:../../x"}, (404, "model_not_found", "model")),
        ({"voice": "nobody-at-all"}, (404, "voice_not_found", "voice")),
        ({"voice": "../../etc/passwd"}, (404, "voice_not_found", "voice")),
        ({"voice": {"name": "tone"}}, (400, "invalid_request", "voice")),
        ({"language": "no language!"}, (400, "invalid_request", "language")),
        ({"response_format": "exe"}, (400, "invalid_request", "response_format")),
        ({"stream_format": "carrier-pigeon"}, (400, "invalid_request", "stream_format")),
        ({"instructions": "x" * 100_000}, (413, "too_large", "instructions")),
    ],
)
@pytest.mark.parametrize("path", ["/v1/audio/speech", "/v1/audio/speech/streaming"])
def test_bad_speech(client, body, refused, path):
    body = {"model": "scripted-tts", "input": "Hello.", "voice": "tone"} | body
    assert refusal(client.post(path, json=body)) == refused


@pytest.mark.parametrize("speed", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_speeds_that_are_no_numbers(client, speed):
    content = f'{{"input": "Hello.", "model": "scripted-tts", "voice": "tone", "speed": {speed}}}'
    assert refusal(client.post("/v1/audio/speech", content=content, headers=JSON)) == (400, "invalid_request", "speed")


@pytest.mark.parametrize(
    ("content", "headers", "refused"),
    [
        (b'{"input": "Hel', JSON, (400, "invalid_request", None)),
        (b"\xff\xfe\x00", JSON, (400, "invalid_request", None)),
        (b"null", JSON, (400, "invalid_request", None)),
        (b'{"input": "Hello."}', {"content-type": "text/plain"}, (415, "unsupported_media_type", None)),
        (b"input=Hello", {"content-type": "application/x-www-form-urlencoded"}, (415, "unsupported_media_type", None)),
        (b'{"input": "Hello."}', {}, (415, "unsupported_media_type", None)),
        (b" " * 2_000_001, JSON, (413, "too_large", None)),
    ],
)
def test_bad_bodies(client, content, headers, refused):
    assert refusal(client.post("/v1/audio/speech", content=content, headers=headers)) == refused


HEARING = ["/v1/audio/transcriptions", "/v1/audio/segments"]
RECORDINGS = [*HEARING, "/v1/audio/convert"]
FORMS = [*RECORDINGS, "/v1/audio/translations"]


@pytest.mark.parametrize("path", RECORDINGS)
@pytest.mark.parametrize(
    ("file", "status"),
    [
        (b"", 400),
        (b"This is a text that calls itself a recording. " * 50, 400),
        (tone()[:30], 400),
        (b"RIFF\xff\xff\xff\xffWAVE" + bytes(100), 400),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", 400),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", 400),
        (bytes(2_000_000), 400),
    ],
)
def test_bad_recordings(client, path, file, status):
    refused = refusal(client.post(path, files={"file": ("a.wav", file)}))
    assert refused[:2] == (status, "invalid_audio")


@pytest.mark.parametrize("path", HEARING)
def test_a_small_file_that_lasts_too_long(client, path):
    bomb = silence(150.0, "flac")
    assert len(bomb) < 100_000
    response = client.post(path, files={"file": ("a.flac", bomb)})
    assert refusal(response)[:2] == (413, "too_large")


@pytest.mark.parametrize("path", FORMS)
def test_uploads_that_are_too_large(client, path):
    response = client.post(path, files={"file": ("a.wav", bytes(4_100_000))})
    assert refusal(response)[:2] == (413, "too_large")


def test_an_upload_that_does_not_say_how_large_it_is(server):
    """Sent by hand, since clients' libraries stop sending at the first answer."""
    head = (
        "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n"
        f"Authorization: Bearer {ADMIN}\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n"
    )
    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    sent = 0
    with connected(server) as far:
        far.sendall(head.encode() + chunk(part))
        try:
            while sent < 100_000_000:
                sent += far.send(chunk(bytes(100_000)))
        except OSError:
            pass  # the server hung up
        answer = far.recv(4096)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b'"code":"too_large"' in answer
    assert sent < 50_000_000


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"model": "whisper-99"}, (404, "model_not_found", "model")),
        ({"model": "tts-1"}, (400, "invalid_request", "model")),
        ({"model": "faster-whisper:/etc"}, (404, "model_not_found", "model")),
        ({"response_format": "docx"}, (400, "invalid_request", "response_format")),
        ({"response_format": "diarized_json"}, (400, "invalid_request", "response_format")),
        ({"temperature": "hot"}, (400, "invalid_request", "temperature")),
        ({"temperature": "nan"}, (400, "invalid_request", "temperature")),
        ({"timestamp_granularities[]": "letter"}, (400, "invalid_request", "timestamp_granularities")),
        ({"language": "no language!"}, (400, "invalid_request", "language")),
        ({"prompt": "x" * 20_000}, (413, "too_large", "prompt")),
        ({"stream": "perhaps"}, (400, "invalid_request", "stream")),
        ({"hotwords[]": ["x"] * 60 + ["y" * 9000]}, (413, "too_large", "hotwords")),
    ],
)
def test_bad_fields(client, fields, refused):
    response = client.post("/v1/audio/transcriptions", files={"file": tone()}, data=fields)
    assert refusal(response) == refused


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"start": "5"}, "start"),
        ({"start": "1", "end": "0.5"}, "end"),
        ({"start": "-1"}, "start"),
        ({"sample_rate": "1"}, "sample_rate"),
        ({"sample_rate": "10000000"}, "sample_rate"),
        ({"end": "nan"}, "end"),
        ({"response_format": "exe"}, "response_format"),
    ],
)
def test_bad_conversions(client, fields, param):
    response = client.post("/v1/audio/convert", files={"file": tone()}, data=fields)
    assert refusal(response) == (400, "invalid_request", param)


@pytest.mark.parametrize("fields", [{"threshold": "2"}, {"min_speech": "-1"}, {"padding": "nan"}, {"min_silence": "x"}])
def test_bad_rules(client, fields):
    response = client.post("/v1/audio/segments", files={"file": tone()}, data=fields)
    assert refusal(response) == (400, "invalid_request", next(iter(fields)))


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../../../etc/passwd", "file:///etc/passwd", "http://127.0.0.1:1/a.wav"]
)
def test_a_path_in_the_place_of_a_file(client, path, name):
    response = client.post(path, data={"file": name}, files={"other": b"x"})
    assert refusal(response) == (400, "invalid_request", "file")


@pytest.mark.parametrize(
    "path", ["/v1/audio/speech", "/v1/audio/transcriptions", "/v1/keys", "/v1/usage", "/v1/models"]
)
def test_nobody_without_a_key(server, path):
    with server.client(None) as client:
        get = path in ("/v1/usage", "/v1/models")
        response = client.get(path) if get else client.post(path, content=b"{", headers=JSON)
    assert refusal(response)[:2] == (401, "invalid_api_key")
    assert response.headers["www-authenticate"].startswith("Bearer")


def test_a_key_that_may_not(server, client):
    secret = client.post("/v1/keys", json={"name": "ears", "scopes": ["transcription"]}).json()["secret"]
    with server.client(secret) as ears:
        assert refusal(speak(ears))[:2] == (403, "insufficient_scope")
        assert refusal(ears.get("/v1/keys"))[:2] == (403, "insufficient_scope")
        assert refusal(ears.get("/metrics"))[:2] == (403, "insufficient_scope")
        assert refusal(ears.post("/v1/audio/convert", files={"file": tone()}))[:2] == (403, "insufficient_scope")


LONG = "This sentence is spoken for a long time. " * 2000


def test_a_client_that_vanishes_while_it_is_spoken_to(server, client):
    request_id = vanish(server, {"model": "scripted-tts", "voice": "tone", "input": LONG, "response_format": "pcm"})
    assert until(lambda: not server.busy())

    def kept() -> list[str]:
        rows = client.get("/v1/usage/recent").json()["data"]
        return [row["status"] for row in rows if row["request_id"] == request_id]

    assert until(kept)
    assert kept() == ["cancelled"]


def vanish(server: Server, body: dict) -> str:
    """Ask, read the beginning of the answer, and hang up; the request's id."""
    content = json.dumps(body).encode()
    head = (
        "POST /v1/audio/speech HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {ADMIN}\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    with connected(server) as far:
        far.sendall(head.encode() + content)
        answer = far.recv(4096)
    assert answer.startswith(b"HTTP/1.1 200")
    return answer.partition(b"x-request-id: ")[2].partition(b"\r\n")[0].decode()


def test_a_client_that_vanishes_while_it_uploads(server):
    head = (
        "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2500000\r\n"
        f"Authorization: Bearer {ADMIN}\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    )
    with connected(server) as far:
        far.sendall(head.encode() + bytes(2_000_000))
        assert until(lambda: server.busy())
    assert until(lambda: not server.busy())


def connected(server: Server) -> socket.socket:
    url = httpx.URL(server.url)
    return socket.create_connection((url.host, url.port), timeout=10)


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def test_a_bomb_breaks_the_stream_off(client):
    """A conversion is under way when it turns out to be too long, so it ends without an end."""
    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/v1/audio/convert", files={"file": silence(150.0, "flac")}, data={"response_format": "wav"})


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_wrong_methods(client, method):
    assert refusal(client.request(method, "/v1/audio/speech"))[:2] == (405, "method_not_allowed")


def test_unknown_paths(client):
    assert refusal(client.get("/v1/audio/nothing"))[:2] == (404, "not_found")
