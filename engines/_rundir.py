"""A folder for the sockets of one running app, and the sweeping of those whose app was killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO


class RunDir:
    """A folder that only this user may enter, locked for as long as its app lives.

    Socket paths may have no more than 104 bytes on some systems, so the folder lies near the root, not with the data.
    """

    def __init__(self, base: Path):
        self._base = base
        self._lock: IO[str] | None = None
        self._made: Path | None = None
        self.path = Path()

    def open(self) -> Path:
        """Make the folder, and remove what dead apps have left beside it."""
        if not _own(self._base):
            self._base = self._made = Path(tempfile.mkdtemp(prefix="voiceforge-"))
        with (self._base / "lock").open("w") as base_lock:
            fcntl.flock(base_lock, fcntl.LOCK_EX)
            for old in self._base.iterdir():
                if old.is_dir() and _dead(old):
                    shutil.rmtree(old, ignore_errors=True)
            self.path = Path(tempfile.mkdtemp(prefix="", dir=self._base))
            self._lock = (self.path / "lock").open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        return self.path

    def close(self) -> None:
        if self._lock:
            shutil.rmtree(self.path, ignore_errors=True)
            self._lock.close()
            self._lock = None
        if self._made:
            shutil.rmtree(self._made, ignore_errors=True)


def _own(base: Path) -> bool:
    """Whether the folder is ours alone; another user may have made it first, to see our sockets."""
    base.mkdir(mode=0o700, exist_ok=True, parents=True)
    status = base.lstat()
    return base.is_dir() and not base.is_symlink() and status.st_uid == os.getuid() and not status.st_mode & 0o077


def _dead(folder: Path) -> bool:
    try:
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
