"""The room that the store has, and how long it lasts."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from buffer.lane import Lane

SAMPLE_SECONDS = 60.0
SAMPLES = 60
"""Growth is measured over the last hour; in the first minute it is not known."""


@dataclass(frozen=True, slots=True)
class Room:
    """The room that the store has, for health. Sizes are bytes."""

    used: int
    """By what is stored; pages of the file that are free do not count."""
    budget: int
    free_on_volume: int
    held: Mapping[Lane, int]
    """Lanes that take nothing in, and since when (milliseconds since the Unix epoch)."""
    bytes_per_hour: int | None
    """Growth over the last hour, or since the start; None while not known."""

    @property
    def hours_left(self) -> float | None:
        """Return how long the room lasts at this growth; None if it does not grow."""
        if self.bytes_per_hour is None or self.bytes_per_hour <= 0:
            return None
        return max(0, min(self.budget - self.used, self.free_on_volume)) / self.bytes_per_hour


class Growth:
    """How fast the store grows. Seconds are of a clock that never jumps."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque(maxlen=SAMPLES)

    def measured(self, used: int, seconds: float) -> None:
        """Take a measurement."""
        if not self._samples or seconds - self._samples[-1][0] >= SAMPLE_SECONDS:
            self._samples.append((seconds, used))

    def bytes_per_hour(self, used: int, seconds: float) -> int | None:
        """Return the growth up to now, None while it is not known."""
        if not self._samples or seconds - self._samples[0][0] < SAMPLE_SECONDS:
            return None
        since, before = self._samples[0]
        return round((used - before) / (seconds - since) * 3600)
