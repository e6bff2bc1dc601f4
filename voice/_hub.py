"""Where weights come from: the model hub's address and token, and whether anything there can be reached now."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import httpx

PUBLIC = "https://huggingface.co"
PROBE_SECONDS = 2.0
REMEMBER_SECONDS = 300.0


@dataclass(frozen=True)
class Hub:
    endpoint: str = PUBLIC
    """Another address that serves the same paths, such as a mirror."""
    token: str = field(default="", repr=False)
    """Sent to the endpoint alone, never to where it redirects or to anybody else."""
    offline: bool = False
    """Ask nobody."""

    def url(self, public: str) -> str:
        """The address at this hub of what has one at the public hub; any other address as it is."""
        if public.startswith(f"{PUBLIC}/"):
            return self.endpoint.rstrip("/") + public[len(PUBLIC) :]
        return public

    def headers(self, url: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"} if self.token and self.holds(url) else {}

    def holds(self, url: str) -> bool:
        return _origin(url) == _origin(self.endpoint)


class Reach:
    """Asks each server once in a while whether it is there, within two seconds. Belongs to one event loop."""

    def __init__(self, hub: Hub, client: httpx.AsyncClient, clock: Callable[[], float] = time.monotonic):
        self._hub, self._client, self._clock = hub, client, clock
        self._known: dict[str, tuple[float, bool]] = {}
        self._asking: dict[str, asyncio.Task[bool]] = {}

    async def any(self, urls: Iterable[str], *, anew: bool = False) -> bool:
        """Whether one of their servers answers. A remembered no is believed unless it is to be asked `anew`."""
        origins = dict.fromkeys(_origin(url) for url in urls)
        if self._hub.offline or not origins:
            return False
        return any(await asyncio.gather(*(self._one(origin, anew) for origin in origins)))

    async def _one(self, origin: str, anew: bool) -> bool:
        when, reachable = self._known.get(origin, (0.0, False))
        if origin in self._known and self._clock() - when < REMEMBER_SECONDS and (reachable or not anew):
            return reachable
        if origin not in self._asking:
            self._asking[origin] = asyncio.create_task(self._ask(origin))
        return await asyncio.shield(self._asking[origin])

    async def _ask(self, origin: str) -> bool:
        reachable = False
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                reachable = (await self._client.head(origin, follow_redirects=False)).status_code < 500
        except (httpx.HTTPError, TimeoutError, OSError):
            pass
        finally:
            self._known[origin] = (self._clock(), reachable)
            del self._asking[origin]
        return reachable


def _origin(url: str) -> str:
    """Scheme, host and port."""
    parsed = httpx.URL(url)
    return str(parsed.copy_with(raw_path=b"/", fragment=None)).rstrip("/")
