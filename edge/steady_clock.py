"""The time by which sources are heard: the wall clock's, but for jumps that no device confirms."""

from collections.abc import Callable

from drivers.contract import Clock

BEYOND_DOUBT = 24 * 3600 * 1000
"""A clock that was further behind was never set: a box without a clock of its own has started."""


SILENCE = 600_000
"""Milliseconds after which silent devices contradict nobody."""


class SteadyClock:
    """A clock that does not follow the wall clock forward on its word alone.

    What has not happened is concluded from the time up to which sources have been
    heard. If somebody sets the gateway's clock an hour forward, everything that is
    under way would seem overdue. So this one goes on as it went, until the wall
    clock is set back, a device says that it is later, or no device says anything
    for ten minutes. A wall clock that is behind is followed: to conclude late is
    no fault.
    """

    def __init__(self, wall: Clock, monotonic: Callable[[], float]) -> None:
        """`monotonic` gives seconds, and never jumps."""
        self._wall = wall
        self._monotonic = monotonic
        self._said_at = self._elapsed()
        self._zero = wall() - self._said_at

    def __call__(self) -> int:
        """Return milliseconds since the Unix epoch, never later than the wall clock."""
        wall, elapsed = self._wall(), self._elapsed()
        steady = self._zero + elapsed
        if wall - steady > BEYOND_DOUBT or (wall > steady and elapsed - self._said_at > SILENCE):
            self._zero = wall - elapsed
            return wall
        return min(wall, steady)

    def confirm(self, at: int) -> None:
        """Learn that by a device's clock it was `at`, milliseconds since the Unix epoch."""
        self._said_at = self._elapsed()
        self._zero = max(self._zero, at - self._said_at)

    def _elapsed(self) -> int:
        return round(self._monotonic() * 1000)
