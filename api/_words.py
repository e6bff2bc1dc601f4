"""Pronunciations as programs send and get them: one as JSON, many as JSON or CSV. Nothing here is kept."""

import csv
import io
import json
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter, ValidationError

from api.errors import invalid
from core.errors import BadRequest
from voice.pronunciations import Pronunciation
from voice.text.dictionary import Entry

FIELDS: tuple[str, ...] = ("written", "spoken", "ipa", "language", "case_sensitive")
TRUE, FALSE = ("1", "true", "yes", "x"), ("", "0", "false", "no")

Written = Literal["json", "csv"]


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


def shown(kept: Pronunciation) -> dict[str, Any]:
    return {"object": "pronunciation", "id": kept.id} | fields(kept.entry)


def fields(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in FIELDS}


def read(data: bytes, form: Written) -> list[Entry]:
    """The entries of a file. Blocks. Raises BadRequest."""
    bodies = _from_json(data) if form == "json" else _from_csv(data)
    if not bodies:
        raise BadRequest("There is no pronunciation in this.", param="entries")
    return [body.entry() for body in bodies]


def write(entries: Iterable[Entry], form: Written) -> str:
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
        raise invalid(error.errors(include_url=False, include_input=False)[:1]) from None


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
            "The file is not CSV: a quote is never closed, or a field is too long.", param="entries"
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
