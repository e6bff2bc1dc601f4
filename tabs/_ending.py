"""How a page's run is cancelled, and what stands where it was told of when it did not reach its end."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import gradio as gr


def cancelled_by(button: gr.Button, run: Any, status: gr.HTML, said: str, name: str) -> None:
    """The button ends `run`, and `status` then shows `said`: only then, for the run's last step may still be coming."""

    async def cancelled() -> str:
        return said

    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    button.click(None, None, None, cancels=[run]).then(cancelled, None, status, api_name=name, **private)


def or_else(*shown: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A handler that fails shows this first. Gradio's own `failure` will not do: a cancelled run is one to it."""

    def around(handler: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(handler)
        async def stepping(*args: Any, **kwargs: Any) -> Any:
            try:
                async with aclosing(handler(*args, **kwargs)) as steps:
                    async for step in steps:
                        yield step
            except Exception:
                yield shown
                raise

        return stepping

    return around
