"""Lists as OpenAI shapes them, and JSON that repeats a dataclass."""

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import Query

Offset = Annotated[int, Query(ge=0, le=1_000_000_000, description="How many to leave out from the beginning.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]


def listed(items: Iterable[Any], *, has_more: bool = False, **more: Any) -> dict[str, Any]:
    return {"object": "list", "data": list(items), "has_more": has_more} | more
