"""How far the clocks of devices are off, by what they tell and when it is received."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import structlog

from edge.milestones.model import Observation

log = structlog.get_logger(__name__)

WINDOW = 60_000
"""Milliseconds over which the least lag counts; as long must a clock be behind to be so."""
FORGOTTEN = 3_600_000
"""Milliseconds after which nothing is said of a clock that nothing was heard of."""

_MOST_SUBJECTS = 4096


class Offset(NamedTuple):
    """How far a clock is off."""

    subject: str
    ahead: int
    """Milliseconds; less than 0 if it is behind, or tells everything so late."""


class SourceClocks(NamedTuple):
    """The clocks of a source's devices, as far as they were heard of in the last hour."""

    fastest: Offset | None
    slowest: Offset | None
    never_set: list[str]
    """Subjects whose times are not believed."""


@dataclass(slots=True)
class _Clock:
    """One subject's: the least lag of this window and of the one before."""

    since: int
    heard_at: int
    least: int | None = None
    before: int | None = None
    was_set: bool = True
    is_off: bool = False

    def hear(self, lag: int, now: int) -> None:
        if self.least is None:
            self.since, self.least = now, lag
        elif now - self.since >= WINDOW or now < self.since:
            self.since, self.before, self.least = now, self.least, lag
        else:
            self.least = min(self.least, lag)

    @property
    def ahead(self) -> int:
        """By how much it is ahead (ms): nothing is received before it happened.

        What is received later may have been on its way. That is told as being
        behind only of a clock of which nothing came sooner for a while.
        """
        known = [each for each in (self.least, self.before) if each is not None]
        least = min(known, default=0)
        return -least if least < 0 or self.before is not None else 0


class DeviceClocks:
    """Estimates by source and subject: lag is delay, less what the clock is ahead.

    Bounded, and in memory: it is about now. One thread tells it, others may ask.
    """

    def __init__(self, most: Mapping[str, int]) -> None:
        """`most` is by how many milliseconds each source's clocks may be off."""
        self._most = most
        self._clocks: dict[tuple[str, str], _Clock] = {}

    def hear(
        self, source: str, subject: str, observations: Iterable[Observation], now: int
    ) -> None:
        """Learn from what a signal tells."""
        for observation in observations:
            clock = self._clocks.get((source, subject))
            if clock is None:
                if len(self._clocks) >= _MOST_SUBJECTS:
                    del self._clocks[next(iter(self._clocks))]
                clock = self._clocks[source, subject] = _Clock(now, now)
            clock.heard_at = now
            was_set = observation.time_from is None
            if was_set:
                clock.hear(observation.lag, now)
            elif clock.was_set:
                log.warning("clock_never_set", source=source, subject=subject)
            clock.was_set = was_set
            self._log(source, subject, clock)

    def of(self, source: str, now: int) -> SourceClocks:
        """Return what is known of a source's clocks."""
        heard = [
            (subject, clock)
            for (name, subject), clock in list(self._clocks.items())
            if name == source and now - clock.heard_at <= FORGOTTEN
        ]
        offsets = sorted(
            (Offset(subject, clock.ahead) for subject, clock in heard if clock.was_set),
            key=lambda each: each.ahead,
        )
        return SourceClocks(
            fastest=offsets[-1] if offsets and offsets[-1].ahead > 0 else None,
            slowest=offsets[0] if offsets and offsets[0].ahead < 0 else None,
            never_set=sorted(subject for subject, clock in heard if not clock.was_set),
        )

    def _log(self, source: str, subject: str, clock: _Clock) -> None:
        most = self._most.get(source)
        if most is None or (is_off := abs(clock.ahead) > most) == clock.is_off:
            return
        clock.is_off = is_off
        tell = log.warning if is_off else log.info
        told = "clock_off" if is_off else "clock_right_again"
        tell(told, source=source, subject=subject, ahead_seconds=clock.ahead / 1000)
