"""Small pieces of HTML that the tabs share. All text that comes from outside is escaped here."""

from __future__ import annotations

import html


def note(text: str, kind: str = "") -> str:
    """A quiet line on glass; `kind` is empty, `good` or `warn`."""
    return f'<div class="vf-note {kind}">{html.escape(text)}</div>'


def empty(title: str, text: str) -> str:
    """What stands where nothing is yet."""
    return f'<div class="vf-empty"><strong>{html.escape(title)}</strong><span>{html.escape(text)}</span></div>'


def progress(text: str, share: float | None = None) -> str:
    """A bar; `share` runs from 0 to 1, None is a bar that only shows life."""
    running = share is None
    width = 35 if share is None else round(100 * min(1.0, max(0.02, share)))
    return (
        f'<div class="vf-progress{" vf-running" if running else ""}" role="status"><div class="vf-bar">'
        f'<i style="width:{width}%"></i></div><span>{html.escape(text)}</span></div>'
    )


def facts(pairs: list[tuple[str, str]], remark: str = "", kind: str = "") -> str:
    """Named figures in a row, with a remark beneath."""
    cells = "".join(f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd></div>" for name, value in pairs)
    return f'<dl class="vf-facts">{cells}</dl>' + (note(remark, kind) if remark else "")


def clock(seconds: float) -> str:
    """`7.3 s` under a minute, `12:05` or `1:02:05` from there on."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
