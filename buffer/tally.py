"""Counts kept in the transactions that they count, so that reading them needs no scan."""

import sqlite3
from collections.abc import Mapping

from buffer.statements import statements

SQL = statements("tally")

SIGNALS = "signals"
QUARANTINED = "quarantined"
"""Those that nobody has decided on."""
GAPS = "gaps"


def milestones(name: str) -> str:
    """Name of the count of milestones of one kind."""
    return f"milestones/{name}"


def entries(destination: str, state: str) -> str:
    """Name of the count of entries of a destination in a state."""
    return f"entries/{destination}/{state}"


def count(connection: sqlite3.Connection, changes: Mapping[str, int]) -> None:
    """Add to counts; negative numbers subtract."""
    connection.executemany(SQL["count"], [(k, n) for k, n in changes.items() if n])


def beat(connection: sqlite3.Connection, started_at: int, alive_at: int) -> None:
    """Record that the daemon lives, and since when."""
    connection.execute(SQL["beat"], (started_at, alive_at))


def begin(connection: sqlite3.Connection, at: int) -> None:
    """Record that the store is written to: until `stop`, an end is no clean one."""
    connection.execute(SQL["begin"], (at,))


def stop(connection: sqlite3.Connection, at: int) -> None:
    """Record a clean stop."""
    connection.execute(SQL["stop"], (at,))


def forget_stop(connection: sqlite3.Connection) -> None:
    """Have the last stop be no clean one."""
    connection.execute(SQL["forget_stop"])


def stopped_cleanly(connection: sqlite3.Connection) -> bool:
    """Tell whether the last that wrote to the store stopped cleanly; True if nothing ever did."""
    row = connection.execute(SQL["stopped_at"]).fetchone()
    return row is None or row[0] is not None
