"""What is in the store, and how much room it takes."""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from buffer.failures import StoreFailed
from buffer.lane import Lane
from buffer.maintenance import vacuum
from buffer.opening import read_only
from buffer.reader import must_be_readable
from buffer.statements import statements

SQL = statements("measuring")


@dataclass(frozen=True, slots=True)
class Table:
    """One table."""

    rows: int
    bytes: int | None
    """With its indexes; None if this SQLite cannot tell (it has no dbstat)."""


@dataclass(frozen=True, slots=True)
class Measures:
    """The store's measures. Sizes are bytes, times milliseconds since the Unix epoch."""

    size: int
    """Of the file, with what is committed but still in the -wal file."""
    used: int
    """By what is stored: the size without free pages."""
    free: int
    """In the file, for what is stored next; `used` does not count it."""
    wal: int
    """Size of the -wal file."""
    free_on_volume: int
    oldest_signal: int | None
    newest_signal: int | None
    tables: Mapping[str, Table]
    backlogs: Mapping[str, Mapping[str, int]]
    """Pending entries of each destination, by lane."""


def measure(path: Path) -> Measures:
    """Measure a store, in use or not. Looks at every page of it.

    Raises:
        StoreFailed: It cannot be read.

    """
    must_be_readable(path)
    try:
        with closing(sqlite3.connect(read_only(path), uri=True, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            page_bytes, total, free = vacuum.pages(reader)
            oldest, newest = reader.execute(SQL["signals_recorded"]).fetchone()
            volume = os.statvfs(path)
            return Measures(
                size=total * page_bytes,
                used=(total - free) * page_bytes,
                free=free * page_bytes,
                wal=vacuum.wal_bytes(path),
                free_on_volume=volume.f_bavail * volume.f_frsize,
                oldest_signal=oldest,
                newest_signal=newest,
                tables=_tables(reader),
                backlogs=_backlogs(reader),
            )
    except (sqlite3.Error, OSError) as error:
        raise StoreFailed(f"{path}: cannot be read ({error})") from error


def _tables(reader: sqlite3.Connection) -> dict[str, Table]:
    try:
        sizes: dict[str, int] = dict(reader.execute(SQL["bytes"]).fetchall())
    except sqlite3.OperationalError:  # dbstat is a compile-time option
        sizes = {}
    rows = reader.execute(SQL["rows"]).fetchall()
    return {name: Table(count, sizes.get(name)) for name, count in rows}


def _backlogs(reader: sqlite3.Connection) -> dict[str, dict[str, int]]:
    backlogs: dict[str, dict[str, int]] = {}
    for destination, lane, count in reader.execute(SQL["backlogs"]):
        backlogs.setdefault(destination, {})[Lane(lane).name.lower()] = count
    return backlogs
