"""The Pronunciation tab: how the caller wants words to be said, to list, to change, to hear before it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import gradio as gr

from accounts.principal import Principal
from core.errors import TooLarge
from studio import Studio
from tabs._gate import plainly, principal_of, safe_upload
from tabs._languages import choices
from tabs._look import asset
from tabs._spoken import speak
from tabs._words import note
from voice.pronunciation_files import MOST_BYTES, Form, fields, read
from voice.pronunciations import PAGE, Pronunciation, tidied
from voice.speech import SpeechRequest
from voice.text.dictionary import MOST_CHARS, Dictionary, Entry

TITLE = "Pronunciation"
ORDER = 40

HOW = (
    "Whole words only, the longest entry first. What an entry writes is not looked up again, so entries cannot run in "
    "circles. A file has the columns written, spoken, ipa, language and case_sensitive; the last three may be left out."
)
BLANK: tuple[Any, ...] = ("", "", "", "", "", False)
"""What the form holds while it is a new entry's: its id first."""


def build(studio: Studio) -> Callable[..., None]:
    editing = gr.State("")
    with gr.Row(equal_height=False, elem_classes=["vf-columns", "vf-words-columns"]):
        with gr.Column(scale=5, min_width=300):
            find, table, upload = _list()
        with gr.Column(scale=4, min_width=300):
            form, (status, listen, save, leave, player) = _form(studio)
    whole, buttons = [editing, *form], [save, leave]

    @plainly
    async def ui_words(find: str, request: gr.Request) -> Any:
        return await _page(studio, principal_of(request), find)

    @plainly
    async def ui_words_turn(find: str, request: gr.Request, event: gr.EventData) -> Any:
        return await _page(studio, _speaker(request), find, _offset(event))

    @plainly
    async def ui_word_pick(request: gr.Request, event: gr.EventData) -> Any:
        kept = await studio.pronunciations.get(_speaker(request).id, _text(event, "id"))
        return [note(f"You are changing “{kept.entry.written}”."), *_filled(kept), *_buttons(True)]

    @plainly
    async def ui_word_fill(event: gr.EventData) -> Any:
        return ["", "", _text(event, "written"), _text(event, "spoken"), "", "", False, *_buttons(False)]

    @plainly
    async def ui_word_save(
        editing: str, written: str, spoken: str, ipa: str, language: str, case: bool, find: str, request: gr.Request
    ) -> Any:
        caller, entry = _speaker(request), _entry(written, spoken, ipa, language, case)
        if editing:
            kept = await studio.pronunciations.change(caller.id, editing, entry)
        else:
            kept = await studio.pronunciations.add(caller.id, entry)
        told = note(f"“{kept.entry.written}” is said so from now on.", "good")
        return [told, *BLANK, *_buttons(False), await _page(studio, caller, find)]

    async def ui_word_leave() -> Any:
        return ["", *BLANK, *_buttons(False)]

    @plainly
    async def ui_word_listen(
        written: str, spoken: str, ipa: str, language: str, case: bool, request: gr.Request
    ) -> Any:
        """As it would be said, whatever is kept already."""
        entry = tidied(_entry(written, spoken, ipa, language, case))
        asked = SpeechRequest(entry.written, language=entry.language, dictionary=Dictionary([entry]))
        async with aclosing(speak(studio, _speaker(request), asked, "wav")) as steps:
            made = [spoken async for spoken in steps]
        return gr.update(value=str(made[-1].player), visible=True)

    @plainly
    async def ui_word_drop(find: str, request: gr.Request, event: gr.EventData) -> Any:
        caller = _speaker(request)
        await studio.pronunciations.remove(caller.id, _text(event, "id"))
        return await _page(studio, caller, find)

    @plainly
    async def ui_words_wipe(find: str, request: gr.Request) -> Any:
        caller = _speaker(request)
        await studio.pronunciations.clear(caller.id)
        return await _page(studio, caller, find)

    @plainly
    async def ui_words_import(file: Any, find: str, request: gr.Request) -> Any:
        caller, path = _speaker(request), safe_upload(file)
        if path.stat().st_size > MOST_BYTES:
            raise TooLarge(f"A file of pronunciations has {MOST_BYTES // 1_000_000} MB at most.")
        kind: Form = "json" if path.suffix.lower() == ".json" else "csv"
        entries = await asyncio.to_thread(lambda: read(path.read_bytes(), kind))
        total = await studio.pronunciations.load(caller.id, entries)
        return [
            note(f"Read {len(entries):,} entries; you have {total:,} now.", "good"),
            await _page(studio, caller, find),
        ]

    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    gr.on([find.change], ui_words, find, table, api_name="ui_words", trigger_mode="always_last", **private)
    table.turn(ui_words_turn, find, table, api_name="ui_words_turn", **private)
    table.pick(ui_word_pick, None, [status, *whole, *buttons], api_name="ui_word_pick", **private)
    table.fill(ui_word_fill, None, [status, *whole, *buttons], api_name="ui_word_fill", **private)
    table.drop(ui_word_drop, find, table, api_name="ui_word_drop", **private)
    table.wipe(ui_words_wipe, find, table, api_name="ui_words_wipe", **private)
    upload.upload(ui_words_import, [upload, find], [status, table], api_name="ui_words_import", **private)
    save.click(ui_word_save, [*whole, find], [status, *whole, *buttons, table], api_name="ui_word_save", **private)
    leave.click(ui_word_leave, None, [status, *whole, *buttons], api_name="ui_word_leave", **private)
    listen.click(
        ui_word_listen, form, player, api_name="ui_word_listen", api_visibility="private",
        show_progress_on=[player], concurrency_limit=16,
    )  # fmt: skip

    def look_again(*triggers: Any) -> None:
        gr.on(list(triggers), ui_words, find, table, api_name="ui_words_again", **private)

    return look_again


