"""Whether what is over is let go of at once, or waits for Python's collector, which comes late to what lives long."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def let_go(*kinds: type) -> Iterator[Callable[[float], list[str]]]:
    """Gives a function that tells what of these kinds was made since and still exists, after so many seconds at most:
    tasks of a socket end a moment later. The collector is off meanwhile."""
    gc.collect()
    before = _existing(kinds)

    def left(seconds: float) -> list[str]:
        until = time.monotonic() + seconds
        while found := [type(thing).__name__ for key, thing in _existing(kinds).items() if key not in before]:
            if time.monotonic() > until:
                return found
            time.sleep(0.05)
        return []

    gc.disable()
    try:
        yield left
    finally:
        gc.enable()


def _existing(kinds: tuple[type, ...]) -> dict[int, object]:
    return {id(thing): thing for thing in gc.get_objects() if type(thing) in kinds}
