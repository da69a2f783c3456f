"""Rows as tests need them: one number tells everything about a row."""

import sqlite3

from buffer import outbox
from buffer.journal import SignalRow
from buffer.lane import Lane
from buffer.outbox import Attempt, MilestoneRow, State, VerdictName


def milestone(number: int, key: str = "unit:1", name: str = "picked") -> MilestoneRow:
    return MilestoneRow(
        id=number.to_bytes(16),
        name=name,
        rule="rule",
        key=key,
        occurred_at=1000 + number,
        recorded_at=2000 + number,
        mark="in_order",
        retracts=None,
        body=b'{"number": %d}' % number,
    )


def signal(seq: int, source: str = "floor") -> SignalRow:
    return SignalRow(seq, source, f"subject/{seq}", b"payload %d" % seq, 900, 1000, 1100, True)


def owe(
    connection: sqlite3.Connection,
    number: int,
    key: str = "unit:1",
    destinations: tuple[str, ...] = ("erp",),
    lane: Lane = Lane.NORMAL,
) -> bool:
    """Append a milestone that tells of its own key only and was concluded from signal 1."""
    owed = dict.fromkeys(destinations, lane)
    return outbox.append(connection, milestone(number, key), [key], [1], owed)


def settle(
    connection: sqlite3.Connection,
    entry: int,
    state: State,
    number: int = 1,
    verdict: VerdictName = "accepted",
) -> None:
    """Settle an entry of the destination "erp"."""
    attempt = Attempt(entry, number, 3000, 3000 + number, verdict, f"{verdict} {number}")
    outbox.settle(connection, "erp", [(attempt, state)])
