"""The drivers, found by name: one folder per protocol, or an installed entry point.

A driver is a package with a `DRIVER` (see `drivers.contract.Driver`). A new
one is a new folder here, or a distribution with an entry point in the group
`milepost.drivers`; no other file changes.
"""

import importlib
import pkgutil
from importlib.metadata import entry_points

from drivers.contract import Driver

ENTRY_POINTS = "milepost.drivers"


def names() -> list[str]:
    """Return the names of all drivers that can be configured."""
    folders = [m.name for m in pkgutil.iter_modules(__path__) if m.ispkg and m.name != "contract"]
    return sorted({*folders, *(point.name for point in entry_points(group=ENTRY_POINTS))})


def find(name: str) -> Driver:
    """Return the driver of that name.

    Raises:
        KeyError: There is none.

    """
    for point in entry_points(group=ENTRY_POINTS):
        if point.name == name:
            found = point.load()
            break
    else:
        if name not in names():
            raise KeyError(name)
        found = importlib.import_module(f"drivers.{name}").DRIVER
    if not isinstance(found, Driver):
        raise TypeError(f"driver {name!r} does not present a drivers.contract.Driver")
    return found
