"""The Keys & usage tab: make, list, rotate and revoke keys, see what was used, and copy a call that works."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gradio as gr

from accounts.keys import Key
from accounts.principal import SCOPES, Limits, Principal
from core.errors import BadRequest
from studio import Studio
from tabs._gate import plainly, principal_of
from tabs._look import asset
from tabs._snippets import SNIPPETS
from tabs._usage import days_of, recent_of
from tabs._words import empty, note

TITLE = "Keys & usage"
ORDER = 90

DAY = 86400.0
EXPIRY = [("Never", 0), ("1 day", 1), ("30 days", 30), ("90 days", 90), ("1 year", 365)]
PERIODS = [("7 days", 7), ("30 days", 30), ("90 days", 90)]
ROTATE_OVERLAP = 3600.0
"""Seconds for which a rotated key still works beside the new one."""
LISTED = 100
RECENT = 50


def build(studio: Studio) -> Callable[..., None]:
    with gr.Row(equal_height=False, elem_classes="vf-columns"):
        with gr.Column(scale=5, min_width=300):
            secret, hint = _shown_once()
            find, table = _table()
        with gr.Column(scale=4, min_width=300):
            form, create = _form()
    with gr.Row(equal_height=False, elem_classes="vf-columns"):
        with gr.Column(scale=5, min_width=300):
            period, used, rows = _used()
        with gr.Column(scale=4, min_width=300):
            _calls(studio)

    async def look(principal: Principal, days: float, name: str) -> list[Any]:
        """What the table, its hint, the chart and the rows show to this caller. The page itself sends nothing else than
        a period and a text."""
        if days not in [period for _, period in PERIODS] or not isinstance(name, str | None):
            raise BadRequest("Choose a period and a name.", param="period")
        keys, sums, recent, now = [], [], [], time.time()
        if principal.may("keys"):
            keys = await studio.accounts.list_keys(principal, limit=LISTED, name=name or "")
        if principal.may("keys") or principal.may("usage"):
            sums = await studio.accounts.usage(principal, since=now - days * DAY, until=now, group="day")
            recent = await studio.accounts.recent(principal, RECENT)
        listed = [_row(key, now) for key in keys]
        return [listed, _update(_hint(principal, len(keys), name)), days_of(sums, int(days), now), recent_of(recent)]

    view, shown = [period, find], [table, hint, used, rows]

    @plainly
    async def ui_look(days: float, find: str, request: gr.Request) -> Any:
        return await look(principal_of(request), days, find)

    @plainly
    async def ui_create_key(
        name: str, scopes: list[str], days: float, per_minute: float, at_once: float, monthly: float,
        period: float, find: str, request: gr.Request,
    ) -> Any:  # fmt: skip
        principal = principal_of(request)
        expires = time.time() + days * DAY if days else None
        limits = Limits(_whole(per_minute), _whole(at_once), _whole(monthly))
        made = await studio.accounts.create_key(
            principal, (name or "").strip(), frozenset(scopes), expires_at=expires, limits=limits
        )
        return [_once(made.secret, f"“{made.key.name}” is ready."), "", *await look(principal, period, find)]

    @plainly
    async def ui_rotate_key(period: float, find: str, request: gr.Request, event: gr.EventData) -> Any:
        principal = principal_of(request)
        made = await studio.accounts.rotate_key(principal, _id(event), overlap_seconds=ROTATE_OVERLAP)
        return [_once(made.secret, "The old key works for one more hour."), *await look(principal, period, find)]

    @plainly
    async def ui_revoke_key(period: float, find: str, request: gr.Request, event: gr.EventData) -> Any:
        principal = principal_of(request)
        await studio.accounts.revoke_key(principal, _id(event))
        return await look(principal, period, find)

    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    create.click(ui_create_key, [*form, *view], [secret, form[0], *shown], api_name="ui_create_key", **private)
    table.rotate(ui_rotate_key, view, [secret, *shown], api_name="ui_rotate_key", **private)
    table.revoke(ui_revoke_key, view, shown, api_name="ui_revoke_key", **private)
    gr.on([period.change, find.change], ui_look, view, shown, api_name="ui_look", trigger_mode="always_last", **private)

    def look_again(*triggers: Any) -> None:
        gr.on(list(triggers), ui_look, view, shown, api_name="ui_look_again", **private)

    return look_again


def _shown_once() -> tuple[gr.Textbox, gr.HTML]:
    secret = gr.Textbox(visible=False, label="Your new key", buttons=["copy"], interactive=False, elem_id="keys-secret")
    return secret, gr.HTML("", visible=False, elem_id="keys-hint")


def _table() -> tuple[gr.Textbox, gr.HTML]:
    find = gr.Textbox(label="Keys", placeholder="Find by the beginning of the name", max_length=100)
    return find, gr.HTML(
        [],
        html_template='<div class="vf-keys"></div>',
        js_on_load=asset("keys.js"),
        elem_id="keys-table",
        apply_default_css=False,
    )


def _form() -> tuple[list[Any], gr.Button]:
    name = gr.Textbox(label="Name", placeholder="What is this key for?", max_length=100, elem_id="keys-name")
    scopes = gr.CheckboxGroup(list(SCOPES), value=["speech", "transcription", "conversation"], label="It may use")
    expiry = gr.Dropdown(EXPIRY, value=0, label="Expires after")
    with gr.Accordion("Limits", open=False), gr.Row():
        limits = [
            gr.Number(0, label=label, info="0 is no limit", precision=0, minimum=0, min_width=120)
            for label in ("Requests a minute", "At the same time", "Characters a month")
        ]
    create = gr.Button("Create key", variant="primary", size="lg", elem_id="keys-create")
    return [name, scopes, expiry, *limits], create


def _used() -> tuple[gr.Dropdown, gr.HTML, gr.HTML]:
    period = gr.Dropdown(PERIODS, value=30, label="Usage of the last")
    chart = gr.HTML(
        [],
        html_template='<div class="vf-chart"></div>',
        js_on_load=asset("chart.js"),
        elem_id="usage-chart",
        apply_default_css=False,
    )
    rows = gr.HTML(
        [],
        html_template='<div class="vf-rows"></div>',
        js_on_load=asset("rows.js"),
        elem_id="usage-rows",
        apply_default_css=False,
    )
    return period, chart, rows


def _calls(studio: Studio) -> gr.HTML:
    return gr.HTML(
        "",
        html_template='<div class="vf-calls"></div>',
        js_on_load=asset("calls.js"),
        elem_id="keys-calls",
        apply_default_css=False,
        snippets=SNIPPETS,
        keyed=studio.settings.access != "open",
    )


def _once(secret: str, remark: str) -> Any:
    return gr.update(value=secret, visible=True, info=f"{remark} Copy it now; it is shown only this once.")


def _closed() -> str:
    return empty("Keys are private", "Sign in with a key to see yours, or to make one for somebody else.")


def _hint(principal: Principal, listed: int, name: str) -> str:
    if principal.id == "visitor":
        return _closed()
    if not principal.may("keys"):
        return note("Your key may not administer keys. What it has used is shown below.")
    if listed >= LISTED:
        return note(f"These are the newest {LISTED}. Find others by name.")
    if listed:
        return ""
    return (
        empty("No such key", "No name begins like that.")
        if name
        else empty("No keys yet", "Create the first one; programs send it with every call.")
    )


def _update(text: str) -> Any:
    return gr.update(value=text, visible=bool(text))


def _row(key: Key, now: float) -> dict[str, Any]:
    """A key as the table draws it. Times in seconds since the epoch, which the browser shows in its own way."""
    over = key.expires_at is not None and key.expires_at <= now
    revoked = key.revoked_at is not None and key.revoked_at <= now
    return {
        "id": key.id,
        "name": key.name,
        "hint": f"{key.prefix}…{key.last4}",
        "scopes": sorted(key.scopes),
        "created": key.created_at,
        "expires": key.expires_at,
        "used": key.last_used_at,
        "state": "revoked" if revoked else "expired" if over else "active",
    }


def _id(event: gr.EventData) -> str:
    """The key a button of the table stands for. Whatever else it is, no such key is found."""
    return str(event._data.get("id", "")) if isinstance(event._data, dict) else ""


def _whole(number: float | None) -> int:
    return int(number or 0)
