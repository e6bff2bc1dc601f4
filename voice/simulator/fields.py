"""A mapping of a file, taken apart name by name. What is wrong is told with its line, as is what nobody asked for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from core.errors import BadRequest


class Located(dict[str, Any]):
    """A mapping that knows the line on which it begins."""

    def __init__(self, line: int):
        super().__init__()
        self.line = line


class Fields:
    """Of one mapping. Each method raises BadRequest where what it takes is otherwise than it should be."""

    def __init__(self, found: Located, file: str):
        self._found, self._file = found, file
        self._asked: dict[str, None] = {}

    @property
    def line(self) -> int:
        return self._found.line

    def wrong(self, sentence: str) -> BadRequest:
        return BadRequest(f"{self._file}, line {self.line}: {sentence}.")

    @contextmanager
    def told(self) -> Iterator[None]:
        """What is refused inside is told with the line."""
        try:
            yield
        except BadRequest as error:
            raise self.wrong(error.message.rstrip(".")) from None

    def maybe(self, name: str) -> Any:
        """As it stands; None where it does not."""
        self._asked[name] = None
        return self._found.get(name)

    def text(self, name: str, default: str = "") -> str:
        found = self.maybe(name)
        if found is not None and not isinstance(found, str):
            raise self.wrong(f"`{name}` is {found!r}, and takes a text")
        return default if found is None else found

    def number(self, name: str, default: float | None, least: float, most: float) -> float:
        """Without a default it must be there."""
        found = self.maybe(name)
        found = default if found is None else found
        if not isinstance(found, int | float) or isinstance(found, bool):
            raise self.wrong(f"`{name}` is {'missing' if found is None else repr(found)}, and takes a number")
        if not (math.isfinite(found) and least <= found <= most):
            raise self.wrong(f"`{name}` is {found:g}, and takes {least:g} to {most:g}")
        return float(found)

    def flag(self, name: str, default: bool) -> bool:
        found = self.maybe(name)
        if found is not None and not isinstance(found, bool):
            raise self.wrong(f"`{name}` is {found!r}, and takes yes or no")
        return default if found is None else found

    def part(self, name: str) -> Fields:
        """A mapping; an empty one where it is not there."""
        found = self.maybe(name)
        if found is not None and not isinstance(found, Located):
            raise self.wrong(f"`{name}` takes names with values")
        return Fields(Located(self.line) if found is None else found, self._file)

    def texts(self, name: str) -> list[str]:
        found = self._list(name)
        if not all(isinstance(each, str) for each in found):
            raise self.wrong(f"`{name}` takes a list of words")
        return found

    def parts(self, name: str, *, bare: str = "") -> list[Fields]:
        """A list of mappings. With `bare` a text may stand in place of one that has only that name."""
        found: list[Fields] = []
        for each in self._list(name):
            if bare and isinstance(each, str):
                each, text = Located(self.line), each
                each[bare] = text
            if not isinstance(each, Located):
                raise self.wrong(f"`{name}` holds {each!r}, and takes a list of names with values")
            found.append(Fields(each, self._file))
        return found

    def only(self, known: Sequence[str]) -> str:
        """The one of these names that stands here."""
        there = [name for name in known if name in self._found]
        if len(there) != 1:
            raise self.wrong(f"here stands {', '.join(self._found) or 'nothing'}, and one of {', '.join(known)} must")
        return there[0]

    def rest(self) -> dict[str, str | int | float]:
        """What was not asked for, each of it a plain value."""
        found = {name: value for name, value in self._found.items() if name not in self._asked}
        for name, value in found.items():
            if not isinstance(value, str | int | float):
                raise self.wrong(f"`{name}` is {value!r}, and takes a text or a number")
        return found

    def done(self) -> None:
        """Nothing is left."""
        for name in self._found:
            if name not in self._asked:
                raise self.wrong(f"`{name}` is not known here; known are {', '.join(sorted(self._asked))}")

    def _list(self, name: str) -> list[Any]:
        found = self.maybe(name)
        if found is not None and not isinstance(found, list):
            raise self.wrong(f"`{name}` takes a list")
        return found or []
