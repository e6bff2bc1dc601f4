"""The Status tab: engines, workers, downloads, caches, the machine and its benchmarks.

The browser asks `/v1/status` while the tab is to be seen, so that watching costs no session anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from studio import Studio
from tabs._look import asset

TITLE = "Status"
ORDER = 95

LOOK = "() => { window.dispatchEvent(new Event('voiceforge-status')); }"


def build(studio: Studio) -> Callable[..., None]:
    gr.HTML(
        "",
        html_template=asset("status.html"),
        js_on_load=asset("pieces.js") + asset("status.js"),
        elem_id="status-board",
        apply_default_css=False,
    )

    def look_again(*triggers: Any) -> None:
        gr.on(list(triggers), None, None, None, js=LOOK)

    return look_again
