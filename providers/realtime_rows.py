"""The table of servers that speak OpenAI's realtime protocol: how each is reached, and what it takes for what."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

TABLE = Path(__file__).with_name("realtime.toml")
OTHER = "server"
"""The row of whoever is in no other."""
MOST = 10**9
"""Tokens of one kind that an answer may claim to have taken."""


@dataclass(frozen=True)
class Row:
    """See the table for the fields."""

    name: str
    title: str
    hosts: tuple[str, ...] = ()
    base: str = ""
    path: str = "realtime"
    secrets: str = ""
    auth: str = "bearer"
    models: tuple[str, ...] = ()
    as_of: str = ""
    prices: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def header(self, key: str) -> dict[str, str]:
        """What carries the key; nothing where there is none."""
        if not key:
            return {}
        if self.auth in ("bearer", "basic"):
            return {"Authorization": f"{self.auth.capitalize()} {key}"}
        return {self.auth: key}

    def price(self, model: str) -> Mapping[str, float]:
        """The model's, or its family's; empty where nobody knows."""
        names = [name for name in self.prices if model.startswith(name)]
        return self.prices[max(names, key=len)] if names else {}


def rows(table: Path = TABLE) -> dict[str, Row]:
    """By name. Raises TypeError where a row has a field that there is not."""
    found: dict[str, Row] = {}
    for name, values in tomllib.loads(table.read_text("utf-8")).items():
        fields: dict[str, Any] = {key: tuple(it) if isinstance(it, list) else it for key, it in values.items()}
        found[name] = Row(name, **fields)
    return found


def row_of(base_url: str) -> Row:
    """The row of an address, or of a row's own name."""
    known = rows()
    if base_url in known and known[base_url].base:
        return known[base_url]
    host = urlsplit(base_url).hostname or ""
    return next((row for row in known.values() if any(host.endswith(end) for end in row.hosts)), known[OTHER])


@dataclass(frozen=True)
class Bill:
    """What an answer took, in tokens and in millionths of a US dollar."""

    input_tokens: int = 0
    output_tokens: int = 0
    micro_usd: int = 0


def bill(usage: Any, price: Mapping[str, float]) -> Bill:
    """Of the `usage` of a `response.done`. What in it is no count is 0: servers are known to leave parts of it out."""
    usage = usage if isinstance(usage, dict) else {}
    input, output = _count(usage.get("input_tokens")), _count(usage.get("output_tokens"))
    into, out = _details(usage, "input_token_details"), _details(usage, "output_token_details")
    cached = into.get("cached_tokens_details")
    cached = cached if isinstance(cached, dict) else {}
    dollars = 0.0
    for kind in ("audio", "text", "image"):
        at_hand = _count(into.get(f"{kind}_tokens"))
        known = min(at_hand, _count(cached.get(f"{kind}_tokens")))
        full = price.get(f"{kind}_in", 0.0)
        dollars += (at_hand - known) * full + known * price.get(f"{kind}_cached", full)
        dollars += _count(out.get(f"{kind}_tokens")) * price.get(f"{kind}_out", 0.0)
    return Bill(input, output, math.ceil(round(dollars, 3)))


def lasted(seconds: float, price: Mapping[str, float]) -> int:
    """What a session's time costs, in millionths of a US dollar."""
    return math.ceil(round(seconds / 60.0 * price.get("minute", 0.0) * 1_000_000, 3))


def _details(usage: dict[str, Any], name: str) -> dict[str, Any]:
    value = usage.get(name)
    return value if isinstance(value, dict) else {}


def _count(value: Any) -> int:
    return min(value, MOST) if type(value) is int and value > 0 else 0
