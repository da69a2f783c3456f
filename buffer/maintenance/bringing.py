"""Inserting rows of a damaged store into the live one, under the sequences that they had."""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import orjson

from buffer import tally
from buffer.statements import statements

SQL = statements("bringing")

SAME = {"journal": 4, "quarantine": 2, "gap": 4, "milestone": 2, "entry": 3}
"""Tables whose rows have a sequence, and how many columns tell a row from another."""
UNDELIVERED = ("pending", "dead")


class GivenAlready(Exception):
    """The live store has given a sequence to something else; the message says which."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What one piece of work has done with the rows of a table."""

    brought: int = 0
    kept: int = 0
    invalid: int = 0
    concluded_again: tuple[int, ...] = ()
    """Milestones that the live store knows under another sequence."""
    undeliverable: tuple[tuple[str, str], ...] = ()


def bring(
    connection: sqlite3.Connection,
    table: str,
    rows: Sequence[tuple[Any, ...]],
    concluded_again: AbstractSet[int],
) -> Piece:
    """Insert rows where they are not yet; with the tallies, in the transaction that runs.

    `concluded_again` are the milestones that the live store knows under another sequence.

    Raises:
        GivenAlready: One of the sequences is something else's.

    """
    outcomes, changes = Counter[str](), Counter[str]()
    again, undeliverable = list[int](), list[tuple[str, str]]()
    for row in rows:
        if table == "milestone" and not _is_event(row[9]):
            outcomes["invalid"] += 1
            continue
        try:
            is_new = connection.execute(SQL[f"bring_{table}"], row).rowcount == 1
        except (sqlite3.IntegrityError, sqlite3.DataError, OverflowError):
            outcomes["invalid"] += 1  # the schema does not admit it: damage that SQLite missed
            continue
        if is_new:
            outcomes["brought"] += 1
            changes.update(_counted(table, row))
        elif table in SAME:
            is_same = connection.execute(SQL[f"here_{table}"], row[: SAME[table]]).fetchone()
            if is_same is not None and not is_same[0]:
                raise GivenAlready(
                    f"{table} {row[0]} is something else in the live store: it has given the same "
                    "sequences, as a store does that was not begun beside the one set aside"
                )
            if is_same is not None:
                outcomes["kept"] += 1
            elif table == "milestone":
                outcomes["kept"] += 1
                again.append(row[0])
            elif table == "entry" and row[2] not in concluded_again and row[5] in UNDELIVERED:
                undeliverable.append((row[1], row[3]))
    tally.count(connection, changes)
    return Piece(**outcomes, concluded_again=tuple(again), undeliverable=tuple(undeliverable))


def _is_event(body: object) -> bool:
    """Tell whether this can be sent: pages have no checksum, and a torn one may look whole."""
    try:
        return isinstance(body, bytes) and isinstance(orjson.loads(body), dict)
    except orjson.JSONDecodeError:
        return False


def _counted(table: str, row: tuple[Any, ...]) -> Iterator[str]:
    """Yield the tally that a row counts in."""
    match table:
        case "journal":
            yield tally.SIGNALS
        case "gap":
            yield tally.GAPS
        case "milestone":
            yield tally.milestones(row[2])
        case "entry":
            yield tally.entries(row[1], row[5])
        case "quarantine" if row[4] == "open":
            yield tally.QUARANTINED
