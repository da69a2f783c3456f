"""Collecting the facts of a health report from the store and, while it runs, the daemon."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from buffer import tally
from buffer.lane import Lane
from buffer.reader import Reader
from buffer.writing.room import Room
from drivers.contract import Link
from edge.control.facts import (
    Backlog,
    ClockHealth,
    ClocksHealth,
    Facts,
    LinkHealth,
    PaceHealth,
    Recent,
    RoomHealth,
)
from edge.deliver.pace import Pace
from edge.ingest.device_clocks import SourceClocks


def describe(
    link: Link, lane: Lane | None = None, clocks: ClocksHealth | None = None
) -> LinkHealth:
    """Return the state of the link to a source, if a lane is given, or to a destination."""
    return LinkHealth(
        name=link.name,
        direction="destination" if lane is None else "source",
        is_up=link.is_up,
        changed_at=link.changed_at,
        reason=link.reason,
        faults=dict(link.faults),
        lane=None if lane is None else _name(lane),
        heard_until=link.heard_until,
        clocks=clocks,
    )


def describe_clocks(clocks: SourceClocks, most: float) -> ClocksHealth:
    """Return what is known of a source's clocks, which may be off by `most` seconds."""
    return ClocksHealth(
        most=round(most * 1000),
        fastest=clocks.fastest and ClockHealth(**clocks.fastest._asdict()),
        slowest=clocks.slowest and ClockHealth(**clocks.slowest._asdict()),
        never_set=tuple(clocks.never_set),
    )


async def gather(
    reader: Reader,
    destinations: Mapping[str, Pace | None],
    now: int,
    *,
    set_aside: Iterable[Path],
    running_since: int | None = None,
    silence: str | None = None,
    links: Iterable[LinkHealth] = (),
    room: Room | None = None,
    shadows: Mapping[str, str | None] = MappingProxyType({}),
) -> Facts:
    """Read the facts; costs the same whatever the backlog.

    The pace of destinations, links and room are known only to the daemon. What runs
    says since when: while the disk is full the store does not have it. `shadows` tells which
    destinations are tried beside which.
    """
    counts = await reader.tallies()
    heartbeat = await reader.heartbeat()
    quarantined = await reader.latest_quarantine(1)
    gaps = await reader.latest_gaps(1)
    return Facts(
        now=now,
        running=running_since is not None,
        silence=silence,
        started_at=running_since or (heartbeat.started_at if heartbeat else None),
        alive_at=heartbeat.alive_at if heartbeat else None,
        links=tuple(links),
        backlogs=tuple(
            [
                await _backlog(reader, counts, name, pace, shadows.get(name))
                for name, pace in destinations.items()
            ]
        ),
        room=None if room is None else _room(room),
        set_aside=tuple(map(str, set_aside)),
        signals=counts.get(tally.SIGNALS, 0),
        milestones={
            name.removeprefix(tally.milestones("")): n
            for name, n in counts.items()
            if name.startswith(tally.milestones(""))
        },
        quarantined=counts.get(tally.QUARANTINED, 0),
        latest_quarantined=next(
            (
                Recent(at=q.recorded_at, source=q.source, subject=q.subject, reason=q.reason)
                for q in quarantined
            ),
            None,
        ),
        gaps=counts.get(tally.GAPS, 0),
        latest_gap=next(
            (
                Recent(at=g.noticed_at, source=g.source, subject=g.subject, reason=g.reason)
                for g in gaps
            ),
            None,
        ),
    )


def _name(lane: Lane) -> str:
    return lane.name.lower()


def _room(room: Room) -> RoomHealth:
    return RoomHealth(
        used=room.used,
        budget=room.budget,
        free_on_volume=room.free_on_volume,
        held={_name(lane): since for lane, since in room.held.items()},
        bytes_per_hour=room.bytes_per_hour,
        hours_left=room.hours_left,
    )


async def _backlog(
    reader: Reader,
    counts: dict[str, int],
    destination: str,
    pace: Pace | None,
    shadow_of: str | None,
) -> Backlog:
    return Backlog(
        destination=destination,
        pending=counts.get(tally.entries(destination, "pending"), 0),
        delivered=counts.get(tally.entries(destination, "delivered"), 0),
        dead=counts.get(tally.entries(destination, "dead"), 0),
        shadow_of=shadow_of,
        oldest_recorded_at=await reader.oldest_pending(destination),
        pace=None
        if pace is None
        else PaceHealth(
            per_second=pace.per_second, in_flight=pace.in_flight, concurrency=pace.concurrency
        ),
    )
