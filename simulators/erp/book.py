"""The ERP's book: what it was told, once for each key, on disk before it answers."""

import asyncio
import contextlib
import itertools
import json
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

SCHEMA = """
CREATE TABLE IF NOT EXISTS booking (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    body BLOB NOT NULL,
    reverses INTEGER,
    booked_at INTEGER NOT NULL
)
"""


@dataclass(frozen=True, slots=True)
class Booking:
    """One line of the book."""

    number: int
    """In the order of booking, without a gap."""
    key: str
    """The idempotency key."""
    type: str
    """The CloudEvent's type."""
    subject: str
    """The CloudEvent's subject, "" if it has none."""
    body: dict[str, Any]
    """The EPCIS event."""
    reverses: int | None
    """The number of the line that this one takes back, if it takes back one that is booked."""
    booked_at: int
    """Milliseconds since the Unix epoch."""


class Posting(NamedTuple):
    """What is asked to be booked."""

    key: str
    type: str
    subject: str
    body: bytes
    retracts: str | None = None
    """The key of the booking that it takes back."""


class Outcome(Enum):
    """How a posting relates to the book."""

    NEW = "new"
    REPEATED = "repeated"
    """The key is booked, with the same bytes."""
    DIFFERENT = "different"
    """The key is booked, with other bytes."""


class Line(NamedTuple):
    """Where a posting stands in the book."""

    number: int
    outcome: Outcome


class Book:
    """The book, open for writing by one process.

    Belongs to one event loop. What has been answered survives a power cut.
    """

    def __init__(self, path: Path) -> None:
        self._writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._writer.execute("PRAGMA journal_mode = WAL")
        self._writer.execute("PRAGMA synchronous = FULL")
        self._writer.execute(SCHEMA)
        (last,) = self._writer.execute("SELECT max(number) FROM booking").fetchone()
        self._last: int = last or 0
        # A second connection, because the writer's own would see what is not committed yet.
        self._reader = sqlite3.connect(path, isolation_level=None)
        self._writing = asyncio.Lock()
        self._waiting: list[tuple[Sequence[Posting], asyncio.Future[list[Line]]]] = []

    async def enter(self, postings: Sequence[Posting]) -> list[Line]:
        """Book those whose keys are not booked; return their lines once they are on disk.

        Whoever gets the lock commits for all who wait: while one sync runs, the
        next transaction gathers.
        """
        answer: asyncio.Future[list[Line]] = asyncio.get_running_loop().create_future()
        self._waiting.append((postings, answer))
        async with self._writing:
            if not answer.done():
                together, self._waiting = self._waiting, []
                try:
                    lines = iter(
                        await asyncio.to_thread(
                            self._commit, [each for wanted, _ in together for each in wanted]
                        )
                    )
                except sqlite3.Error as error:
                    for _, future in together:
                        future.set_exception(error)
                else:
                    for wanted, future in together:
                        future.set_result(list(itertools.islice(lines, len(wanted))))
        return answer.result()

    def _commit(self, postings: Sequence[Posting]) -> list[Line]:
        last, new = self._last, []
        now = time.time_ns() // 1_000_000  # noqa: TID251 - the ERP has a clock of its own
        with self._writer:  # commits, or rolls back
            self._writer.execute("BEGIN IMMEDIATE")
            keys = {key for each in postings for key in (each.key, each.retracts)} - {None}
            booked = self._booked(keys)
            lines = []
            for posting in postings:
                there = booked.get(posting.key)
                if there is None:
                    last += 1
                    booked[posting.key] = last, posting.body
                    key, *told, retracts = posting
                    reversed_, _ = booked.get(retracts, (None, b""))
                    new.append((last, key, *told, reversed_, now))
                    lines.append(Line(last, Outcome.NEW))
                else:
                    number, body = there
                    is_same = body == posting.body
                    lines.append(Line(number, Outcome.REPEATED if is_same else Outcome.DIFFERENT))
            self._writer.executemany(
                "INSERT INTO booking (number, key, type, subject, body, reverses, booked_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                new,
            )
        self._last = last
        return lines

    def _booked(self, keys: Iterable[str | None]) -> dict[str | None, tuple[int, bytes]]:
        rows = self._writer.execute(
            "SELECT key, number, body FROM booking WHERE key IN (SELECT value FROM json_each(?))",
            (json.dumps(list(keys)),),
        )
        return {key: (number, body) for key, number, body in rows}

    def find(self, key: str) -> int | None:
        """Return the number under which the key is booked, or None."""
        row = self._reader.execute("SELECT number FROM booking WHERE key = ?", (key,)).fetchone()
        return None if row is None else int(row[0])

    def __len__(self) -> int:
        return self._last

    def close(self) -> None:
        """Close the file."""
        self._reader.close()
        self._writer.close()


def read_times(path: Path) -> list[int]:
    """Return when each booking was made, in the order of booking: milliseconds since the epoch."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT booked_at FROM booking ORDER BY number")
        return [booked_at for (booked_at,) in rows]


def read_book(path: Path) -> list[Booking]:
    """Return everything that is booked, in the order of booking.

    May be called from any process, also while the ERP runs or after it was killed.
    """
    with contextlib.closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT number, key, type, subject, body, reverses, booked_at"
            " FROM booking ORDER BY number"
        )
        return [
            Booking(number, key, kind, subject, json.loads(body), reverses, booked_at)
            for number, key, kind, subject, body, reverses, booked_at in rows
        ]
