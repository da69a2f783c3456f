"""Milestones and the entries that deliver them.

Functions run inside a transaction of the store (`Store.write`).
"""

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from buffer import tally
from buffer.lane import Lane
from buffer.statements import statements

SQL = statements("outbox")

State = Literal["pending", "delivered", "dead", "discarded"]
VerdictName = Literal["accepted", "rejected", "retry", "unknown"]


class MilestoneRow(NamedTuple):
    """A milestone as stored."""

    id: bytes
    name: str
    rule: str
    key: str
    occurred_at: int
    recorded_at: int
    mark: str
    retracts: bytes | None
    body: bytes


class PendingEntry(NamedTuple):
    """An entry to be delivered, with its milestone's event."""

    seq: int
    key: str
    attempts: int
    unsure: bool
    id: bytes
    name: str
    occurred_at: int
    recorded_at: int
    body: bytes


class Attempt(NamedTuple):
    """How one attempt to deliver an entry ended."""

    entry: int
    number: int
    started_at: int
    ended_at: int
    verdict: VerdictName
    detail: str


def append(
    connection: sqlite3.Connection,
    milestone: MilestoneRow,
    keys: Iterable[str],
    evidence: Iterable[int],
    owed: Mapping[str, Lane],
) -> bool:
    """Add a milestone and owe it to destinations, each in a lane; False if it is already known.

    `evidence` are the sequences of the signals that it was concluded from.

    A fact is known by its id: saying it again, from a replay or a second
    device, adds neither a milestone nor an entry (promise 2).
    """
    row = connection.execute(SQL["append_milestone"], milestone).fetchone()
    if row is None:
        return False
    (seq,) = row
    connection.executemany(SQL["append_milestone_key"], [(key, seq) for key in keys])
    connection.executemany(
        SQL["append_entry"], [(name, seq, milestone.key, lane) for name, lane in owed.items()]
    )
    connection.executemany(SQL["append_evidence"], [(signal, seq) for signal in evidence])
    changes = {tally.entries(name, "pending"): 1 for name in owed}
    tally.count(connection, {tally.milestones(milestone.name): 1, **changes})
    return True


def settle(
    connection: sqlite3.Connection, destination: str, attempt: Attempt, state: State
) -> None:
    """Record how an attempt ended and which state the entry is in now."""
    settled_at = None if state == "pending" else attempt.ended_at
    connection.execute(SQL["append_attempt"], attempt)
    connection.execute(
        SQL["settle"],
        (
            state,
            attempt.number,
            attempt.verdict == "unknown",
            attempt.detail,
            settled_at,
            attempt.entry,
        ),
    )
    if state != "pending":
        tally.count(
            connection,
            {tally.entries(destination, "pending"): -1, tally.entries(destination, state): 1},
        )


def revive(connection: sqlite3.Connection, entry: int) -> tuple[str, str] | None:
    """Make a dead letter pending again; return (destination, key), None if it is none."""
    return _reopen(connection, SQL["revive"], (entry,), entry, "pending")


def discard(
    connection: sqlite3.Connection, entry: int, reason: str, at: int
) -> tuple[str, str] | None:
    """Give up a dead letter for good; return (destination, key), None if it is none."""
    return _reopen(connection, SQL["discard"], (reason, at, entry), entry, "discarded")


def _reopen(
    connection: sqlite3.Connection,
    statement: str,
    parameters: tuple[object, ...],
    entry: int,
    state: State,
) -> tuple[str, str] | None:
    if connection.execute(statement, parameters).rowcount == 0:
        return None
    destination, key = connection.execute(SQL["owed"], (entry,)).fetchone()
    tally.count(
        connection, {tally.entries(destination, "dead"): -1, tally.entries(destination, state): 1}
    )
    return destination, key
