"""The database and the threads that may touch it: one writer that shares commits, a few readers.

Knows peewee and where the database is; what is kept in it is known by the other files of this room.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import Future
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple

import peewee
from peewee import Database

from core.errors import Conflict, StorageError, VoiceForgeError
from storage.lane import Job, Lane
from storage.migrations import migrate

logger = logging.getLogger(__name__)
Outcome = tuple[Any, Exception | None]
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

BATCH = 200
"""Most writes that share one commit."""


class Storage:
    """Runs functions `fn(database, *args)` on its own threads and hands back what they return.

    A write is acknowledged after its commit. Writes that wait at the same time share one commit, each within a
    savepoint: one that fails takes no other with it. What the functions raise arrives as it is if it is of our tree;
    peewee's errors arrive as Conflict or StorageError.
    """

    def __init__(self, database: Database, *, room: int = 10_000):
        self._database = database
        self._writer = Lane("storage-writer", self._write, database.close, batch=BATCH, room=room)
        self._readers = Lane("storage-reader", self._read, database.close, threads=2, room=room)

    @classmethod
    def open(cls, url: str, data_dir: Path) -> Storage:
        """The database at a `postgresql://` URL, or for "" SQLite in the folder, brought up to date.

        Raises StorageError where it cannot be opened, was made by a newer version or lacks its driver. Blocks.
        """
        database = _postgresql(url) if url else _sqlite(data_dir)
        try:
            with database.connection_context():
                migrate(database)
        except peewee.PeeweeException as error:
            raise StorageError(f"The database cannot be opened: {_first_line(error)}") from error
        return cls(database)

    def close(self) -> None:
        """Do every write that was asked for, then close. Blocks."""
        self._writer.close()
        self._readers.close()

    def write(self, fn: Callable[[Database, *Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Await it. The write is queued when this returns, unless the queue is full: then it waits for room."""
        return _queue(self._writer, Job(fn, args))

    def read(self, fn: Callable[[Database, *Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Await it. Sees every write acknowledged before."""
        return _queue(self._readers, Job(fn, args))

    def write_sync(self, fn: Callable[[Database, *Ts], T], *args: *Ts) -> T:
        """For scripts and threads; blocks until the commit."""
        return _wait(self._writer, Job(fn, args))

    def read_sync(self, fn: Callable[[Database, *Ts], T], *args: *Ts) -> T:
        return _wait(self._readers, Job(fn, args))

    def post(self, fn: Callable[[Database, *Ts], object], *args: *Ts) -> None:
        """Queue a write that nobody waits for; its failure is logged, and a full queue drops it."""
        job = Job(fn, args)
        job.future.add_done_callback(_log_failure)
        if not self._writer.offer(job):
            logger.warning("the database cannot keep up; a note of %s was dropped", getattr(fn, "__name__", fn))

    def _write(self, jobs: list[Job], again: bool = True) -> None:
        outcomes: list[Outcome] = []
        try:
            with self._database.atomic():
                for job in jobs:
                    outcomes.append(self._attempt(job))
        except peewee.PeeweeException as error:
            self._disconnect()
            if again and not outcomes:  # it could not begin, as when the server was restarted
                return self._write(jobs, again=False)
            outcomes = [(None, error)] * len(jobs)
        _settle(jobs, outcomes)

    def _attempt(self, job: Job) -> Outcome:
        try:
            with self._database.savepoint():
                return job.fn(self._database, *job.args), None
        except Exception as error:  # the outermost edge of a job: its caller gets it
            return None, error

    def _read(self, jobs: list[Job], again: bool = True) -> None:
        outcome: Outcome
        try:
            outcome = jobs[0].fn(self._database, *jobs[0].args), None
        except Exception as error:  # the outermost edge of a job: its caller gets it
            if again and isinstance(error, (peewee.OperationalError, peewee.InterfaceError)):
                self._disconnect()
                return self._read(jobs, again=False)
            outcome = None, error
        _settle(jobs, [outcome])

    def _disconnect(self) -> None:
        """The next job gets a new connection; a server that was restarted is found again this way."""
        try:
            self._database.close()
        except peewee.PeeweeException:
            logger.warning("a broken connection to the database did not close", exc_info=True)


def _sqlite(data_dir: Path) -> Database:
    path = data_dir / "voiceforge.db"
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # its -wal and -shm take over the mode
    except OSError as error:
        raise StorageError(f"The data folder cannot be written: {error.strerror}.") from error
    # In WAL mode, synchronous=NORMAL loses nothing when the process dies; a power cut may cost the last moments.
    pragmas = {"journal_mode": "wal", "synchronous": "normal", "foreign_keys": 1, "busy_timeout": 10_000}
    return peewee.SqliteDatabase(str(path), pragmas=pragmas, lock_type="IMMEDIATE")


def _postgresql(url: str) -> Database:
    scheme, _, rest = url.partition("://")
    if scheme not in ("postgresql", "postgres"):
        raise StorageError("DATABASE_URL takes postgresql://…; empty is SQLite in the data folder.")
    if find_spec("psycopg") is None:
        raise StorageError("DATABASE_URL names PostgreSQL, and its driver is missing: pip install 'psycopg[binary]'")
    return peewee.PostgresqlDatabase(f"postgresql://{rest}", prefer_psycopg3=True)


def _queue(lane: Lane, job: Job) -> asyncio.Future[Any]:
    if lane.offer(job):
        return asyncio.wrap_future(job.future)
    return asyncio.ensure_future(_when_room(lane, job))


async def _when_room(lane: Lane, job: Job) -> Any:
    await asyncio.to_thread(lane.put, job)
    return await asyncio.wrap_future(job.future)


def _wait(lane: Lane, job: Job) -> Any:
    lane.put(job)
    return job.future.result()


def _settle(jobs: list[Job], outcomes: list[Outcome]) -> None:
    for job, (value, error) in zip(jobs, outcomes, strict=True):
        if error is None:
            job.future.set_result(value)
        else:
            job.future.set_exception(_ours(error))


def _ours(error: Exception) -> Exception:
    if isinstance(error, VoiceForgeError) or not isinstance(error, peewee.PeeweeException):
        return error
    if isinstance(error, peewee.IntegrityError):
        ours: VoiceForgeError = Conflict("This exists already, or something it needs does not.")
    else:
        ours = StorageError("The database could not do this.")
    ours.__cause__ = error
    return ours


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _log_failure(future: Future[Any]) -> None:
    if not future.cancelled() and (error := future.exception()):
        logger.warning("a note for the database was lost", exc_info=error)
