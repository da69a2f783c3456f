"""The simulated site's own clock and the way its devices write a time."""

import time
from datetime import UTC, datetime


def now() -> int:
    """Return the wall-clock time in milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000  # noqa: TID251 - devices have clocks of their own


def iso(milliseconds: int) -> str:
    """Return the time in ISO 8601, UTC, with milliseconds and `Z`."""
    instant = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
