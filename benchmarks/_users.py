"""Ten people who use the pages: a process that loads them and calls Gradio's queue, for benchmarks.conversations.

`python -m benchmarks._users PORT KEY` goes on until its input ends, then prints one JSON object of `calls`, `pages`,
`failed` and `p50_ms`.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from statistics import median

import httpx

AT_ONCE = 10
PAUSE_SECONDS = 2.0
"""Between two things that a person does, a half to one and a half of it."""
PAGES = 10
"""Every so many things a page is loaded anew."""


class Users:
    def __init__(self, client: httpx.AsyncClient):
        self._client = client
        self.counts: Counter[str] = Counter()
        self.taken: list[float] = []
        """Seconds of each call."""

    async def act(self, draw: random.Random) -> None:
        """One person, for ever."""
        number = draw.randrange(PAGES)
        while True:
            await asyncio.sleep(PAUSE_SECONDS * draw.uniform(0.5, 1.5))
            number += 1
            try:
                await (self._page() if number % PAGES == 0 else self._call())
            except (httpx.HTTPError, RuntimeError) as error:
                self.counts["failed"] += 1
                print(repr(error), file=sys.stderr)

    async def _page(self) -> None:
        """The document with its configuration."""
        (await self._client.get("/")).raise_for_status()
        self.counts["pages"] += 1

    async def _call(self) -> None:
        """A cheap function by way of the queue: a post to join it, a stream to wait for the answer."""
        began = time.perf_counter()
        joined = await self._client.post("/gradio_api/call/version", json={"data": []})
        name = joined.raise_for_status().json()["event_id"]
        answer = await self._client.get(f"/gradio_api/call/version/{name}")
        if "event: complete" not in answer.raise_for_status().text:
            raise RuntimeError(answer.text[:200])
        self.taken.append(time.perf_counter() - began)
        self.counts["calls"] += 1


async def serve(port: int, key: str) -> None:
    headers, limits = {"X-API-Key": key}, httpx.Limits(max_connections=2 * AT_ONCE)
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60, limits=limits) as client:
        users = Users(client)
        acting = [asyncio.create_task(users.act(random.Random(number))) for number in range(AT_ONCE)]
        await asyncio.to_thread(sys.stdin.read)
        for task in acting:
            task.cancel()
        await asyncio.gather(*acting, return_exceptions=True)
        counts = {name: users.counts[name] for name in ("calls", "pages", "failed")}
        print(json.dumps(counts | {"p50_ms": 1000 * median(users.taken or [0.0])}))


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2]))
