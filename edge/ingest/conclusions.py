"""What the engine decided, written into the store: tracks, milestones, and what is owed.

Runs on the store's thread, in the transaction that stores the signals (promise 2).
"""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from buffer import journal, outbox, tracks
from buffer.lane import Lane
from edge.milestones.epcis import Unencodable, declared_false, encode
from edge.milestones.fields import text
from edge.milestones.model import KEY_FIELDS, Decision, Milestone, Name
from edge.milestones.site import Site

Refused = list[tuple[int, str]]
"""Signals to be set apart, by journal sequence, and why."""


@dataclass(frozen=True, slots=True)
class Route:
    """Which milestones a destination is owed, and in which lane."""

    destination: str
    lanes: Mapping[Name, Lane]


def write(
    connection: sqlite3.Connection,
    decision: Decision,
    site: Site,
    routes: Sequence[Route],
    now: int,
) -> tuple[int, Refused]:
    """Write a decision; return how many milestones are new, and the signals that it refuses.

    A milestone that no event can say is not written; the last signal of its evidence is refused.
    """
    changed = [
        tracks.TrackRow(*track, orjson.dumps(new.state), new.due_at, now)
        for track, new in decision.tracks.items()
        if new is not None
    ]
    if changed:
        tracks.put(connection, changed)
    removed = [track for track, new in decision.tracks.items() if new is None]
    if removed:
        tracks.remove(connection, removed)
    if decision.mentions:
        journal.append_keys(connection, sorted(decision.mentions))
    refused = [(objection.signal, objection.reason) for objection in decision.objections]
    added = 0
    for milestone in decision.milestones:
        try:
            added += _append(connection, milestone, site, routes, now)
        except Unencodable as error:
            reason = f"{milestone.name} of {milestone.key} cannot be told: {error}"
            refused += [(signal, reason) for signal in milestone.evidence[-1:]]
    return added, refused


def _append(
    connection: sqlite3.Connection,
    milestone: Milestone,
    site: Site,
    routes: Sequence[Route],
    now: int,
) -> bool:
    retracts = bytes.fromhex(milestone.retracts) if milestone.retracts else None
    row = outbox.MilestoneRow(
        id=bytes.fromhex(milestone.id),
        name=milestone.name,
        rule=milestone.rule,
        key=milestone.key,
        occurred_at=milestone.occurred_at,
        recorded_at=now,
        mark=milestone.mark,
        retracts=retracts,
        body=_event(connection, milestone, site, retracts),
    )
    attributes = milestone.attributes
    named = {f"{k}:{text(attributes[k])}" for k in KEY_FIELDS if attributes.get(k)}
    owed = {
        route.destination: route.lanes[milestone.name]
        for route in routes
        if milestone.name in route.lanes
    }
    return outbox.append(connection, row, named | {milestone.key}, milestone.evidence, owed)


def _event(
    connection: sqlite3.Connection, milestone: Milestone, site: Site, retracts: bytes | None
) -> bytes:
    told = None if retracts is None else outbox.event_of(connection, retracts)
    return encode(milestone, site) if told is None else declared_false(told, milestone)
