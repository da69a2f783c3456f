"""Forgetting what has been kept for long enough, a few rows at a time.

Functions run inside a transaction of the store (`Store.write`), one step each. A step looks at
what lies behind a cursor, oldest first, touches about as many rows as it is given, and says where
the next one begins. Rows are old by the time they were recorded, and a step ends at the first that
is not. What was recorded in the future is passed over, and kept until that time has come: either
the clock was fast then, or it is in the past now, as that of a box without a battery is until the
network has told it the time, and nothing is as old as it seems. So where room is needed, signals
go by their sequence, and no clock is asked.

What no destination may miss is spared: a milestone with an entry that is pending or dead, and the
signals that it was concluded from. So is the newest signal, whatever its age: sequences count on
from it, and must never be used again. The audit log is not pruned at all.

A signal in quarantine is the only copy of what a source was acknowledged. One that goes with nobody
having decided on it is recorded as a gap, in the same transaction.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import accumulate, takewhile
from typing import Generic, NamedTuple, TypeVar

import orjson

from buffer import journal, tally
from buffer.journal import GapRow
from buffer.statements import statements

SQL = statements("pruning")
Cursor = TypeVar("Cursor")

FIRST_TRACK = ("", "")
"""The cursor that is before every track."""
UNDELIVERED = ("pending", "dead")
STEP_BYTES = 256 * 1024
"""A step removes signals up to this size, or one: SQLite may overwrite all that is freed, and on a
full disk the room for that is a part of the reserve."""
KEPT_UNDECIDED = 1000
"""As many of the newest signals in quarantine stay for their time also while room is needed.

All would let one device that nobody understands spend the budget, and with it the whole site.
"""


class Age(NamedTuple):
    """What counts as old: recorded before `before`, as seen at `now`."""

    before: int
    now: int
    until: int = 0
    """Room is needed: signals up to this sequence go whatever their age."""

    def has(self, recorded_at: int) -> bool:
        """Tell whether what was recorded then is old."""
        return recorded_at < self.before

    def is_ahead(self, recorded_at: int) -> bool:
        """Tell whether that is in the future: this clock was fast then, or is slow now."""
        return recorded_at > self.now

    def ends_at(self, recorded_at: int) -> bool:
        """Tell whether that is young, and so is what lies behind it."""
        return self.before <= recorded_at <= self.now


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
    sizes = accumulate(size for _, _, size in looked_at)
    small = [row[:2] for row, size in zip(looked_at, sizes, strict=True) if size <= STEP_BYTES]
    some = small or [row[:2] for row in looked_at[:1]]
    taken = dict(takewhile(lambda row: row[0] <= age.until or not age.ends_at(row[1]), some))
    if not taken:
        return Step(after)
    first, last = min(taken), _within(connection, min(taken), max(taken), rows)
    taken = {seq: at for seq, at in taken.items() if seq <= last}
    spared = _spared(connection, first, last) & taken.keys()
    spared |= {seq for seq, at in taken.items() if seq > age.until and age.is_ahead(at)}
    undecided = connection.execute(SQL["newest_undecided"], (first, last, KEPT_UNDECIDED))
    spared |= {seq for (seq,) in undecided if seq in taken and not age.has(taken[seq])}
    span = (first, last, orjson.dumps(sorted(spared)).decode())
    lost = _record_as_gaps(connection, span, age.now)
    removed = connection.execute(SQL["prune_signals"], span).rowcount
    others = connection.execute(SQL["prune_signal_keys"], span).rowcount
    others += connection.execute(SQL["prune_quarantine"], span).rowcount
    tally.count(connection, {tally.SIGNALS: -removed, tally.QUARANTINED: -lost})
    return Step(last, len(taken) + others, removed, len(spared), lost)


def _record_as_gaps(connection: sqlite3.Connection, span: tuple[int, int, str], at: int) -> int:
    """Record what is about to go and stands in quarantine undecided; return how many rows."""
    lost = connection.execute(SQL["undecided_of_sources"], span).fetchall()
    why = "pruned: nobody had decided on what was in quarantine"
    gaps = [GapRow(source, "quarantine", at, why, signals) for source, signals, _ in lost]
    journal.append_gaps(connection, gaps)
    tally.count(connection, {tally.GAPS: len(gaps)})
    return sum(rows for _, _, rows in lost)


def newest_signal(connection: sqlite3.Connection) -> int:
    """Return the sequence of the newest signal, 0 if there is none."""
    return connection.execute(SQL["newest_signal"]).fetchone()[0] or 0


def _within(connection: sqlite3.Connection, first: int, last: int, rows: int) -> int:
    """Return the last signal up to which there are at most so many keys and pieces of evidence."""
    for statement in ("mentioned_beyond", "evidence_beyond"):
        beyond = connection.execute(SQL[statement], (first, last, rows)).fetchone()
        if beyond:
            last = max(first, beyond[0] - 1)
    return last


def _spared(connection: sqlite3.Connection, first: int, last: int) -> set[int]:
    spared = {s for (s,) in connection.execute(SQL["undelivered_evidence"], (first, last))}
    return spared | {newest_signal(connection)}


def milestones(connection: sqlite3.Connection, after: int, age: Age, rows: int) -> Step[int]:
    """Forget old milestones that no destination is still owed, with all that belongs to them.

    Promise 2, that no fact is made twice, holds for as long as its milestone
    is kept: a signal that a source sends again after that is a new fact.
    """
    looked_at = connection.execute(SQL["old_milestones"], (after, rows)).fetchall()
    cursor, left, removed, spared = after, rows, 0, 0
    for seq, name, recorded_at in looked_at:
        if age.ends_at(recorded_at):
            break
        entries = connection.execute(SQL["entries_of_old"], (seq,)).fetchall()
        if age.is_ahead(recorded_at) or any(state in UNDELIVERED for _, _, state in entries):
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

    A milestone that gathers may rest on thousands of signals.
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
    taken = list(takewhile(lambda row: not age.ends_at(row[1]), looked_at))
    if not taken:
        return Step(after)
    old = [(seq,) for seq, noticed_at in taken if age.has(noticed_at)]
    connection.executemany(SQL["prune_gap"], old)
    tally.count(connection, {tally.GAPS: -len(old)})
    return Step(taken[-1][0], len(taken), len(old), len(taken) - len(old))


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
