"""What a health report is made from, as `milepost health --json` prints it.

Times are milliseconds since the Unix epoch.
"""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Fact(BaseModel):
    """A record of the health report."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ClockHealth(Fact):
    """A clock that is off."""

    subject: str
    ahead: int
    """Milliseconds; less than 0 if it is behind, or tells everything so late."""


class ClocksHealth(Fact):
    """The clocks of a source's devices, by subject, as heard of in the last hour."""

    most: int
    """Milliseconds by which they may be off."""
    fastest: ClockHealth | None = None
    slowest: ClockHealth | None = None
    never_set: tuple[str, ...] = ()


class LinkHealth(Fact):
    """One connection."""

    name: str
    direction: Literal["source", "destination"]
    is_up: bool
    changed_at: int
    """Since when it is up, or down."""
    reason: str
    faults: Mapping[str, str]
    lane: str | None = None
    """That of a source."""
    heard_until: int | None = None
    """The time up to which everything is known that a source said; None while it is not."""
    clocks: ClocksHealth | None = None
    """Those of a source's devices."""


class PaceHealth(Fact):
    """How fast a destination takes what it is owed. Known only while the daemon runs."""

    per_second: float
    """Entries settled for good, over about the last minute."""
    in_flight: int
    concurrency: int
    """How many requests may be under way at the moment."""


class RoomHealth(Fact):
    """The room that the store has. Sizes are bytes. Known only while the daemon runs."""

    used: int
    budget: int
    free_on_volume: int
    held: Mapping[str, int]
    """Lanes from which nothing is taken, whether there are sources of them or not; since when."""
    bytes_per_hour: int | None
    hours_left: float | None


class Backlog(Fact):
    """What one destination has and has not got."""

    destination: str
    pending: int
    delivered: int
    dead: int
    oldest_recorded_at: int | None
    pace: PaceHealth | None = None
    shadow_of: str | None = None
    """The destination that it is tried beside."""


class Recent(Fact):
    """The newest of its kind: a quarantined signal or a gap."""

    at: int
    source: str
    subject: str
    reason: str


class Facts(Fact):
    """What the report is made from. Times are milliseconds since the Unix epoch."""

    now: int
    running: bool
    """Whether the daemon has answered."""
    silence: str | None = None
    """What a daemon that listens does instead of answering; None if it answers, or none listens."""
    started_at: int | None
    alive_at: int | None
    links: tuple[LinkHealth, ...]
    """Known only while the daemon runs."""
    backlogs: tuple[Backlog, ...]
    room: RoomHealth | None
    set_aside: tuple[str, ...]
    """Where corrupt stores are that nobody has recovered yet."""
    signals: int
    milestones: Mapping[str, int]
    quarantined: int
    latest_quarantined: Recent | None
    gaps: int
    latest_gap: Recent | None
