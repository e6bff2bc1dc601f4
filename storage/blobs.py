"""Files by the hash of what made them, up to a number of bytes; what was longest unread goes first.

Knows disks, not what the bytes are for. Losing a file costs work, never an answer.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import struct
import tempfile
import threading
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

logger = logging.getLogger(__name__)

_HEADER = struct.Struct("<4sQI")
"""Mark, length of what follows, its crc32."""
_MARK = b"vfb1"
_KEY = re.compile(r"[0-9a-f]{64}")
STALE_SECONDS = 3600.0
"""A file that is still being written is not older than this."""
AGAIN_SECONDS = 300.0
"""After a failure to write, this long nothing is written."""


@dataclass(frozen=True)
class BlobStats:
    """For a status page."""

    bytes: int
    count: int
    max_bytes: int
    scanned: bool
    """Whether what lay there before this start is counted already."""
    why_off: str
    """A sentence where nothing can be written; empty while all is well."""
    evicted: int
    damaged: int
    """Files that were not what was written and are gone; both since the start."""


class Blobs:
    """A folder of files, each complete and checked when read. For any thread; all methods but `has` and `stats` block.

    The order of reading is kept in the files' times, so it survives a restart. Where the disk is full or read-only,
    what is there is still read, nothing is written for a while and `stats` says why: no method raises OSError. Several
    processes may share a folder; each then holds to `max_bytes` what it has seen itself.
    """

    def __init__(self, folder: Path, *, max_bytes: int, clock: Callable[[], float] = time.monotonic):
        self._folder, self._max_bytes, self._clock = folder, max_bytes, clock
        self._sizes: OrderedDict[str, int] = OrderedDict()
        """Bytes on disk by key, the longest unread first."""
        self._bytes = self._evicted = self._damaged = 0
        self._lock = threading.Lock()
        self._scanned: Future[None] = Future()
        self._why_off, self._again = "", 0.0
        threading.Thread(target=self._scan, name="blobs-scan", daemon=True).start()

    @property
    def writable(self) -> bool:
        """Whether `put` would try. Does not block."""
        return self._max_bytes > 0 and (not self._why_off or self._clock() >= self._again)

    def get(self, key: str) -> memoryview | None:
        """What was put under the key; None where nothing is, or where it is damaged, which removes it."""
        path = self._path(key)
        try:
            data = path.read_bytes()
        except OSError:
            self._forget(key)
            return None
        if not _whole(data):
            self._drop(key)
            return None
        with self._lock:
            self._note(key, len(data))
        with contextlib.suppress(OSError):  # on a disk that is read-only the order of reading is lost at the end
            os.utime(path)
        return memoryview(data)[_HEADER.size :]

    def has(self, key: str) -> bool:
        """Whether something is kept under the key, as far as it is counted; it may be damaged. Does not block."""
        return key in self._sizes

    def put(self, key: str, data: bytes) -> bool:
        """Whether it is kept: complete on disk before anybody can read it."""
        path, size = self._path(key), _HEADER.size + len(data)
        if not self.writable or size > self._max_bytes:
            return False
        try:
            temporary = self._written(path, data)
            with self._lock:
                os.replace(temporary, path)
                self._note(key, size)
                self._evict()
        except OSError as error:
            self._turn_off(error)
            return False
        self._why_off = ""
        return True

    def drop(self, key: str) -> None:
        """Remove one, for a reader who found that it is not what he needs."""
        self._path(key)
        self._drop(key)

    def clear(self) -> int:
        """Remove all there is, whoever wrote it, and return the bytes freed; writing may be tried again."""
        self.wait()
        with self._lock:
            for _, key, size in self._lying():
                self._note(key, size)
            freed = sum(self._remove(key) for key in list(self._sizes))
        self._why_off, self._again = "", 0.0
        return freed

    def stats(self) -> BlobStats:
        return BlobStats(
            self._bytes, len(self._sizes), self._max_bytes, self._scanned.done(),
            self._why_off, self._evicted, self._damaged,
        )  # fmt: skip

    def wait(self) -> None:
        """Until what lay there at the start is counted."""
        self._scanned.result()

    # files

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError("a key is a sha256 in hex")
        return self._folder / key[:2] / key[2:]

    def _written(self, path: Path, data: bytes) -> Path:
        """A file beside the one to be, with the bytes safely in it."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".", dir=path.parent)
        try:
            with open(handle, "wb") as file:
                file.write(_HEADER.pack(_MARK, len(data), zlib.crc32(data)))
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        return Path(name)

    def _scan(self) -> None:
        try:
            found = sorted(self._lying(), reverse=True)
            with self._lock:
                for _, key, size in found:  # what was put or read meanwhile is younger than all of them
                    if key not in self._sizes:
                        self._note(key, size)
                        self._sizes.move_to_end(key, last=False)
                self._evict()
        finally:
            self._scanned.set_result(None)

    def _lying(self) -> Iterator[tuple[float, str, int]]:
        """Time of the last reading, key and size of each file; what a crash left half-written is removed."""
        oldest = time.time() - STALE_SECONDS
        for folder in _entries(self._folder):
            for entry in _entries(folder.path) if len(folder.name) == 2 and folder.is_dir() else ():
                with contextlib.suppress(OSError):
                    about = entry.stat()
                    if _KEY.fullmatch(folder.name + entry.name):
                        yield about.st_mtime, folder.name + entry.name, about.st_size
                    elif entry.name.startswith(".") and about.st_mtime < oldest:
                        os.unlink(entry.path)

    # the count, under the lock

    def _note(self, key: str, size: int) -> None:
        self._bytes += size - self._sizes.pop(key, 0)
        self._sizes[key] = size

    def _evict(self) -> None:
        while self._bytes > self._max_bytes and self._sizes:
            self._remove(next(iter(self._sizes)))
            self._evicted += 1

    def _remove(self, key: str) -> int:
        """The bytes that this freed."""
        size = self._sizes.pop(key, 0)
        self._bytes -= size
        try:
            self._path(key).unlink()
        except OSError:
            return 0
        return size

    def _forget(self, key: str) -> None:
        with self._lock:
            self._bytes -= self._sizes.pop(key, 0)

    def _drop(self, key: str) -> None:
        with self._lock:
            self._remove(key)
            self._damaged += 1

    def _turn_off(self, error: OSError) -> None:
        why = f"Nothing is kept on disk at the moment: {(error.strerror or type(error).__name__).lower()}."
        if why != self._why_off:
            logger.warning("%s Folder %s; tried again in %.0f s", why, self._folder.name, AGAIN_SECONDS)
        self._why_off, self._again = why, self._clock() + AGAIN_SECONDS


def _whole(data: bytes) -> bool:
    if len(data) < _HEADER.size:
        return False
    mark, length, checksum = _HEADER.unpack_from(data)
    body = memoryview(data)[_HEADER.size :]
    return mark == _MARK and length == len(body) and checksum == zlib.crc32(body)


def _entries(folder: str | Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
