"""What this machine is, and what this process takes of it. Knows Linux and macOS; elsewhere figures are 0."""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

STATM = Path("/proc/self/statm")

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
"""Of mallopt(3), as glibc's malloc.h numbers them."""
LARGE = 256 * 1024
"""Bytes: two or three seconds of sound."""


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


def give_back_large_buffers() -> bool:
    """Let the C library return what is freed to the system, for the rest of this process; False where it is not glibc.

    By itself it takes buffers of up to 32 MB, once one such was freed, from heaps of which each thread has its own and
    which shrink only at their end: sound that comes and goes leaves holes in them, and a process that serves for days
    keeps growing although it holds nothing.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        return False
    return all(mallopt(*option) for option in ((M_MMAP_THRESHOLD, LARGE), (M_TRIM_THRESHOLD, LARGE), (M_ARENA_MAX, 2)))


def disk(folder: Path) -> Disk:
    """Of the file system that the folder lies on. Raises OSError where there is no such folder."""
    usage = shutil.disk_usage(folder)
    return Disk(round(usage.total / 1e6), round(usage.free / 1e6))


def _cpu() -> str:
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
