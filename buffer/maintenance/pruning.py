"""Forgetting what has been kept for long enough, a few rows at a time.

Functions run inside a transaction of the store (`Store.write`), one step each. A step looks at
what lies behind a cursor, oldest first, touches about as many rows as it is given, and says where
the next one begins. Rows are old by the time they were recorded, and a step ends at the first that
is not. A clock that was fast, and is set back, leaves rows that were recorded in the future: those
are kept, at most twice as long as others; but not what lies further ahead than rows are kept, for
the sake of what comes behind it.

What no destination may miss is spared: a milestone with an entry that is pending or dead, and the
signals that it was concluded from. So is the newest signal, whatever its age: sequences count on
from it, and must never be used again. The audit log is not pruned at all.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Generic, NamedTuple, TypeVar

import orjson

from buffer import tally
from buffer.statements import statements

SQL = statements("pruning")
Cursor = TypeVar("Cursor")

FIRST_TRACK = ("", "")
"""The cursor that is before every track."""
UNDELIVERED = ("pending", "dead")


class Age(NamedTuple):
    """What counts as old: recorded before `before`, as seen at `now`."""

    before: int
    now: int

    def has(self, recorded_at: int) -> bool:
        """Tell whether what was recorded then is old, or ahead by more than rows are kept."""
        return abs(recorded_at - self.now) > self.now - self.before


class Step(NamedTuple, Generic[Cursor]):
    """What one step has done."""

    cursor: Cursor
    """What has been looked at last; the next step begins behind it."""
    rows: int = 0
    """Rows looked at or removed, of every table; 0 if there is nothing more to do."""
    removed: int = 0
    spared: int = 0
    """Old, but kept: for a later sweep, which begins at the oldest again."""
    undecided: int = 0
    """Signals removed that stood in quarantine, with no operator's decision."""


def signals(connection: sqlite3.Connection, after: int, age: Age, rows: int) -> Step[int]:
    """Forget old signals, with their keys and their place in quarantine.

    The evidence of a milestone goes on naming them, so that `trace` can say
    how many signals are no longer kept.
    """
    looked_at = connection.execute(SQL["old_signals"], (after, rows)).fetchall()
    old = [seq for seq, _ in takewhile(lambda row: age.has(row[1]), looked_at)]
    if not old:
        return Step(after)
    first, last = old[0], _within(connection, old[0], old[-1], rows)
    taken = [seq for seq in old if seq <= last]
    spared = _spared(connection, first, last) & set(taken)
    span = (first, last, orjson.dumps(sorted(spared)).decode())
    (undecided,) = connection.execute(SQL["count_open_quarantine"], span).fetchone()
    removed = connection.execute(SQL["prune_signals"], span).rowcount
    others = connection.execute(SQL["prune_signal_keys"], span).rowcount
    others += connection.execute(SQL["prune_quarantine"], span).rowcount
    tally.count(connection, {tally.SIGNALS: -removed, tally.QUARANTINED: -undecided})
    return Step(last, len(taken) + others, removed, len(spared), undecided)


def _within(connection: sqlite3.Connection, first: int, last: int, rows: int) -> int:
    """Return the last signal up to which there are at most so many keys and pieces of evidence."""
    for statement in ("mentioned_beyond", "evidence_beyond"):
        beyond = connection.execute(SQL[statement], (first, last, rows)).fetchone()
        if beyond:
            last = max(first, beyond[0] - 1)
    return last


def _spared(connection: sqlite3.Connection, first: int, last: int) -> set[int]:
    spared = {s for (s,) in connection.execute(SQL["undelivered_evidence"], (first, last))}
    return spared | set(connection.execute(SQL["newest_signal"]).fetchone())


def milestones(connection: sqlite3.Connection, after: int, age: Age, rows: int) -> Step[int]:
    """Forget old milestones that no destination is still owed, with all that belongs to them.

    Promise 2, that no fact is made twice, holds for as long as its milestone
    is kept: a signal that a source sends again after that is a new fact.
    """
    looked_at = connection.execute(SQL["old_milestones"], (after, rows)).fetchall()
    cursor, left, removed, spared = after, rows, 0, 0
    for seq, name, recorded_at in looked_at:
        if not age.has(recorded_at):
            break
        entries = connection.execute(SQL["entries_of_old"], (seq,)).fetchall()
        if any(state in UNDELIVERED for _, _, state in entries):
            spared += 1
        else:
            left -= _remove_parts(connection, seq, [entry for entry, _, _ in entries], left)
            if left <= 0:  # more of it may be there: the next step begins with it again
                break
            _remove(connection, seq, name, entries)
            removed += 1
            left -= len(entries)
        left -= 1
        cursor = seq
        if left <= 0:
            break
    return Step(cursor, rows - left, removed, spared)


def _remove_parts(
    connection: sqlite3.Connection, milestone: int, entries: Iterable[int], rows: int
) -> int:
    """Remove rows that hang on a milestone, at most so many; return how many those were.

    After days of an outage, one entry has thousands of attempts.
    """
    removed = 0
    parts = [("prune_attempts", entry) for entry in entries]
    parts += [("prune_evidence", milestone), ("prune_milestone_keys", milestone)]
    for statement, of in parts:
        if removed < rows:
            removed += connection.execute(SQL[statement], (of, rows - removed)).rowcount
    return removed


def _remove(
    connection: sqlite3.Connection, seq: int, name: str, entries: Sequence[tuple[int, str, str]]
) -> None:
    connection.executemany(SQL["prune_entry"], [(entry,) for entry, _, _ in entries])
    connection.execute(SQL["prune_milestone"], (seq,))
    tally.count(connection, {tally.milestones(name): -1})
    for _, destination, state in entries:
        tally.count(connection, {tally.entries(destination, state): -1})


def gaps(connection: sqlite3.Connection, after: int, age: Age, rows: int) -> Step[int]:
    """Forget old gaps."""
    looked_at = connection.execute(SQL["old_gaps"], (after, rows)).fetchall()
    old = [seq for seq, _ in takewhile(lambda row: age.has(row[1]), looked_at)]
    if not old:
        return Step(after)
    removed = connection.execute(SQL["prune_gaps"], (old[0], old[-1])).rowcount
    tally.count(connection, {tally.GAPS: -removed})
    return Step(old[-1], removed, removed)


def tracks(
    connection: sqlite3.Connection, after: tuple[str, str], age: Age, rows: int
) -> Step[tuple[str, str]]:
    """Forget tracks that wait for no deadline and that nothing has touched for long.

    They lie in the order of their owners and keys, so a sweep looks at them all.
    """
    looked_at = connection.execute(SQL["old_tracks"], (*after, rows)).fetchall()
    old = [
        (owner, key)
        for owner, key, due_at, changed_at in looked_at
        if due_at is None and age.has(changed_at)
    ]
    connection.executemany(SQL["prune_track"], old)
    cursor = (looked_at[-1][0], looked_at[-1][1]) if looked_at else after
    return Step(cursor, len(looked_at), len(old))
