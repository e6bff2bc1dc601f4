"""Audio of any kind to audio of another, sent while it is decoded, so that its length costs no memory."""

from collections.abc import Iterator
from contextlib import AsyncExitStack, aclosing
from functools import partial
from typing import Annotated, BinaryIO

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, BeforeValidator, Field

from accounts.lease import Lease, Usage
from api._stream import Body, Head, Streamed
from api._upload import Meter, Upload, form_schema, text_list, uploaded
from api._wiring import House, request_id
from api.auth import KnownCaller
from api.speech import Enhancement
from audio.decode import blocks
from audio.encode import Encoder, Format, find
from audio.enhance import Enhancer
from core.errors import BadRequest
from core.threads import in_thread
from voice.care import limited

router = APIRouter(tags=["audio"])


class ConvertForm(BaseModel):
    """What to make of the file: its format, its sample rate in Hz, and which part of it, in seconds."""

    response_format: str = "mp3"
    sample_rate: int = Field(24_000, ge=8000, le=48_000)
    start: float = Field(0.0, ge=0, allow_inf_nan=False)
    end: float | None = Field(None, gt=0, allow_inf_nan=False)
    enhancement: Annotated[list[Enhancement], BeforeValidator(text_list), Field(max_length=8)] = []


@router.post("/v1/audio/convert", openapi_extra=form_schema(ConvertForm), response_class=Response)
async def convert(request: Request, studio: House, caller: KnownCaller) -> Response:
    """Change a recording's format and rate, clean its sound, or cut a part out of it. The answer is mono."""
    async with AsyncExitStack() as stack:
        lease = await stack.enter_async_context(
            await studio.accounts.admit(caller, "convert", request_id=request_id(request))
        )
        upload = await stack.enter_async_context(uploaded(request))
        form = upload.fields(ConvertForm, ("enhancement",))
        if form.end is not None and form.end <= form.start:
            raise BadRequest("end must lie after start.", param="end")
        target = find(form.response_format)
        make = partial(_converted, upload, form, target, lease, studio.settings.max_audio_minutes * 60)
        return Streamed(make, target.content_type, stack.pop_all())


async def _converted(
    upload: Upload, form: ConvertForm, target: Format, lease: Lease, max_seconds: float, head: Head
) -> Body:
    head["Content-Disposition"] = f'attachment; filename="audio{target.suffix}"'
    head.update(lease.headers())
    meter = Meter()
    async with aclosing(in_thread(lambda: _steps(upload.file, form, target.name, max_seconds, meter))) as parts:
        async for part in parts:
            yield part
    await lease.settle(Usage(audio_seconds=meter.seconds))


def _steps(file: BinaryIO, form: ConvertForm, name: str, max_seconds: float, meter: Meter) -> Iterator[bytes]:
    """Decode, cut, enhance and encode, a second of audio at a time. Blocks; runs in a thread."""
    encoder, at = Encoder(name, form.sample_rate), 0.0
    enhancer = Enhancer(form.sample_rate, form.enhancement) if form.enhancement else None
    for block in blocks(file, form.sample_rate, max_seconds=max_seconds):
        end = block.seconds if form.end is None else form.end - at
        part = block.cut(form.start - at, end)
        at += block.seconds
        if len(part.samples):
            meter(meter.seconds + part.seconds)
            yield encoder.feed(limited(enhancer.feed(part.samples)) if enhancer else part.samples)
        if form.end is not None and at >= form.end:
            break
    if not meter.seconds:
        raise BadRequest("The recording ends before start.", param="start")
    if enhancer:
        yield encoder.feed(limited(enhancer.flush()))
    yield encoder.close()
