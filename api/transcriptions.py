"""Speech to text over HTTP, in OpenAI's dialect: `/v1/audio/transcriptions` and `/v1/audio/translations`."""

import json
from contextlib import AsyncExitStack, aclosing
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, BeforeValidator, Field

from accounts.lease import Lease, Usage
from accounts.principal import Principal
from api._stream import Body, Head, Streamed, event, header_text
from api._upload import Meter, Upload, form_schema, text_list, uploaded
from api._wiring import House, request_id
from api.auth import KnownCaller
from api.errors import described
from core.errors import BadRequest, VoiceForgeError
from engines.base import Segment
from studio import Studio
from voice import captions
from voice.routing import Route
from voice.transcription import Transcript, TranscriptionOptions, joined

router = APIRouter(tags=["transcription"])

Words = Annotated[list[str], BeforeValidator(text_list), Field(max_length=200)]

LISTS = ("timestamp_granularities", "include", "hotwords", "keywords", "languages")

TYPES = {"text": "text/plain; charset=utf-8", "srt": "application/x-subrip", "vtt": "text/vtt; charset=utf-8"}


class TranscriptionForm(BaseModel):
    """OpenAI's fields beside the file; those that are not known are left alone."""

    model: str = "auto"
    language: str = ""
    languages: list[str] = []
    prompt: str = ""
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt", "diarized_json"] = "json"
    temperature: float = Field(0.0, ge=0, le=1, allow_inf_nan=False)
    timestamp_granularities: list[Literal["segment", "word"]] = []
    include: list[str] = []
    hotwords: Words = []
    keywords: Words = []
    stream: bool = False

    def options(self, task: str) -> TranscriptionOptions:
        """Raises BadRequest on what OpenAI has and this house has not."""
        if self.response_format == "diarized_json":
            raise BadRequest(
                "diarized_json is not available here: no engine tells speakers apart. Use verbose_json.",
                param="response_format",
            )
        return TranscriptionOptions(
            model=self.model,
            language=self.language or (self.languages[0] if len(self.languages) == 1 else ""),
            task=task,
            prompt=self.prompt,
            hotwords=(*self.hotwords, *self.keywords),
            temperature=self.temperature,
            words=self.response_format == "verbose_json" and "word" in self.timestamp_granularities,
        )


FORM = form_schema(TranscriptionForm)


@router.post("/v1/audio/transcriptions", openapi_extra=FORM, response_class=Response)
async def transcriptions(request: Request, studio: House, caller: KnownCaller) -> Response:
    """Write down what is said in a recording, in its own language. With `stream=true` as events while it is heard."""
    return await _answer(request, studio, caller, "transcribe")


@router.post("/v1/audio/translations", openapi_extra=FORM, response_class=Response)
async def translations(request: Request, studio: House, caller: KnownCaller) -> Response:
    """Write down in English what is said in a recording of any language."""
    return await _answer(request, studio, caller, "translate")


async def _answer(request: Request, studio: Studio, caller: Principal, task: str) -> Response:
    operation = "transcription" if task == "transcribe" else "translation"
    async with AsyncExitStack() as stack:
        # Admitted before the upload is read, so that nobody sends half a gigabyte to be told that he may not.
        lease = await stack.enter_async_context(
            await studio.accounts.admit(caller, operation, request_id=request_id(request))
        )
        upload = await stack.enter_async_context(uploaded(request))
        form = upload.fields(TranscriptionForm, LISTS)
        make = partial(_events if form.stream else _whole, studio, upload, lease, form, form.options(task))
        return Streamed(
            make,
            "text/event-stream" if form.stream else TYPES.get(form.response_format, "application/json"),
            stack.pop_all(),
        )


async def _whole(
    studio: Studio, upload: Upload, lease: Lease, form: TranscriptionForm, options: TranscriptionOptions, head: Head
) -> Body:
    """The transcript in one piece, in the format asked for."""
    route = studio.transcription.plan(options)
    _name(route, lease, head)
    transcript = await studio.transcription.whole(upload.file, options, route=route)
    await lease.settle(Usage(engine=route.engine, audio_seconds=transcript.duration))
    yield written(transcript, form).encode()


def written(transcript: Transcript, form: TranscriptionForm) -> str:
    """A transcript as a client asked for it."""
    if form.response_format == "text":
        return f"{transcript.text}\n"
    if form.response_format == "srt":
        return captions.srt(transcript.segments)
    if form.response_format == "vtt":
        return captions.vtt(transcript.segments)
    if form.response_format == "json":
        return json.dumps(captions.json(transcript), ensure_ascii=False)
    wanted = form.timestamp_granularities or ["segment"]
    verbose = captions.verbose_json(transcript, words="word" in wanted, segments="segment" in wanted)
    return json.dumps(verbose, ensure_ascii=False)


async def _events(
    studio: Studio, upload: Upload, lease: Lease, form: TranscriptionForm, options: TranscriptionOptions, head: Head
) -> Body:
    """OpenAI's events while the recording is heard. A failure after the first is told as an event."""
    route = studio.transcription.plan(options)
    _name(route, lease, head)
    head["Cache-Control"] = "no-cache"
    head["X-Accel-Buffering"] = "no"
    meter, said = Meter(), _Said(route.language)
    try:
        segments = studio.transcription.stream(upload.file, options, route=route, meter=meter)
        async with aclosing(segments):
            async for segment in segments:
                for name, data in said.events(segment):
                    yield event(name, {"type": name} | data)
    except VoiceForgeError as error:
        if said.text:
            yield event("error", {"type": "error"} | described(error))
        raise
    await lease.settle(Usage(engine=route.engine, audio_seconds=meter.seconds))
    done = {"type": "transcript.text.done", "text": said.text, "usage": captions.usage(meter.seconds)}
    yield event("transcript.text.done", done)


def _name(route: Route, lease: Lease, head: Head) -> None:
    """Say in the headers who hears."""
    head["X-VoiceForge-Engine"] = header_text(route.engine)
    head["X-VoiceForge-Reason"] = header_text(route.reason)
    head.update(lease.headers())


class _Said:
    """What was heard so far, and the events of each further segment: the pieces join to the whole text."""

    def __init__(self, language: str):
        self.text = ""
        self._language = language
        self._last: Segment | None = None
        self._count = 0

    def events(self, segment: Segment) -> list[tuple[str, dict[str, Any]]]:
        text = segment.text.strip()
        if not text:
            return []
        self._language = self._language or segment.language
        delta = joined([self._last, segment], self._language)[len(self._last.text.strip()) :] if self._last else text
        self.text += delta
        self._last, number = segment, self._count
        self._count += 1
        times = {"id": f"seg_{number}", "start": round(segment.start, 3), "end": round(segment.end, 3)}
        return [
            ("transcript.text.delta", {"delta": delta}),
            ("transcript.text.segment", times | {"text": text, "speaker": ""}),
        ]
