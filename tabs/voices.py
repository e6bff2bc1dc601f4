"""The Voices tab: every published voice to search and to hear, and for those that are not here what brings them.

The browser asks `/v1/audio/catalogue` when the tab is opened, so the list is in nobody's session.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from studio import Studio
from tabs._look import asset

TITLE = "Voices"
ORDER = 30

LOOK = "() => { window.dispatchEvent(new Event('voiceforge-voices')); }"


def build(studio: Studio) -> Callable[..., None]:
    gr.HTML(
        "",
        html_template=asset("voices.html"),
        js_on_load=asset("pieces.js") + asset("voices.js"),
        elem_id="voices-list",
        apply_default_css=False,
    )

    def look_again(*triggers: Any) -> None:
        gr.on(list(triggers), None, None, None, js=LOOK)

    return look_again
