"""What a server says of a file before it sends it, kept beside the part that has arrived.

Knows the model hub's headers: `X-Linked-Etag` and `X-Linked-Size` are sha256 and length of a large file; a small
file's `ETag` is the sha1 of its git blob.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from voice._hub import Hub


@dataclass(frozen=True)
class Promise:
    """What a server said that it would send."""

    identity: str = ""
    """Differs where the content differs."""
    total: int = 0
    """0 where it is not known."""
    sha256: str = ""
    git: str = ""


def promise_of(response: httpx.Response, hub: Hub) -> Promise:
    """From the last answer and, of the hub, from the one that redirected to where large files lie."""
    said: dict[str, str] = {}
    for step in (*response.history, response):
        if hub.holds(str(step.url)):
            said |= {name: step.headers[name] for name in ("x-linked-etag", "x-linked-size") if name in step.headers}
            if "x-repo-commit" in step.headers:
                said["etag"] = step.headers.get("etag", "")
    linked = _tag(said.get("x-linked-etag", ""))
    tag = linked or _tag(said.get("etag", ""))
    sha256 = tag if re.fullmatch("[0-9a-f]{64}", tag) else ""
    git = tag if re.fullmatch("[0-9a-f]{40}", tag) else ""
    return Promise(tag or response.headers.get("etag", ""), _total(response, said), sha256, git)


def _tag(etag: str) -> str:
    return etag.removeprefix("W/").strip('"')


def _total(response: httpx.Response, said: dict[str, str]) -> int:
    size = response.headers.get("content-range", "").rpartition("/")[2]
    if not size.isdecimal():
        size = said.get("x-linked-size", "")
    if not size.isdecimal() and response.status_code == 200:
        size = response.headers.get("content-length", "")
    return int(size) if size.isdecimal() else 0


def beside(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def keep(part: Path, promise: Promise) -> None:
    beside(part).write_text(json.dumps(asdict(promise)))


def kept(part: Path) -> Promise:
    try:
        return Promise(**json.loads(beside(part).read_text()))
    except (OSError, ValueError, TypeError):
        return Promise()
