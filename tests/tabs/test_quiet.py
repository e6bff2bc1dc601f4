import asyncio
import contextlib
import errno
import importlib
import inspect
import logging
from collections.abc import AsyncIterator
from types import SimpleNamespace

import gradio as gr
import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse, StreamingResponse
from gradio.routes import App
from pydantic import BaseModel

from tabs._quiet import PRINTERS, PlainRefusal, count_plainly, hide_inputs, quieten
from tests.tabs.conftest import Server


class Body(BaseModel):
    data: list[str]


@pytest.fixture(autouse=True)
def restored():
    before = [module.traceback for module in PRINTERS]
    yield
    for module, own in zip(PRINTERS, before, strict=True):
        vars(module)["traceback"] = own


def test_where_it_failed_is_logged_and_what_was_sent_is_not(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    quieten()
    with caplog.at_level(logging.WARNING):
        try:
            raise ValueError("Received inputs: a-secret")
        except ValueError:
            PRINTERS[0].traceback.print_exc()
    assert "ValueError at test_quiet.py:" in caplog.text
    assert "a-secret" not in caplog.text + "".join(capsys.readouterr())


def test_the_rest_of_the_module_stays():
    quieten()
    quieten()
    assert PRINTERS[0].traceback.format_exc is importlib.import_module("traceback").format_exc


def test_gradio_still_prints_where_this_expects_it():
    """A new Gradio may print elsewhere."""
    for module in PRINTERS:
        assert "traceback.print_exc()" in inspect.getsource(module)


async def test_a_malformed_call_is_not_repeated():
    # A coroutine, as Gradio makes event loops where it finds none.
    app = FastAPI()
    app.mount("/", App())
    hide_inputs(app)

    @app.routes[-1].app.post("/call")  # type: ignore[attr-defined]
    async def call(body: Body) -> None:
        """Takes a list."""

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        answer = await client.post("/call", json={"text": "a-secret"})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "data"]
    assert "a-secret" not in answer.text


async def test_too_few_values_are_counted_and_not_repeated():
    demo = gr.Blocks()
    count_plainly(demo)
    event = SimpleNamespace(inputs=[1, 2], api_name="speak")
    with pytest.raises(gr.Error, match="speak takes 2 values, and 1 came"):
        demo.validate_inputs(event, ["a-secret"])  # type: ignore[arg-type]
    demo.validate_inputs(event, ["a", "b"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("raised", "status"),
    [(KeyError("a-secret"), 400), (TypeError("a-secret"), 400), (ValueError("a-secret"), 400),
     (OSError(errno.ENAMETOOLONG, "a-secret"), 400), (OSError(errno.ENOSPC, "a-secret"), 500),
     (MemoryError("a-secret"), 500)],
)  # fmt: skip
async def test_a_call_that_gradio_stumbles_over_is_refused(raised: Exception, status: int):
    app = FastAPI()
    app.mount("/", App())
    hide_inputs(app)

    @app.routes[-1].app.get("/stumble")  # type: ignore[attr-defined]
    async def stumble() -> None:
        raise raised

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        answer = await client.get("/stumble")
    assert answer.status_code == status
    assert "a-secret" not in answer.text


@pytest.mark.parametrize(
    ("path", "error", "status"),
    [("/gradio_api/run/x", "This is too long. [too_large]", 400), ("/gradio_api/run/x", "[internal_error]", 500),
     ("/gradio_api/else", "This is too long.", 500)],
)  # fmt: skip
async def test_an_event_run_directly_refuses_with_a_400(path: str, error: str, status: int):
    app = FastAPI()
    app.add_middleware(PlainRefusal)

    @app.get(path)
    async def run() -> JSONResponse:
        return JSONResponse({"error": error}, 500)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.json()) == (status, {"error": error})


async def test_a_stream_that_breaks_off_is_a_line_of_the_log(caplog: pytest.LogCaptureFixture):
    app = FastAPI()
    app.mount("/", App())
    hide_inputs(app)

    async def parts() -> AsyncIterator[bytes]:
        yield b"one"
        raise KeyError("a-secret")

    @app.routes[-1].app.get("/stream")  # type: ignore[attr-defined]
    async def stream() -> StreamingResponse:
        return StreamingResponse(parts())

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
        with caplog.at_level(logging.WARNING), contextlib.suppress(AssertionError, httpx.TransportError):
            # The transport insists on an end, which a server replaces by hanging up.
            await client.get("/stream")
    assert "KeyError at test_quiet.py:" in caplog.text
    assert "a-secret" not in caplog.text


@pytest.mark.integration
@pytest.mark.parametrize("headers", [b"Origin: http://x\r\n", b"Host: 127.0.0.1\r\nOrigin: http://[\r\n"])
@pytest.mark.parametrize("path", [b"/", b"/config", b"/gradio_api/file=/etc/passwd"])
async def test_an_odd_origin_is_not_a_500(keyed: Server, headers: bytes, path: bytes):
    reader, writer = await asyncio.open_connection("127.0.0.1", int(keyed.url.rpartition(":")[2]))
    writer.write(b"GET " + path + b" HTTP/1.0\r\n" + headers + b"\r\n")
    status = (await reader.readline()).split()[1]
    writer.close()
    assert status in (b"200", b"400", b"403", b"404")
