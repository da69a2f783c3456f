"""The drivers, found by name: one folder per protocol, or an installed entry point.

A driver is a package with a `DRIVER` (see `drivers.contract.Driver`). A new
one is a new folder here, or a distribution with an entry point in the group
`milepost.drivers`; no other file changes.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from drivers.contract import Driver

ENTRY_POINTS = "milepost.drivers"


def names() -> list[str]:
    """Return the names of all drivers that can be configured."""
    folders = [m.name for m in pkgutil.iter_modules(__path__) if m.ispkg and m.name != "contract"]
    return sorted({*folders, *_installed()})


def find(name: str) -> Driver:
    """Return the driver of that name.

    Raises:
        KeyError: There is none.

    """
    point = _installed().get(name)
    if point is not None:
        found = point.load()
    elif name in names():
        found = importlib.import_module(f"drivers.{name}").DRIVER
    else:
        raise KeyError(name)
    if not isinstance(found, Driver):
        raise TypeError(f"driver {name!r} does not present a drivers.contract.Driver")
    return found


@cache
def _installed() -> Mapping[str, EntryPoint]:
    """Return the entry points by name; to find them, what is told of every distribution is read."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=ENTRY_POINTS):
        found.setdefault(point.name, point)
    return found
