"""The page: a header, then one tab for each file of this room, by its ORDER."""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr

from core.discover import modules
from studio import Studio
from tabs._account import header

TITLE = "VoiceForge"


def build_demo(studio: Studio, register_api: Callable[[Studio], None] | None = None) -> gr.Blocks:
    """All of it, not yet mounted. `register_api` is called inside the Blocks and adds the endpoints programs call.

    A tab's `build(studio)` may return a function that takes triggers: those after which the tab must look again at
    what it shows, which are its being opened and somebody's signing in or out.
    """
    with gr.Blocks(title=TITLE, fill_width=True, analytics_enabled=False, delete_cache=(3600, 86400)) as demo:
        with gr.Column(elem_id="vf-page"):
            _, who = header(studio)
            with gr.Tabs(elem_id="vf-tabs", overflow_behavior="wrap"):
                for room in sorted(modules("tabs"), key=lambda room: room.ORDER):
                    with gr.Tab(room.TITLE, id=room.__name__.rpartition(".")[2]) as tab:
                        look_again = room.build(studio)
                    if look_again is not None:
                        look_again(tab.select, who.change)
        if register_api is not None:
            register_api(studio)
    return demo
