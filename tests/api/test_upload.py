"""Bodies that strangers send, against a small app around the two readers."""

import gc
import os
from pathlib import Path
from typing import Annotated

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from pydantic import BaseModel, BeforeValidator

from api import errors
from api._upload import form_schema, json_body, json_schema, text_list, uploaded
from core.settings import Settings

LIST = Annotated[list[str], BeforeValidator(text_list)]

CUT_OFF = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + b"x" * 1_500_000
"""A form that ends in the middle of a file large enough to lie on the disk."""


class Form(BaseModel):
    name: str = ""
    words: LIST = []


class Inner(BaseModel):
    depth: int = 0


class Body(BaseModel):
    text: str
    inner: Inner = Inner()


@pytest.fixture
def files() -> list:
    """Every upload's file object that the app has seen."""
    return []


@pytest.fixture
def client(files) -> TestClient:
    app = FastAPI()

    @app.post("/v1/form")
    async def form(request: Request) -> dict:
        async with uploaded(request) as upload:
            files.append(upload.file)
            fields = upload.fields(Form, ["words"])
            return {"size": len(upload.file.read()), "name": fields.name, "words": fields.words}

    @app.post("/v1/json")
    async def body(request: Request) -> str:
        return (await json_body(request, Body)).text

    @app.post("/v1/optional")
    async def optional(request: Request) -> list[str]:
        return (await json_body(request, Form, optional=True)).words

    errors.install(app, Settings(max_upload_mb=3))
    return TestClient(app, "http://127.0.0.1")


def open_files() -> set[str]:
    """The files this process has open, deleted ones too."""
    folder = Path("/proc/self/fd")
    links = (os.path.join(folder, name) for name in os.listdir(folder))
    return {target for link in links if os.path.lexists(link) and (target := os.readlink(link)).startswith("/tmp")}


def refusal(response) -> tuple[int, str, str | None]:
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return response.status_code, error["code"], error["param"]


def test_a_form_as_the_openai_client_sends_it(client):
    response = client.post("/v1/form", files=[("file", b"sound")], data={"name": "Ada", "words[]": ["a", "b"]})
    assert response.json() == {"size": 5, "name": "Ada", "words": ["a", "b"]}


@pytest.mark.parametrize(
    "sent", [{"words": "a, b"}, {"words": '["a", "b"]'}, {"words": ["a", "b"]}, {"words[]": "a,b"}]
)
def test_arrays_come_in_several_spellings(client, sent):
    assert client.post("/v1/form", files={"file": b"x"}, data=sent).json()["words"] == ["a", "b"]


@pytest.mark.parametrize("size", [10, 2_000_000])
def test_files_are_closed_and_gone_afterwards(client, files, size):
    before = open_files()
    assert client.post("/v1/form", files={"file": b"x" * size}).json()["size"] == size
    assert files[0].closed
    assert open_files() == before


@pytest.mark.parametrize(
    ("request_parts", "refused"),
    [
        ({"data": {"name": "x"}, "files": {"other": b"x"}}, (400, "invalid_request", "file")),
        ({"files": {"file": b""}}, (400, "invalid_audio", "file")),
        ({"files": [("file", b"x"), ("file", b"y")]}, (400, "invalid_request", None)),
        ({"files": {"file": b"x"}, "data": {f"f{n}": "x" for n in range(65)}}, (400, "invalid_request", None)),
        ({"files": {"file": b"x"}, "data": {"name": "x" * 1_100_000}}, (400, "invalid_request", None)),
        ({"files": {"file": b"x"}, "data": {"words": '["a"'}}, (400, "invalid_request", "words")),
        ({"json": {"file": "x"}}, (415, "unsupported_media_type", None)),
        ({"content": b"x"}, (415, "unsupported_media_type", None)),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, (400, "invalid_request", None)),
        (
            {"content": CUT_OFF, "headers": {"content-type": "multipart/form-data; boundary=b"}},
            (400, "invalid_request", "file"),
        ),
        ({"files": {"file": b"x" * 4_100_000}}, (413, "too_large", None)),
    ],
)
def test_bad_forms_are_refused_and_leave_no_file(client, request_parts, refused):
    before = open_files()
    response = client.post("/v1/form", **request_parts)
    assert refusal(response) == refused
    gc.collect()
    assert open_files() == before


def test_an_endless_form_is_cut_off(client):
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    sent = 0

    def parts():
        nonlocal sent
        yield head
        for _ in range(1000):
            sent += 100_000
            yield b"x" * 100_000

    before = open_files()
    response = client.post("/v1/form", content=parts(), headers={"content-type": "multipart/form-data; boundary=b"})
    assert refusal(response) == (413, "too_large", None)
    gc.collect()
    assert open_files() == before


@pytest.mark.parametrize("name", ["/etc/passwd", "../../etc/passwd", "C:\\secret.wav", "file:///etc/passwd", "a\0b"])
def test_a_path_is_neither_opened_nor_taken_for_a_file(client, name):
    text = client.post("/v1/form", data={"file": name}, files={"other": b"x"})
    assert refusal(text) == (400, "invalid_request", "file")
    named = client.post("/v1/form", files={"file": (name, b"four")})
    assert named.json()["size"] == 4


@pytest.mark.parametrize(
    ("content", "refused"),
    [
        (b"{", (400, "invalid_request", None)),
        (b"", (400, "invalid_request", None)),
        (b"[" * 100_000, (400, "invalid_request", None)),
        (b"\xff\xfe", (400, "invalid_request", None)),
        (b'{"text": "\\ud800"}', (400, "invalid_request", None)),
        (b"[]", (400, "invalid_request", None)),
        (b"{}", (400, "invalid_request", "text")),
        (b'{"text": 1}', (400, "invalid_request", "text")),
        (b'{"text": "x", "inner": {"depth": "deep"}}', (400, "invalid_request", "inner")),
    ],
)
def test_bad_json_is_refused(client, content, refused):
    response = client.post("/v1/json", content=content, headers={"content-type": "application/json"})
    assert refusal(response) == refused


def test_unknown_fields_are_left_alone(client):
    assert client.post("/v1/json", json={"text": "hi", "user": "me", "stream": True}).json() == "hi"


def test_json_needs_its_content_type(client):
    assert refusal(client.post("/v1/json", data={"text": "hi"}))[0] == 415
    assert refusal(client.post("/v1/json", content=b'{"text": "hi"}'))[0] == 415


def test_a_body_may_be_left_out_where_nothing_in_it_is_needed(client):
    assert client.post("/v1/optional").json() == []
    assert client.post("/v1/optional", content=b"", headers={"content-type": "application/json"}).json() == []
    assert client.post("/v1/optional", json={"words": ["a"]}).json() == ["a"]


def test_the_documentation_shows_brackets_and_points_nowhere():
    form = form_schema(Form)["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert set(form["properties"]) == {"file", "name", "words[]"}
    assert form["required"] == ["file"]
    assert "$ref" not in str(json_schema(Body))
