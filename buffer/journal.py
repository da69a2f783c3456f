"""Signals as received, and what belongs to them: bookmarks, gaps, quarantine, keys.

Functions run inside a transaction of the store (`Store.write`).
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from buffer.statements import statements

SQL = statements("journal")


class SignalRow(NamedTuple):
    """A signal as stored."""

    seq: int
    source: str
    subject: str
    payload: bytes
    source_at: int | None
    received_at: int
    recorded_at: int
    good: bool


class GapRow(NamedTuple):
    """A loss that a source reported or that its numbering shows."""

    source: str
    subject: str
    noticed_at: int
    reason: str
    missed: int | None


def next_sequence(connection: sqlite3.Connection) -> int:
    """Return the sequence that the next signal gets."""
    return int(connection.execute(SQL["last_signal"]).fetchone()[0]) + 1


def append(connection: sqlite3.Connection, signals: Sequence[SignalRow]) -> None:
    """Append signals to the journal."""
    connection.executemany(SQL["append_signal"], signals)


def append_gaps(connection: sqlite3.Connection, gaps: Iterable[GapRow]) -> None:
    """Record losses."""
    connection.executemany(SQL["append_gap"], gaps)


def append_keys(connection: sqlite3.Connection, mentions: Iterable[tuple[str, int]]) -> None:
    """Record which signals tell of which key."""
    connection.executemany(SQL["append_signal_key"], mentions)


def last_of_key(connection: sqlite3.Connection, key: str) -> int | None:
    """Return the sequence of the newest signal that tells of a key, None if none is known."""
    row: tuple[int | None] = connection.execute(SQL["last_signal_of_key"], (key,)).fetchone()
    return row[0]


def quarantine(connection: sqlite3.Connection, rows: Iterable[tuple[int, str, int]]) -> None:
    """Set signals apart: (sequence, reason, recorded_at)."""
    connection.executemany(SQL["quarantine_signal"], rows)


def put_bookmarks(
    connection: sqlite3.Connection, source: str, bookmarks: Mapping[str, bytes | None]
) -> None:
    """Remember values for a source; None forgets."""
    connection.executemany(
        SQL["put_bookmark"],
        [(source, name, value) for name, value in bookmarks.items() if value is not None],
    )
    connection.executemany(
        SQL["forget_bookmark"],
        [(source, name) for name, value in bookmarks.items() if value is None],
    )


def bookmarks(connection: sqlite3.Connection, source: str) -> dict[str, bytes]:
    """Return what is remembered for a source."""
    return dict(connection.execute(SQL["bookmarks"], (source,)))


def behind(connection: sqlite3.Connection, seq: int) -> Iterator[SignalRow]:
    """Yield the signals behind a sequence, in order."""
    # Read before anything is written: a cursor must not see what its reader adds.
    for row in connection.execute(SQL["signals_behind"], (seq,)).fetchall():
        yield SignalRow(*row)
