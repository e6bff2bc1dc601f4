"""The published voices as data: a TOML file for each engine, read into plain values. Asks no engine anything."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KINDS = ("named-speaker", "prompt-voice", "language-default", "tag", "variant")
FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Download:
    """A file of weights that an engine needs."""

    path: str
    """Where it lies under the folder of models."""
    url: str
    mirrors: tuple[str, ...]
    """Where the same bytes are to be had as well."""
    models: tuple[str, ...]
    """The sizes of the engine that need it."""
    bytes: int
    exact: bool
    """Whether `bytes` is the length itself, or rounded."""
    sha256: str
    """In hex; empty where it is not known."""


@dataclass(frozen=True)
class Card:
    """An engine as its makers publish it, installed here or not."""

    name: str
    title: str
    kind: str
    """`tts`, `stt` or `llm`."""
    summary: str
    licence: str
    """Of the code."""
    weights_licence: str
    source: str
    """Where the list of its voices, or of its files, is published."""
    repo: str
    """The weights' repository at the model hub."""
    environment: str
    install: str
    """A sentence with the command."""
    languages: tuple[str, ...]
    tags: tuple[str, ...]
    """What it performs instead of reading aloud."""
    verified: bool
    doubt: str
    """What on this card was not read at its source; empty where all was."""
    files: tuple[Download, ...]


@dataclass(frozen=True)
class Entry:
    """A published voice."""

    id: str
    """Unique in the house, `engine/name`."""
    engine: str
    name: str
    """What the engine is asked for."""
    languages: tuple[str, ...]
    """BCP-47 tags, the main one first."""
    gender: str
    """`female` or `male` where it is published, else empty."""
    description: str
    kind: str
    """One of `KINDS`."""
    grade: str
    """The makers' own mark, `A` to `F`; empty where there is none."""
    licence: str
    """Of the weights that make the voice."""
    source: str
    verified: bool
    """Whether the row was read at its source."""
    described: bool = False
    """Whether the language has no speaker of a name: the voice is put in words with each request."""


def read(folder: Path = FOLDER) -> Iterator[tuple[Card, tuple[Entry, ...]]]:
    """Every engine's card and voices, by the name of its file. Raises KeyError where a file lacks a field."""
    for path in sorted(folder.glob("*.toml")):
        table = tomllib.loads(path.read_text("utf-8"))
        card = _card(table)
        yield card, tuple(_entry(row, card, table) for row in table.get("voices", ()))


def _card(table: Mapping[str, Any]) -> Card:
    plain = ("name", "title", "kind", "summary", "licence", "weights_licence", "source", "repo", "environment")
    return Card(
        **{field: table[field] for field in plain},
        install=table["install"],
        languages=tuple(table["languages"]),
        tags=tuple(table.get("tags", ())),
        verified=table.get("verified", True),
        doubt=table.get("doubt", ""),
        files=tuple(_download(row) for row in table.get("files", ())),
    )


def _download(row: Mapping[str, Any]) -> Download:
    return Download(
        path=row["path"],
        url=row["url"],
        mirrors=tuple(row.get("mirrors", ())),
        models=tuple(row["models"]),
        bytes=row["bytes"],
        exact=row.get("exact", True),
        sha256=row.get("sha256", ""),
    )


def _entry(row: Mapping[str, Any], card: Card, table: Mapping[str, Any]) -> Entry:
    return Entry(
        id=f"{card.name}/{row['id']}",
        engine=card.name,
        name="" if row.get("described") else row.get("name", row["id"]),
        languages=tuple(row["languages"]),
        gender=row.get("gender", ""),
        description=row["description"],
        kind=row.get("kind", table["voice_kind"]),
        grade=row.get("grade", ""),
        licence=row.get("licence", card.weights_licence),
        source=row.get("source", card.source),
        verified=row.get("verified", True),
        described=row.get("described", False),
    )
