"""The header of the page: what this is, who is here, and the sign-in with a key."""

from __future__ import annotations

import html
from typing import Any

import gradio as gr

from accounts.principal import Principal
from core.errors import Unauthorized
from studio import Studio
from tabs._gate import plainly, principal_of
from tabs._look import asset

KEEP = "(token) => { window.voiceforge.keep(token); return []; }"
FORGET = "() => { window.voiceforge.keep(''); return []; }"


def header(studio: Studio) -> tuple[gr.HTML, gr.State]:
    """Draw it. Returns the badge and a state that changes whenever somebody signs in or out."""
    opened = studio.settings.access == "open"
    with gr.Row(elem_id="vf-header"):
        gr.HTML(_brand(), elem_id="vf-brand")
        badge = gr.HTML(_open() if opened else _badge(None), elem_id="vf-badge")
    who = gr.State("")
    if not opened:
        _sign_in(studio, badge, who)
    return badge, who


def _sign_in(studio: Studio, badge: gr.HTML, who: gr.State) -> None:
    with gr.Accordion("Sign in with your key", open=True, elem_id="vf-sign-in") as panel, gr.Row():
        secret = gr.Textbox(
            label="API key",
            type="password",
            placeholder="vf_live_…",
            info="The administrator's key is in admin-key.txt in the data folder, or what VOICEFORGE_ADMIN_KEY says.",
            scale=4,
            min_width=260,
        )
        enter = gr.Button("Sign in", variant="primary", scale=1, min_width=120, elem_id="vf-enter")
        leave = gr.Button("Sign out", scale=1, min_width=120, visible=False, elem_id="vf-leave")
    token = gr.Textbox(visible=False)
    shown = [badge, who, panel, leave]

    @plainly
    async def ui_sign_in(secret: str | None) -> tuple[str, str]:
        if not isinstance(secret, str) or not secret.strip():
            raise Unauthorized("Paste your API key first.")
        return await studio.accounts.sign_in(secret.strip()), ""

    @plainly
    async def ui_whoami(request: gr.Request) -> Any:
        principal = principal_of(request)
        inside = principal.id != "visitor"
        return (
            _badge(principal if inside else None),
            principal.id,
            gr.update(open=not inside, label="Signed in" if inside else "Sign in with your key"),
            gr.update(visible=inside),
        )

    signed = gr.on(
        [enter.click, secret.submit], ui_sign_in, secret, [token, secret], api_name="ui_sign_in",
        api_visibility="private",
    )  # fmt: skip
    kept = signed.success(None, token, None, js=KEEP)
    left = leave.click(None, None, None, js=FORGET)
    asking: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    kept.then(ui_whoami, None, shown, api_name="ui_whoami", **asking)
    left.then(ui_whoami, None, shown, api_name="ui_signed_out", **asking)
    gr.on(None, ui_whoami, None, shown, api_name="ui_whoami_first", **asking)


def _brand() -> str:
    return (
        f'<div class="vf-brand">{asset("favicon.svg")}<div><h1>VoiceForge</h1>'
        "<p>Speech out, speech in, and conversation, with keys of your own.</p></div></div>"
    )


def _open() -> str:
    return '<span class="vf-chip vf-good">Open on this machine: no key needed</span>'


def _badge(principal: Principal | None) -> str:
    if principal is None:
        return '<span class="vf-chip">Not signed in</span>'
    return f'<span class="vf-chip vf-good">Signed in as {html.escape(principal.name)}</span>'
