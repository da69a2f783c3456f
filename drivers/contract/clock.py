"""The wall clock, as milliseconds since the Unix epoch (UTC)."""

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns the current time. Injected wherever a time is needed, so tests decide it."""


def system_clock() -> int:
    """Return the machine's wall-clock time in milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000  # noqa: TID251 - the one place that reads the clock
