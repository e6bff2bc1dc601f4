"""What this machine is, and what this process takes of it. Knows Linux and macOS; elsewhere figures are 0."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

STATM = Path("/proc/self/statm")


@dataclass(frozen=True)
class Machine:
    cpu: str
    cores: int
    """That this process may use."""
    system: str
    python: str


@dataclass(frozen=True)
class Disk:
    """In megabytes."""

    total_mb: int
    free_mb: int


def machine() -> Machine:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Machine(_cpu(), cores, f"{platform.system()} {platform.release()}", platform.python_version())


def process_mb() -> float:
    """Memory that this process holds now; on macOS the most it ever held."""
    if STATM.exists():
        return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most / 1e3


def disk(folder: Path) -> Disk:
    """Of the file system that the folder lies on. Raises OSError where there is no such folder."""
    usage = shutil.disk_usage(folder)
    return Disk(round(usage.total / 1e6), round(usage.free / 1e6))


def _cpu() -> str:
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
