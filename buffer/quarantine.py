"""Signals that could not be decoded or judged, and what operators decide about them.

Functions with a connection run inside a transaction of the store (`Store.write`).
"""

import sqlite3
from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

import orjson

from buffer import tally
from buffer.journal import SignalRow
from buffer.reader import Reader
from buffer.statements import statements

SQL = statements("quarantine")

PAGE = 1000

QuarantineState = Literal["open", "judged", "discarded"]


class QuarantinedRow(NamedTuple):
    """A signal in quarantine, without its payload."""

    seq: int
    signal: int
    source: str | None
    """None if the journal no longer keeps the signal."""
    subject: str | None
    reason: str
    recorded_at: int
    state: QuarantineState
    decision: str | None
    """What came of judging it again, or why it was discarded."""


async def page(reader: Reader, after: int, *, decided: bool) -> list[QuarantinedRow]:
    """Return up to PAGE signals behind a number: open ones, or also those decided on."""
    statement = SQL["all_behind"] if decided else SQL["open_behind"]
    return [QuarantinedRow(*row) for row in await reader.rows(statement, (after, PAGE))]


async def by_number(reader: Reader, numbers: Collection[int]) -> list[QuarantinedRow]:
    """Return signals in quarantine by number, in order; those that there are."""
    given = orjson.dumps(sorted(set(numbers))).decode()
    return [QuarantinedRow(*row) for row in await reader.rows(SQL["by_number"], (given,))]


async def raw(reader: Reader, number: int) -> SignalRow | None:
    """Return the signal itself; None if the journal no longer keeps it."""
    rows = await reader.rows(SQL["raw"], (number,))
    return SignalRow(*rows[0]) if rows else None


def open_signal(connection: sqlite3.Connection, number: int) -> SignalRow | None:
    """Return the signal of an open number; None if it is not open, or no longer kept."""
    if not connection.execute(SQL["is_open"], (number,)).fetchone()[0]:
        return None
    row = connection.execute(SQL["raw"], (number,)).fetchone()
    return SignalRow(*row) if row else None


def is_known(connection: sqlite3.Connection, signal: int) -> bool:
    """Tell whether a signal is in quarantine, or was."""
    return bool(connection.execute(SQL["is_known"], (signal,)).fetchone()[0])


def judged(connection: sqlite3.Connection, signal: int, decision: str, at: int) -> None:
    """Record that a signal was judged after all, and what came of it."""
    closed = connection.execute(SQL["decide"], (decision, at, signal)).rowcount
    tally.count(connection, {tally.QUARANTINED: -closed})


def refused_again(connection: sqlite3.Connection, signal: int, reasons: Sequence[str]) -> None:
    """Keep a signal open, with what is wrong with it by the configuration in force."""
    connection.execute(SQL["refuse_again"], ("; ".join(reasons), signal))


def discard(
    connection: sqlite3.Connection, numbers: Collection[int], reason: str, at: int
) -> tuple[int, ...]:
    """Give up signals for a reason; return the numbers of those that were open."""
    given = orjson.dumps(sorted(set(numbers))).decode()
    rows = connection.execute(SQL["discard"], (reason, at, given)).fetchall()
    tally.count(connection, {tally.QUARANTINED: -len(rows)})
    return tuple(sorted(seq for (seq,) in rows))
