"""Server-sent events: bytes as they come to the data of each event. Knows the format, and nothing of what is in it."""

from __future__ import annotations

import re
from collections.abc import Iterator

MOST_BYTES = 1 << 20
"""Of one event. A server that never ends one is not waited for."""


class TooLong(ValueError):
    """The event is longer than anything that is meant to be read."""


class Events:
    """The data of one stream's events. See the HTML standard, 9.2.6: lines end with CR, LF or both, those of an event
    are joined, and what is no `data:` is left out."""

    def __init__(self):
        self._rest = bytearray()
        self._lines: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[str]:
        """Events that are whole by now. Raises TooLong."""
        ends = b"\n" in data or b"\r" in data or self._rest.endswith(b"\r")
        self._rest += data
        if ends:
            # A CR at the end may be half of a CRLF.
            whole = len(self._rest) - self._rest.endswith(b"\r")
            *lines, last = re.split(rb"\r\n|\r|\n", bytes(self._rest[:whole]))
            self._rest = bytearray(last) + self._rest[whole:]
            for line in lines:
                yield from self._line(line)
        if self._size + len(self._rest) > MOST_BYTES:
            raise TooLong("an event is too long")

    def end(self) -> Iterator[str]:
        """The last event, where the stream ends without an empty line."""
        yield from self._line(bytes(self._rest).rstrip(b"\r"))
        yield from self._line(b"")

    def _line(self, line: bytes) -> Iterator[str]:
        if line.startswith(b"data:"):
            self._lines.append(line[5:].removeprefix(b" "))
            self._size += len(line)
        elif not line and self._lines:
            event, self._lines, self._size = b"\n".join(self._lines), [], 0
            yield event.decode("utf-8", "replace")
