"""What operators decide about entries, written in a transaction of the store (`Store.write`)."""

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Literal, NamedTuple

import orjson

from buffer import outbox, tally
from buffer.lane import Lane
from buffer.outbox import MilestoneRow, State
from buffer.statements import statements

SQL, OUTBOX = statements("decisions"), statements("outbox")

Act = Literal["retry", "replay", "discard"]

TAKES: dict[Act, frozenset[State]] = {
    "retry": frozenset({"dead"}),
    "replay": frozenset({"delivered", "discarded"}),
    "discard": frozenset({"dead", "pending"}),
}
"""The states that an entry can be in for an act to concern it."""


class Decided(NamedTuple):
    """What a decision has touched."""

    entries: tuple[int, ...]
    destinations: frozenset[str]
    """Of what was touched: their deliveries must look again."""
    others: tuple[tuple[int, State | None], ...]
    """Entries that were left alone, with the state that they are in; None if there is none."""


def retry(connection: sqlite3.Connection, numbers: Collection[int]) -> Decided:
    """Have dead letters sent again, with the same key and the same bytes."""
    return _decide(connection, "retry", numbers, "pending", ())


def replay(connection: sqlite3.Connection, numbers: Collection[int]) -> Decided:
    """Have delivered or discarded entries sent again, with the same key and the same bytes.

    Attempts go on counting. Behind newer milestones of the same key that were
    delivered meanwhile they arrive out of order: promise 3 holds for what was
    not delivered yet.
    """
    return _decide(connection, "replay", numbers, "pending", ())


def discard(
    connection: sqlite3.Connection, numbers: Collection[int], reason: str, at: int
) -> Decided:
    """Give up dead letters and what is pending, for a reason that is kept with the entries."""
    return _decide(connection, "discard", numbers, "discarded", (reason, at))


def _decide(
    connection: sqlite3.Connection,
    act: Act,
    numbers: Collection[int],
    state: State,
    parameters: tuple[object, ...],
) -> Decided:
    given = orjson.dumps(sorted(set(numbers))).decode()
    standing: dict[int, tuple[int, str, State]] = {
        row[0]: row for row in connection.execute(SQL["standing"], (given,))
    }
    touched = {seq: row for seq, row in standing.items() if row[2] in TAKES[act]}
    connection.execute(SQL[act], (*parameters, orjson.dumps([*touched]).decode()))
    changes = Counter[str]()
    for _, destination, was in touched.values():
        changes[tally.entries(destination, was)] -= 1
        changes[tally.entries(destination, state)] += 1
    tally.count(connection, changes)
    return Decided(
        tuple(sorted(touched)),
        frozenset(destination for _, destination, _ in touched.values()),
        tuple(
            (number, standing[number][2] if number in standing else None)
            for number in sorted(set(numbers) - set(touched))
        ),
    )


def is_owed(connection: sqlite3.Connection, milestone: bytes, destination: str) -> bool:
    """Tell whether a milestone, by id, is owed to a destination, or was."""
    known = connection.execute(SQL["known"], (milestone, destination)).fetchone()
    return known is not None and bool(known[1])


def owe(
    connection: sqlite3.Connection,
    milestone: MilestoneRow,
    keys: Iterable[str],
    destination: str,
    lane: Lane,
) -> bool:
    """Owe a milestone of another store to a destination; False if it is owed or was, already.

    Its signals stay where they were heard.
    """
    known = connection.execute(SQL["known"], (milestone.id, destination)).fetchone()
    if known is None:
        return outbox.append(connection, milestone, keys, (), {destination: lane})
    seq, is_owed = known
    if is_owed:
        return False
    connection.execute(OUTBOX["append_entry"], (destination, seq, milestone.key, lane))
    tally.count(connection, {tally.entries(destination, "pending"): 1})
    return True
