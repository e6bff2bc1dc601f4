"""How a page's run is cancelled, and what then stands where it was told of."""

from __future__ import annotations

from typing import Any

import gradio as gr


def cancelled_by(button: gr.Button, run: Any, status: gr.HTML, said: str, name: str) -> None:
    """The button ends `run`, and `status` then shows `said`: only then, for the run's last step may still be coming."""

    async def cancelled() -> str:
        return said

    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    button.click(None, None, None, cancels=[run]).then(cancelled, None, status, api_name=name, **private)
