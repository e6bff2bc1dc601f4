"""Weights on demand: begun by a person or a request, resumed, checked, and seen by engines only once they are whole.

Knows the catalogue's files and the model hub; engines look for themselves at what lies in the folder of models.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx

from core.aside import Aside
from core.errors import Conflict, NotDownloaded, StorageError, VoiceForgeError
from core.metrics import Metrics
from voice._hub import Hub, Reach
from voice._progress import Job, Need, State, size
from voice._transfer import Limits, Receipt, SourceError, arrived, client, transfer
from voice._weights import Name, Weights
from voice.catalogue.cards import Download

__all__ = ["Downloads", "Hub", "Limits", "Need", "State"]

logger = logging.getLogger(__name__)
T = TypeVar("T")

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
UNREACHABLE = "The model hub cannot be reached from here."


class Downloads:
    """One download of a model at a time, whoever asks for it, and one of an engine. `files` are the catalogue's, by
    engine; nothing else can be fetched.

    All work is done on a loop of its own, so every method may be awaited anywhere. `found` says whether an engine
    finds weights elsewhere; it is called in a thread.
    """

    def __init__(
        self,
        files: Mapping[str, Sequence[Download]],
        models_dir: Path,
        *,
        hub: Hub | None = None,
        limits: Limits | None = None,
        found: Callable[[str, str], bool] | None = None,
        metrics: Metrics | None = None,
        free: Callable[[], int] | None = None,
    ):
        self._weights, self._hub, self._limits = Weights(files, models_dir), hub or Hub(), limits or Limits()
        self._found = found or (lambda engine, model: False)
        self._free = free or self._weights.free
        self._jobs: dict[Name, Job] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._last_rate = 0.0
        self._aside = Aside("downloads")
        self._web: httpx.AsyncClient | None = None
        self._known_reach: Reach | None = None
        metrics = metrics or Metrics()
        self._ended = metrics.counter("downloads", "Downloads of weights that ended, by how", ["how"])
        self._fetched = metrics.counter("downloaded_bytes", "Bytes of weights fetched")

    # what the faces ask for

    async def start(self, engine: str, model: str = "") -> State:
        """Begin, or follow what was begun, and return at once. Raises UnknownModel."""
        return await self._run(self._start((engine, model)))

    async def wait(self, engine: str, model: str = "") -> None:
        """Until a download that was begun is over. Raises NotDownloaded with the reason where it failed. Whoever
        stops waiting stops nothing."""
        await self._run(self._over((engine, model)))

    async def cancel(self, engine: str, model: str = "") -> State:
        """What has arrived stays and is resumed by the next start."""
        return await self._run(self._cancel((engine, model)))

    async def delete(self, engine: str, model: str = "") -> int:
        """Cancel, and remove all of it from the disk but what another model needs; the bytes freed. Raises Conflict
        where another process is downloading for the engine."""
        return await self._run(self._delete((engine, model)))

    async def state(self, engine: str, model: str = "") -> State:
        return await self._run(self._state((engine, model)))

    async def states(self) -> list[State]:
        """Of everything that can be downloaded."""
        return await self._run(self._states())

    async def need(self, engine: str, model: str = "") -> Need:
        """For the person who is about to begin."""
        return await self._run(self._need((engine, model)))

    async def disk(self) -> dict[str, int]:
        """Bytes on disk by engine."""
        return await self._run(self._disk())

    async def reachable(self, engine: str, model: str = "") -> bool:
        """Whether its weights could be fetched: answered within two seconds, and for a while from memory."""
        return await self._run(self._reachable((engine, model), anew=False))

    def version(self, engine: str, model: str = "") -> str:
        """Changes with the weights; empty where they are not in the folder of models. Blocks."""
        return self._weights.version((engine, model))

    async def close(self) -> None:
        """Break off what runs; the next start resumes it."""
        await self._run(self._end())
        await self._aside.close()

    # on the loop aside

    def _run(self, work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        return self._aside.run(work)

    async def _end(self) -> None:
        for name in list(self._jobs):
            await self._cancel(name)
        if self._web:
            await self._web.aclose()

    async def _start(self, name: Name) -> State:
        here, total = self._weights.left(name)
        job = self._jobs.get(name)
        if job is None or not job.running:
            job = self._jobs[name] = Job(State(*name, "waiting", here, total))
            job.task = asyncio.create_task(self._download(name, job))
        return job.state

    async def _over(self, name: Name) -> None:
        job = self._jobs.get(name)
        if job and job.task:
            await asyncio.wait([job.task])
        state = await self._state(name)
        if state.status != "here":
            raise NotDownloaded(state.why or f"{' '.join(name).strip()} is not downloaded.")

    async def _cancel(self, name: Name) -> State:
        self._weights.files(name)
        job = self._jobs.pop(name, None)
        if job and job.task:
            job.task.cancel()
            await asyncio.wait([job.task])
        return await self._state(name)

    async def _delete(self, name: Name) -> int:
        await self._cancel(name)
        async with self._turn(name[0]):
            with self._weights.held(name[0]) as alone:
                if not alone:
                    raise Conflict("Another process of this app is downloading for this engine.")
                try:
                    return await asyncio.to_thread(self._weights.delete, name)
                except OSError as error:
                    raise StorageError(_of_disk(error)) from error

    async def _state(self, name: Name) -> State:
        job = self._jobs.get(name)
        if job and job.running:
            return job.state
        here, total = await asyncio.to_thread(self._weights.left, name)
        whole = not await asyncio.to_thread(self._weights.missing, name)
        if whole or await asyncio.to_thread(self._found, *name):
            return State(*name, "here", here, total)
        if job and job.state.status == "failed":
            return State(*name, "failed", here, total, why=job.state.why)
        return State(*name, "absent", here, total)

    async def _states(self) -> list[State]:
        return [await self._state(name) for name in self._weights.names()]

    async def _need(self, name: Name) -> Need:
        here, total = await asyncio.to_thread(self._weights.left, name)
        free = await asyncio.to_thread(self._free)
        fits = free >= total - here + self._limits.keep_free
        return Need(total - here, free, fits, (total - here) / self._last_rate if self._last_rate else None)

    async def _disk(self) -> dict[str, int]:
        engines = dict.fromkeys(engine for engine, _ in self._weights.names())
        return {engine: await asyncio.to_thread(self._weights.disk, engine) for engine in engines}

    async def _reachable(self, name: Name, *, anew: bool) -> bool:
        urls = [self._hub.url(url) for file in self._weights.files(name) for url in (file.url, *file.mirrors)]
        return await self._reach().any(urls, anew=anew)

    async def _download(self, name: Name, job: Job) -> None:
        """Leaves the outcome in the job."""
        how = "cancelled"
        try:
            async with self._turn(name[0]):
                with self._weights.held(name[0]) as alone:
                    if not alone:
                        raise NotDownloaded("Another process of this app is downloading for this engine.")
                    await self._arrive(name, job)
            how = "here"
        except VoiceForgeError as error:
            how = "failed"
            job.fail(error.message)
        except SourceError as error:
            how = "failed"
            job.fail(str(error))
        except OSError as error:
            how = "failed"
            job.fail(_of_disk(error))
        except Exception:  # the outermost edge of a task: whoever waits gets a sentence
            logger.exception("a download of %s ended unexpectedly", " ".join(name))
            how = "failed"
            job.fail("Something broke in here; the log says more.")
        finally:
            self._ended.labels(how).inc()

    async def _arrive(self, name: Name, job: Job) -> None:
        missing = await asyncio.to_thread(self._weights.missing, name)
        if not missing:
            return
        await self._check_room(name)
        if not await self._reachable(name, anew=True):
            raise NotDownloaded("Nothing is fetched: HF_HUB_OFFLINE is set." if self._hub.offline else UNREACHABLE)
        logger.info("downloading %s %s: %s to fetch", *name, size(job.state.total - job.state.bytes))
        before = job.state.bytes
        for file in missing:
            if not self._weights.arriving(name[0], file).is_file():
                receipt = await self._one(name, file, job)
                await asyncio.to_thread(self._weights.note, name[0], file, receipt)
        self._fetched.inc(max(0, job.state.bytes - before))
        await asyncio.to_thread(self._weights.publish, name)
        logger.info("%s %s is here", *name)

    async def _one(self, name: Name, file: Download, job: Job) -> Receipt:
        to = self._weights.arriving(name[0], file)
        await asyncio.to_thread(to.parent.mkdir, parents=True, exist_ok=True)
        others, expected = await asyncio.to_thread(self._besides, name, file)

        def tell(done: int, total: int) -> None:
            job.tell(others + done, expected + total, "checking" if done == total else "downloading")
            self._last_rate = job.rate or self._last_rate

        try:
            return await transfer(self._client(), self._hub, file, to, self._limits, tell)
        except OSError as error:
            if error.errno in FULL:  # the database needs the room more
                await asyncio.to_thread(self._weights.drop, name[0], file)
            raise

    def _besides(self, name: Name, file: Download) -> tuple[int, int]:
        """Bytes that are here of the model's other files, and all of those."""
        here, total = self._weights.left(name)
        return here - arrived(self._weights.arriving(name[0], file)), total - file.bytes

    async def _check_room(self, name: Name) -> None:
        need = await self._need(name)
        if not need.fits:
            raise NotDownloaded(
                f"The disk is too full: {size(need.bytes)} are to be fetched and {size(need.free)} are free, "
                f"of which {size(self._limits.keep_free)} stay so."
            )

    def _turn(self, engine: str) -> asyncio.Lock:
        return self._turns.setdefault(engine, asyncio.Lock())

    def _client(self) -> httpx.AsyncClient:
        self._web = self._web or client(self._limits)
        return self._web

    def _reach(self) -> Reach:
        self._known_reach = self._known_reach or Reach(self._hub, self._client())
        return self._known_reach


def _of_disk(error: OSError) -> str:
    if error.errno in FULL:
        return "The disk is full. What had arrived of the file is removed again."
    return f"The disk does not take it: {(error.strerror or type(error).__name__).lower()}."
