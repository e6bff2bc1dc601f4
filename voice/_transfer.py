"""One file from its servers to this disk: resumed where it broke off, checked, and given up where it only drips.

Speaks HTTP ranges; knows no engine.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx

from voice._hub import Hub
from voice._promise import Promise, beside, keep, kept, promise_of
from voice.catalogue.cards import Download

logger = logging.getLogger(__name__)

Tell = Callable[[int, int], None]
"""Called with the bytes that are here and those there will be."""


class SourceError(Exception):
    """A server did not give the file, a sentence. `again`: whether it may do better when asked again."""

    def __init__(self, why: str, *, again: bool, after: float = 0.0):
        super().__init__(why)
        self.again, self.after = again, after


@dataclass(frozen=True)
class Limits:
    """What a download puts up with."""

    connect_seconds: float = 10.0
    silence_seconds: float = 20.0
    """Longest wait for an answer, and between two of its bytes."""
    slowest: int = 10_000
    """Bytes per second; a server that stays below it over `window_seconds` is not asked again."""
    window_seconds: float = 30.0
    attempts: int = 4
    """In a row that bring no more than `worthwhile` bytes."""
    worthwhile: int = 1_000_000
    pause_seconds: float = 1.0
    """Before the second attempt; twice as long before each one after it."""
    longest_pause_seconds: float = 60.0
    keep_free: int = 256_000_000
    """Bytes of the disk that weights leave to everything else."""


@dataclass(frozen=True)
class Receipt:
    """What is known of a file that arrived."""

    bytes: int
    sha256: str
    source: str
    """The address it was asked of."""


def client(limits: Limits) -> httpx.AsyncClient:
    timeout = httpx.Timeout(limits.silence_seconds, connect=limits.connect_seconds)
    # A packed answer cannot be resumed.
    headers = {"user-agent": "voiceforge", "accept-encoding": "identity"}
    return httpx.AsyncClient(timeout=timeout, headers=headers, follow_redirects=True, max_redirects=5)


async def transfer(web: httpx.AsyncClient, hub: Hub, file: Download, to: Path, limits: Limits, tell: Tell) -> Receipt:
    """The file at `to`, complete and checked. What arrived before an error stays beside it and is not fetched again.

    Its servers are asked in turn. Raises SourceError where none of them gives it, OSError where the disk does not
    take it.
    """
    sources = [hub.url(url) for url in (file.url, *file.mirrors)]
    fruitless = damaged = 0
    while True:
        part, before = _part(to), _size(_part(to))
        try:
            promise = await _complete(web, hub, sources[0], file, part, limits, tell)
            if receipt := await _checked(file, part, promise, sources[0]):
                await asyncio.to_thread(_finish, part, to)
                return receipt
            damaged += 1
            if damaged == 2:
                raise SourceError("It arrived damaged, twice.", again=False)
            logger.warning("%s arrived damaged; it is fetched once more", to.name)
            sources.append(sources.pop(0))
        except SourceError as error:
            fruitless = 0 if _size(part) - before >= limits.worthwhile else fruitless + 1
            gone = sources.pop(0)
            if error.again:
                sources.append(gone)
            if not sources or damaged == 2 or fruitless >= limits.attempts:
                raise
            logger.info("%s: %s Trying again", to.name, error)
            pause = limits.pause_seconds * 2 ** max(0, fruitless - 1)
            await asyncio.sleep(min(max(error.after, pause), limits.longest_pause_seconds) if error.again else 0)


async def _complete(
    web: httpx.AsyncClient, hub: Hub, url: str, file: Download, part: Path, limits: Limits, tell: Tell
) -> Promise:
    """All bytes of the part, from where it broke off."""
    had = _size(part)
    old = kept(part) if had else Promise()
    if had and not (file.sha256 or old.identity):
        _remove(part)  # nobody could say whether what is missing fits what is here
        had = 0
    if had and had == (file.bytes if file.exact else old.total):
        return old
    async with _answer(web, hub, url, had, limits) as response:
        promise = promise_of(response, hub)
        other = file.sha256 and promise.sha256 and file.sha256 != promise.sha256
        if other or (file.exact and promise.total not in (0, file.bytes)):
            raise SourceError("Its server has another file by this name now.", again=False)
        if had and not file.sha256 and promise.identity != old.identity:
            _remove(part)
            raise SourceError("The file has changed since its first part arrived.", again=True)
        if response.status_code == 416:
            if promise.total == had:
                return promise
            _remove(part)
            raise SourceError("Its server does not know where it broke off.", again=True)
        keep(part, promise)
        total = promise.total or file.bytes
        await _body(response, part, had if response.status_code == 206 else 0, total, limits, tell)
    if _size(part) < promise.total:
        raise SourceError("Its server broke off in the middle.", again=True)
    return promise


@asynccontextmanager
async def _answer(
    web: httpx.AsyncClient, hub: Hub, url: str, had: int, limits: Limits
) -> AsyncIterator[httpx.Response]:
    """An answer of status 200, 206 or 416. Raises SourceError for any other, also for what happens while it is read."""
    headers = hub.headers(url) | ({"range": f"bytes={had}-"} if had else {})
    try:
        async with asyncio.timeout(limits.silence_seconds):
            response = await web.send(web.build_request("GET", url, headers=headers), stream=True)
        try:
            _refuse(response, hub.holds(url), had)
            yield response
        finally:
            await response.aclose()
    except (httpx.TimeoutException, TimeoutError) as error:
        raise SourceError("Its server does not answer.", again=True) from error
    except httpx.TooManyRedirects as error:
        raise SourceError("Its server sends us round in circles.", again=False) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SourceError("The connection to its server broke off.", again=True) from error


def _refuse(response: httpx.Response, of_hub: bool, had: int) -> None:
    status = response.status_code
    steps = [*(step.url.scheme for step in response.history), response.url.scheme]
    if "https" in steps and "http" in steps[steps.index("https") :]:
        raise SourceError("Its server leads to an address without encryption.", again=False)
    if status in (401, 403):
        wants = "HF_TOKEN must be set to one that may read it" if of_hub else "it is not public"
        raise SourceError(f"Its server refuses it with status {status}: {wants}.", again=False)
    if status in (404, 410):
        raise SourceError("Its server does not have it any more.", again=False)
    if status in (408, 429) or status >= 500:
        wait = response.headers.get("retry-after", "")
        after = float(wait) if wait.isdecimal() else 0.0
        raise SourceError(f"Its server is busy or broken, status {status}.", again=True, after=after)
    if status not in (200, 206, 416) or (status == 206 and _begins(response) != had):
        raise SourceError(f"Its server answered what was not asked, status {status}.", again=False)
    if response.headers.get("content-encoding", "identity") != "identity":
        raise SourceError("Its server sends it packed, which was not asked for.", again=False)


async def _body(response: httpx.Response, part: Path, had: int, total: int, limits: Limits, tell: Tell) -> None:
    """Appends the answer's bytes to the `had` first ones."""
    with _opened(part, had) as out:
        since, counted = time.monotonic(), had
        async for block in response.aiter_raw():
            had += out.write(block)
            tell(had, total)
            if had > 2 * total + 1_000_000:  # the total may be rounded
                raise SourceError("Its server sends more than the file has.", again=False)
            if (took := time.monotonic() - since) >= limits.window_seconds:
                if had - counted < limits.slowest * took:
                    slow = f"less than {limits.slowest // 1000 or limits.slowest / 1000:g} kB per second"
                    raise SourceError(f"Its server sends too little: {slow}.", again=False)
                since, counted = time.monotonic(), had


