"""Stores with many undelivered milestones, made much faster than by ingest."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from bench import posting
from bench.site import DESTINATION, SITE
from buffer import tally
from buffer.lane import Lane
from buffer.opening import open_for_writing
from buffer.statements import statements
from drivers.contract import system_clock
from edge.milestones import epcis
from edge.milestones.site import Site

CHUNK = 50_000
PER_MILLISECOND = 5
"""Milestones that happen in one millisecond: ids begin with the time, as real ones do."""
DAY_MS = 24 * 3600 * 1000

OUTBOX = statements("outbox")


def key(number: int, series: int = 0) -> str:
    """Return the key of a unit; units are numbered in order, as a label printer numbers them."""
    return f"unit:{34012345 + series}{number:010}"


def fill(path: Path, count: int, *, lane: Lane = Lane.NORMAL, series: int = 0) -> None:
    """Make a store that owes so many milestones, each of a unit of its own, to the destination.

    Units of another series are others.
    """
    with closing(open_for_writing(path)) as connection:
        connection.execute("PRAGMA synchronous = OFF")  # synced as a whole below
        for first in range(1, count + 1, CHUNK):
            _append(connection, range(first, min(first + CHUNK, count + 1)), lane, series)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("rb") as file:
        os.fsync(file.fileno())  # else the daemon's first checkpoint would wait for all of it


def _append(connection: sqlite3.Connection, numbers: range, lane: Lane, series: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(
        """INSERT INTO milestone
           (seq, id, name, rule, key, occurred_at, recorded_at, mark, retracts, body)
           VALUES (?, ?, 'received', 'received', ?, ?, ?, 'in_order', NULL, ?)""",
        _milestones(numbers, series),
    )
    connection.executemany(
        OUTBOX["append_milestone_key"], ((key(number, series), number) for number in numbers)
    )
    connection.executemany(OUTBOX["append_evidence"], ((number, number) for number in numbers))
    connection.executemany(
        OUTBOX["append_entry"],
        ((DESTINATION, number, key(number, series), lane) for number in numbers),
    )
    added = len(numbers)
    tally.count(
        connection,
        {tally.milestones("received"): added, tally.entries(DESTINATION, "pending"): added},
    )
    connection.execute("COMMIT")


def _milestones(numbers: range, series: int) -> Iterator[tuple[int, bytes, str, int, int, bytes]]:
    (like,) = posting.milestones(1, "TEMPLATE")
    template = epcis.encode(like, Site(SITE))
    unit = like.key.removeprefix("unit:").encode()
    long_ago = system_clock() - DAY_MS
    for number in numbers:
        at = long_ago + number // PER_MILLISECOND
        name = key(number, series)
        body = template.replace(unit, name.removeprefix("unit:").encode())
        yield number, at.to_bytes(6) + os.urandom(10), name, at, at, body
