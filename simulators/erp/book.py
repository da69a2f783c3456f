"""The ERP's book: what it was told, once for each key, on disk before it answers."""

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS booking (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    body BLOB NOT NULL,
    booked_at INTEGER NOT NULL DEFAULT (round((julianday('now') - 2440587.5) * 86400000))
)
"""


@dataclass(frozen=True, slots=True)
class Booking:
    """One line of the book."""

    number: int
    """In the order of booking; never used twice."""
    key: str
    """The idempotency key."""
    type: str
    """The CloudEvent's type."""
    subject: str
    """The CloudEvent's subject, "" if it has none."""
    body: dict[str, Any]
    """The EPCIS event."""
    booked_at: int
    """Milliseconds since the Unix epoch."""


@dataclass(frozen=True, slots=True)
class Posting:
    """What is asked to be booked."""

    key: str
    type: str
    subject: str
    body: bytes


class Outcome(Enum):
    """How a posting relates to the book."""

    NEW = "new"
    REPEATED = "repeated"
    """The key is booked, with the same bytes."""
    DIFFERENT = "different"
    """The key is booked, with other bytes."""


class Book:
    """The book, open for writing by one process.

    Belongs to one event loop. What has been answered survives a power cut.
    """

    def __init__(self, path: Path) -> None:
        self._writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._writer.execute("PRAGMA journal_mode = WAL")
        self._writer.execute("PRAGMA synchronous = FULL")
        self._writer.execute(SCHEMA)
        # A second connection, because the writer's own would see what is not committed yet.
        self._reader = sqlite3.connect(path, isolation_level=None)
        self._writing = asyncio.Lock()
        self._waiting: list[tuple[Posting, asyncio.Future[tuple[int, Outcome]]]] = []

    async def enter(self, posting: Posting) -> tuple[int, Outcome]:
        """Book it unless its key is booked; return the number of its line once that is on disk.

        Whoever gets the lock commits for all who wait: while one sync runs, the
        next transaction gathers.
        """
        answer: asyncio.Future[tuple[int, Outcome]] = asyncio.get_running_loop().create_future()
        self._waiting.append((posting, answer))
        async with self._writing:
            if not answer.done():
                together, self._waiting = self._waiting, []
                try:
                    lines = await asyncio.to_thread(
                        self._commit, [wanted for wanted, _ in together]
                    )
                except sqlite3.Error as error:
                    for _, future in together:
                        future.set_exception(error)
                else:
                    for (_, future), line in zip(together, lines, strict=True):
                        future.set_result(line)
        return answer.result()

    def _commit(self, postings: Sequence[Posting]) -> list[tuple[int, Outcome]]:
        with self._writer:  # commits, or rolls back
            self._writer.execute("BEGIN IMMEDIATE")
            return [self._book(posting) for posting in postings]

    def _book(self, posting: Posting) -> tuple[int, Outcome]:
        there = self._writer.execute(
            "SELECT number, body FROM booking WHERE key = ?", (posting.key,)
        ).fetchone()
        if there is not None:
            number, body = there
            return number, Outcome.REPEATED if body == posting.body else Outcome.DIFFERENT
        (number,) = self._writer.execute(
            "INSERT INTO booking (key, type, subject, body) VALUES (?, ?, ?, ?) RETURNING number",
            (posting.key, posting.type, posting.subject, posting.body),
        ).fetchone()
        return number, Outcome.NEW

    def find(self, key: str) -> int | None:
        """Return the number under which the key is booked, or None."""
        row = self._reader.execute("SELECT number FROM booking WHERE key = ?", (key,)).fetchone()
        return None if row is None else int(row[0])

    def __len__(self) -> int:
        count: int = self._reader.execute("SELECT count(*) FROM booking").fetchone()[0]
        return count

    def close(self) -> None:
        """Close the file."""
        self._reader.close()
        self._writer.close()


def read_book(path: Path) -> list[Booking]:
    """Return everything that is booked, in the order of booking.

    May be called from any process, also while the ERP runs or after it was killed.
    """
    with contextlib.closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT number, key, type, subject, body, booked_at FROM booking ORDER BY number"
        )
        return [
            Booking(number, key, kind, subject, json.loads(body), booked_at)
            for number, key, kind, subject, body, booked_at in rows
        ]
