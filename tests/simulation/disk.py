"""A disk that is slow, full or failing at a moment of its own choosing."""

import asyncio
import random
import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.simulation.trace import Trace

ROOM_OF_RESERVE = 200
"""Transactions for which the reserve of a full disk lasts."""

_connect = sqlite3.connect


class SimulatedDisk:
    """Decides how long each piece of the store's work takes, and whether it fails."""

    def __init__(self, reserve: Path, draw: random.Random, trace: Trace) -> None:
        """`reserve` is the file that the store gives up when there is no other room."""
        self._reserve = reserve
        self._draw = draw
        self._trace = trace
        self._is_full = False
        self._had_reserve = False
        self._room = 0
        self.slowest = 0.0
        """Seconds that a commit takes at most."""
        self.slowest_read = 0.0
        """Seconds that a look into the store takes at most."""
        self.fails = 0.0
        """The share of statements that meet an I/O error."""
        self.connections: list[sqlite3.Connection] = []
        """Those of the process that lives."""

    def fill(self) -> None:
        """Let somebody else's files take all the room."""
        self._is_full, self._room = True, 0
        self._had_reserve = self._reserve.exists()

    def empty(self) -> None:
        """Let them go."""
        self._is_full = False

    def statvfs(self, path: object) -> SimpleNamespace:
        """Tell how much is free, as `os.statvfs`."""
        del path
        return SimpleNamespace(f_bavail=0 if self._is_full else 100_000, f_frsize=4096)

    def seconds(self) -> tuple[float, float]:
        """Return the time until the store's work is done, and until that is known."""
        if not self.slowest:
            return 0.0, 0.0
        return self._draw.uniform(0, self.slowest), self._draw.uniform(0, self.slowest)

    def read_seconds(self) -> float:
        """Return the time until the store is read, and again until that is known."""
        return self._draw.uniform(0, self.slowest_read) if self.slowest_read else 0.0

    def open_for_writing(self, *args: Any, **keywords: Any) -> sqlite3.Connection:
        """Open a database on this disk."""
        keywords["factory"] = lambda *a, **k: _Connection(self, *a, **k)
        connection: sqlite3.Connection = _connect(*args, **keywords)
        self.connections.append(connection)
        return connection

    async def open_for_reading(self, *args: Any, **keywords: Any) -> "ReadingConnection":
        """Open a database for reading, in the way of aiosqlite."""
        connection = _connect(*args, **keywords)
        self.connections.append(connection)
        return ReadingConnection(connection, self)

    def crash(self) -> None:
        """Lose every transaction that is not committed."""
        for connection in self.connections:
            connection.close()
        self.connections.clear()

    def write(self, connection: sqlite3.Connection, statement: str) -> bool:
        """Fail, or tell whether the statement fails after it has taken effect.

        Raises:
            sqlite3.OperationalError: As SQLite would.

        """
        verb = statement.split(maxsplit=1)[0]
        if self._is_full and verb in ("INSERT", "UPDATE", "DELETE", "COMMIT"):
            self._take_room(connection, verb)
        if self.fails and self._draw.random() < self.fails:
            # Whether a commit is on the disk whose sync failed, nobody knows.
            if verb == "COMMIT" and self._draw.random() < 0.5:
                return True
            self._trace("the disk fails before", verb)
            raise _error("disk I/O error", "SQLITE_IOERR_WRITE")
        return False

    def _take_room(self, connection: sqlite3.Connection, verb: str) -> None:
        if self._had_reserve and not self._reserve.exists():
            self._had_reserve = False
            self._room = ROOM_OF_RESERVE
        if verb == "COMMIT" and self._room:
            self._room -= 1
        elif not self._room and (verb == "COMMIT" or self._draw.random() < 0.5):
            if connection.in_transaction and self._draw.random() < 0.5:
                connection.rollback()  # as SQLite does by itself, or not
            raise _error("database or disk is full", "SQLITE_FULL")


class _Connection(sqlite3.Connection):
    """A connection to a database on a disk that may fail."""

    def __init__(self, disk: SimulatedDisk, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self._disk = disk

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        fails_after = self._disk.write(self, sql)
        cursor = super().execute(sql, parameters)
        if fails_after:
            raise _error("disk I/O error", "SQLITE_IOERR_FSYNC")
        return cursor

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        self._disk.write(self, sql)
        return super().executemany(sql, parameters)


class ReadingConnection:
    """What the reader needs of aiosqlite; what it returns may be out of date when it returns."""

    def __init__(self, connection: sqlite3.Connection, disk: SimulatedDisk) -> None:
        self._connection = connection
        self._disk = disk

    async def execute_fetchall(self, sql: str, parameters: Iterable[Any] = ()) -> list[Any]:
        """Return all rows."""
        if self._disk.slowest_read:
            await asyncio.sleep(self._disk.read_seconds())
        rows = self._connection.execute(sql, tuple(parameters)).fetchall()
        await asyncio.sleep(self._disk.read_seconds())
        return rows

    async def close(self) -> None:
        """Close it."""
        self._connection.close()


def _error(message: str, name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(message)
    error.sqlite_errorname = name
    error.sqlite_errorcode = getattr(sqlite3, name)
    return error


class Inline(Executor):
    """Does at once, in this thread, what it is given."""

    def __init__(self, *_: object) -> None:
        """Take what a pool of threads takes."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **keywords: Any) -> Future[Any]:
        """Do it."""
        future: Future[Any] = Future()
        future.set_result(fn(*args, **keywords))
        return future
