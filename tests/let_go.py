"""Whether what is over is let go of at once, or waits for Python's collector, which comes late to what lives long."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collector() -> Iterator[None]:
    """What others have left is collected first."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def left(*kinds: type, seconds: float = 10.0) -> list[str]:
    """The names of what still exists of these kinds, after so long at most: tasks of a socket end a moment later."""
    until = time.monotonic() + seconds
    while True:
        found = [type(thing).__name__ for thing in gc.get_objects() if type(thing) in kinds]
        if not found or time.monotonic() > until:
            return found
        time.sleep(0.05)
