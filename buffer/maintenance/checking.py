"""Whether a store is whole: SQLite's own check, and what must hold between the rows of ours."""

import sqlite3
from collections.abc import Iterator

from buffer import tally
from buffer.statements import statements

SQL = statements("checking")
MOST = 100
"""Findings of SQLite's that are told; a broken file has as many as pages."""


def damage(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield what SQLite finds wrong with the file, in its words. Reads all of it."""
    try:
        for (finding,) in connection.execute(f"PRAGMA integrity_check({MOST})"):
            if finding != "ok":
                yield finding
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CORRUPT:
            raise
        yield str(error)  # so damaged that it does not look further


def contradictions(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield where the rows do not fit each other: counts, and what belongs to what.

    Call it in a transaction, or what is committed meanwhile looks like a fault.
    """
    counted = dict(connection.execute(SQL["counted"]))
    kept = {
        name: n
        for name, n in connection.execute(statements("tally")["tallies"])
        if n and _is_of_rows(name)
    }
    for name in sorted(counted.keys() | kept.keys()):
        if counted.get(name, 0) != kept.get(name, 0):
            yield f"tally {name} says {kept.get(name, 0)}, there are {counted.get(name, 0)}"
    for what, n in connection.execute(SQL["without_what_they_belong_to"]):
        if n:
            yield f"{what}: {n}"


def _is_of_rows(name: str) -> bool:
    return name in (tally.SIGNALS, tally.QUARANTINED, tally.GAPS) or name.startswith(
        (tally.milestones(""), "entries/")
    )
