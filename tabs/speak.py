"""The Speak tab: a text becomes speech that plays, can be downloaded, and stays listed while the page is open."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import gradio as gr

from audio.encode import FORMATS
from audio.enhance import ENHANCEMENTS
from engines.base import Voice
from studio import Studio
from tabs._ending import cancelled_by
from tabs._gate import plainly, plainly_or, principal_of
from tabs._languages import choices, rank
from tabs._look import asset
from tabs._natural import Offer, coming, fetch, offer
from tabs._spoken import Spoken, speak
from tabs._words import clock, empty, facts, note, progress
from voice.languages import name_of, speaks
from voice.speech import SpeechRequest

TITLE = "Speak"
ORDER = 10

EXAMPLES = (
    ("English", "en", "The forge is warm and the kettle is on. What shall we make today?"),
    ("German", "de", "Guten Morgen! Der Zug nach Köln fährt heute von Gleis sieben."),
    ("Spanish", "es", "Buenos días. Su pedido llegará mañana antes de las diez y media."),
    ("French", "fr", "Bonjour, votre table est prête. Voulez-vous vous asseoir près de la fenêtre ?"),
    ("Hindi", "hi", "नमस्ते! आज मौसम बहुत सुहावना है, चलिए टहलने चलते हैं।"),
    ("Portuguese", "pt", "Olá! A biblioteca abre às nove e fecha às dezoito horas."),
)
FORMAT_ORDER = ("mp3", "wav", "opus", "aac", "flac", "pcm", "ulaw", "alaw")
HISTORY = 20
CHARACTERS_PER_SECOND = 14.0
"""A voice's usual pace, to guess how much is still to come."""
BASIC = "This is a basic voice."


def build(studio: Studio) -> None:
    past = gr.State([])
    elsewhere = gr.HTML("", js_on_load=asset("use.js"), elem_classes="vf-unseen", apply_default_css=False)
    with gr.Row(equal_height=False, elem_classes="vf-columns"):
        with gr.Column(scale=5, min_width=300):
            wanted, go, cancel = _controls(studio)
        with gr.Column(scale=4, min_width=300):
            results, natural = _results()
    text, language, voice = wanted[:3]
    status = results[0]

    @plainly_or(_nothing(), *[gr.skip()] * 8)
    async def ui_speak(
        text: str, language: str, voice: str, speed: float, form: str, clean: bool, past: list[dict[str, Any]],
        request: gr.Request,
    ) -> AsyncIterator[Any]:  # fmt: skip
        principal = principal_of(request)
        asked = SpeechRequest(
            text=text or "", voice=voice or "", language=language or "", speed=speed,
            enhancement=ENHANCEMENTS if clean else (),
        )  # fmt: skip
        spoken = None
        async with aclosing(speak(studio, principal, asked, form)) as steps:
            async for spoken in steps:
                yield _so_far(spoken), None, *_downloads(None), gr.skip(), gr.skip(), *[gr.skip()] * len(natural)
        if spoken is not None:
            past = [_entry(spoken), *past][:HISTORY]
            better = _offered(await offer(studio, principal, spoken.plan.route))
            yield _summary(spoken), str(spoken.player), *_downloads(spoken), past, past, *better

    @plainly
    async def ui_natural(language: str, request: gr.Request) -> AsyncIterator[Any]:
        """The natural voice is on its way; then it stands among the voices, and the offer has had its time."""
        async with aclosing(fetch(studio, principal_of(request))) as steps:
            async for state in steps:
                here = state.status == "here"
                voices = gr.update(choices=voice_choices(studio, language or "")) if here else gr.skip()
                yield gr.update(visible=not here, interactive=not state.busy), coming(state), voices

    @plainly
    async def ui_voices_of(language: str, voice: str) -> Any:
        offered = voice_choices(studio, language or "")
        kept = voice if voice in (id for _, id in offered) else ""
        return gr.update(choices=offered, value=kept)

    @plainly
    async def ui_use_voice(request: gr.Request, event: gr.EventData) -> Any:
        """Another tab has chosen a voice."""
        principal_of(request).need("speech")
        wanted = str(event._data.get("id", "")) if isinstance(event._data, dict) else ""
        found = studio.voices.find(wanted)
        return "", gr.update(choices=voice_choices(studio, ""), value=found.id)

    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    run = gr.on(
        [go.click, text.submit], ui_speak, [*wanted, past], [*results, past, *natural], api_name="ui_speak", **private,
        concurrency_limit=16,
    )  # fmt: skip
    cancelled_by(cancel, run, status, note("Cancelled; the engine has stopped."), "ui_speak_cancel")
    natural[0].click(ui_natural, language, [*natural, voice], api_name="ui_natural", **private, concurrency_limit=16)
    language.change(ui_voices_of, [language, voice], voice, api_name="ui_voices_of", **private)
    elsewhere.use(ui_use_voice, None, [language, voice], api_name="ui_use_voice", **private)


