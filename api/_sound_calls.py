"""Gradio's endpoints that take or give sound: speaking, writing down, finding speech, converting."""

import base64
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, Literal, TypeVar

import gradio as gr
from starlette.datastructures import MutableHeaders

from accounts.lease import Usage
from accounts.principal import Principal
from api import captions as captioning
from api import convert as converting
from api import segments as finding
from api import speech as speaking
from api import transcriptions as hearing
from api._binding import caller_of, checked
from api._results import kept, uploaded
from api._upload import Meter
from audio.encode import find
from core.errors import BadRequest
from core.threads import in_thread
from studio import Studio
from voice.segments import Rules

Format = Literal["mp3", "opus", "aac", "flac", "wav", "pcm", "ulaw", "alaw"]
Captions = Literal["json", "srt", "vtt"]
Enhancements = list[speaking.Enhancement]
Written = Literal["json", "text", "srt", "verbose_json", "vtt"]


async def speak(
    studio: Studio,
    request: gr.Request,
    text: str,
    voice: str = "",
    model: str = "auto",
    language: str = "",
    speed: float = 1.0,
    response_format: Format = "mp3",
    instructions: str = "",
    enhancement: Enhancements | None = None,
    strict: bool = False,
) -> gr.FileData:
    """Speak a text and give the audio as a file.

    Args:
        text: What to say, of any length up to the server's limit.
        voice: A voice's id, name or a well-known name such as alloy; empty is the best for the language.
        model: auto, or an engine's name.
        language: A tag such as en or pt-BR; empty leaves it to the voice and the text.
        speed: 0.25 to 4; 1 is the voice's own pace.
        response_format: The format of the file.
        instructions: How to speak, in words, for engines that can follow them.
        enhancement: Of the sound: denoise, clarity, both or none.
        strict: Whether an error is better than another voice, where the one that would speak is down or not here.

    Returns:
        The audio file.
    """
    body = _speech(text, voice, model, language, speed, response_format, instructions, enhancement, strict)
    return await kept(_spoken(studio, request, body), f"speech{find(body.response_format).suffix}")


async def speak_stream(
    studio: Studio,
    request: gr.Request,
    text: str,
    voice: str = "",
    model: str = "auto",
    language: str = "",
    speed: float = 1.0,
    response_format: Format = "mp3",
    instructions: str = "",
    enhancement: Enhancements | None = None,
    strict: bool = False,
) -> AsyncIterator[dict[str, Any]]:
    """Speak a text and give the audio piece by piece, the first while the rest is being made.

    Args:
        text: What to say, of any length up to the server's limit.
        voice: A voice's id, name or a well-known name such as alloy; empty is the best for the language.
        model: auto, or an engine's name.
        language: A tag such as en or pt-BR; empty leaves it to the voice and the text.
        speed: 0.25 to 4; 1 is the voice's own pace.
        response_format: The format that the pieces join to.
        instructions: How to speak, in words, for engines that can follow them.
        enhancement: Of the sound: denoise, clarity, both or none.
        strict: Whether an error is better than another voice, where the one that would speak is down or not here.

    Returns:
        Pieces in order, each with `audio` in base64 and its `content_type`.
    """
    body = _speech(text, voice, model, language, speed, response_format, instructions, enhancement, strict)
    content_type = find(body.response_format).content_type
    async with aclosing(_spoken(studio, request, body)) as parts:
        async for part in parts:
            if part:
                yield {"audio": base64.b64encode(part).decode(), "content_type": content_type}


async def speak_captions(
    studio: Studio,
    request: gr.Request,
    text: str,
    voice: str = "",
    model: str = "auto",
    language: str = "",
    speed: float = 1.0,
    response_format: Format = "mp3",
    instructions: str = "",
    enhancement: Enhancements | None = None,
    captions: Captions = "json",
    strict: bool = False,
) -> str | dict[str, Any]:
    """Speak a text and give the times of its words, as captions too.

    Args:
        text: What to say, 20,000 characters at most.
        voice: A voice's id, name or a well-known name such as alloy; empty is the best for the language.
        model: auto, or an engine's name.
        language: A tag such as en or pt-BR; empty leaves it to the voice and the text.
        speed: 0.25 to 4; 1 is the voice's own pace.
        response_format: The format of the audio.
        instructions: How to speak, in words, for engines that can follow them.
        enhancement: Of the sound: denoise, clarity, both or none.
        captions: json has the audio, the words and both kinds of captions; srt and vtt are the captions alone.
        strict: Whether an error is better than another voice, where the one that would speak is down or not here.

    Returns:
        The captions, or an object with `audio` in base64, `words`, `srt`, `vtt`, and whether times are `estimated`.
    """
    body = _speech(
        text, voice, model, language, speed, response_format, instructions, enhancement, strict,
        captioning.CaptionsBody, captions=captions,
    )  # fmt: skip
    answer = await captioning.made(studio, caller_of(request), body)
    return json.loads(answer) if body.captions == "json" else answer


B = TypeVar("B", bound=speaking.SpeechBody)


def _speech(
    text: str,
    voice: str,
    model: str,
    language: str,
    speed: float,
    response_format: str,
    instructions: str,
    enhancement: Any,
    strict: bool,
    kind: type[B] = speaking.SpeechBody,
    **more: Any,
) -> B:
    return checked(
        kind,
        input=text,
        voice=voice,
        model=model,
        language=language,
        speed=speed,
        response_format=response_format,
        instructions=instructions,
        enhancement=enhancement or [],
        strict=strict,
        **more,
    )


async def _spoken(studio: Studio, request: gr.Request, body: speaking.SpeechBody) -> AsyncGenerator[bytes, None]:
    caller, form = caller_of(request), find(body.response_format)
    plan = await studio.plan(caller, body.request())
    async with (
        await studio.accounts.admit(caller, "speech", characters=len(body.input)) as lease,
        aclosing(speaking._audio(studio, plan, lease, form.name, MutableHeaders())) as parts,
    ):
        async for part in parts:
            yield part


