"""What stands below the conversation in the Voice chat tab: sessions that are being held, and clients to begin one."""

from __future__ import annotations

import json

from studio import Studio
from tabs._look import asset
from tabs._snippets import CLIENTS


def html() -> str:
    return asset("live.html")


def script(studio: Studio) -> str:
    """The browser asks `/v1/live` while the section is to be seen, so that watching costs no session anything."""
    settings = studio.settings
    told = {"clients": CLIENTS, "keyed": settings.access != "open", "apart": "media" not in settings.roles}
    return f"const LIVE = {json.dumps(told)};\n{asset('live.js')}"
