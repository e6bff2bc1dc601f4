"""What strangers send: a JSON body, or a form with one file. Everything in it is checked, nothing in it is a path."""

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from api.errors import invalid
from core.errors import BadAudio, BadRequest, UnsupportedMedia

M = TypeVar("M", bound=BaseModel)

MOST_FIELDS = 64


async def json_body(request: Request, model: type[M], *, optional: bool = False) -> M:
    """The body as the model; with `optional` no body at all is an empty object.

    Raises UnsupportedMedia, BadRequest; TooLarge comes from the app's edge.
    """
    if optional and "content-type" not in request.headers:
        return model()
    _expect(request, "application/json")
    try:
        return model.model_validate_json(await request.body() or (b"{}" if optional else b""))
    except ValidationError as error:
        raise invalid(error.errors()) from None


def _expect(request: Request, wanted: str) -> None:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != wanted:
        raise UnsupportedMedia(f"This takes {wanted}, not {given or 'a body without a content type'}.")


@dataclass(frozen=True)
class Upload:
    """A form: its one file, on disk once it is larger than a megabyte, and its fields by name."""

    file: BinaryIO
    form: FormData

    def fields(self, model: type[M], lists: Iterable[str] = ()) -> M:
        """The fields as the model. `lists` names those that are arrays, which clients send with and without `[]`.

        Raises BadRequest.
        """
        values: dict[str, Any] = {name: [] for name in lists}
        for key, value in self.form.multi_items():
            name = key.removesuffix("[]")
            if name in values and isinstance(values[name], list):
                values[name].append(value)
            elif isinstance(value, str):
                values[name] = value
        try:
            return model.model_validate(values)
        except ValidationError as error:
            raise invalid(error.errors()) from None


class Meter:
    """Is told how many seconds of a recording are done, as often as there are more."""

    seconds = 0.0

    def __call__(self, seconds: float) -> None:
        self.seconds = seconds


@asynccontextmanager
async def uploaded(request: Request) -> AsyncIterator[Upload]:
    """The form of a request; its file is closed, and gone from the disk, when the block is left.

    Raises UnsupportedMedia, BadRequest, BadAudio on an empty file; TooLarge comes from the app's edge.
    """
    _expect(request, "multipart/form-data")
    parser = MultiPartParser(request.headers, request.stream(), max_files=1, max_fields=MOST_FIELDS)
    try:
        form = await parser.parse()
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise BadRequest("The form needs a file in the field 'file'.", param="file")
        if not file.size:
            raise BadAudio("The file is empty.", param="file")
        yield Upload(file.file, form)
    except MultiPartException as error:
        raise BadRequest(f"The form cannot be read: {error.message}") from None
    finally:
        # Not the form's own files: one that the body ends in the middle of never becomes part of the form.
        for opened in parser._files_to_close_on_error:
            opened.close()


def text_list(value: Any) -> Any:
    """A list of words as clients send it: repeated fields, a JSON array in one field, or words between commas."""
    if not (isinstance(value, list) and len(value) == 1 and isinstance(value[0], str)):
        return value
    only = value[0].strip()
    if only.startswith("["):
        try:
            return json.loads(only)
        except ValueError:
            raise ValueError("is not a JSON array") from None
    return [word.strip() for word in only.split(",") if word.strip()]


def json_schema(model: type[BaseModel], *, required: bool = True) -> dict[str, Any]:
    """The documentation of a JSON body, as an operation of OpenAPI takes it."""
    content = {"application/json": {"schema": _inlined(model)}}
    return {"requestBody": {"required": required, "content": content}}


def form_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The documentation of a form: a file and the model's fields, arrays under their bracketed names."""
    schema = _inlined(model)
    named = {f"{key}[]" if part.get("type") == "array" else key: part for key, part in schema["properties"].items()}
    schema["properties"] = {"file": {"type": "string", "format": "binary"}} | named
    schema["required"] = ["file", *schema.get("required", ())]
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def _inlined(model: type[BaseModel]) -> dict[str, Any]:
    """A model's JSON schema with its parts in place, for a document in which `$defs` cannot be pointed at."""
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})

    def resolved(node: Any) -> Any:
        if isinstance(node, dict):
            if "$ref" in node:
                return resolved(parts[node["$ref"].rpartition("/")[2]])
            return {key: resolved(value) for key, value in node.items()}
        return [resolved(item) for item in node] if isinstance(node, list) else node

    return resolved(schema)