async def transcribe(
    studio: Studio,
    request: gr.Request,
    file: gr.FileData,
    language: str = "",
    model: str = "auto",
    prompt: str = "",
    response_format: Written = "json",
    words: bool = False,
    temperature: float = 0.0,
) -> str | dict[str, Any]:
    """Write down what is said in a recording, in its own language.

    Args:
        file: The recording, audio or video of any usual kind.
        language: A tag such as en; empty finds it out.
        model: auto, or an engine's name with a size, such as faster-whisper:small.
        prompt: Text that shows spelling and style.
        response_format: json and verbose_json give an object, the others text.
        words: Whether verbose_json has the times of single words.
        temperature: 0 to 1; 0 is the likeliest text.

    Returns:
        The transcript in the format asked for.
    """
    return await _written(
        studio, request, file, "transcribe", language, model, prompt, response_format, words, temperature
    )


async def translate(
    studio: Studio,
    request: gr.Request,
    file: gr.FileData,
    model: str = "auto",
    prompt: str = "",
    response_format: Written = "json",
    temperature: float = 0.0,
) -> str | dict[str, Any]:
    """Write down in English what is said in a recording of any language.

    Args:
        file: The recording, audio or video of any usual kind.
        model: auto, or an engine's name with a size, such as faster-whisper:small.
        prompt: English text that shows spelling and style.
        response_format: json and verbose_json give an object, the others text.
        temperature: 0 to 1; 0 is the likeliest text.

    Returns:
        The translation in the format asked for.
    """
    return await _written(studio, request, file, "translate", "", model, prompt, response_format, False, temperature)


async def _written(
    studio: Studio,
    request: gr.Request,
    file: Any,
    task: str,
    language: str,
    model: str,
    prompt: str,
    response_format: str,
    words: bool,
    temperature: float,
) -> str | dict[str, Any]:
    caller, path = caller_of(request), uploaded(file)
    form = checked(
        hearing.TranscriptionForm,
        language=language,
        model=model,
        prompt=prompt,
        response_format=response_format,
        timestamp_granularities=["segment", "word"] if words else ["segment"],
        temperature=temperature,
    )
    options = form.options(task)
    route = studio.transcription.plan(options)
    operation = "translation" if task == "translate" else "transcription"
    async with await studio.accounts.admit(caller, operation) as lease:
        transcript = await studio.transcription.whole(path, options, route=route)
        await lease.settle(Usage(engine=route.engine, audio_seconds=transcript.duration))
    text = hearing.written(transcript, form)
    return json.loads(text) if response_format.endswith("json") else text


async def segments(
    studio: Studio,
    request: gr.Request,
    file: gr.FileData,
    threshold: float = 0.5,
    min_speech: float = 0.25,
    min_silence: float = 0.3,
    padding: float = 0.1,
) -> dict[str, Any]:
    """Find the passages of a recording in which somebody speaks.

    Args:
        file: The recording.
        threshold: The probability from which sound counts as speech, 0 to 1.
        min_speech: Seconds below which a passage is left out.
        min_silence: Seconds of silence that end a passage.
        padding: Seconds added to each side of a passage.

    Returns:
        `segments`, each with start and end in seconds, and the recording's `duration`.
    """
    caller, path = caller_of(request), uploaded(file)
    form = checked(
        finding.SegmentsForm, threshold=threshold, min_speech=min_speech, min_silence=min_silence, padding=padding
    )
    meter = Meter()
    async with await studio.accounts.admit(caller, "segments") as lease:
        spans = await studio.transcription.segments(path, Rules(**form.model_dump()), meter=meter)
        await lease.settle(Usage(engine=studio.detector.spec.name, audio_seconds=meter.seconds))
    found = [{"start": round(span.start, 3), "end": round(span.end, 3)} for span in spans]
    return {"segments": found, "duration": round(meter.seconds, 3)}


async def convert(
    studio: Studio,
    request: gr.Request,
    file: gr.FileData,
    response_format: Format = "mp3",
    sample_rate: int = 24_000,
    start: float = 0.0,
    end: float | None = None,
    enhancement: Enhancements | None = None,
) -> gr.FileData:
    """Change a recording's format and sample rate, clean its sound, or cut a part out of it.

    Args:
        file: The recording.
        response_format: The format of the new file.
        sample_rate: 8000 to 48000 Hz.
        start: Where the part begins, in seconds.
        end: Where it ends, in seconds; empty is the recording's end.
        enhancement: Of the sound: denoise, clarity, both or none.

    Returns:
        The new file, in mono.
    """
    caller, path = caller_of(request), uploaded(file)
    form = checked(
        converting.ConvertForm,
        response_format=response_format,
        sample_rate=sample_rate,
        start=start,
        end=end,
        enhancement=enhancement or [],
    )
    if form.end is not None and form.end <= form.start:
        raise BadRequest("end must lie after start.", param="end")
    target = find(form.response_format)
    return await kept(_converted(studio, caller, path, form), f"audio{target.suffix}")


async def _converted(
    studio: Studio, caller: Principal, path: Path, form: converting.ConvertForm
) -> AsyncGenerator[bytes, None]:
    limit, meter = studio.settings.max_audio_minutes * 60, Meter()
    async with await studio.accounts.admit(caller, "convert") as lease:
        with path.open("rb") as file:
            steps = in_thread(lambda: converting._steps(file, form, form.response_format, limit, meter))
            async with aclosing(steps) as parts:
                async for part in parts:
                    yield part
        await lease.settle(Usage(audio_seconds=meter.seconds))
