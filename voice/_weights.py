"""Which files each engine's models need, what of them is on this disk, and how they get there all at once.

Knows the catalogue's lists and the folder of models. Blocks.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath

from core.errors import UnknownModel
from voice._transfer import Receipt, arrived
from voice.catalogue.cards import Download

Name = tuple[str, str]
"""An engine and one of its models; the model is empty where there is one only."""

ARRIVALS = ".downloads"
"""Folder among the models, unseen by engines, where files lie until all of a model's are here."""


class Weights:
    """A model is here when each of its files is, at its length. Files may belong to several models of one engine."""

    def __init__(self, files: Mapping[str, Sequence[Download]], models_dir: Path):
        self._files, self._root = files, models_dir
        for file in (file for of_engine in files.values() for file in of_engine):
            path = PurePosixPath(file.path)
            if path.is_absolute() or ".." in path.parts or path.parts[0] == ARRIVALS:
                raise ValueError(f"{file.path} does not lie under the folder of models")

    def names(self) -> list[Name]:
        return [
            (engine, model)
            for engine, files in self._files.items()
            for model in dict.fromkeys(model for file in files for model in file.models or ("",))
        ]

    def files(self, name: Name) -> list[Download]:
        """Raises UnknownModel where nothing is known that could be downloaded."""
        engine, model = name
        files = [file for file in self._files.get(engine, ()) if model in (file.models or ("",))]
        if not files:
            raise UnknownModel(f"There is nothing to download for {f'{engine} {model}'.strip()[:80]!r}.", param="model")
        return files

    def missing(self, name: Name) -> list[Download]:
        """The files that are not here, or not at their length, small ones first."""
        receipts = self._receipts(name[0])
        found = [file for file in self.files(name) if not self._is_here(file, receipts)]
        return sorted(found, key=lambda file: file.bytes)

    def arriving(self, engine: str, file: Download) -> Path:
        """Where a file lies until it is published."""
        return self._arrivals(engine) / "files" / file.path

    def left(self, name: Name) -> tuple[int, int]:
        """Bytes that have arrived of the model, and bytes of all of it: as listed, of what has not arrived."""
        missing = {file.path for file in self.missing(name)}
        here = total = 0
        for file in self.files(name):
            arriving = self.arriving(name[0], file)
            whole = self._here(file) if file.path not in missing else arriving
            size = whole.stat().st_size if whole.is_file() else 0
            here += size or arrived(arriving)
            total += size or max(file.bytes, arrived(arriving))
        return here, total

    def note(self, engine: str, file: Download, receipt: Receipt) -> None:
        """What is known of a file that arrived, by which it is recognised later."""
        rows = {path: asdict(known) for path, known in (self._receipts(engine) | {file.path: receipt}).items()}
        path = self._arrivals(engine) / "receipts.json"
        new = path.with_suffix(".new")
        new.write_text(json.dumps(rows, indent=1))
        os.replace(new, path)

    def drop(self, engine: str, file: Download) -> int:
        """Remove what has arrived of a file; the bytes freed."""
        to = self.arriving(engine, file)
        return sum(_removed(path, self._root) for path in (to, *to.parent.glob(f"{to.name}.part*")))

    def publish(self, name: Name) -> None:
        """Show what has arrived to the engines: a folder of the model's own in one step, else file by file with the
        largest, which they look for, last."""
        files = [file for file in self.missing(name) if self.arriving(name[0], file).is_file()]
        folder = self._own_folder(name)
        if folder and not self._here(folder).exists():
            self._here(folder).parent.mkdir(parents=True, exist_ok=True)
            os.replace(self._arrivals(name[0]) / "files" / folder, self._here(folder))
            return
        for file in files:
            self._here(file).parent.mkdir(parents=True, exist_ok=True)
            os.replace(self.arriving(name[0], file), self._here(file))

    def delete(self, name: Name) -> int:
        """Remove the model's files, arrived or half-arrived, but for those that another model here needs. The bytes
        freed. The largest goes first, so that no engine takes the rest for a model."""
        needed = {
            file.path
            for other in self.names()
            if other[0] == name[0] and other != name and not self.missing(other)
            for file in self.files(other)
        }
        freed = 0
        for file in sorted(self.files(name), key=lambda file: -file.bytes):
            freed += self.drop(name[0], file)
            if file.path not in needed:
                freed += _removed(self._here(file), self._root)
        return freed

    def disk(self, engine: str) -> int:
        """Bytes that all of an engine's models take, half-arrived ones too."""
        here = [self._here(file) for file in self._files.get(engine, ())]
        arriving = (self._arrivals(engine) / "files").rglob("*")
        return sum(path.stat().st_size for path in (*here, *arriving) if path.is_file())

    def free(self) -> int:
        """Bytes that the disk has left."""
        folder = self._root
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free

    def version(self, name: Name) -> str:
        """Changes when the weights do; empty where they are not ours to see."""
        found = [(file.path, self._here(file)) for file in self._files.get(name[0], ()) if name[1] in file.models]
        stats = [(path, at.stat().st_size, at.stat().st_mtime_ns) for path, at in found if at.is_file()]
        return hashlib.sha256(repr(stats).encode()).hexdigest()[:16] if stats else ""

    @contextlib.contextmanager
    def held(self, engine: str) -> Iterator[bool]:
        """Whether this process alone may write an engine's arrivals now."""
        path = self._arrivals(engine) / "lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def _here(self, file: Download | PurePosixPath) -> Path:
        return self._root / (file.path if isinstance(file, Download) else file)

    def _arrivals(self, engine: str) -> Path:
        return self._root / ARRIVALS / engine

    def _is_here(self, file: Download, receipts: Mapping[str, Receipt]) -> bool:
        path = self._here(file)
        if not path.is_file():
            return False
        size, receipt = path.stat().st_size, receipts.get(file.path)
        return size == file.bytes if file.exact else size == receipt.bytes if receipt else size > 0

    def _own_folder(self, name: Name) -> PurePosixPath | None:
        """The folder that holds all of the model's files and no other's."""
        folders = {PurePosixPath(file.path).parent for file in self.files(name)}
        others = {
            PurePosixPath(file.path).parent for file in self._files[name[0]] if name[1] not in (file.models or ("",))
        }
        return folders.pop() if len(folders) == 1 and not folders & others else None

    def _receipts(self, engine: str) -> dict[str, Receipt]:
        try:
            rows = json.loads((self._arrivals(engine) / "receipts.json").read_text())
            return {path: Receipt(**row) for path, row in rows.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}


def _removed(path: Path, root: Path) -> int:
    """Remove a file, and the folders around it that are empty then, up to the root. The bytes freed."""
    if not path.is_file():
        return 0
    size, folder = path.stat().st_size, path.parent
    path.unlink()
    while folder != root and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
    return size
