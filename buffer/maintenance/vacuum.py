"""Giving space back: pages to the file system, and the -wal file to nothing."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from buffer.failures import StoreFailed
from buffer.suspicion import suspect
from buffer.writing.writer import is_no_room


class Pages(NamedTuple):
    """How the store's file is filled. A page that is free is used again before the file grows."""

    page_bytes: int
    total: int
    free: int


def pages(connection: sqlite3.Connection) -> Pages:
    """Return how the file is filled, as of the running transaction."""
    page_bytes, total, free = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_size", "page_count", "freelist_count")
    )
    return Pages(page_bytes, total, free)


def give_back(connection: sqlite3.Connection, count: int) -> None:
    """Cut free pages off the file's end, moving others there first; inside a transaction.

    The file is shorter after the next checkpoint.
    """
    for _ in range(count):
        # One at a time: Python's sqlite3 stops such a statement after its first page.
        connection.execute("PRAGMA incremental_vacuum(1)")


def wal_bytes(path: Path) -> int:
    """Return the size of the store's -wal file; 0 if there is none."""
    try:
        return Path(f"{path}-wal").stat().st_size
    except FileNotFoundError:
        return 0


def empty_wal(path: Path) -> bool:
    """Bring what the -wal file has into the store, and cut it to nothing.

    False if that is not possible now, because somebody reads an earlier state
    or writes; nobody is made to wait for it. May take as long as writing and
    syncing what is in there; commits go on meanwhile.

    Raises:
        StoreFailed: The disk or the file failed.

    """
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as connection:
            # Most of it while others may write; the little that is left then takes them no time.
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            (is_busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # the primary code
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or is_no_room(error, path):
            return False
        suspect(path, error)
        raise StoreFailed(f"{path}: the -wal file cannot be brought in ({error})") from error
    return not is_busy
