"""Sends requests side by side and judges every answer: no 5xx, no word of a secret, and an end in good time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

AT_ONCE = 12
READ = 200_000
"""Bytes of an answer that are read before it is hung up on."""
PATIENCE_SECONDS = 30.0
"""Until the first byte of an answer."""
ABSENT = frozenset({"not_installed", "not_downloaded"})
"""Codes of a 503 that tells, rightly, that what was asked for by name is not here."""


@dataclass
class Verdict:
    """What came of an attack."""

    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    """Answers with 5xx, and requests that got none."""
    told: list[str] = field(default_factory=list)
    """Answers that hold something secret."""
    absent: int = 0
    """503 that names what is not installed or downloaded."""
    overloaded: int = 0
    """503 with the code `overloaded` and a Retry-After."""

    def line(self) -> str:
        statuses = ", ".join(f"{count} x {status}" for status, count in sorted(self.statuses.items()))
        return (
            f"{self.requests} requests: {statuses}; {len(self.broken)} broken, {len(self.told)} secrets told, "
            f"{self.absent} told that something is not here, {self.overloaded} turned away while overloaded"
        )


@dataclass
class Attacker:
    url: str
    secrets: Mapping[str, bytes]
    """What no answer may hold, by name."""
    key: str
    verdict: Verdict = field(default_factory=Verdict)

    async def attack(self, count: int, once: Callable[[Attacker, httpx.AsyncClient], Awaitable[None]]) -> Verdict:
        """Call `once`, `AT_ONCE` side by side, until at least `count` requests were sent."""
        limits = httpx.Limits(max_connections=AT_ONCE * 2)
        async with httpx.AsyncClient(base_url=self.url, timeout=PATIENCE_SECONDS, limits=limits) as client:

            async def worker() -> None:
                while self.verdict.requests < count:
                    await once(self, client)

            await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
        print("\n".join(["", self.verdict.line(), *self.verdict.told[:20], *self.verdict.broken[:20]]))
        return self.verdict

    async def ask(
        self,
        client: httpx.AsyncClient,
        method: str,
        path: str,
        *,
        seconds: float = 10.0,
        key: bool = True,
        **options: Any,
    ) -> tuple[int, bytes]:
        """The status and what was read of the body in `seconds`; 0 where the client itself could not send it."""
        headers = {**({"x-api-key": self.key} if key else {}), **options.pop("headers", {})}
        name = f"{method} {path[:200]!r} {repr(options)[:300]}"
        try:
            request = client.build_request(method, path, headers=headers, **options)
        except (httpx.InvalidURL, ValueError, TypeError, UnicodeError):
            return 0, b""
        self.verdict.requests += 1
        try:
            answer = await client.send(request, stream=True)
        except httpx.RemoteProtocolError:
            self.verdict.statuses[0] += 1
            return 0, b""
        except httpx.TransportError as error:
            self.verdict.broken.append(f"{name}: {error!r}")
            return 0, b""
        body = await _read(answer, seconds)
        self.judge(name, answer.status_code, "\n".join(map(str, answer.headers.items())).encode() + body)
        return answer.status_code, body

    def judge(self, name: str, status: int, answer: bytes) -> None:
        self.verdict.statuses[status] += 1
        for secret, content in self.secrets.items():
            if content in answer:
                self.verdict.told.append(f"{secret}: {name}")
        if status < 500:
            return
        if status == 503 and any(f'"{code}"'.encode() in answer for code in ABSENT):
            self.verdict.absent += 1
        elif status == 503 and b'"overloaded"' in answer and b"retry-after" in answer:
            self.verdict.overloaded += 1
        else:
            self.verdict.broken.append(f"{status} {name}: {answer[-300:]!r}")


async def _read(answer: httpx.Response, seconds: float) -> bytes:
    body = bytearray()

    async def read() -> None:
        async for part in answer.aiter_raw():
            body.extend(part)
            if len(body) >= READ:
                return

    try:
        await asyncio.wait_for(read(), seconds)
    except (TimeoutError, httpx.TransportError):
        pass
    finally:
        await answer.aclose()
    return bytes(body)