async def _checked(file: Download, part: Path, promise: Promise, source: str) -> Receipt | None:
    """None, and the part is gone, where it is not what it should be."""
    size = _size(part)
    sha256, git = await asyncio.to_thread(_digests, part)
    wanted = file.sha256 or promise.sha256
    whole = not file.exact or size == file.bytes
    if whole and (sha256 == wanted if wanted else promise.git in ("", git)):
        return Receipt(size, sha256, source)
    _remove(part)
    return None


def _digests(path: Path) -> tuple[str, str]:
    """sha256, and the sha1 that git gives a blob of these bytes."""
    sha256, git = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            sha256.update(block)
            git.update(block)
    return sha256.hexdigest(), git.hexdigest()


def _begins(response: httpx.Response) -> int:
    found = re.match(r"bytes (\d+)-", response.headers.get("content-range", ""))
    return int(found[1]) if found else -1


# what lies beside the file until it is complete


def _part(to: Path) -> Path:
    return to.with_name(f"{to.name}.part")


def arrived(to: Path) -> int:
    """Bytes of the file that are here, complete or not."""
    return _size(to) or _size(_part(to))


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _opened(part: Path, had: int) -> BinaryIO:
    """To write after its first bytes."""
    out = part.open("r+b" if part.exists() else "wb")
    out.truncate(had)
    out.seek(had)
    return out


def _remove(part: Path) -> None:
    part.unlink(missing_ok=True)


def _finish(part: Path, to: Path) -> None:
    with part.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(part, to)
    beside(part).unlink(missing_ok=True)
