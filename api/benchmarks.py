"""The house's benchmarks, run on this machine on request: one at a time, to be cancelled, their latest figures kept.

For administrators: a benchmark takes the whole machine while it runs.
"""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path

from api._shapes import listed
from api._wiring import House
from api.auth import KnownCaller
from api.status import ADMINISTRATOR

router = APIRouter(prefix="/v1/benchmarks", tags=["status"])


@router.get("")
async def list_benchmarks(studio: House, caller: KnownCaller) -> dict[str, Any]:
    """The latest run of each benchmark, with its figures, their units and targets."""
    caller.need(ADMINISTRATOR)
    trials = studio.trials
    return listed((asdict(trial) for trial in trials.latest()), names=trials.names)


@router.post("/{name}", status_code=202)
async def run_benchmark(
    name: Annotated[str, Path(max_length=40)], studio: House, caller: KnownCaller
) -> dict[str, Any]:
    """Begin one; its figures are in the list once it is done, within a minute or so."""
    caller.need(ADMINISTRATOR)
    return asdict(studio.trials.start(name))


@router.delete("")
async def cancel_benchmark(studio: House, caller: KnownCaller) -> dict[str, Any]:
    """Stop the one that runs, if any."""
    caller.need(ADMINISTRATOR)
    await studio.trials.cancel()
    return await list_benchmarks(studio, caller)
