"""The entries of a damaged store in their order, and owing again what those had that are lost."""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, get_args

from buffer import tally
from buffer.lane import Lane
from buffer.maintenance.salvage import ENDLESS, Salvage, Stretch, Unreadable
from buffer.outbox import State
from buffer.statements import statements
from buffer.store import Store

SQL = statements("owing_again")

PIECE_MILESTONES = 200
"""Milestones that are looked at in one piece of work."""


class Entries:
    """The entries that can be read, in their order, whatever the order they were read in.

    They lie in a file until `close`: memory may not hold a backlog.
    """

    def __init__(self, connection: sqlite3.Connection, file: Path) -> None:
        """Read all that a damaged store has, into a new file, which is nobody else's.

        Raises:
            Unreadable: The file cannot be written.

        """
        salvage = Salvage(connection, "entry")
        try:
            self._sorted = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
            for statement in ("for_once", "unsynced", "make", "make_index", "begin"):
                self._sorted.execute(SQL[statement])
            self._sorted.executemany(SQL["sort"], salvage.rows())
        except sqlite3.Error as error:
            raise Unreadable(f"{file}: entries cannot be sorted there ({error})") from error
        self.lost = salvage.lost
        """Where entries may have been that cannot be read."""
        self._tallies = _tallies(connection)

    def close(self) -> None:
        """Leave the file."""
        self._sorted.close()

    def between(self, first: int, end: int) -> Iterator[tuple[Any, ...]]:
        """Yield the entries with numbers from `first` to before `end`."""
        return self._sorted.execute(SQL["between"], (first, end))

    def around(self, stretch: Stretch, newest: int) -> tuple[int, int]:
        """Return the milestones, up to the newest, of the entries before and behind a stretch."""
        parameters = (*stretch, newest)
        before = self._sorted.execute(SQL["before"], parameters).fetchone() or (1,)
        behind = self._sorted.execute(SQL["behind"], (*parameters, *before)).fetchone()
        return before[0], behind[0] if behind else newest

    def destinations_of(self, milestone: int) -> set[str]:
        """Return where a milestone is owed to, or was."""
        return {to for (to,) in self._sorted.execute(SQL["destinations_of"], (milestone,))}

    def may_have_owed(self, destination: str) -> bool:
        """Tell whether the damaged store owed anything to a destination: it counted that."""
        names = (tally.entries(destination, state) for state in get_args(State))
        return self._tallies is None or any(name in self._tallies for name in names)


def _tallies(connection: sqlite3.Connection) -> set[str] | None:
    """Return what a damaged store counted; None if that cannot be read."""
    try:
        return {name for (name,) in connection.execute(SQL["tallies"])}
    except sqlite3.Error:
        return None


class OwedAgain(NamedTuple):
    """What came of owing the milestones again whose entries are lost."""

    entries: int
    """So many were made."""
    without_number: list[tuple[str, str]]
    """(destination, key) of milestones for which no number was left."""


async def owe_again(
    store: Store, entries: Entries, stretch: Stretch, lanes: Mapping[str, Mapping[str, Lane]]
) -> OwedAgain:
    """Owe the milestones whose entries lay in a stretch, under the numbers that those had.

    Entries ascend with their milestones, so the entries before and behind the
    stretch tell which milestones these can be; in the place of the lost ones
    they keep the order. A destination that the damaged store did not know is
    owed nothing: it would take the numbers away from those that were.
    """
    beginning = await store.write(_beginning)
    places = Stretch(stretch.first, min(stretch.end, beginning))
    before, last = entries.around(places, beginning - 1)
    owed = {to: names for to, names in lanes.items() if entries.may_have_owed(to)}
    made, without_number = 0, list[tuple[str, str]]()
    looked_at: int | None = before - 1
    while looked_at is not None:
        span = (looked_at + 1, last, PIECE_MILESTONES)
        work = partial(_owe_some, entries=entries, places=places, span=span, lanes=owed)
        looked_at, piece = await store.write(work, weight=PIECE_MILESTONES)
        made += piece.entries
        without_number += piece.without_number
    return OwedAgain(made, without_number)


def _beginning(connection: sqlite3.Connection) -> int:
    """Return where the live store began its sequences, those of every table."""
    begins = [seq + 1 for (seq,) in connection.execute(SQL["begins"])]
    return max(begins, default=ENDLESS)


def _owe_some(
    connection: sqlite3.Connection,
    entries: Entries,
    places: Stretch,
    span: tuple[int, int, int],
    lanes: Mapping[str, Mapping[str, Lane]],
) -> tuple[int | None, OwedAgain]:
    """Owe some milestones; return the last looked at, None at the end, and what came of it."""
    milestones = connection.execute(SQL["milestones_between"], span).fetchall()
    (seq,) = connection.execute(SQL["last_entry_in"], places).fetchone()
    changes, without_number = Counter[str](), list[tuple[str, str]]()
    for milestone, name, key in milestones:
        got = {to for (to,) in connection.execute(SQL["destinations_of"], (milestone,))}
        got |= entries.destinations_of(milestone)
        for destination in [to for to in lanes if name in lanes[to] and to not in got]:
            if seq + 1 >= places.end:
                without_number.append((destination, key))
                continue
            seq += 1
            row = (seq, destination, milestone, key, lanes[destination][name])
            connection.execute(SQL["owe_again"], row)
            changes[tally.entries(destination, "pending")] += 1
    tally.count(connection, changes)
    looked_at = milestones[-1][0] if milestones else None
    return looked_at, OwedAgain(changes.total(), without_number)
