"""The one connection that writes. Everything here runs on the store's thread."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buffer import tally
from buffer.writing.reserve import Reserve, free_on_volume, lacks_room

CHECKPOINT_PAGES = 4000
"""The -wal file is moved into the store at this size: rarely enough to cost little."""
WAL_PART_OF_RESERVE = 0.5
"""The reserve has room for the -wal file to grow to that size, and then to be moved."""

SHARE_OF_VOLUME = 0.80
"""The budget, unless told: what the store has, and this part of what is free beside it."""

Work = Callable[[sqlite3.Connection], Any]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one piece of work."""

    value: Any = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a look at the volume has shown. Sizes are bytes."""

    budget: int
    used: int
    has_room: bool
    """The reserve is kept, and there is some room beside it."""


class Writer:
    """Transactions, and the room for them."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        max_size: int | None,
        clock: Callable[[], int],
    ) -> None:
        self._path = path
        self._connection = connection
        self._clock = clock
        self._has_begun = False
        self._max_size = max_size
        self._page_size = self._pragma("page_size")
        self.stopped_cleanly = tally.stopped_cleanly(connection)
        self.budget = self._affordable()
        self.reserve = Reserve(path, self.budget)
        self.reserve.make()
        self._limit(self.budget)
        kept = int(self.reserve.size * WAL_PART_OF_RESERVE) // self._page_size
        connection.execute(f"PRAGMA wal_autocheckpoint = {max(1, min(CHECKPOINT_PAGES, kept))}")

    def commit(self, works: Sequence[Work]) -> tuple[list[Result], int]:
        """Do works in one transaction; return their results, and how much is used (bytes).

        If this raises, nothing was committed. A work that raises is undone alone.
        """
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            if not self._has_begun:
                tally.begin(connection, self._clock())
            results = [self._attempt(work) for work in works]
            used = self.used()
            connection.execute("COMMIT")
        except BaseException:
            # SQLite has rolled back by itself after some errors, and after others not.
            if connection.in_transaction:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            raise
        self._has_begun = True
        return results, used

    def used(self) -> int:
        """Return how many bytes of the file hold something."""
        return (self._pragma("page_count") - self._pragma("freelist_count")) * self._page_size

    def relieve(self) -> bool:
        """Give up the reserve, so that upkeep can go on; False if it is given up already."""
        has_relieved = self.reserve.give_up()
        if has_relieved:
            self._limit(self.budget + self.reserve.size)
        return has_relieved

    def look(self) -> Outlook:
        """Look at the volume: take back the reserve, and what else has become free."""
        # Commits do this, but none succeeds while the -wal file can neither grow nor begin anew.
        self._checkpoint()
        self.budget = max(self.budget, self._affordable())
        has_room = self.reserve.make() and free_on_volume(self._path) >= self.reserve.size
        if self.reserve.is_held():
            self._limit(self.budget)
        return Outlook(self.budget, self.used(), has_room)

    def close(self, *, is_clean: bool) -> None:
        """Close; a clean stop is recorded, if the disk lets it."""
        connection = self._connection
        if is_clean and self._has_begun:
            with suppress(sqlite3.Error):  # not recorded: the next start looks closer
                tally.stop(connection, self._clock())
        connection.close()
        # The -wal file is gone: what it took is enough for the next start on a full disk.
        self.reserve.make_of_the_rest()

    def _attempt(self, work: Work) -> Result:
        connection = self._connection
        connection.execute("SAVEPOINT work")
        try:
            result = Result(value=work(connection))
        except sqlite3.IntegrityError as error:
            result = Result(error=error)
        except sqlite3.Error:
            raise
        except Exception as error:
            if not connection.in_transaction:
                raise  # it hides that the whole transaction is gone
            result = Result(error=error)
        if result.error is not None:
            connection.execute("ROLLBACK TO work")
        connection.execute("RELEASE work")
        return result

    def _checkpoint(self) -> None:
        """Move the -wal file into the store, as far as there is room and no reader needs it."""
        try:
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        except sqlite3.OperationalError as error:
            if not is_no_room(error, self._path):
                raise

    def _affordable(self) -> int:
        if self._max_size is not None:
            return self._max_size
        stored = self._pragma("page_count") * self._page_size
        return stored + int(free_on_volume(self._path) * SHARE_OF_VOLUME)

    def _limit(self, size: int) -> None:
        self._connection.execute(f"PRAGMA max_page_count = {max(1, size // self._page_size)}")

    def _pragma(self, name: str) -> int:
        return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])


def is_busy(error: Exception) -> bool:
    """Tell whether an error says that another connection writes, or brings in the -wal file."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return bool(code & 0xFF == sqlite3.SQLITE_BUSY)


def is_no_room(error: Exception, path: Path) -> bool:
    """Tell whether an error says that the disk, a quota on it, or the store's budget, is spent."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code in _PERHAPS_NO_ROOM:
        return lacks_room(path, _AT_ONCE_BYTES)
    return bool(code & 0xFF == sqlite3.SQLITE_FULL)


_PERHAPS_NO_ROOM = (sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE)
"""What SQLite also says of a spent quota; and of a -shm file that finds no room."""
_AT_ONCE_BYTES = 32 * 1024
"""The -shm file grows by this much, the -wal file by less."""