def _controls(studio: Studio) -> tuple[list[Any], gr.Button, gr.Button]:
    text = gr.Textbox(
        label="Text",
        placeholder="Type or paste what should be said, or begin with an example.",
        lines=6,
        max_lines=14,
        max_length=studio.settings.max_text_chars,
        elem_id="speak-text",
    )
    tags = {tag for voice in studio.voices.all() for tag in voice.languages}
    with gr.Row(elem_classes="vf-chips"):
        chips = [gr.Button(label, size="sm", min_width=0, scale=0) for label, _, _ in EXAMPLES]
    with gr.Row():
        language = gr.Dropdown(choices(tags, "Any language"), value="", label="Language", min_width=140)
        voice = gr.Dropdown(
            voice_choices(studio, ""), value="", label="Voice", min_width=240, scale=2, elem_id="speak-voice"
        )
    with gr.Row():
        speed = gr.Slider(0.25, 4.0, 1.0, step=0.05, label="Speed", min_width=180, scale=2)
        form = gr.Dropdown([name for name in FORMAT_ORDER if name in FORMATS], label="Format", min_width=110)
    clean = gr.Checkbox(label="Clean up: less noise, clearer speech", elem_id="speak-clean")
    with gr.Row(elem_classes="vf-actions"):
        go = gr.Button("Speak", variant="primary", size="lg", scale=3, min_width=120, elem_id="speak-go")
        cancel = gr.Button("Cancel", size="lg", scale=1, min_width=90, elem_id="speak-cancel")
    for chip, (_, code, sentence) in zip(chips, EXAMPLES, strict=True):
        chip.click(None, None, [text, language], js=f"() => {json.dumps([sentence, code])}")
    return [text, language, voice, speed, form, clean], go, cancel


def _results() -> tuple[list[Any], list[Any]]:
    """Status, player, the three downloads and the list of what was made, in this order; and the offer of a natural
    voice, which stands beneath the status."""
    status = gr.HTML(_nothing(), elem_id="speak-status")
    natural = _natural()
    player = gr.Audio(
        label="Speech",
        interactive=False,
        type="filepath",
        buttons=[],
        elem_id="speak-player",
        waveform_options=gr.WaveformOptions(waveform_color="#b9a3e6", waveform_progress_color="#7538d8"),
    )
    with gr.Row(elem_classes="vf-downloads"):
        downloads = [
            gr.DownloadButton(label, interactive=False, scale=scale, min_width=60, size="sm", elem_id=f"speak-{name}")
            for label, scale, name in (("Download", 3, "download"), ("srt", 1, "srt"), ("vtt", 1, "vtt"))
        ]
    listing = gr.HTML(
        [],
        html_template='<div class="vf-history"></div>',
        js_on_load=asset("history.js"),
        elem_id="speak-history",
        apply_default_css=False,
    )
    return [status, player, *downloads, listing], natural


def _natural() -> list[Any]:
    """The offer of a natural voice and how far it is, both empty until a robotic voice has spoken."""
    return [
        gr.Button("Download natural voice", visible=False, elem_id="speak-natural"),
        gr.HTML("", visible=False, elem_id="speak-natural-status"),
    ]


def _offered(better: Offer) -> list[Any]:
    there = bool(better.label)
    button = gr.update(visible=there, interactive=True, value=better.label or "Download natural voice")
    return [button, gr.update(visible=there, value="")]


def voice_choices(studio: Studio, language: str) -> list[tuple[str, str]]:
    """Voices of a language, every voice if it is empty: the automatic choice first, then in the house's own order."""
    voices = [voice for voice in studio.voices.all() if speaks(voice.languages, language)]
    voices.sort(key=lambda voice: _rank(studio, voice))
    return [("Automatic: the best for the text", ""), *((_label(voice), voice.id) for voice in voices)]


def _rank(studio: Studio, voice: Voice) -> tuple[int, int, str]:
    tag = voice.languages[0] if voice.languages else ""
    return -studio.voices.engines.spec(voice.engine).quality, rank(tag), name_of(tag) + voice.name


def _label(voice: Voice) -> str:
    return " · ".join(part for part in (voice.description or voice.name, voice.engine) if part)


def _nothing() -> str:
    return empty("Nothing spoken yet", "Write a sentence, press Speak, and hear it here.")


def _so_far(spoken: Spoken) -> str:
    if not spoken.seconds:
        return progress("Getting ready …")
    expected = len(spoken.plan.request.text) / CHARACTERS_PER_SECOND / spoken.plan.request.speed
    share = min(0.97, spoken.seconds / max(expected, 0.1))
    return progress(f"{clock(spoken.seconds)} of speech after {clock(spoken.took)}", share)


def _summary(spoken: Spoken) -> str:
    route = spoken.plan.route
    basic = route.engine == "espeak-ng"
    return facts(
        [
            ("Voice", route.voice),
            ("Engine", route.engine),
            ("Length", clock(spoken.seconds)),
            ("First audio", f"{spoken.first * 1000:.0f} ms"),
            ("Made in", clock(spoken.took)),
        ],
        " ".join(part for part in (route.reason, BASIC if basic else "") if part),
        "warn" if basic else "",
    )


def _entry(spoken: Spoken) -> dict[str, Any]:
    text = " ".join(spoken.plan.request.text.split())
    return {
        "text": text if len(text) <= 120 else f"{text[:119]}…",
        "about": f"{spoken.plan.route.voice} · {clock(spoken.seconds)} · {spoken.file.suffix.lstrip('.')}",
        "play": f"gradio_api/file={spoken.player}",
        "file": f"gradio_api/file={spoken.file}",
        "name": spoken.file.name,
    }


def _downloads(spoken: Spoken | None) -> list[Any]:
    """The three buttons. Captions whose times are guessed say so."""
    if spoken is None:
        return [gr.update(value=None, interactive=False, label=label) for label in ("Download", "srt", "vtt")]
    kind = " · estimated" if spoken.plan.estimated else ""
    captions = {file.suffix.lstrip("."): file for file in spoken.captions}
    return [
        gr.update(value=str(spoken.file), interactive=True, label=f"Download {spoken.file.suffix.lstrip('.')}"),
        *(
            gr.update(value=str(captions[name]), interactive=True, label=f"{name}{kind}")
            if name in captions
            else gr.update(value=None, interactive=False, label=name)
            for name in ("srt", "vtt")
        ),
    ]
