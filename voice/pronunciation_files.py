"""Pronunciations as files that people write and programs exchange: JSON and CSV. Nothing here is kept."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter, ValidationError

from core.errors import BadRequest, TooLarge
from voice.text.dictionary import Entry

FIELDS: tuple[str, ...] = ("written", "spoken", "ipa", "language", "case_sensitive")
MOST_BYTES = 2_000_000
TRUE, FALSE = ("1", "true", "yes", "x"), ("", "0", "false", "no")

Form = Literal["json", "csv"]


class EntryBody(BaseModel):
    """A word or phrase, and how it is said: in letters, in the phonetic alphabet, or both."""

    written: str
    spoken: str = ""
    ipa: str = ""
    language: str = ""
    case_sensitive: bool = False

    def entry(self) -> Entry:
        return Entry(self.written, self.spoken, self.ipa, self.language, self.case_sensitive)


class Exported(BaseModel):
    """What an export in JSON is."""

    data: list[EntryBody]


def fields(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in FIELDS}


def read(data: bytes, form: Form) -> list[Entry]:
    """The entries of a file. Blocks. Raises BadRequest, TooLarge."""
    if len(data) > MOST_BYTES:
        raise TooLarge(f"A file of pronunciations has {MOST_BYTES // 1_000_000} MB at most.", param="entries")
    bodies = _from_json(data) if form == "json" else _from_csv(data)
    if not bodies:
        raise BadRequest("There is no pronunciation in this file.", param="entries")
    return [body.entry() for body in bodies]


def write(entries: Iterable[Entry], form: Form) -> str:
    """A file that `read` takes. Blocks."""
    rows = [fields(entry) for entry in entries]
    if form == "json":
        return json.dumps({"data": rows}, ensure_ascii=False, indent=1)
    out = io.StringIO()
    writer = csv.DictWriter(out, FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(row | {"case_sensitive": "true" if row["case_sensitive"] else ""} for row in rows)
    return out.getvalue()


def _from_json(data: bytes) -> list[EntryBody]:
    """A list of entries, or an object that has it as `data`."""
    try:
        if data.lstrip()[:1] == b"{":
            return Exported.model_validate_json(data).data
        return TypeAdapter(list[EntryBody]).validate_json(data)
    except ValidationError as error:
        raise _invalid(error) from None


def _invalid(error: ValidationError) -> BadRequest:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return BadRequest("The file is not valid JSON.", param="entries")
    number = next((part + 1 for part in first["loc"] if isinstance(part, int)), 0)
    field = next((part for part in reversed(first["loc"]) if isinstance(part, str) and part != "data"), "entries")
    place = f"Entry {number}, {field}" if number else "A file of pronunciations is a list of objects"
    return BadRequest(f"{place}: {first['msg']}.", param=field)


def _from_csv(data: bytes) -> list[EntryBody]:
    """Columns as FIELDS, the last ones as one likes; a first line that names them may change their order."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadRequest("The file is not UTF-8 text.", param="entries") from None
    names: list[str] = list(FIELDS)
    found: list[EntryBody] = []
    try:
        for number, row in enumerate(csv.reader(io.StringIO(text, newline=""), strict=True), 1):
            if number == 1 and row and row[0].strip().casefold() in FIELDS:
                names = [name.strip().casefold() for name in row]
            elif any(cell.strip() for cell in row):
                found.append(_from_row(number, dict(zip(names, row, strict=False))))
    except csv.Error:
        raise BadRequest(
            "The file is not CSV: a quote is left open, or a field is too long.", param="entries"
        ) from None
    return found


def _from_row(number: int, row: dict[str, str]) -> EntryBody:
    sensitive = row.pop("case_sensitive", "").strip().casefold()
    if sensitive not in TRUE + FALSE:
        raise BadRequest(f"Row {number}: case_sensitive is true or false.", param="case_sensitive")
    values = {name: row[name] for name in FIELDS if name in row}
    if "written" not in values:
        raise BadRequest(f"Row {number} has no written form.", param="written")
    return EntryBody(**values, case_sensitive=sensitive in TRUE)