def _list() -> tuple[gr.Textbox, gr.HTML, gr.UploadButton]:
    find = gr.Textbox(
        label="Your pronunciations", placeholder="Find by the beginning of what is written", max_length=MOST_CHARS,
        elem_id="words-find",
    )  # fmt: skip
    table = gr.HTML(
        {},
        html_template='<div class="vf-words"></div>',
        js_on_load=asset("pieces.js") + asset("words.js"),
        elem_id="words-table",
        apply_default_css=False,
    )
    with gr.Row(elem_classes="vf-downloads"):
        upload = gr.UploadButton(
            "Import CSV or JSON …", size="sm", file_types=[".csv", ".json"], min_width=120, elem_id="words-import"
        )
    gr.HTML(note(HOW))
    return find, table, upload


def _form(studio: Studio) -> tuple[list[Any], tuple[gr.HTML, gr.Button, gr.Button, gr.Button, gr.Audio]]:
    written = gr.Textbox(
        label="Written", placeholder="As it stands in the text: nginx", max_length=MOST_CHARS, elem_id="word-written"
    )
    spoken = gr.Textbox(
        label="Spoken", placeholder="As you would spell its sound: engine ex", max_length=MOST_CHARS,
        elem_id="word-spoken",
    )  # fmt: skip
    with gr.Row():
        tags = {tag for voice in studio.voices.all() for tag in voice.languages}
        language = gr.Dropdown(
            choices(tags, "Every language"), value="", label="In", min_width=150, allow_custom_value=True
        )
        case = gr.Checkbox(label="Capitals matter", info="US is not us", min_width=150)
    with gr.Accordion("Phonetic alphabet", open=False):
        ipa = gr.Textbox(
            label="IPA", placeholder="ˈɛndʒɪn ɛks", max_length=MOST_CHARS,
            info="For engines that can read it; the others say what stands under Spoken.",
        )  # fmt: skip
    with gr.Row(elem_classes="vf-actions"):
        save = gr.Button("Save", variant="primary", size="lg", scale=2, min_width=110, elem_id="word-save")
        listen = gr.Button("Listen", size="lg", scale=1, min_width=90, elem_id="word-listen")
        leave = gr.Button("Cancel", size="lg", scale=1, min_width=90, visible=False, elem_id="word-leave")
    status = gr.HTML("", elem_id="word-status")
    player = gr.Audio(
        label="How it is said", interactive=False, type="filepath", autoplay=True, buttons=[], visible=False,
        elem_id="word-player",
        waveform_options=gr.WaveformOptions(waveform_color="#b9a3e6", waveform_progress_color="#7538d8"),
    )  # fmt: skip
    return [written, spoken, ipa, language, case], (status, listen, save, leave, player)


async def _page(studio: Studio, caller: Principal, find: str, offset: int = 0) -> dict[str, Any]:
    """What the list draws: one page, and where it stands."""
    if not caller.may("speech"):
        keyless = caller.id == "visitor"
        return {"closed": "Sign in with a key to see yours." if keyless else "Your key may not speak."}
    search = find.strip() if isinstance(find, str) else ""
    found, total = await studio.pronunciations.page(caller.id, offset=offset, limit=PAGE, search=search)
    rows = [{"id": kept.id} | fields(kept.entry) for kept in found]
    return {"rows": rows, "offset": offset, "total": total, "page": PAGE, "search": search}


def _speaker(request: gr.Request) -> Principal:
    caller = principal_of(request)
    caller.need("speech")
    return caller


def _entry(written: str, spoken: str, ipa: str, language: str, case: bool) -> Entry:
    """Whatever a client has sent instead of text is none."""
    texts = (value if isinstance(value, str) else "" for value in (written, spoken, ipa, language))
    return Entry(*texts, case_sensitive=bool(case))


def _filled(kept: Pronunciation) -> list[Any]:
    entry = kept.entry
    return [kept.id, entry.written, entry.spoken, entry.ipa, entry.language, entry.case_sensitive]


def _buttons(changing: bool) -> list[Any]:
    return [gr.update(value="Save change" if changing else "Save"), gr.update(visible=changing)]


def _text(event: gr.EventData, name: str) -> str:
    return str(event._data.get(name, ""))[:MOST_CHARS] if isinstance(event._data, dict) else ""


def _offset(event: gr.EventData) -> int:
    value = event._data.get("offset", 0) if isinstance(event._data, dict) else 0
    return min(max(0, value), 1_000_000) if type(value) is int else 0
