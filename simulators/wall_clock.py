"""A wall clock that is wrong, for the processes that are started with it."""

import struct
from collections.abc import Mapping
from pathlib import Path

from simulators import preload


class WallClock:
    """The wall clock of whoever has this `environment`; the monotonic clock is right."""

    def __init__(self, directory: Path) -> None:
        """Build it in a directory. It is right at first."""
        library = preload.build(Path(__file__).with_suffix(".c"), directory)
        self._offset = directory / "wall_clock"
        self.environment: Mapping[str, str] = {
            "LD_PRELOAD": str(library),
            "WALL_CLOCK_OFFSET": str(self._offset),
        }
        self.set(0)

    def set(self, fast: int) -> None:
        """Have it be fast by so many milliseconds, or slow if negative, at once."""
        with self._offset.open("r+b" if self._offset.exists() else "wb") as file:
            file.write(struct.pack("q", fast * 1_000_000))  # in place: it is mapped
