"""The Voice chat tab: a conversation by voice and in writing, which the browser holds with `/ws` itself.

Python gives the page, what can be chosen in it, and the picture of a turn; it holds nothing of a conversation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import gradio as gr

from accounts.principal import Principal
from core.errors import Unauthorized, VoiceForgeError
from studio import Studio
from tabs import _live as live
from tabs._chat import choices, picture, script
from tabs._gate import principal_of
from tabs._look import asset

TITLE = "Voice chat"
ORDER = 25

SIGN_IN = "Sign in with your key at the top of the page to hold a conversation."
LOOK = "() => { window.dispatchEvent(new Event('voiceforge-chat')); }"


def build(studio: Studio) -> Callable[..., None]:
    async def chat_choices(_: Any, request: gr.Request) -> dict[str, Any]:
        """What can be chosen now, or why nothing can be."""
        try:
            _caller(request).need("conversation")
            return {"choices": await choices(studio)}
        except Unauthorized:
            return {"problem": SIGN_IN}
        except VoiceForgeError as error:
            return {"problem": error.message}

    async def chat_page(_: Any, request: gr.Request) -> dict[str, Any]:
        """All that the tab consists of."""
        html, code = asset("chat.html") + live.html(), script(live.script(studio))
        whole = {"html": html, "script": code, "worklet": asset("chat_worklet.js"), "problem": ""}
        return whole | await chat_choices(_, request)

    async def chat_picture(asked: Any, request: gr.Request) -> dict[str, Any]:
        """A turn as SVG."""
        try:
            _caller(request).need("conversation")
            return {"svg": await asyncio.to_thread(picture, asked)}
        except VoiceForgeError as error:
            return {"problem": error.message}

    gr.HTML(
        "",
        html_template='<p class="vf-hint">Opening …</p>',
        js_on_load=asset("chat_open.js"),
        elem_id="voice-chat",
        apply_default_css=False,
        server_functions=[chat_page, chat_choices, chat_picture],
    )

    def look_again(*triggers: Any) -> None:
        gr.on(list(triggers), None, None, None, js=LOOK)

    return look_again


def _caller(request: gr.Request) -> Principal:
    """Gradio gives the functions of a component the server's own request, where handlers of events get it wrapped."""
    return principal_of(gr.Request(request))  # pyright: ignore[reportArgumentType]
