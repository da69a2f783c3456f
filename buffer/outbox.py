"""Milestones and the entries that deliver them.

Functions run inside a transaction of the store (`Store.write`).
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import orjson

from buffer import tally
from buffer.lane import Lane
from buffer.statements import statements

SQL = statements("outbox")

State = Literal["pending", "delivered", "dead", "discarded"]
VerdictName = Literal["accepted", "rejected", "retry", "unknown"]

FIRST_ATTEMPTS, LAST_ATTEMPTS = 5, 15
"""So many attempts of each entry are kept: how it began, and how it goes.

An entry is tried for as long as it is owed, and settling is not held by the budget: thousands of
attempts of one entry would spend it.
"""


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
    lane: Lane
    milestone: int
    """The sequence of its milestone."""
    retracts: bytes | None = None
    """The id of the milestone that this one declares false."""


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


def event_of(connection: sqlite3.Connection, milestone: bytes) -> bytes | None:
    """Return the event of a milestone, by its id; None if it is not known, or no longer."""
    row = connection.execute(SQL["event_of"], (milestone,)).fetchone()
    return None if row is None else row[0]


def settle(
    connection: sqlite3.Connection, destination: str, ends: Sequence[tuple[Attempt, State]]
) -> None:
    """Record how attempts ended, each with the state that its entry is in now.

    An entry that an operator discarded while it was sent stays discarded,
    unless it turns out that it has arrived: then it is delivered, which is the truth.
    Several attempts of one entry are given in their order. Of many only the
    first and the last are kept.
    """
    forgotten = [
        (attempt.entry, FIRST_ATTEMPTS, attempt.number - LAST_ATTEMPTS)
        for attempt, _ in ends
        if attempt.number > FIRST_ATTEMPTS + LAST_ATTEMPTS
    ]
    connection.executemany(SQL["forget_attempts"], forgotten)
    connection.execute(SQL["append_attempts"], (_json([tuple(attempt) for attempt, _ in ends]),))
    given = _json([attempt.entry for attempt, _ in ends])
    states: dict[int, State] = dict(connection.execute(SQL["not_pending"], (given,)).fetchall())
    settled: dict[int, tuple[object, ...]] = {}
    given_up: list[tuple[object, ...]] = []
    unsure = {attempt.entry for attempt, _ in ends if attempt.verdict == "unknown"}
    changes = Counter[str]()
    for attempt, state in ends:
        entry, number, _, ended_at, _, detail = attempt
        was = states.get(entry, "pending")
        if was != "pending" and state != "delivered":
            given_up.append((number, entry in unsure, entry))
            continue
        at = None if state == "pending" else ended_at
        settled[entry] = (entry, state, number, entry in unsure, detail, at)
        if state != was:
            states[entry] = state
            changes[tally.entries(destination, was)] -= 1
            changes[tally.entries(destination, state)] += 1
    connection.executemany(SQL["settle_decided"], given_up)
    connection.execute(SQL["settle"], (_json(list(settled.values())),))
    tally.count(connection, changes)


def _json(rows: Sequence[object]) -> str:
    return orjson.dumps(rows).decode()
