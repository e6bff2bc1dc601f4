"""The Transcribe tab: a file or the microphone becomes text with times, to read, to click through and to download."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from engines.base import Segment
from studio import Studio
from tabs._ending import cancelled_by
from tabs._gate import plainly, plainly_or, principal_of, safe_upload
from tabs._heard import Heard, hear
from tabs._languages import COMMON, choices
from tabs._look import asset
from tabs._spoken import speak
from tabs._words import clock, empty, facts, note, progress
from voice import captions
from voice.languages import name_of
from voice.speech import SpeechRequest
from voice.transcription import TranscriptionOptions

TITLE = "Transcribe"
ORDER = 20

SAMPLE = "Good morning. The meeting begins at half past nine, and the coffee is already on the table."
TASKS = [("Same language", "transcribe"), ("Into English", "translate")]
SHOWN = 2000
"""Segments drawn on the page; the downloads hold all."""


def build(studio: Studio) -> None:
    with gr.Row(equal_height=False, elem_classes="vf-columns"):
        with gr.Column(scale=5, min_width=300):
            wanted, sample, go, cancel = _controls(studio)
        with gr.Column(scale=4, min_width=300):
            results = _results()
    source, status = wanted[0], results[0]

    @plainly_or(_nothing(), *[gr.skip()] * 6)
    async def ui_transcribe(
        source: Any, language: str, task: str, words: bool, request: gr.Request
    ) -> AsyncIterator[Any]:
        principal, path = principal_of(request), safe_upload(source)
        options = TranscriptionOptions(language=language or "", task=task, words=words)
        heard = None
        async with aclosing(hear(studio, principal, path, options)) as steps:
            async for heard in steps:
                yield _so_far(heard), heard.text(), _rows(heard.segments), *_saved(None)
        if heard is not None:
            files = await asyncio.to_thread(_write, heard)
            yield _summary(heard), heard.text(), _rows(heard.segments), *_saved(files)

    @plainly
    async def ui_sample(request: gr.Request) -> Any:
        asked = SpeechRequest(SAMPLE, language="en")
        async with aclosing(speak(studio, principal_of(request), asked, "wav")) as steps:
            made = [spoken async for spoken in steps]
        return str(made[-1].player)

    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    run = go.click(ui_transcribe, wanted, results, api_name="ui_transcribe", concurrency_limit=16, **private)
    said = note("Cancelled; the engine has stopped. What was heard so far stays below.")
    cancelled_by(cancel, run, status, said, "ui_transcribe_cancel")
    sample.click(
        ui_sample, None, source, api_name="ui_sample", api_visibility="private", show_progress_on=[source],
        concurrency_limit=16,
    )  # fmt: skip


def _controls(studio: Studio) -> tuple[list[Any], gr.Button, gr.Button, gr.Button]:
    source = gr.Audio(
        label="Recording",
        sources=["upload", "microphone"],
        type="filepath",
        buttons=[],
        elem_id="transcribe-source",
        waveform_options=gr.WaveformOptions(waveform_color="#b9a3e6", waveform_progress_color="#7538d8"),
    )
    with gr.Row(elem_classes="vf-chips"):
        other = gr.UploadButton("Video or other file …", size="sm", min_width=0, scale=0, file_types=["video", "audio"])
        sample = gr.Button("Try it with a spoken sample", size="sm", min_width=0, scale=0, elem_id="transcribe-sample")
    gr.HTML(
        "",
        html_template=asset("microphone.html"),
        js_on_load=asset("microphone_reasons.js") + asset("microphone.js"),
        apply_default_css=False,
    )
    with gr.Row():
        language = gr.Dropdown(language_choices(studio), value="", label="Language", min_width=140)
        task = gr.Dropdown(TASKS, value="transcribe", label="Task", min_width=160)
    words = gr.Checkbox(label="Times of single words", value=False)
    with gr.Row(elem_classes="vf-actions"):
        go = gr.Button("Transcribe", variant="primary", size="lg", scale=3, min_width=120, elem_id="transcribe-go")
        cancel = gr.Button("Cancel", size="lg", scale=1, min_width=90, elem_id="transcribe-cancel")
    # The file is here already when the button reports it; the page hands it to the player without another request.
    other.upload(None, other, source, js="(file) => Array.isArray(file) ? file[0] : file")
    return [source, language, task, words], sample, go, cancel


def _results() -> list[Any]:
    """Status, text, segments and the four downloads, in this order."""
    status = gr.HTML(_nothing(), elem_id="transcribe-status")
    text = gr.Textbox(
        label="Text", lines=6, max_lines=14, buttons=["copy"], interactive=False, elem_id="transcribe-text"
    )
    segments = gr.HTML(
        [],
        html_template='<div class="vf-segments"></div>',
        js_on_load=asset("segments.js"),
        elem_id="transcribe-segments",
        apply_default_css=False,
    )
    with gr.Row(elem_classes="vf-downloads"):
        saves = [
            gr.DownloadButton(suffix.upper(), size="sm", min_width=60, interactive=False)
            for suffix in ("txt", "srt", "vtt", "json")
        ]
    return [status, text, segments, *saves]


def language_choices(studio: Studio) -> list[tuple[str, str]]:
    """What the engines that hear can be told to expect; one that takes any language takes the common ones."""
    tags = {tag for spec in studio.voices.engines.of_kind("stt") for tag in spec.languages}
    return choices(tags | set(COMMON) if "*" in tags else tags, "Detect")


def _nothing() -> str:
    return empty("Nothing heard yet", "Upload a file, record yourself, or take the sample; then press Transcribe.")


def _so_far(heard: Heard) -> str:
    return progress(f"{clock(heard.until)} heard after {clock(heard.took)}" if heard.segments else "Listening …")


def _rows(segments: list[Segment]) -> list[dict[str, Any]]:
    return [
        {
            "start": segment.start,
            "text": segment.text.strip(),
            "words": [[word.text.strip(), word.start] for word in segment.words],
        }
        for segment in segments[:SHOWN]
    ]


def _summary(heard: Heard) -> str:
    if not heard.segments:
        return empty("No speech", f"There is nothing to read in these {clock(heard.duration)}. {heard.route.reason}")
    language = name_of(heard.language()) if heard.language() else "unknown"
    figures = [
        ("Engine", heard.route.engine),
        ("Language", language),
        ("Recording", clock(heard.duration)),
        ("Done in", clock(heard.took)),
    ]
    return facts(figures, heard.route.reason)


def _write(heard: Heard) -> list[Path]:
    """The transcript as txt, srt, vtt and json, in a folder whose name cannot be guessed."""
    folder = Path(get_upload_folder()) / secrets.token_hex(20)
    folder.mkdir(parents=True)
    whole = captions.verbose_json(heard.transcript(), words=heard.options.words)
    contents = {
        "txt": heard.text() + "\n",
        "srt": captions.srt(heard.segments),
        "vtt": captions.vtt(heard.segments),
        "json": json.dumps(whole, ensure_ascii=False, indent=1),
    }
    files = [folder / f"transcript.{suffix}" for suffix in contents]
    for file, content in zip(files, contents.values(), strict=True):
        file.write_text(content, encoding="utf-8")
    return files


def _saved(files: list[Path] | None) -> list[Any]:
    if files is None:
        return [gr.update(value=None, interactive=False) for _ in range(4)]
    return [gr.update(value=str(file), interactive=True) for file in files]
