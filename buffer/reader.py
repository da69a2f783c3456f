"""Reading the store, beside the writer or without one. Never waits for a commit."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from errno import EACCES
from pathlib import Path
from typing import Any, NamedTuple

import aiosqlite
import orjson

from buffer.failures import StoreCorrupt, StoreFailed, StoreRefused
from buffer.journal import GapRow, SignalRow
from buffer.lane import Lane
from buffer.migrating import schema_versions
from buffer.opening import must_be_ours, read_only
from buffer.outbox import PendingEntry
from buffer.statements import statements
from buffer.suspicion import suspect

JOURNAL, OUTBOX, TALLY = statements("journal"), statements("outbox"), statements("tally")


class EntryRow(NamedTuple):
    """An entry as an operator sees it."""

    seq: int
    destination: str
    key: str
    name: str
    state: str
    attempts: int
    occurred_at: int
    recorded_at: int
    outcome: str | None
    settled_at: int | None


class Newest(NamedTuple):
    """Sequences of what was added last; zero where there is nothing."""

    entry: int
    milestone: int
    act: int
    """What an operator did last, as the audit log has it: each act is there with its effects."""


class StoryMilestone(NamedTuple):
    """A milestone with everything needed to explain it."""

    seq: int
    id: bytes
    name: str
    rule: str
    key: str
    occurred_at: int
    recorded_at: int
    mark: str
    retracts: bytes | None
    body: bytes


class StoryEntry(NamedTuple):
    """An entry of one milestone."""

    seq: int
    destination: str
    state: str
    attempts: int
    outcome: str | None
    settled_at: int | None


class StoryAttempt(NamedTuple):
    """One attempt to deliver an entry."""

    number: int
    started_at: int
    ended_at: int
    verdict: str
    detail: str


class Quarantined(NamedTuple):
    """A signal that could not be decoded or judged."""

    recorded_at: int
    source: str
    subject: str
    reason: str


class Heartbeat(NamedTuple):
    """When the daemon last started, and when it last said that it lives."""

    started_at: int
    alive_at: int


class Reader:
    """A read-only view of the store. What it returns was committed.

    Every method raises StoreFailed if the store cannot be read.
    """

    def __init__(self, path: Path, connection: aiosqlite.Connection) -> None:
        self._path = path
        self._connection = connection

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path) -> AsyncIterator["Reader"]:
        """Open the store for reading; the daemon may run or not.

        Raises:
            StoreFailed: See `must_be_readable`.

        """
        await asyncio.to_thread(must_be_readable, path)
        try:
            connection = await aiosqlite.connect(read_only(path), uri=True)
        except sqlite3.Error as error:
            raise await _failed(path, error) from error
        try:
            yield cls(path, connection)
        finally:
            await connection.close()

    async def pending(
        self, destination: str, lane: Lane, after: int, limit: int
    ) -> list[PendingEntry]:
        """Return the next entries of a destination in a lane, behind a sequence."""
        rows = await self.rows(OUTBOX["pending"], (destination, lane, after, limit))
        return list(map(PendingEntry._make, rows))

    async def pending_of_key(
        self, destination: str, key: str, after: int, limit: int
    ) -> list[PendingEntry]:
        """Return the next entries of a key that a destination has not got, whatever their lane.

        `after` is the sequence of the milestone behind which to look.
        """
        rows = await self.rows(OUTBOX["pending_of_key"], (key, destination, after, limit))
        return [PendingEntry(*row) for row in rows]

    async def hidden(self, destination: str, stretches: Sequence[tuple[str, int, int]]) -> set[int]:
        """Return the positions of those stretches that hold entries a destination has not got.

        A stretch is a key and two sequences of milestones: behind the one, before the other.
        """
        rows = await self.rows(OUTBOX["hidden"], (_json(stretches), destination))
        return {position for (position,) in rows}

    async def newest(self) -> Newest:
        """Return what was added last."""
        (row,) = await self.rows(OUTBOX["newest"])
        return Newest(*row)

    async def dead_among(self, destination: str, keys: Iterable[str]) -> tuple[set[str], int]:
        """Return which of the keys are held back by a dead letter, and as of which act."""
        ((dead, act),) = await self.rows(OUTBOX["dead_among"], (_json(list(keys)), destination))
        return set(orjson.loads(dead)), act

    async def dead_keys(self, destination: str) -> set[str]:
        """Return the keys that are held back by a dead letter."""
        return {key for (key,) in await self.rows(OUTBOX["dead_keys"], (destination,))}

    async def first_pending(self, destination: str) -> int | None:
        """Return the sequence of the first undelivered entry, None if there is none."""
        rows = await self.rows(OUTBOX["first_pending"], (destination,))
        return int(rows[0][0]) if rows else None

    async def oldest_pending(self, destination: str) -> int | None:
        """Return when the oldest undelivered milestone was recorded, None if there is none."""
        rows = await self.rows(OUTBOX["oldest_pending"], (destination,))
        return int(rows[0][0]) if rows else None

    async def entries(self, destination: str | None, state: str, limit: int) -> list[EntryRow]:
        """Return entries in a state, oldest first."""
        rows = await self.rows(OUTBOX["entries"], (destination, state, limit))
        return [EntryRow(*row) for row in rows]

    async def milestones_of_key(self, key: str, limit: int) -> list[StoryMilestone]:
        """Return the milestones that tell of a key, by the time they happened."""
        rows = await self.rows(OUTBOX["milestones_of_key"], (key, limit))
        return [StoryMilestone(*row) for row in rows]

    async def milestone_by_id(self, milestone: bytes) -> StoryMilestone | None:
        """Return one milestone."""
        rows = await self.rows(OUTBOX["milestone_by_id"], (milestone,))
        return StoryMilestone(*rows[0]) if rows else None

    async def evidence_of(self, milestone: int) -> list[int]:
        """Return the sequences of the signals that a milestone was concluded from."""
        rows = await self.rows(OUTBOX["evidence_of_milestone"], (milestone,))
        return [seq for (seq,) in rows]

    async def entries_of(self, milestone: int) -> list[StoryEntry]:
        """Return what became of a milestone at each destination."""
        rows = await self.rows(OUTBOX["entries_of_milestone"], (milestone,))
        return [StoryEntry(*row) for row in rows]

    async def attempts_of(self, entry: int) -> list[StoryAttempt]:
        """Return every attempt to deliver an entry."""
        rows = await self.rows(OUTBOX["attempts_of_entry"], (entry,))
        return [StoryAttempt(*row) for row in rows]

    async def signals_of_key(self, key: str, limit: int) -> list[int]:
        """Return the sequences of signals that tell of a key."""
        return [seq for (seq,) in await self.rows(JOURNAL["signals_of_key"], (key, limit))]

    async def signals(self, sequences: Sequence[int]) -> list[SignalRow]:
        """Return signals by sequence, in order; those no longer kept are left out."""
        rows = await self.rows(JOURNAL["signals"], (_json(sequences),))
        return [SignalRow(*row) for row in rows]

    async def quarantined(self, sequences: Sequence[int]) -> dict[int, str]:
        """Return why signals are in quarantine, by sequence; those that are not are left out."""
        rows = await self.rows(JOURNAL["quarantined_of_signals"], (_json(sequences),))
        return dict(rows)

    async def latest_quarantine(self, limit: int) -> list[Quarantined]:
        """Return the newest quarantined signals, newest first."""
        return [Quarantined(*r) for r in await self.rows(JOURNAL["latest_quarantine"], (limit,))]

    async def latest_gaps(self, limit: int) -> list[GapRow]:
        """Return the newest gaps, newest first."""
        return [GapRow(*row) for row in await self.rows(JOURNAL["latest_gaps"], (limit,))]

    async def tallies(self) -> dict[str, int]:
        """Return all counts by name (see `buffer.tally`)."""
        return dict(await self.rows(TALLY["tallies"]))

    async def heartbeat(self) -> Heartbeat | None:
        """Return when the daemon last said that it lives; None if it never ran."""
        rows = await self.rows(TALLY["heartbeat"])
        return Heartbeat(*rows[0]) if rows else None

    async def rows(self, statement: str, parameters: Iterable[Any] = ()) -> list[Any]:
        """Return what a statement of `sql/*.sql` finds."""
        try:
            return list(await self._connection.execute_fetchall(statement, parameters))
        except sqlite3.Error as error:
            raise await _failed(self._path, error) from error


def must_be_readable(path: Path) -> None:
    """Look whether this is a store that can be read; not whether it is whole.

    The file is opened by SQLite alone. Anybody else who closes it takes away the locks that
    this process holds on the store (fcntl(2)), and the next program to look at it would delete
    the -wal file.

    Raises:
        StoreFailed: There is none, it must not be read, or it is not of a Milepost that we know.

    """
    try:
        path.stat()  # SQLite would only say that it is unable to open it
        if not os.access(path, os.R_OK):
            raise PermissionError(EACCES, os.strerror(EACCES))
        must_be_ours(path, newest=schema_versions()[-1][0])
    except OSError as error:
        raise StoreFailed(f"{path}: cannot be read ({error.strerror}); {_hint(error)}") from error
    except StoreCorrupt:
        pass  # whoever reads on finds out what can be read
    except StoreRefused as refused:
        raise StoreFailed(str(refused)) from refused
    except sqlite3.Error as error:
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_IOERR):
            raise StoreFailed(f"{path}: cannot be read ({error})") from error


def _json(values: object) -> str:
    return orjson.dumps(values).decode()


def _hint(error: OSError) -> str:
    match error:
        case PermissionError():
            return "the store is its owner's alone: use sudo"
        case FileNotFoundError():
            return "check [store] path; the daemon creates the store at its first start"
    return "check [store] path"


async def _failed(path: Path, error: sqlite3.Error) -> StoreFailed:
    await asyncio.to_thread(suspect, path, error)
    return StoreFailed(f"{path}: cannot be read ({error})")
