"""Where in a recording somebody speaks."""

import json
from contextlib import AsyncExitStack
from functools import partial

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from accounts.lease import Lease, Usage
from api._stream import Body, Head, Streamed
from api._upload import Meter, Upload, form_schema, uploaded
from api._wiring import House, request_id
from api.auth import KnownCaller
from studio import Studio
from voice.segments import Rules

router = APIRouter(tags=["audio"])


class SegmentsForm(BaseModel):
    """When sound counts as speech: the probability it takes; the rest is in seconds."""

    threshold: float = 0.5
    min_speech: float = 0.25
    min_silence: float = 0.3
    padding: float = 0.1


@router.post("/v1/audio/segments", openapi_extra=form_schema(SegmentsForm), response_class=Response)
async def segments(request: Request, studio: House, caller: KnownCaller) -> Response:
    """The passages of a recording in which somebody speaks, as `{"segments": [{"start", "end"}], "duration"}`."""
    async with AsyncExitStack() as stack:
        lease = await stack.enter_async_context(
            await studio.accounts.admit(caller, "segments", request_id=request_id(request))
        )
        upload = await stack.enter_async_context(uploaded(request))
        rules = Rules(**upload.fields(SegmentsForm).model_dump())
        return Streamed(partial(_found, studio, upload, lease, rules), "application/json", stack.pop_all())


async def _found(studio: Studio, upload: Upload, lease: Lease, rules: Rules, head: Head) -> Body:
    head.update(lease.headers())
    meter = Meter()
    spans = await studio.transcription.segments(upload.file, rules, meter=meter)
    await lease.settle(Usage(engine=studio.detector.spec.name, audio_seconds=meter.seconds))
    found = [{"start": round(span.start, 3), "end": round(span.end, 3)} for span in spans]
    yield json.dumps({"segments": found, "duration": round(meter.seconds, 3)}).encode()
