"""Callers in a process of their own, who take orders: one JSON line in, one JSON line back."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
LONGEST = 2**26
"""Bytes of an answer."""

Ask = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


@asynccontextmanager
async def ordered(module: str, port: int, key: str) -> AsyncIterator[Ask]:
    """`python -m module port key`; what is yielded gives it an order and answers with what it measured."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, str(port), key, cwd=ROOT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LONGEST,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    async def ask(order: dict[str, Any]) -> dict[str, Any]:
        stdin.write(json.dumps(order).encode() + b"\n")
        return json.loads(await stdout.readline())

    try:
        yield ask
    finally:
        stdin.close()
        await process.wait()
