"""The one way the house grows: a file dropped into a room is found."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType


def modules(package: str) -> Iterator[ModuleType]:
    """Import and yield the modules of a package by name order.

    Names that begin with an underscore are the room's furniture and are left alone.
    """
    room = import_module(package)
    for info in sorted(iter_modules(room.__path__), key=lambda info: info.name):
        if not info.name.startswith("_") and not info.ispkg:
            yield import_module(f"{package}.{info.name}")
