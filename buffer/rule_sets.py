"""Which rules were in force from which signal on."""

import sqlite3
from collections.abc import Iterator
from typing import Literal, NamedTuple

from buffer import journal
from buffer.reader import Reader
from buffer.statements import statements

SQL = statements("rule_sets")

How = Literal["start", "reload", "cutover", "rollback"]


class RuleSetRow(NamedTuple):
    """The rules of one configuration, as stored."""

    seq: int
    version: str
    first_signal: int
    """Signals from this sequence on are judged by them."""
    adopted_at: int
    how: How
    configuration: str
    """The configuration file, as it was."""


def append(
    connection: sqlite3.Connection, version: str, adopted_at: int, how: How, configuration: str
) -> None:
    """Note that rules come into force for the next signal, in the transaction in which they do."""
    first = journal.next_sequence(connection)
    connection.execute(SQL["append_rule_set"], (version, first, adopted_at, how, configuration))


def in_force(connection: sqlite3.Connection) -> RuleSetRow | None:
    """Return the rules that came into force last; None before there were any."""
    row = connection.execute(SQL["last_rule_sets"], (1,)).fetchone()
    return None if row is None else RuleSetRow(*row)


def newest_number(connection: sqlite3.Connection) -> int:
    """Return the number of the rules that came into force last; 0 before there were any."""
    return int(connection.execute(SQL["newest_rule_set"]).fetchone()[0])


def all_of(connection: sqlite3.Connection) -> Iterator[RuleSetRow]:
    """Yield all rules that were in force, the newest first."""
    for row in connection.execute(SQL["last_rule_sets"], (-1,)):
        yield RuleSetRow(*row)


async def newest(reader: Reader, limit: int) -> list[RuleSetRow]:
    """Return the rules that came into force last, the newest first."""
    return [RuleSetRow(*row) for row in await reader.rows(SQL["last_rule_sets"], (limit,))]
