"""How fast a destination takes what it is owed. Pure."""

import math
from dataclasses import dataclass

SECONDS = 60.0
"""The time that the rate is smoothed over."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a delivery goes, for health: time to drain = pending / per_second."""

    per_second: float
    """Entries settled for good, in each second of about the last minute."""
    in_flight: int
    """Requests under way."""
    concurrency: int
    """How many may be under way at the moment."""
    is_open: bool
    """Whether the circuit is open: the destination is only probed."""


class Meter:
    """Counts per second, the older the less. Times are the event loop's, in seconds."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._at = 0.0
        self._sum = 0.0

    def count(self, n: int, now: float) -> None:
        """Add what happened now."""
        if self._began is None:
            self._began = self._at = now
        self._fade(now)
        self._sum += n

    def per_second(self, now: float) -> float:
        """Return the rate; from the first count on, not only after a minute."""
        if self._began is None:
            return 0.0
        self._fade(now)
        covered = SECONDS * (1 - math.exp((self._began - now) / SECONDS))
        return self._sum / max(covered, 1.0)

    def _fade(self, now: float) -> None:
        self._sum *= math.exp((self._at - now) / SECONDS)
        self._at = now
